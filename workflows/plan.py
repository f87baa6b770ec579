"""From a study and its settings to a Flow that is ready to run: every job named, and findable in the results store."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from natrium.structures.errors import InputError
from natrium.workflows.engine import engine
from natrium.workflows.result import CalculationResult, Evaluation, StudyResult
from natrium.workflows.sections import planned
from natrium.workflows.study import Study, StudySettings

if TYPE_CHECKING:
    from jobflow import Flow, Job


PART = "part"
"""Kind of a study's result document within the run of a larger study."""


def new_address(study_name: str) -> str:
    """A name for a run that people can read aloud: na110-3f9c2a."""
    return f"{study_name}-{uuid.uuid4().hex[:6]}"


def check(chosen: Study, settings: StudySettings) -> None:
    """Refuse a request that cannot be right, before anything starts: the structures are built and the engine is asked.

    Raises:
        InputError: from the builders or the engine.
    """
    for own in planned(chosen, settings).values():
        engine(own.engine).check(own.calculation, own.system)


def plan(chosen: Study, settings: StudySettings, address: str) -> Flow:
    """The study's Flow, with the metadata by which the results store finds its documents.

    Raises:
        InputError: two steps have the same name.
    """
    flow = chosen.flow(settings)
    jobs = [job for job, _ in in_order(flow)]
    names = [job.name for job in jobs]
    if len(set(names)) != len(names):
        raise InputError(f"study {chosen.name}: two steps have the same name in {names}", "name every step differently")
    shared = {
        "run": address,
        "study": chosen.name,
        "formula": list(chosen.systems(settings).values())[-1].formula,
        "preset": settings.preset,
        "engine": settings.engine,
    }
    for job in jobs:
        label(job, shared)
    return flow


def in_order(flow: Flow) -> list[tuple[Job, list[str]]]:
    """The jobs of a flow, each after those it waits for and with their ids; for the rest in the order of the flow.

    jobflow's own order goes through all branches at once: where a study lists one structure after the other, an
    interrupted run would have many begun structures and no finished one.
    """
    place = {uuid: place for place, uuid in enumerate(flow.job_uuids)}
    # jobflow warns of independent branches, which are nothing unusual
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some jobs are not connected")
        waiting = sorted(flow.iterflow(), key=lambda entry: place[entry[0].uuid])
    to_come, ordered = set(place), []
    while waiting:
        ready = next(number for number, (_, parents) in enumerate(waiting) if to_come.isdisjoint(parents))
        ordered.append(waiting.pop(ready))
        to_come.remove(ordered[-1][0].uuid)
    return ordered


def label(job: Job, shared: Mapping[str, Any]) -> None:
    """Give a job the metadata of the results store: those of its run, and its own step, kind and formula.

    Not dynamic: jobs that it decides on while it runs are steps of their own, and are labelled when they are known.
    """
    own = job.metadata.get("natrium", {})
    natrium = {**shared, "kind": _kind(job), **own, "step": job.name}
    job.update_metadata({"natrium": natrium}, dynamic=False)


def _kind(job: Job) -> str:
    """What a job's output document is: a calculation, a study's result, or a structure on the way."""
    schema = job.output_schema
    for name, base in (("calculation", CalculationResult), ("evaluation", Evaluation), ("study", StudyResult)):
        if schema is not None and issubclass(schema, base):
            return name
    return "structure"
