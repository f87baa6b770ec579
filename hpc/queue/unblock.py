"""Letting jobs go on that can do without a failed one, however far before them in the workflow it is.

FireWorks lets a job whose parents failed run where jobflow says that it may (`on_missing_references`), but what lies
between them waits for ever, and so the job would. What cannot run any more counts as failed too; a rerun of the job
that failed resets all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from natrium.analysis.runs import Run

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue

_LENIENT = "_allow_fizzled_parents"


def unblock(queue: Queue, run: Run) -> None:
    """Mark what a failed job keeps from running for good, where a job behind that can do without."""
    from fireworks.core.launchpad import WFLock

    fireworks = queue.launchpad.fireworks
    waiting = {"spec.natrium.run": run.address, "state": "WAITING", f"spec.{_LENIENT}": True}
    failed = fireworks.find_one({"spec.natrium.run": run.address, "state": "FIZZLED"}, {"fw_id": 1})
    if failed is None or fireworks.find_one(waiting, {"fw_id": 1}) is None:
        return
    with WFLock(queue.launchpad, failed["fw_id"]):  # writing a workflow leaves it locked; the end of this releases it
        workflow = queue.launchpad.get_wf_by_fw_id(failed["fw_id"])
        states = {firework.fw_id: firework.state for firework in workflow.fws}
        lenient = {firework.fw_id for firework in workflow.fws if firework.spec.get(_LENIENT)}
        doomed = blocked_for_good(states, workflow.links, lenient)
        if not doomed:
            return
        for fw_id in doomed:
            workflow.id_fw[fw_id].state = workflow.fw_states[fw_id] = "FIZZLED"
        changed = set(doomed)
        for fw_id in {child for parent in doomed for child in workflow.links[parent]} & lenient:
            changed |= workflow.refresh(fw_id, changed)
        queue.launchpad._update_wf(workflow, changed)


def blocked_for_good(states: Mapping[int, str], links: Mapping[int, Iterable[int]], lenient: set[int]) -> set[int]:
    """Jobs that wait for a failed one and cannot do without it, directly or through others.

    Args:
        states: State of each job.
        links: Children of each job.
        lenient: Jobs that can do without their parents.
    """
    doomed: set[int] = set()
    new: set[Any] = {fw_id for fw_id, state in states.items() if state == "FIZZLED"}
    while new:
        children = {child for parent in new for child in links.get(parent, ())}
        new = {child for child in children - doomed - lenient if states[child] == "WAITING"}
        doomed |= new
    return doomed
