"""What became of a submission: SLURM's word, the files the job left, and the database's record, compared.

Neither alone is enough. SLURM says COMPLETED of a job that failed in Python, forgets jobs after a while and can be
silent; a job that was killed leaves no word; the record only knows what somebody saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.queue.job_files import EXIT_OF_BUSY, EXIT_OF_DISK_FULL, OUTPUT, Ended, read_ended, read_started
from natrium.hpc.queue.submission import Stage, Submission

if TYPE_CHECKING:
    from natrium.hpc.slurm.records import SlurmJob

MARKER_PATIENCE = timedelta(seconds=10)
"""A file written on another node may be seen a little later than SLURM's word."""
UNSEEN_PATIENCE = timedelta(seconds=60)
"""SLURM forgets nothing so soon that it has just accepted, unless its state was lost."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a submission now; without an outcome it goes on."""

    stage: Stage
    outcome: JobOutcome | None = None
    evidence: str = ""
    nodes: str = ""
    unseen_since: datetime | None = None
    held_since: datetime | None = None
    must_be_cancelled: bool = False
    """SLURM still holds a job that can never run."""
    ended: Ended | None = None


_OF_STATE = {
    "TIMEOUT": JobOutcome.TIME_LIMIT,
    "OUT_OF_MEMORY": JobOutcome.OUT_OF_MEMORY,
    "NODE_FAIL": JobOutcome.NODE_FAILURE,
    "BOOT_FAIL": JobOutcome.NODE_FAILURE,
    "PREEMPTED": JobOutcome.PREEMPTED,
    "CANCELLED": JobOutcome.CANCELLED,
    "REVOKED": JobOutcome.CANCELLED,
    "DEADLINE": JobOutcome.REFUSED,
}
_OF_EXIT_CODE = {
    # the program's own exit codes: its marker could not be written, or was lost
    2: JobOutcome.INPUT_ERROR,
    3: JobOutcome.ENGINE_FAILURE,
    75: JobOutcome.STOPPED,
    EXIT_OF_BUSY: JobOutcome.BUSY,
    EXIT_OF_DISK_FULL: JobOutcome.DISK_FULL,
    120: JobOutcome.DISK_FULL,  # Python could not write its last output
}
_IMPOSSIBLE = (
    "PartitionTimeLimit",
    "PartitionNodeLimit",
    "BadConstraints",
    "DependencyNeverSatisfied",
    "InvalidAccount",
    "InvalidQOS",
    "QOSMaxWallDurationPerJobLimit",
    "AssocMaxWallDurationPerJobLimit",
    "QOSMaxMemoryPerJob",
    "QOSMaxNodePerJobLimit",
    "QOSMaxCpuPerJobLimit",
)
_SLURMS_OWN_HOLD = ("launch failed requeued held", "JobHoldMaxRequeue", "job requeued in held state")
_ENDS_OF_ALL = ("TIMEOUT", "OUT_OF_MEMORY")
"""Ends of an allocation that tell nothing of a calculation whose turn in it had not come."""


_CANCELLED = "natrium cancel"


def judge(submission: Submission, job: SlurmJob | None, at: datetime) -> Verdict:
    """Compare the three accounts of one submission.

    Args:
        submission: What the database believes.
        job: What SLURM says; None: it does not know the job, though it answers.
        at: Now.
    """
    if job is not None and job.name != submission.job_name:
        job = None  # a controller that lost its state gives ids out again
    ended = read_ended(submission.job_folder)
    if ended is not None and not ended.provisional:
        where = job.nodes if job else ""
        return Verdict(
            Stage.ENDED, JobOutcome(ended.outcome), f"the job's own word: {ended.evidence}", where, ended=ended
        )
    if job is None:
        return _unseen(submission, ended, at)
    if job.is_pending:
        return _pending(submission, job, at)
    if job.is_running:
        return Verdict(Stage.RUNNING, nodes=job.nodes)
    return _over(submission, job, ended, at)


def _unseen(submission: Submission, ended: Ended | None, at: datetime) -> Verdict:
    since = submission.unseen_since or at
    if at - since < UNSEEN_PATIENCE:
        return Verdict(
            submission.stage,
            evidence=submission.evidence,
            nodes=submission.nodes,
            unseen_since=since,
            held_since=submission.held_since,
        )
    if submission.cancel_requested:
        return Verdict(Stage.ENDED, JobOutcome.CANCELLED, _CANCELLED, submission.nodes)
    if ended is not None:
        return Verdict(Stage.ENDED, JobOutcome(ended.outcome), f"the job's own word: {ended.evidence}", ended=ended)
    if read_started(submission.job_folder):
        evidence = "it started and left no word of its end"
        return Verdict(Stage.ENDED, JobOutcome.UNKNOWN, f"SLURM no longer knows job {submission.slurm_id}; {evidence}")
    evidence = f"SLURM no longer knows job {submission.slurm_id}, which never started"
    return Verdict(Stage.ENDED, JobOutcome.NOT_STARTED, evidence)


def _pending(submission: Submission, job: SlurmJob, at: datetime) -> Verdict:
    reason = job.reason.replace("_", " ")  # commands of SLURM differ in this
    never = reason.startswith(_IMPOSSIBLE)
    if submission.cancel_requested and (never or reason.startswith(_SLURMS_OWN_HOLD)):
        return Verdict(Stage.ENDED, JobOutcome.CANCELLED, _CANCELLED, job.nodes, must_be_cancelled=True)
    if never:
        evidence = f"SLURM will never start it: {job.reason}"
        return Verdict(Stage.ENDED, JobOutcome.REFUSED, evidence, must_be_cancelled=True)
    if reason.startswith(_SLURMS_OWN_HOLD):
        return Verdict(Stage.ENDED, JobOutcome.NOT_STARTED, f"SLURM: {job.reason}", job.nodes, must_be_cancelled=True)
    held = reason.startswith(("JobHeldUser", "JobHeldAdmin"))
    evidence = f"held ({job.reason}); scontrol release {job.id}" if held else job.reason
    return Verdict(Stage.QUEUED, evidence=evidence, held_since=(submission.held_since or at) if held else None)


def _over(submission: Submission, job: SlurmJob, ended: Ended | None, at: datetime) -> Verdict:
    said = f"SLURM says {job.state}" + (f" on {job.nodes}" if job.nodes else "")
    if submission.cancel_requested:
        return Verdict(Stage.ENDED, JobOutcome.CANCELLED, _CANCELLED, job.nodes)
    if job.state in _ENDS_OF_ALL and _had_no_turn(submission):
        evidence = f"{said} before its turn in the allocation of {submission.job_name} came"
        return Verdict(Stage.ENDED, JobOutcome.NOT_STARTED, evidence, job.nodes)
    if _could_not_be_launched(submission, job):
        return Verdict(Stage.ENDED, JobOutcome.NOT_STARTED, f"{said}: its slurmd could not launch it", job.nodes)
    if job.state in _OF_STATE:
        outcome = _OF_STATE[job.state]
        by = f" by user {job.cancelled_by}" if outcome == JobOutcome.CANCELLED and job.cancelled_by else ""
        checkpoint = "; it wrote a checkpoint first" if ended is not None else ""
        return Verdict(Stage.ENDED, outcome, f"{said}{by}{checkpoint}", job.nodes)
    if ended is not None:  # it was asked to terminate, and SLURM counts that as its own end
        return Verdict(Stage.ENDED, JobOutcome(ended.outcome), f"{said}; {ended.evidence}", job.nodes)
    since = submission.unseen_since or at
    if at - since < MARKER_PATIENCE:
        return Verdict(submission.stage, nodes=job.nodes, unseen_since=since)
    if read_ended(submission.job_folder) is not None:
        return judge(submission, job, at)
    return _without_a_word(submission, job, said)


def _could_not_be_launched(submission: Submission, job: SlurmJob) -> bool:
    """A slurmd that can neither launch nor requeue a job cancels it: as root, in the same second."""
    at_once = job.started is not None and job.ended is not None and job.ended - job.started < 1
    by_root = job.state == "CANCELLED" and job.cancelled_by in ("0", "root")
    return by_root and at_once and not read_started(submission.job_folder)


def _without_a_word(submission: Submission, job: SlurmJob, said: str) -> Verdict:
    if job.signal:
        evidence = f"{said}: ended by signal {job.signal}, without a word of its own"
        return Verdict(Stage.ENDED, JobOutcome.KILLED, evidence, job.nodes)
    said = f"{said}, exit code {job.exit_code}"
    if not read_started(submission.job_folder):
        return Verdict(
            Stage.ENDED, JobOutcome.NOT_STARTED, f"{said} before natrium began: {last_line(submission)}", job.nodes
        )
    if job.exit_code > 128:  # a shell's way to say so
        evidence = f"{said}: ended by signal {job.exit_code - 128}, without a word of its own"
        return Verdict(Stage.ENDED, JobOutcome.KILLED, evidence, job.nodes)
    outcome = _OF_EXIT_CODE.get(job.exit_code, JobOutcome.UNKNOWN)
    return Verdict(Stage.ENDED, outcome, f"{said}; {last_line(submission)}", job.nodes)


def _had_no_turn(submission: Submission) -> bool:
    """Whether it shares an allocation and waited in it for its turn."""
    return submission.job_name != submission.id and not read_started(submission.job_folder)


def last_line(submission: Submission) -> str:
    """The last line of the job's output, for people."""
    path = submission.job_folder / OUTPUT
    try:
        lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return f"no {path}"
    return f"{lines[-1]} ({path})" if lines else f"{path} is empty"
