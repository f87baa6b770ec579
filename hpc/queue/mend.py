"""Repairing a FireWorks workflow whose update was cut short by a kill.

FireWorks marks a workflow as locked while it changes it, writes the documents of its Fireworks one after the other and
the workflow's own last, and would wait five minutes for a dead holder of that mark. Only one process at a time works on
a run here (natrium.hpc.run_lock), so a mark that is found at the beginning of a turn is a dead one's. The workflow's
own document is what was decided; everything is put back to it, and then brought up to date from the launches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from natrium.analysis.runs import Run
from natrium.hpc.queue.connection import WORKFLOW_RUN

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue


def mend(queue: Queue, run: Run) -> None:
    """Make the run's workflow whole again, if somebody was killed while changing it."""
    workflows = queue.launchpad.workflows
    cut_short = workflows.find_one({WORKFLOW_RUN: run.address, "locked": {"$exists": True}})
    if cut_short is None:
        return
    fireworks = queue.launchpad.fireworks
    # written, but not yet known to the workflow: they will be made again, from the launch that decided on them
    fireworks.delete_many({"spec.natrium.run": run.address, "fw_id": {"$nin": cut_short["nodes"]}})
    for fw_id, state in cut_short["fw_states"].items():
        fireworks.update_one({"fw_id": int(fw_id), "state": {"$ne": state}}, {"$set": {"state": state}})
    workflows.update_one({"_id": cut_short["_id"]}, {"$unset": {"locked": ""}})
    for fw_id in _parents_first(cut_short["nodes"], cut_short["links"]):
        # the state follows from the launches; where it changes, so do those of the children
        queue.launchpad._refresh_wf(fw_id)


def _parents_first(nodes: list[int], links: dict[str, list[int]]) -> list[int]:
    left, ordered = set(nodes), list[int]()
    while left:
        children = {child for parent in left for child in links.get(str(parent), [])}
        ordered += sorted(left - children)
        left &= children
    return ordered
