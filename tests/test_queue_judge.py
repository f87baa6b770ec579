"""What became of a submission: every state of SLURM, with and without the files that a job leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from natrium.hpc.cluster import Resources
from natrium.hpc.job_outcome import JobOutcome as Out
from natrium.hpc.queue.job_files import OUTPUT, STARTED, Ended, write_ended
from natrium.hpc.queue.judge import MARKER_PATIENCE, UNSEEN_PATIENCE, Verdict, judge
from natrium.hpc.queue.submission import Stage, Submission
from natrium.hpc.slurm.records import ENDED, WAITING, SlurmJob

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
GOING_ON = ("RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "RESIZING", "A_STATE_OF_THE_FUTURE")

MARKS: dict[str, Ended | None] = {
    "nothing": None,
    "started": None,
    "asked to terminate": Ended(Out.STOPPED, "asked to terminate", 5.0, provisional=True),
    "completed": Ended(Out.COMPLETED, "result.bson", 5.0),
    "failed": Ended(Out.ENGINE_FAILURE, "ValueError: no", 5.0),
    "near its limit": Ended(Out.STOPPED, "the time limit is near", 5.0),
}
FINAL = ("completed", "failed", "near its limit")


def slurm_job(state: str, reason: str = "", exit_code: int = 0, signal: int = 0, **changes: Any) -> SlurmJob:
    facts: dict[str, Any] = {
        **{"id": "7", "cancelled_by": None, "name": "na110-1/slab#1", "comment": "", "nodes": "n1", "restarts": 0},
        **{"limit_s": 600.0, "elapsed_s": 5.0, "submitted": 1.0, "started": 2.0, "ended": None, "source": "squeue"},
    }
    return SlurmJob(state=state, reason=reason, exit_code=exit_code, signal=signal, **(facts | changes))


Left = Callable[..., Submission]


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """A submission that has left these marks in its folder."""

    def leave(marks: str = "nothing", output: str | None = None, **changes: Any) -> Submission:
        facts: dict[str, Any] = {
            **{"id": "na110-1/slab#1", "job_name": "na110-1/slab#1", "run": "na110-1", "step": "slab", "number": 1},
            **{"uuid": "u", "index": 1, "fw_id": 1, "launch_id": 1, "cluster": "lab", "folder": str(tmp_path)},
            **{"resources": Resources(), "basis": "", "prepared": LONG_AGO, "stage": Stage.QUEUED, "slurm_id": "7"},
        }
        submission = Submission(**(facts | changes))
        submission.job_folder.mkdir()
        if marks != "nothing":
            (submission.job_folder / STARTED).write_text('{"slurm_id": "7"}')
        ended = MARKS[marks]
        if ended is not None:
            write_ended(submission.job_folder, ended)
        if output is not None:
            (submission.job_folder / OUTPUT).write_text(output)
        return submission

    return leave


def brief(verdict: Verdict) -> tuple[Stage, Out | None]:
    return verdict.stage, verdict.outcome


@pytest.mark.parametrize("marks", FINAL)
@pytest.mark.parametrize("state", [*sorted(ENDED | WAITING), *GOING_ON, None])
def test_a_jobs_final_word_counts_whatever_slurm_says(left: Left, state: str | None, marks: str) -> None:
    mark = MARKS[marks]
    assert mark is not None
    verdict = judge(left(marks), slurm_job(state) if state else None, NOW)
    assert brief(verdict) == (Stage.ENDED, mark.outcome)
    assert verdict.evidence == f"the job's own word: {mark.evidence}"
    assert verdict.ended == mark
    assert verdict.nodes == ("n1" if state else "")


@pytest.mark.parametrize("marks", ["nothing", "started", "asked to terminate"])
@pytest.mark.parametrize("state", GOING_ON)
def test_a_job_that_holds_nodes_goes_on(left: Left, state: str, marks: str) -> None:
    assert judge(left(marks, unseen_since=LONG_AGO), slurm_job(state), NOW) == Verdict(Stage.RUNNING, nodes="n1")


STATES = [
    # state, without a word: never started / started, and after it was asked to terminate
    ("TIMEOUT", Out.TIME_LIMIT, Out.TIME_LIMIT, Out.TIME_LIMIT),
    ("OUT_OF_MEMORY", Out.OUT_OF_MEMORY, Out.OUT_OF_MEMORY, Out.OUT_OF_MEMORY),
    ("NODE_FAIL", Out.NODE_FAILURE, Out.NODE_FAILURE, Out.NODE_FAILURE),
    ("BOOT_FAIL", Out.NODE_FAILURE, Out.NODE_FAILURE, Out.NODE_FAILURE),
    ("PREEMPTED", Out.PREEMPTED, Out.PREEMPTED, Out.PREEMPTED),
    ("CANCELLED", Out.CANCELLED, Out.CANCELLED, Out.CANCELLED),
    ("REVOKED", Out.CANCELLED, Out.CANCELLED, Out.CANCELLED),
    ("DEADLINE", Out.REFUSED, Out.REFUSED, Out.REFUSED),
    ("COMPLETED", Out.NOT_STARTED, Out.UNKNOWN, Out.STOPPED),
    ("FAILED", Out.NOT_STARTED, Out.UNKNOWN, Out.STOPPED),
]


def test_the_table_has_every_end() -> None:
    assert {state for state, *_ in STATES} == ENDED


@pytest.mark.parametrize(("state", "never_started", "started", "asked"), STATES)
def test_ends_without_a_final_word(
    left: Left, state: str, never_started: Out, started: Out, asked: Out, tmp_path: Path
) -> None:
    for marks, outcome in {"nothing": never_started, "started": started, "asked to terminate": asked}.items():
        submission = left(marks, unseen_since=LONG_AGO, folder=str(tmp_path / marks))
        verdict = judge(submission, slurm_job(state), NOW)
        assert brief(verdict) == (Stage.ENDED, outcome), marks
        assert verdict.evidence.startswith(f"SLURM says {state} on n1")
        assert verdict.nodes == "n1"
        assert verdict.ended is None  # only a final word has results


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    for marks in MARKS:
        (tmp_path / marks).mkdir()


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_natrium_cancelled_is_cancelled(left: Left, state: str) -> None:
    verdict = judge(left("asked to terminate", cancel_requested=True), slurm_job(state), NOW)
    assert verdict == Verdict(Stage.ENDED, Out.CANCELLED, "natrium cancel", "n1")


def test_who_cancelled_it_and_what_it_saved(left: Left) -> None:
    verdict = judge(left("asked to terminate"), slurm_job("CANCELLED", cancelled_by="1000"), NOW)
    assert verdict.evidence == "SLURM says CANCELLED on n1 by user 1000; it wrote a checkpoint first"


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_files_of_another_node_may_come_late(left: Left, state: str) -> None:
    submission = left("nothing", stage=Stage.RUNNING)
    first = judge(submission, slurm_job(state), NOW)
    assert first == Verdict(Stage.RUNNING, nodes="n1", unseen_since=NOW)
    waiting = submission.model_copy(update={"unseen_since": first.unseen_since})
    almost = NOW + MARKER_PATIENCE - timedelta(seconds=1)
    assert judge(waiting, slurm_job(state), almost) == first
    assert judge(waiting, slurm_job(state), NOW + MARKER_PATIENCE).outcome == Out.NOT_STARTED
    write_ended(waiting.job_folder, Ended(Out.COMPLETED, "result.bson", time.time()))
    assert judge(waiting, slurm_job(state), NOW + MARKER_PATIENCE).outcome == Out.COMPLETED


@pytest.mark.parametrize(
    ("marks", "exit_code", "signal", "outcome", "evidence"),
    [
        ("started", 0, 0, Out.UNKNOWN, "exit code 0; done"),
        ("started", 1, 0, Out.UNKNOWN, "exit code 1; done"),
        ("started", 2, 0, Out.INPUT_ERROR, "exit code 2; done"),
        ("started", 3, 0, Out.ENGINE_FAILURE, "exit code 3; done"),
        ("started", 73, 0, Out.BUSY, "exit code 73; done"),
        ("started", 74, 0, Out.DISK_FULL, "exit code 74; done"),
        ("started", 75, 0, Out.STOPPED, "exit code 75; done"),
        ("started", 137, 0, Out.KILLED, "ended by signal 9, without a word"),
        ("started", 0, 11, Out.KILLED, "ended by signal 11, without a word"),
        ("nothing", 0, 9, Out.KILLED, "ended by signal 9, without a word"),
        # before natrium began these are the exit codes of a shell: module load that failed, no such Python
        ("nothing", 0, 0, Out.NOT_STARTED, "exit code 0 before natrium began: done"),
        ("nothing", 2, 0, Out.NOT_STARTED, "exit code 2 before natrium began: done"),
        ("nothing", 127, 0, Out.NOT_STARTED, "exit code 127 before natrium began: done"),
        ("nothing", 137, 0, Out.NOT_STARTED, "exit code 137 before natrium began: done"),
    ],
)
def test_exit_codes(left: Left, marks: str, exit_code: int, signal: int, outcome: Out, evidence: str) -> None:
    submission = left(marks, "first\n\n done \n\n", unseen_since=LONG_AGO)
    verdict = judge(submission, slurm_job("FAILED", exit_code=exit_code, signal=signal), NOW)
    assert brief(verdict) == (Stage.ENDED, outcome)
    assert evidence in verdict.evidence


@pytest.mark.parametrize(
    ("output", "said"), [(None, "no /"), ("", "is empty"), ("\n \n", "is empty"), ("a\nb", ": b (")]
)
def test_the_last_line_of_the_output(left: Left, output: str | None, said: str) -> None:
    submission = left("nothing", output, unseen_since=LONG_AGO)
    assert said in judge(submission, slurm_job("FAILED", exit_code=127), NOW).evidence


IMPOSSIBLE = [
    *("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "DependencyNeverSatisfied", "InvalidAccount"),
    *("InvalidQOS", "QOSMaxWallDurationPerJobLimit", "AssocMaxWallDurationPerJobLimit", "QOSMaxMemoryPerJob"),
    *("QOSMaxNodePerJobLimit", "QOSMaxCpuPerJobLimit"),
]
SLURM_HOLDS = ["launch failed requeued held", "launch_failed_requeued_held", "JobHoldMaxRequeue"]
SLURM_HOLDS += ["job_requeued_in_held_state", "job requeued in held state"]
WAITS = ["Priority", "Resources", "", "BeginTime", "QOSMaxJobsPerUserLimit", "AssocGrpCpuLimit", "Nodes required…"]


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        *((reason, Out.REFUSED) for reason in IMPOSSIBLE),
        *((reason, Out.NOT_STARTED) for reason in SLURM_HOLDS),
        *((reason, None) for reason in WAITS),
    ],
)
@pytest.mark.parametrize("marks", ["nothing", "asked to terminate"])
def test_reasons_to_wait(left: Left, marks: str, reason: str, outcome: Out | None) -> None:
    verdict = judge(left(marks), slurm_job("PENDING", reason), NOW)
    assert brief(verdict) == (Stage.ENDED if outcome else Stage.QUEUED, outcome)
    assert verdict.must_be_cancelled == (outcome is not None)
    assert reason in verdict.evidence
    assert verdict.held_since is None


@pytest.mark.parametrize("reason", [*IMPOSSIBLE, *SLURM_HOLDS])
def test_what_was_cancelled_while_it_could_never_run(left: Left, reason: str) -> None:
    verdict = judge(left(cancel_requested=True), slurm_job("PENDING", reason), NOW)
    assert (verdict.outcome, verdict.must_be_cancelled) == (Out.CANCELLED, True)


@pytest.mark.parametrize("state", sorted(WAITING))
@pytest.mark.parametrize("marks", ["nothing", "started", "asked to terminate"])
def test_waiting_and_requeued_jobs_are_queued(left: Left, state: str, marks: str) -> None:
    assert judge(left(marks, stage=Stage.RUNNING), slurm_job(state), NOW) == Verdict(Stage.QUEUED)


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin"])
@pytest.mark.parametrize(("before", "since"), [(None, NOW), (LONG_AGO, LONG_AGO)])
def test_a_person_holds_it(left: Left, reason: str, before: datetime | None, since: datetime) -> None:
    verdict = judge(left(held_since=before), slurm_job("PENDING", reason), NOW)
    assert brief(verdict) == (Stage.QUEUED, None)
    assert verdict.held_since == since
    assert verdict.evidence == f"held ({reason}); scontrol release 7"


def test_a_job_that_was_released_is_no_longer_held(left: Left) -> None:
    assert judge(left(held_since=LONG_AGO), slurm_job("PENDING", "Priority"), NOW).held_since is None


@pytest.mark.parametrize("marks", ["nothing", "started", "asked to terminate"])
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_job_that_slurm_does_not_know_is_waited_for(left: Left, marks: str, cancelled: bool) -> None:
    known = {"stage": Stage.RUNNING, "nodes": "n1", "evidence": "held (…)", "held_since": LONG_AGO}
    submission = left(marks, cancel_requested=cancelled, **known)
    verdict = judge(submission, None, NOW)
    # nothing that is known gets lost by a moment of ignorance
    assert verdict == Verdict(unseen_since=NOW, **known)
    waiting = submission.model_copy(update={"unseen_since": NOW})
    assert judge(waiting, None, NOW + UNSEEN_PATIENCE - timedelta(seconds=1)) == verdict


@pytest.mark.parametrize(
    ("marks", "cancelled", "outcome", "evidence"),
    [
        ("nothing", False, Out.NOT_STARTED, "SLURM no longer knows job 7, which never started"),
        ("started", False, Out.UNKNOWN, "SLURM no longer knows job 7; it started and left no word of its end"),
        ("asked to terminate", False, Out.STOPPED, "the job's own word: asked to terminate"),
        ("nothing", True, Out.CANCELLED, "natrium cancel"),
        ("started", True, Out.CANCELLED, "natrium cancel"),
        ("asked to terminate", True, Out.CANCELLED, "natrium cancel"),
    ],
)
def test_a_job_that_slurm_forgot(left: Left, marks: str, cancelled: bool, outcome: Out, evidence: str) -> None:
    submission = left(marks, cancel_requested=cancelled, unseen_since=NOW - UNSEEN_PATIENCE)
    verdict = judge(submission, None, NOW)
    assert brief(verdict) == (Stage.ENDED, outcome)
    assert verdict.evidence == evidence


@pytest.mark.parametrize(
    ("state", "marks", "outcome"),
    [
        ("TIMEOUT", "nothing", Out.NOT_STARTED),
        ("OUT_OF_MEMORY", "nothing", Out.NOT_STARTED),
        ("COMPLETED", "nothing", Out.NOT_STARTED),
        ("NODE_FAIL", "nothing", Out.NODE_FAILURE),
        ("CANCELLED", "nothing", Out.CANCELLED),
        ("TIMEOUT", "started", Out.TIME_LIMIT),
        ("OUT_OF_MEMORY", "started", Out.OUT_OF_MEMORY),
    ],
)
def test_in_a_shared_allocation_the_guilty_one_is_the_one_that_ran(
    left: Left, state: str, marks: str, outcome: Out
) -> None:
    submission = left(marks, job_name="na110-1/bulk#1", unseen_since=LONG_AGO)
    assert brief(judge(submission, slurm_job(state, name="na110-1/bulk#1"), NOW)) == (Stage.ENDED, outcome)
