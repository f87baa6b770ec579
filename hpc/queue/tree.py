"""Where runs on clusters stand, step by step: what `natrium status` shows. Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from natrium.analysis.runs import Run, State
from natrium.hpc.queue.submission import Stage, Submission, now
from natrium.structures.errors import NatriumError

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue
    from natrium.hpc.slurm.records import SlurmJob


class StepStatus(BaseModel):
    """One step of a run."""

    name: str
    state: State
    slurm_id: str | None = None
    slurm_state: str | None = Field(None, description="What SLURM says just now")
    nodes: str = ""
    elapsed_s: float | None = None
    limit_s: float | None = None
    submissions: int = Field(0, description="SLURM jobs so far")
    history: list[str] = Field(
        default_factory=list, description="Each that was followed by another: why, and what changed"
    )
    why: str = Field("", description="What it waits for, or why it failed")
    folder: str | None = None


class RunStatus(BaseModel):
    """One run."""

    address: str
    study: str
    preset: str
    cluster: str
    state: State
    created: datetime
    folder: str
    error: str | None = None
    steps: list[StepStatus]


def statuses(queue: Queue, runs: Sequence[Run], problems: list[str]) -> list[RunStatus]:
    """The state of runs.

    Args:
        queue: The open database.
        runs: Which.
        problems: Is given a line for each cluster that does not answer.
    """
    by_step: dict[tuple[str, str], list[Submission]] = {}
    for submission in queue.submissions.of_runs(run.address for run in runs):
        by_step.setdefault((submission.run, submission.step), []).append(submission)
    jobs = _jobs(queue, [past[-1] for past in by_step.values()], problems)
    return [_run(run, by_step, jobs) for run in runs]


def _run(
    run: Run, by_step: dict[tuple[str, str], list[Submission]], jobs: dict[tuple[str, str], SlurmJob]
) -> RunStatus:
    steps = [_step(step.name, step.state, by_step.get((run.address, step.name), []), jobs) for step in run.steps]
    runs_now = run.state == State.QUEUED and any(step.state == State.RUNNING for step in steps)
    return RunStatus(
        address=run.address,
        study=run.study,
        preset=run.preset + (" (changed)" if run.overrides else ""),
        cluster=str(run.cluster),
        state=State.RUNNING if runs_now else run.state,
        created=run.created,
        folder=run.folder,
        error=run.error,
        steps=steps,
    )


def _jobs(queue: Queue, last: Sequence[Submission], problems: list[str]) -> dict[tuple[str, str], SlurmJob]:
    found: dict[tuple[str, str], SlurmJob] = {}
    going_on = [submission for submission in last if submission.slurm_id and submission.stage != Stage.ENDED]
    for cluster in {submission.cluster for submission in going_on}:
        try:
            jobs = queue.slurm(cluster).jobs({str(s.slurm_id) for s in going_on if s.cluster == cluster})
        except NatriumError as error:
            problems.append(f"{cluster}: {error.problem}: {error.remedy}")
            continue
        found |= {(cluster, slurm_id): job for slurm_id, job in jobs.items()}
    return found


def _step(name: str, state: State, past: Sequence[Submission], jobs: dict[tuple[str, str], SlurmJob]) -> StepStatus:
    if not past:
        return StepStatus(name=name, state=state)
    last = past[-1]
    if state == State.WAITING and not last.counts:  # it will be calculated anew; its past jobs say nothing of that
        history = [_told(submission) for submission in past]
        return StepStatus(name=name, state=state, submissions=len(past), history=history, folder=last.folder)
    job = jobs.get((last.cluster, str(last.slurm_id)))
    if job is not None and job.is_running and state == State.QUEUED:
        state = State.RUNNING  # SLURM knows better than a record that is brought up to date now and then
    return StepStatus(
        name=name,
        state=state,
        slurm_id=last.slurm_id,
        slurm_state=job.state if job else None,
        nodes=(job.nodes if job else "") or last.nodes,
        elapsed_s=job.elapsed_s if job and job.is_running else _took(last),
        limit_s=last.resources.time_s,
        submissions=len(past),
        history=[_told(s) for s in past if s is not last or (s.decision and s.decision.again)],
        why=_why(last, job),
        folder=last.folder,
    )


def _told(submission: Submission) -> str:
    decision = submission.decision
    follows = "its jobs took its place" if submission.counts else "calculated anew by hand"
    if decision and decision.again:
        follows = decision.why
    return f"{submission.outcome} ({submission.evidence}) → {follows}"


def _took(submission: Submission) -> float | None:
    if submission.started is None:
        return None
    return ((submission.ended or now()) - submission.started).total_seconds()


def _why(last: Submission, job: SlurmJob | None) -> str:
    if last.stage == Stage.ENDED:
        decision = last.decision
        if last.outcome == "completed" or decision is None:
            return ""
        if decision.again:  # the history says the rest
            return f"not before {decision.not_before.astimezone():%H:%M:%S}" if decision.not_before else ""
        return f"{last.evidence} → {decision.why}"
    if job is not None and job.is_pending:
        return last.evidence if last.held_since else job.reason
    return last.evidence if last.unseen_since else ""
