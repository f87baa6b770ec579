"""A new run on a cluster: planned, estimated, recorded, handed to FireWorks, and its first jobs sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobflow import Flow

from natrium.analysis.results_store import ResultsStore
from natrium.analysis.runs import Run, State
from natrium.hpc.cluster import Cluster, ResourceClass
from natrium.hpc.cost_model import irreducible_kpoints
from natrium.hpc.estimate import Estimate, estimate
from natrium.hpc.new_run import establish, new_run
from natrium.hpc.queue.request import Request, request, tasks_on
from natrium.hpc.queue.settle import Settled, settle
from natrium.hpc.queue.workflow import workflow
from natrium.structures.errors import InputError
from natrium.workflows.plan import in_order, new_address, plan
from natrium.workflows.sections import planned
from natrium.workflows.study import Study, StudySettings

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue


@dataclass(frozen=True)
class Planned:
    """A run that could be submitted: nothing has been written anywhere."""

    run: Run
    flow: Flow
    settings: StudySettings
    requests: dict[str, Request]
    estimates: dict[str, Estimate]


def plan_run(
    chosen: Study,
    settings: StudySettings,
    cluster_name: str,
    cluster: Cluster,
    root: Path,
    resources: Mapping[str, ResourceClass],
    finished: ResultsStore | None,
) -> Planned:
    """Plan a run on a cluster.

    Args:
        chosen: The study.
        settings: Its settings.
        cluster_name: Where it will run.
        cluster: The same, as the configuration describes it.
        root: The run's folder is made below this one.
        resources: What somebody decided on: by step, and for all others under "".
        finished: Results to learn the cost from.

    Raises:
        InputError: a request cannot be right, or names a step that the study has not.
    """
    address = new_address(chosen.name)
    flow = plan(chosen, settings, address)
    jobs = [job for job, _ in in_order(flow)]
    unknown = set(resources) - {job.name for job in jobs} - {""}
    if unknown:
        steps = ", ".join(planned(chosen, settings))
        raise InputError(f"{chosen.name} has no step {min(unknown)!r}", f"its calculations are {steps}")
    estimates = estimate_steps(chosen, settings, cluster, resources, finished)
    requests = {step: request(estimates[step], cluster, asked_for(step, resources)) for step in estimates}
    where = {"state": State.QUEUED, "cluster": cluster_name, "request_sha256": request_hash(settings)}
    run = new_run(address, settings, flow, root, **where)
    return Planned(run, flow, settings, requests, estimates)


def estimate_steps(
    chosen: Study,
    settings: StudySettings,
    cluster: Cluster,
    resources: Mapping[str, ResourceClass],
    finished: ResultsStore | None,
) -> dict[str, Estimate]:
    """What each calculation will cost with as many processes as it will get; the arguments are those of `plan_run`."""
    estimates = {}
    for step, own in planned(chosen, settings).items():
        tasks = tasks_on(cluster, irreducible_kpoints(own.calculation, own.system), asked_for(step, resources))
        estimates[step] = estimate(step, own.calculation, own.system, tasks, finished, own.engine)
    return estimates


def asked_for(step: str, resources: Mapping[str, ResourceClass]) -> ResourceClass:
    """What somebody decided for a step."""
    return resources.get(step) or resources.get("") or ResourceClass()


def request_hash(settings: StudySettings) -> str:
    """What makes two requests the same: everything that decides on the numbers."""
    said = settings.model_dump(mode="json", exclude={"preset", "overrides", "about", "quality", "assumptions"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def submit(queue: Queue, planned: Planned) -> Settled:
    """Record a planned run, hand it to FireWorks and send its first jobs.

    Returns:
        What was done. Where SLURM does not answer, the run is recorded all the same, and `natrium watch` sends it.

    Raises:
        InputError: its folder cannot be written.
    """
    establish(planned.run, planned.settings, planned.flow)
    # the workflow first: a run without one would wait for ever, a workflow without a run never starts
    queue.launchpad.add_wf(workflow(planned.run, planned.flow, planned.requests))
    queue.runs.insert_run(planned.run)
    return settle(queue, planned.run.address)
