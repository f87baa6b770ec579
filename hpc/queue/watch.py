"""Keeping all runs going: what is ready is launched, what ended is judged, what a killed job left is brought in.

One pass asks the database a few questions and each cluster one, whatever the number of jobs, and turns only to runs
for which something changed.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pymongo.errors import PyMongoError

from natrium.analysis.runs import ACTIVE, Run
from natrium.hpc.cluster import Cluster
from natrium.hpc.embedded.folder import DatabaseError
from natrium.hpc.queue.attendance import answered, attend, leave
from natrium.hpc.queue.judge import judge
from natrium.hpc.queue.settle import READY, Settled, settle
from natrium.hpc.queue.sign_of_life import give_sign
from natrium.hpc.queue.submission import Stage, Submission, now
from natrium.structures.errors import NatriumError

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue
    from natrium.hpc.slurm.records import SlurmJob

_LISTEN_S = 0.1
"""Between two looks whether a job rings, s."""


@dataclass
class Pass:
    """What one pass over all runs did."""

    settled: dict[str, Settled] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    """Where their runs are."""


def one_pass(queue: Queue) -> Pass:
    """Bring every run up to date for which something changed."""
    done = Pass()
    submissions = queue.submissions.open()
    jobs, silent = _ask_slurm(queue, submissions, done)
    for address in sorted(_runs_to_turn_to(queue, submissions, jobs, silent)):
        _turn_to(queue, address, jobs, done)
    launched = [submission for settled in done.settled.values() for submission in settled.launched]
    done.folders = {Path(submission.folder).parents[1] for submission in [*submissions, *launched]}
    return done


def watch(queue: Queue, interval_s: float, report: Callable[[Pass], None], stop: Callable[[], bool]) -> None:
    """Passes without end, and a sign of life in the database.

    Args:
        queue: The open database.
        interval_s: From the end of one pass to the beginning of the next, s.
        report: Is told of each pass.
        stop: Asked before each pass.
    """
    folders: set[Path] = set()
    try:
        while not stop():
            try:
                done = one_pass(queue)
                report(done)
                folders |= done.folders
                attend(folders, interval_s, queue.configuration.database_shown)
                give_sign(queue.database, interval_s)
                deadline = time.monotonic() + interval_s
                while time.monotonic() < deadline and not stop():
                    _answer(queue, folders, report)
                    time.sleep(min(_LISTEN_S, interval_s))
            except (PyMongoError, DatabaseError) as error:
                report(Pass(problems=[f"the database does not answer: {error}"]))
                time.sleep(min(1.0, interval_s))
    finally:
        leave(folders)


def _answer(queue: Queue, folders: set[Path], report: Callable[[Pass], None]) -> None:
    """Turn to the runs whose jobs have just ended and say so."""
    for address in answered(folders):
        done = Pass()
        _turn_to(queue, address, None, done)
        report(done)


def _turn_to(queue: Queue, address: str, jobs: Mapping[str, SlurmJob] | None, done: Pass) -> None:
    try:
        done.settled[address] = settle(queue, address, jobs)
        done.problems += done.settled[address].problems
    except (PyMongoError, DatabaseError):
        raise  # it would be the same for all
    except NatriumError as error:  # one run whose folder is gone must not keep the others from going on
        done.problems.append(f"{address}: {error.problem}")
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        done.problems.append(f"{address}: {told}" if isinstance(error, OSError) else traceback.format_exc())


def _ask_slurm(queue: Queue, submissions: list[Submission], done: Pass) -> tuple[dict[str, SlurmJob], set[str]]:
    """What each cluster says of its jobs, and which are silent: those are left alone until the next pass."""
    jobs: dict[str, SlurmJob] = {}
    silent = set()
    for cluster in {submission.cluster for submission in submissions}:
        wanted = {s.slurm_id for s in submissions if s.cluster == cluster and s.slurm_id}
        try:
            jobs |= queue.slurm(cluster).jobs(wanted) if wanted else {}
        except NatriumError as error:
            done.problems.append(f"{cluster}: {error.problem}")
            silent.add(cluster)
    return jobs, silent


def _is_full(submissions: list[Submission], name: str, cluster: Cluster) -> bool:
    return len({s.job_name for s in submissions if s.cluster == name}) >= cluster.limits.jobs


def _runs_to_turn_to(
    queue: Queue, submissions: list[Submission], jobs: Mapping[str, SlurmJob], silent: set[str]
) -> set[str]:
    at = now()
    audible = [submission for submission in submissions if submission.cluster not in silent]
    changed = {submission.run for submission in audible if _has_changed(submission, jobs, at)}
    if queue.configuration.policy.release_held_after_s is not None:
        changed |= {submission.run for submission in audible if submission.held_since}
    clusters = queue.configuration.clusters.items()
    # where SLURM is silent or full, what is ready waits; a run that has begun goes on when something of it ends
    closed = silent | {name for name, cluster in clusters if _is_full(submissions, name, cluster)}
    ready = _with_ready_steps(queue, {submission.fw_id for submission in submissions}, at)
    return changed | {run.address for run in ready if run.cluster not in closed} | _stalled(queue, submissions)


def _has_changed(submission: Submission, jobs: Mapping[str, SlurmJob], at: datetime) -> bool:
    """Whether a turn would find anything else than the record says."""
    if submission.stage == Stage.PREPARED or submission.slurm_id is None:
        return True
    verdict = judge(submission, jobs.get(submission.slurm_id), at)
    seen = ("stage", "unseen_since", "held_since")
    return verdict.outcome is not None or any(getattr(verdict, name) != getattr(submission, name) for name in seen)


def _with_ready_steps(queue: Queue, busy: set[int], at: datetime) -> list[Run]:
    """Runs with a step that is ready, has no open submission, and is not to wait any longer."""
    query = {"state": {"$in": READY}, "spec.natrium.run": {"$exists": True}}
    found = list(queue.launchpad.fireworks.find(query, {"fw_id": 1, "spec.natrium.run": 1}))
    ready = {
        firework["fw_id"]: firework["spec"]["natrium"]["run"] for firework in found if firework["fw_id"] not in busy
    }
    waiting = {
        submission.fw_id: submission.decision.not_before
        for submission in queue.submissions.of_runs(set(ready.values()))
        if submission.decision is not None and submission.counts
    }
    due = {run for fw_id, run in ready.items() if (waiting.get(fw_id) or at) <= at}
    return [run for run in queue.runs.get_runs(due) if run.state in ACTIVE]


def _stalled(queue: Queue, submissions: list[Submission]) -> set[str]:
    """Runs that are said to be going on although nothing of them does: their last turn was cut short."""
    active = {run.address for run in queue.runs.on_clusters(ACTIVE)}
    going_on = {submission.run for submission in submissions}
    query = {"state": {"$in": READY}, "spec.natrium.run": {"$in": list(active - going_on)}}
    waiting = {f["spec"]["natrium"]["run"] for f in queue.launchpad.fireworks.find(query, {"spec.natrium.run": 1})}
    return active - going_on - waiting
