"""Calculating steps again because a person wants it: as they were, with other resources, or with other inputs.

Earlier attempts, files and results stay. A completed step that is calculated anew gets a folder of its own and the next
index of jobflow, so that what depends on it takes the new output.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monty.json import jsanitize

from natrium.analysis.runs import Run, State
from natrium.hpc.cluster import ResourceClass
from natrium.hpc.local_run import engine_of
from natrium.hpc.new_run import SETTINGS
from natrium.hpc.queue.launch import is_light
from natrium.hpc.queue.mend import mend
from natrium.hpc.queue.request import Request, request
from natrium.hpc.queue.submission import Stage, now
from natrium.hpc.queue.submit import asked_for, estimate_steps
from natrium.hpc.queue.workflow import asking
from natrium.hpc.run_lock import turn
from natrium.hpc.slurm.commands import SlurmRefusedError
from natrium.hpc.slurm.preflight import within_settings
from natrium.structures.errors import InputError
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.plan import check, in_order, plan
from natrium.workflows.study import StudySettings, settle, study

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue

_AGAIN = (State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class _Inputs:
    """New inputs of a step."""

    args: Any
    kwargs: Any
    metadata: dict[str, Any]


def rerun(
    queue: Queue,
    address: str,
    step: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    resources: Mapping[str, ResourceClass] | None = None,
) -> list[str]:
    """Make steps of a run ready again; `settle` then launches them.

    Args:
        queue: The open database.
        address: The run.
        step: One step, whatever its state; None: those that failed or were cancelled, and those whose inputs change.
        overrides: Settings to change, as for `natrium submit --set`.
        resources: What to ask for instead, by step; "" for all.

    Returns:
        The steps that will be calculated, those that depend on them included.

    Raises:
        InputError: there is nothing to rerun, a job is still in the queue, or the settings cannot be.
    """
    with turn(Path(queue.runs.get_run(address).folder)):
        run = queue.runs.get_run(address)
        if run.cluster is None:
            raise InputError(f"{address} runs on {run.host}, not on a cluster", f"natrium run --resume {address}")
        mend(queue, run)
        settings = _settings(run, overrides or {})
        fireworks = {firework["name"]: firework for firework in _fireworks(queue, run)}
        inputs = _changed_inputs(run, settings, fireworks) if overrides else {}
        chosen = _chosen(run, step, fireworks, inputs)
        affected = _with_dependents(queue, run, chosen, fireworks)
        _refuse_busy(queue, run, affected)
        _refuse_decided(queue, run, affected, fireworks)
        _ask_anew(queue, run, settings, resources or {}, {name: fireworks[name] for name in affected}, set(inputs))
        _renew_all(queue, affected, fireworks, inputs)
        for name in affected:  # parents first, so that no child is ready before them
            queue.launchpad.rerun_fw(fireworks[name]["fw_id"], rerun_duplicates=False)
            queue.runs.update_step(address, name, State.WAITING)
        queue.submissions.stop_counting(address, affected)
        if overrides:
            replace_text(Path(run.folder) / SETTINGS, settings.model_dump_json(indent=1))
            queue.runs.amend_run(address, settings.overrides, now())
        queue.runs.update_run(address, state=State.QUEUED)
        return affected


def _settings(run: Run, overrides: Mapping[str, Any]) -> StudySettings:
    chosen = study(run.study)
    settings = settle(chosen, run.preset, {**run.overrides, **overrides}, engine_of(run))
    check(chosen, settings)
    return settings


def _fireworks(queue: Queue, run: Run) -> list[dict[str, Any]]:
    return list(queue.launchpad.fireworks.find({"spec.natrium.run": run.address}).sort("fw_id", 1))


def _changed_inputs(run: Run, settings: StudySettings, fireworks: Mapping[str, dict[str, Any]]) -> dict[str, _Inputs]:
    """The steps whose inputs other settings change."""
    jobs = [job for job, _ in in_order(plan(study(run.study), settings, run.address))]
    if unknown := {job.name for job in jobs} - fireworks.keys():
        raise InputError(
            f"{run.address}: these settings lead to other steps ({', '.join(sorted(unknown))})",
            "submit a new run: natrium submit --set …",
        )
    same = {job.uuid: str(_job(fireworks[job.name])["uuid"]) for job in jobs}
    changed = {}
    for job in jobs:
        text = json.dumps(jsanitize(job.as_dict()))
        for new, old in same.items():
            text = text.replace(new, old)
        made, before = json.loads(text), _job(fireworks[job.name])
        if any(made[name] != before[name] for name in ("function_args", "function_kwargs")):
            changed[job.name] = _Inputs(made["function_args"], made["function_kwargs"], made["metadata"])
    if not changed:
        raise InputError(f"{run.address}: these settings change nothing", "see natrium show --json")
    return changed


def _chosen(run: Run, step: str | None, fireworks: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[str]:
    names = [known.name for known in run.steps]
    if step is not None and step not in fireworks:
        raise InputError(f"{run.address} has no step {step!r}", f"its steps are {', '.join(names)}")
    wanted = {known.name for known in run.steps if known.state in _AGAIN} if step is None else {step}
    wanted |= inputs.keys()
    if not wanted:
        raise InputError(
            f"{run.address} is {run.state}, and no step of it failed",
            f"name the step to calculate anew: natrium rerun {run.address}/{names[0]}",
        )
    return [name for name in names if name in wanted]


def _with_dependents(
    queue: Queue, run: Run, chosen: Sequence[str], fireworks: Mapping[str, dict[str, Any]]
) -> list[str]:
    """The chosen steps and all that take their output, parents first, as the run has them."""
    children = _children(queue, fireworks)
    reached, fresh = set(chosen), set(chosen)
    while fresh:
        fresh = {child for name in fresh for child in children[name]} - reached
        reached |= fresh
    return [step.name for step in run.steps if step.name in reached]


def _children(queue: Queue, fireworks: Mapping[str, dict[str, Any]]) -> dict[str, list[str]]:
    names = {firework["fw_id"]: name for name, firework in fireworks.items()}
    links = queue.launchpad.workflows.find_one({"nodes": next(iter(names))}, {"links": 1})["links"]
    return {
        name: [names[child] for child in links.get(str(fw_id), []) if child in names] for fw_id, name in names.items()
    }


def _refuse_busy(queue: Queue, run: Run, affected: Sequence[str]) -> None:
    for submission in queue.submissions.of_runs([run.address]):
        if submission.stage != Stage.ENDED and submission.step in affected:
            raise InputError(
                f"{submission.id} is still {submission.stage}", f"wait for it, or natrium cancel {run.address} first"
            )


def _refuse_decided(queue: Queue, run: Run, affected: Sequence[str], fireworks: Mapping[str, dict[str, Any]]) -> None:
    """A completed step that added steps of its own would add them a second time."""
    launches = [launch for name in affected for launch in fireworks[name]["launches"]]
    for launch in queue.launchpad.launches.find({"launch_id": {"$in": launches}, "state": "COMPLETED"}):
        action = launch.get("action") or {}
        if action.get("detours") or action.get("additions"):
            raise InputError(
                f"{run.address}: a completed step decided on further steps, which a rerun would double",
                "submit a new run",
            )


def _renew_all(
    queue: Queue,
    affected: Sequence[str],
    fireworks: Mapping[str, dict[str, Any]],
    inputs: Mapping[str, _Inputs],
) -> None:
    """Give every step its inputs and its place.

    Only what merely failed goes on where it was: what comes after a changed or a completed step has other inputs.
    """
    children = _children(queue, fireworks)
    other: set[str] = set()
    for name in affected:
        if name in inputs or name in other or fireworks[name]["state"] == "COMPLETED":
            other.update(children[name], {name} & inputs.keys())
        _renew(queue, fireworks[name], inputs.get(name), changed=name in other or name in inputs)


def _renew(queue: Queue, firework: dict[str, Any], inputs: _Inputs | None, *, changed: bool) -> None:
    """Give a step its new inputs, and a place that holds nothing of an earlier calculation."""
    job = _job(firework)
    update: dict[str, Any] = {}
    if inputs is not None:
        update |= {"function_args": inputs.args, "function_kwargs": inputs.kwargs, "metadata": inputs.metadata}
    completed = firework["state"] == "COMPLETED"
    if completed:
        documents = queue.store.query({"uuid": job["uuid"]}, properties=["index"])
        update["index"] = max([int(document["index"]) for document in documents] + [int(job["index"])]) + 1
    folder = Path(firework["spec"]["_launch_dir"])
    fields = {f"spec._tasks.0.job.{name}": value for name, value in update.items()}
    if "metadata" in update:
        fields["spec.natrium"] = update["metadata"]["natrium"]
    if folder.exists() and (completed or changed):
        fields["spec._launch_dir"] = str(_next_folder(folder))
    if fields:
        queue.launchpad.fireworks.update_one({"fw_id": firework["fw_id"]}, {"$set": fields})


def _next_folder(folder: Path) -> Path:
    number = 2
    while (fresh := folder.with_name(f"{folder.name.partition('.')[0]}.{number}")).exists():
        number += 1
    return fresh


def _ask_anew(
    queue: Queue,
    run: Run,
    settings: StudySettings,
    resources: Mapping[str, ResourceClass],
    affected: Mapping[str, dict[str, Any]],
    changed: Collection[str],
) -> None:
    """What the steps ask of SLURM now: what they had last, or for other inputs a new estimate, and what was decided.

    Raises:
        InputError: it is more than the cluster's settings allow.
    """
    cluster = queue.configuration.cluster(run.cluster)[1]
    before = {name: firework["spec"].get("natrium_request", {}).get("asked", {}) for name, firework in affected.items()}
    wanted = {
        name: ResourceClass(**(before[name] | asked_for(name, resources).model_dump(exclude_none=True)))
        for name in affected
    }
    estimates = estimate_steps(study(run.study), settings, cluster, wanted, queue.results) if changed else {}
    last = {past.step: past for past in queue.submissions.of_runs([run.address])}
    for name, firework in affected.items():
        if name in estimates and name in changed:
            made = request(estimates[name], cluster, wanted[name])
        elif name in last and not is_light(firework):
            decision = last[name].decision
            had = decision.resources if decision else last[name].resources
            changes = asked_for(name, resources).model_dump(exclude_none=True)
            basis = "what it had last" + (", changed by hand" if changes else "")
            made = Request(had.model_copy(update=changes), basis, wanted[name])
        else:
            continue
        try:
            within_settings(cluster, made.resources)
        except SlurmRefusedError as error:
            raise InputError(f"{run.address}/{name}: {error.problem}", error.remedy) from None
        fields = {f"spec.{field}": value for field, value in asking(made).items()}
        queue.launchpad.fireworks.update_one({"fw_id": firework["fw_id"]}, {"$set": fields})


def _job(firework: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = firework["spec"]["_tasks"][0]["job"]
    return job
