"""Ending a run, or one of its steps, because a person wants it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from natrium.analysis.runs import State
from natrium.hpc.queue.submission import Stage, Submission
from natrium.hpc.run_lock import turn
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue


def cancel(queue: Queue, address: str, step: str | None = None) -> list[Submission]:
    """Cancel what SLURM has of a run; nothing of it is started afterwards. Files and checkpoints stay.

    Args:
        queue: The open database.
        address: The run.
        step: Only this step; others that do not depend on it go on.

    Returns:
        The submissions that were cancelled.

    Raises:
        InputError: there is nothing to cancel.
        SlurmSilentError: SLURM does not answer; what is not running yet stays away all the same.
    """
    run = queue.runs.get_run(address)
    with turn(Path(run.folder)):
        run = queue.runs.get_run(address)
        if run.state in (State.COMPLETED, State.CANCELLED):
            raise InputError(f"{address} is {run.state}", "there is nothing to cancel")
        going_on = [
            submission
            for submission in queue.submissions.of_runs([address])
            if submission.stage != Stage.ENDED and step in (None, submission.step)
        ]
        if step is not None and not going_on:
            raise InputError(f"{address}/{step} has no job", f"see natrium status {address}")
        if step is None:
            queue.runs.update_run(address, state=State.CANCELLED, error="a person cancelled it")
        marked = [queue.submissions.update(submission, cancel_requested=True) for submission in going_on]
        for cluster in {submission.cluster for submission in marked}:
            names = {str(s.slurm_id): s.job_name for s in marked if s.cluster == cluster and s.slurm_id}
            slurm = queue.slurm(cluster)
            # a SLURM that lost its state gives ids out again: a job of another name is somebody else's
            slurm.cancel([slurm_id for slurm_id, job in slurm.jobs(names).items() if job.name == names[slurm_id]])
    return marked
