"""From a job's files to the database: its result, once, and what FireWorks must know of its end.

Each function may be repeated after it was interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import bson
from fireworks import FWAction

from natrium.analysis.runs import Run, State
from natrium.hpc.new_run import added_step, step_before
from natrium.hpc.queue.job_files import RESULT, Ended
from natrium.hpc.queue.submission import Submission

if TYPE_CHECKING:
    from fireworks import Workflow
    from jobflow import Flow

    from natrium.hpc.queue.connection import Queue


def store_result(queue: Queue, submission: Submission) -> None:
    """Put the result document of a completed job into the results store, if it is not there."""
    if queue.store.count({"uuid": submission.uuid, "index": submission.index}):
        return
    spooled = bson.decode((submission.job_folder / RESULT).read_bytes())
    queue.store.update(spooled["document"], key=["uuid", "index"], save=spooled["save"])


def complete(queue: Queue, run: Run, submission: Submission, ended: Ended) -> None:
    """Tell FireWorks and the run's record that a step is completed, and of the steps that it decided on."""
    decided = ended.decided and _decoded(ended.decided)
    workflows: dict[str, Any] = {}
    for kind in ("replace", "detour", "addition"):
        flow: Flow | None = decided.get(kind)
        if flow is not None:
            # planning imports structures and engines, which costs more than all the rest of a job's end
            from natrium.hpc.queue.workflow import as_workflow

            alike = _adopt(queue, run, submission, flow)
            workflows[kind] = as_workflow(run, flow)
            _ask_alike(queue, run, workflows[kind], alike)
    action = FWAction(
        additions=[workflows["addition"]] if "addition" in workflows else [],
        detours=[workflows[kind] for kind in ("replace", "detour") if kind in workflows],
        defuse_children=decided.get("stop_children", False),
        defuse_workflow=decided.get("stop_jobflow", False),
    )
    queue.launchpad.complete_launch(submission.launch_id, action, "COMPLETED")
    queue.runs.update_step(run.address, submission.step, State.COMPLETED)


def fizzle(queue: Queue, submission: Submission, reason: str) -> None:
    """Tell FireWorks that a step failed for good; what depends on it stays waiting."""
    action = FWAction(stored_data={"_message": reason}, exit=True)
    queue.launchpad.complete_launch(submission.launch_id, action, "FIZZLED")


def reset(queue: Queue, submission: Submission) -> None:
    """Make a step ready for another launch."""
    firework = queue.launchpad.fireworks.find_one({"fw_id": submission.fw_id}, {"state": 1})
    if firework["state"] in ("RESERVED", "RUNNING", "FIZZLED"):
        queue.launchpad.rerun_fw(submission.fw_id, rerun_duplicates=False)


def _decoded(decided: dict[str, Any]) -> dict[str, Any]:
    from monty.json import MontyDecoder

    found: dict[str, Any] = MontyDecoder().process_decoded(decided)
    return found


def _adopt(queue: Queue, run: Run, submission: Submission, flow: Flow) -> dict[str, str]:
    """Give the new jobs names of their own among the run's steps, and the metadata of the results store.

    Returns:
        The latest earlier step of the same name, by the uuid of the new job: the segment before this one.
    """
    from natrium.workflows.plan import in_order, label

    parent = queue.launchpad.fireworks.find_one({"fw_id": submission.fw_id}, {"spec.natrium": 1})
    shared = {name: value for name, value in parent["spec"]["natrium"].items() if name != "submission"}
    known = {step.uuid: step.name for step in run.steps}
    alike: dict[str, str] = {}
    for job, _ in in_order(flow):
        if job.uuid not in known:
            step = added_step(run, job)
            queue.runs.add_step(run.address, step)
            known[job.uuid] = step.name
        before = step_before(run, job)
        if before is not None:
            alike[job.uuid] = before
        job.name = known[job.uuid]
        label(job, shared)
    return alike


def _ask_alike(queue: Queue, run: Run, made: Workflow, alike: Mapping[str, str]) -> None:
    """A step that is called like an earlier one asks for what that one got in the end, but for the nodes it avoided."""
    from natrium.hpc.queue.job_script import queue_adapter

    sent = {submission.step: submission.resources for submission in queue.submissions.of_runs([run.address])}
    for firework in made.fws:
        name = alike.get(firework.tasks[0]["job"].uuid)
        earlier = queue.launchpad.fireworks.find_one(
            {"spec.natrium.run": run.address, "spec.natrium.step": name, "spec.natrium_request": {"$exists": True}},
            {"spec.natrium_request": 1},
        )
        if name in sent and earlier is not None:
            resources = sent[name].model_copy(update={"exclude": ()})
            own = {"resources": resources.model_dump(mode="json"), "basis": f"as {name}"}
            firework.spec["_queueadapter"] = queue_adapter(resources)
            firework.spec["natrium_request"] = earlier["spec"]["natrium_request"] | own
