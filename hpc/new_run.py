"""A run that begins: its record, and the files in its folder from which it can be continued."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobflow import Flow, Job
from monty.json import MontyEncoder

from natrium.analysis.runs import Run, RunStep
from natrium.structures.errors import InputError
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.plan import in_order
from natrium.workflows.study import StudySettings

FLOW = "flow.json"
SETTINGS = "settings.json"


def new_run(address: str, settings: StudySettings, flow: Flow, root: Path, **where: Any) -> Run:
    """The record of a run that begins. Nothing is written.

    Args:
        address: Its name.
        settings: What is calculated, and how.
        flow: Its jobs.
        root: Its folder is made below this one.
        where: Further fields of the record: its state, and the cluster it goes to.
    """
    return Run(
        address=address,
        study=settings.study,
        preset=settings.preset,
        overrides=settings.overrides,
        folder=str(root.absolute() / address),
        host=socket.gethostname(),
        created=datetime.now(UTC),
        steps=[step_of(job, job.name) for job, _ in in_order(flow)],
        **where,
    )


def step_of(job: Job, name: str) -> RunStep:
    """The step of a run that a job is."""
    return RunStep(name=name, uuid=job.uuid, engine=job.metadata.get("natrium", {}).get("engine"))


def added_step(run: Run, job: Job) -> RunStep:
    """The step of a job that the run has decided on: it joins the run's steps, with a name that no other has."""
    taken = {step.name for step in run.steps}
    step = step_of(job, next(name for name in _numbered(job.name) if name not in taken))
    run.steps.append(step)
    return step


def step_before(run: Run, job: Job) -> str | None:
    """The last step before a job's own that is called like it: the segment before this one."""
    uuids = {step.name: step.uuid for step in run.steps}
    before = None
    for name in _numbered(job.name):
        if uuids.get(name) in (None, job.uuid):
            return before
        before = name
    return before


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in itertools.count(2):
        yield f"{name}-{number}"


def establish(run: Run, settings: StudySettings, flow: Flow) -> None:
    """Make the run's folder, and write into it what it was planned to do.

    Raises:
        InputError: the folder cannot be written.
    """
    folder = Path(run.folder)
    try:
        folder.mkdir(parents=True)
        replace_text(folder / FLOW, json.dumps(flow, cls=MontyEncoder))
        replace_text(folder / SETTINGS, settings.model_dump_json(indent=1))
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror}", "choose another folder with --dir") from error
