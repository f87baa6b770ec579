"""Which file shows what a step is doing, or did last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from natrium.hpc.queue.job_files import OUTPUT
from natrium.hpc.queue.submission import Stage, Submission
from natrium.structures.errors import InputError
from natrium.workflows.engine import engine

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue


@dataclass(frozen=True)
class Log:
    """A file worth looking at."""

    path: Path
    submission: str
    stage: Stage


def newest_log(queue: Queue, address: str) -> Log:
    """The log of a step's last job, or of the step of a run that runs now or ran last.

    Args:
        queue: The open database.
        address: `<run>` or `<run>/<step>`.

    Raises:
        InputError: nothing of it has run.
    """
    name, _, step = address.partition("/")
    run = queue.runs.get_run(name)
    if step and step not in {known.name for known in run.steps}:
        names = ", ".join(known.name for known in run.steps)
        raise InputError(f"{run.address} has no step {step!r}", f"its steps are {names}")
    past = [found for found in queue.submissions.of_runs([run.address]) if step in ("", found.step)]
    written = [(found, path) for found in past if (path := _path(found, queue)) is not None]
    if not written:
        why = f"its job {past[-1].slurm_id} is {past[-1].stage}" if past else "no job of it was submitted"
        raise InputError(f"{address} has written nothing yet: {why}", f"natrium status {run.address}")
    running = [pair for pair in written if pair[0].stage == Stage.RUNNING]
    submission, path = (running or written)[-1]
    return Log(path, submission.id, submission.stage)


def _path(submission: Submission, queue: Queue) -> Path | None:
    document = queue.launchpad.fireworks.find_one({"fw_id": submission.fw_id}, {"spec.natrium.engine": 1})
    own = engine(document["spec"]["natrium"]["engine"]).log(Path(submission.folder)) if document else None
    output = submission.job_folder / OUTPUT
    # a job that broke before its engine started says so in its own output
    if own is not None and (not output.exists() or own.stat().st_mtime >= submission.prepared.timestamp()):
        return own
    return output if output.exists() else None
