"""Bringing one run up to date: results in, ended jobs judged, reruns decided, ready steps launched.

Whoever has a reason does it: a job at its end, `natrium submit`, `natrium watch`. The lock of the run's folder lets
one at a time through; each finds by itself how far the last one came, also when that was killed in the middle.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natrium.analysis.runs import Run, State
from natrium.hpc.cluster import Cluster
from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.queue import launch
from natrium.hpc.queue.decide import decide
from natrium.hpc.queue.ingest import complete, fizzle, reset, store_result
from natrium.hpc.queue.job_files import make_current, read_ended, read_started
from natrium.hpc.queue.judge import Verdict, judge
from natrium.hpc.queue.mend import mend
from natrium.hpc.queue.packing import shared_allocations
from natrium.hpc.queue.submission import Decision, Stage, Submission, now
from natrium.hpc.queue.unblock import unblock
from natrium.hpc.run_lock import turn

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue
    from natrium.hpc.slurm.records import SlurmJob

READY = ("READY", "RESERVED")
"""A Firework that is reserved and has no open submission was left by somebody who was killed."""


@dataclass
class Settled:
    """What one turn did, for a log."""

    ended: list[Submission] = field(default_factory=list)
    launched: list[Submission] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    state: State | None = None


def settle(queue: Queue, address: str, jobs: Mapping[str, SlurmJob] | None = None) -> Settled:
    """Bring one run up to date.

    Args:
        queue: The open database.
        address: The run.
        jobs: What SLURM says of the run's open submissions, if it was asked already.

    Returns:
        What was done. Where SLURM does not answer, that is among its problems, and what needs no SLURM is done.

    Raises:
        DatabaseError: the database does not answer.
    """
    with turn(Path(queue.runs.get_run(address).folder)):
        return _Settlement(queue, queue.runs.get_run(address), jobs).carry_out()


class _Settlement:
    def __init__(self, queue: Queue, run: Run, jobs: Mapping[str, SlurmJob] | None) -> None:
        self.queue = queue
        self.run = run
        self.jobs = jobs
        self.cluster: Cluster = queue.configuration.cluster(run.cluster)[1]
        self.history = queue.submissions.of_runs([run.address])
        self.done = Settled()
        self._room: int | None = None

    def carry_out(self) -> Settled:
        mend(self.queue, self.run)
        with self._remembering_silence():
            self._finish_here()
            self._send_again()
            self._judge_all()
        if self.run.state not in (State.CANCELLED, State.COMPLETED):
            with self._remembering_silence():
                while self._launch_ready():
                    pass
        self.done.state = self._conclude()
        return self.done

    @contextlib.contextmanager
    def _remembering_silence(self) -> Iterator[None]:
        from natrium.hpc.slurm.commands import SlurmSilentError

        try:
            yield
        except SlurmSilentError as error:
            self.done.problems.append(error.problem)

    # ---- submissions that somebody began

    def _replace(self, submission: Submission) -> Submission:
        self.history = [submission if past.id == submission.id else past for past in self.history]
        return submission

    def _open(self) -> list[Submission]:
        return [submission for submission in self.history if submission.stage != Stage.ENDED]

    def _finish_here(self) -> None:
        """Steps of plain Python in which somebody was killed."""
        for submission in self._open():
            if submission.here:
                self._carry_out_here(submission)

    def _send_again(self) -> None:
        """Prepared, but not recorded as sent: find them in SLURM, or send them now."""
        groups: dict[str, list[Submission]] = {}
        for submission in self._open():
            if submission.stage == Stage.PREPARED and not submission.here:
                groups.setdefault(submission.job_name, []).append(submission)
        for together in groups.values():
            slurm_id = launch.already_sent(self.queue, together[0])
            if slurm_id is not None:
                for submission in together:
                    self._replace(launch.accept(self.queue, submission, slurm_id))
            else:
                self._send(together)

    def _judge_all(self) -> None:
        known = self._jobs()
        for submission in self._open():
            if submission.slurm_id is None:
                continue
            job = known.get(submission.slurm_id)
            verdict = judge(submission, job, now())
            if verdict.outcome is None:
                self._note(submission, verdict, job)
            else:
                self._end(submission, verdict)

    def _jobs(self) -> Mapping[str, SlurmJob]:
        wanted = {submission.slurm_id for submission in self._open() if submission.slurm_id}
        if self.jobs is None or not wanted <= self.jobs.keys():
            asked = self.queue.slurm(str(self.run.cluster)).jobs(wanted) if wanted else {}
            self.jobs = {**(self.jobs or {}), **asked}
        return self.jobs

    def _note(self, submission: Submission, verdict: Verdict, job: SlurmJob | None) -> None:
        """Something about an open submission changed."""
        changes: dict[str, Any] = {
            name: getattr(verdict, name)
            for name in ("stage", "evidence", "nodes", "unseen_since", "held_since")
            if getattr(verdict, name) != getattr(submission, name)
        }
        if verdict.stage == Stage.RUNNING and submission.started is None:
            since = job.started if job else None
            changes["started"] = datetime.fromtimestamp(since).astimezone() if since else now()
        if changes:
            self._replace(self.queue.submissions.update(submission, **changes))
        if "stage" in changes:
            state = State.RUNNING if verdict.stage == Stage.RUNNING else State.QUEUED
            self.queue.runs.update_step(self.run.address, submission.step, state)
        patience_s = self.queue.configuration.policy.release_held_after_s
        if verdict.held_since and patience_s and (now() - verdict.held_since).total_seconds() > patience_s:
            self.queue.slurm(submission.cluster).release([str(submission.slurm_id)])

    # ---- the end of a submission

    def _end(self, submission: Submission, verdict: Verdict) -> None:
        outcome = verdict.outcome
        assert outcome is not None
        seen = submission.model_copy(update={"nodes": verdict.nodes or submission.nodes or _host(submission)})
        if verdict.must_be_cancelled and submission.slurm_id:
            self.queue.slurm(submission.cluster).cancel([submission.slurm_id])
        if outcome == JobOutcome.COMPLETED:
            assert verdict.ended is not None
            store_result(self.queue, submission)
            complete(self.queue, self.run, submission, verdict.ended)
            decision = Decision(again=False, resources=submission.resources, why="the result is in the database")
        elif outcome == JobOutcome.SUPERSEDED:
            decision = Decision(again=False, resources=submission.resources, why="another submission does it")
        else:
            policy = self.queue.configuration.policy
            decision = decide(seen, outcome, self.history, policy, self.cluster, now())
            if decision.again:
                reset(self.queue, submission)
                self.queue.runs.update_step(self.run.address, submission.step, State.WAITING)
            else:
                wanted = outcome == JobOutcome.CANCELLED or submission.cancel_requested
                state = State.CANCELLED if wanted else State.FAILED
                fizzle(self.queue, submission, f"{outcome}: {verdict.evidence}")
                self.queue.runs.update_step(self.run.address, submission.step, state)
        ended = self.queue.submissions.update(
            submission,
            stage=Stage.ENDED,
            ended=_ended(verdict),
            outcome=outcome,
            evidence=verdict.evidence,
            decision=decision,
            started=_started(submission),
            nodes=seen.nodes,
            held_since=None,
            unseen_since=None,
        )
        self.done.ended.append(self._replace(ended))

    # ---- new submissions

    def _fireworks(self, states: tuple[str, ...]) -> list[dict[str, Any]]:
        query = {"spec.natrium.run": self.run.address, "state": {"$in": states}}
        return sorted(self.queue.launchpad.fireworks.find(query), key=lambda firework: int(firework["fw_id"]))

    def _launch_ready(self) -> bool:
        """Launch what is ready; True when a step was completed on the spot, so that more may be ready."""
        unblock(self.queue, self.run)
        busy = {submission.fw_id for submission in self._open()}
        prepared: list[Submission] = []
        completed = False
        for firework in self._fireworks(READY):
            history = [past for past in self.history if past.fw_id == firework["fw_id"]]
            if firework["fw_id"] in busy or not self._is_due(history):
                continue
            if not launch.is_light(firework) and not self._has_room(len(prepared)):
                continue
            submission = self._prepare(firework, history)
            if submission is None:
                continue
            if launch.is_light(firework):
                self._carry_out_here(submission)
                completed = True
            else:
                prepared.append(submission)
        for together in self._packed(prepared):
            self._send(together)
        return completed

    def _has_room(self, prepared: int) -> bool:
        """Whether the cluster's limit of jobs lets another one in."""
        if self._room is None:
            self._room = self.cluster.limits.jobs - self.queue.submissions.in_queue(str(self.run.cluster))
        return prepared < self._room

    def _is_due(self, history: list[Submission]) -> bool:
        last = history[-1].decision if history and history[-1].counts else None
        return last is None or last.not_before is None or last.not_before <= now()

    def _prepare(self, firework: dict[str, Any], history: list[Submission]) -> Submission | None:
        step = firework["spec"]["natrium"]["step"]
        # a job that replaced itself by a flow is two Fireworks of one step
        number = 1 + max((past.number for past in self.history if past.step == step), default=0)
        try:
            submission = launch.prepare(self.queue, self.run, firework, history, number)
        except OSError as error:  # a full disk must not keep the other steps from starting; the next turn tries again
            self.done.problems.append(f"{self.run.address}/{firework['name']}: {error}")
            return None
        self.history.append(submission)
        return submission

    def _carry_out_here(self, submission: Submission) -> None:
        """A step of plain Python that takes a blink: not worth a place in a queue."""
        from natrium.hpc.queue.job import perform

        make_current(Path(submission.folder), submission.id)
        self._replace(self.queue.submissions.update(submission, stage=Stage.RUNNING, started=now()))
        perform(submission.job_folder)
        ended = read_ended(submission.job_folder)
        assert ended is not None
        self._end(submission, Verdict(Stage.ENDED, JobOutcome(ended.outcome), ended.evidence, ended=ended))

    def _packed(self, prepared: list[Submission]) -> list[list[Submission]]:
        """Who shares an allocation: short ones, as the cluster's settings say. They have the name of the first."""
        groups = shared_allocations(prepared, self.cluster.packing)
        return [
            [first, *(self._replace(self.queue.submissions.update(one, job_name=first.job_name)) for one in others)]
            for first, *others in groups
        ]

    def _send(self, together: list[Submission]) -> None:
        from natrium.hpc.slurm.commands import SlurmRefusedError

        try:
            sent = launch.send(self.queue, self.cluster, together, self.history)
        except SlurmRefusedError as error:
            for submission in together:
                self._end(submission, Verdict(Stage.ENDED, JobOutcome.REFUSED, str(error)))
            return
        for submission in sent:
            self.queue.runs.update_step(self.run.address, submission.step, State.QUEUED)
            self.done.launched.append(self._replace(submission))

    # ---- the run as a whole

    def _conclude(self) -> State:
        """The state of the run now."""
        if self.run.state == State.CANCELLED:
            return self.run.state
        run = self.queue.runs.get_run(self.run.address)
        states = {step.state for step in run.steps}
        ready = {"spec.natrium.run": self.run.address, "state": {"$in": READY}}
        waiting = self._open() or self.queue.launchpad.fireworks.find_one(ready, {"fw_id": 1})
        failed = [step.name for step in run.steps if step.state == State.FAILED]
        if states == {State.COMPLETED}:
            state, error = State.COMPLETED, None
        elif waiting:
            state, error = (State.RUNNING if State.RUNNING in states else State.QUEUED), None
        elif State.CANCELLED in states and not failed:
            state, error = State.CANCELLED, "a person cancelled a job"
        else:
            state, error = State.FAILED, f"failed: {', '.join(failed) or 'nothing of it can go on'}"
        if (state, error) != (run.state, run.error):
            self.queue.runs.update_run(self.run.address, state=state, error=error)
        return state


def _started(submission: Submission) -> datetime | None:
    """When its program began, by its own account or by SLURM's."""
    own = read_started(submission.job_folder)
    return datetime.fromtimestamp(own["time"]).astimezone() if own else submission.started


def _host(submission: Submission) -> str:
    own = read_started(submission.job_folder)
    return str(own["host"] or "") if own else ""


def _ended(verdict: Verdict) -> datetime:
    return datetime.fromtimestamp(verdict.ended.time).astimezone() if verdict.ended else now()
