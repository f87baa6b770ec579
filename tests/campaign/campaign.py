"""A campaign from the first submission to the last check."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import checks
from .adversary import Adversary, Struck
from .checks import Check
from .laptop import Laptop
from .progress import GOING_ON, states
from .strikes import NO_DATABASE, REFUSED, Ground, available
from .watching import Service
from .witness import Witness
from .workload import Workflow

_LOOK_EVERY_S = 1.0
_PROCESSES_PATIENCE_S = 15.0
_SUBMIT_TRIES = 20
_SUBMITTERS = 2
"""People who submit at the same time."""
_SUBMITTED = re.compile(r"^(\S+) \(.*\) submitted to ", re.MULTILINE)
_DISK_FULL = "No space left on device"
_RECORDED = re.compile(r"error: (\S+) is the same calculation")


@dataclass(frozen=True)
class Plan:
    """What is done to whom."""

    workflows: Sequence[Workflow]
    seed: int
    strikes: int
    """Most strikes; 0 leaves the workflows in peace."""
    calm_fraction: float = 0.1
    """The adversary stops when no more than this part of the workflows is unfinished."""
    patience_s: float = 3600.0
    """For the whole."""


@dataclass(frozen=True)
class Account:
    """What happened, and what is true now."""

    plan: Plan
    wall_time_s: float
    """From the first submission to the end of the last workflow."""
    struck: tuple[Struck, ...]
    left_out: tuple[str, ...]
    outcomes: Counter[str]
    """Of SLURM jobs."""
    light: int
    """Steps of plain Python that needed no SLURM job."""
    reruns: int
    submitted_again: int
    """`natrium submit` that met a dead database or a full disk and was repeated."""
    checks: tuple[Check, ...]
    na110: dict[str, float | str]
    """Numbers of one na110; none where there was no such workflow."""
    log: str
    """Of natrium watch."""
    trees: str
    """natrium status --all, where a check failed."""

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(check.passed for check in self.checks)

    @property
    def struck_by_kind(self) -> Counter[str]:
        """Strikes by kind."""
        return Counter(each.strike for each in self.struck)

    @property
    def failure(self) -> str:
        """Everything that helps to find out why a check failed."""
        told = [str(check) for check in self.checks if not check.passed]
        strikes = [f"{each.at_s:7.1f} s  {each.strike}: {each.target}" for each in self.struck]
        return "\n".join([*told, "", *strikes, "", self.trees, self.log])


def carry_out(plan: Plan, laptop: Laptop, report: Callable[[str], None]) -> Account:
    """Submit the workflows, strike, wait until all have ended, and check.

    Args:
        plan: What is done to whom.
        laptop: Is started here and stopped at the end; its folder stays.
        report: Is told of each event in a line.
    """
    with laptop.up():
        report("the laptop cluster is up")
        account = _Campaign(plan, laptop, report).carry_out()
    return _with_last_check(account, laptop)


def _with_last_check(account: Account, laptop: Laptop) -> Account:
    deadline = time.monotonic() + _PROCESSES_PATIENCE_S
    while not (left := checks.nothing_is_left(laptop)).passed and time.monotonic() < deadline:
        time.sleep(0.5)
    return Account(**{**vars(account), "checks": (*account.checks, left)})


class _Campaign:
    def __init__(self, plan: Plan, laptop: Laptop, report: Callable[[str], None]) -> None:
        self._plan = plan
        self._laptop = laptop
        self._report = report
        self._witness = Witness(laptop)
        self._service = Service(laptop)
        self._ground = Ground(laptop, self._service)
        strikes, self._left_out = available(laptop)
        self._adversary = Adversary(self._ground, strikes, plan.seed, plan.strikes)
        self._addresses: dict[str, Workflow] = {}
        self._submitted_again = 0
        self._all_submitted = threading.Event()
        self._finished: set[str] = set()
        self._began = time.monotonic()

    def carry_out(self) -> Account:
        submitting = threading.Thread(target=self._submit_all, daemon=True)
        raging = threading.Thread(target=self._rage, daemon=True)
        with self._service:
            for thread in (submitting, raging):
                thread.start()
            self._wait()
            wall_time_s = time.monotonic() - self._began
            for thread in (submitting, raging):
                thread.join()
            self._wait_for_slurm()
            self._witness.look()
        return self._look_back(wall_time_s)

    # ---- what happens at the same time

    def _submit_all(self) -> None:
        workflows = self._plan.workflows
        with ThreadPoolExecutor(_SUBMITTERS) as people:
            for workflow, address in zip(workflows, people.map(self._submit, workflows), strict=True):
                if address is not None:
                    self._addresses[address] = workflow
                    self._ground.submitted.append(workflow.arguments)
        self._report(f"{len(self._addresses)} workflows are submitted")
        self._all_submitted.set()

    def _submit(self, workflow: Workflow) -> str | None:
        """As a person would: again, if the database was not there; natrium says if it had come through after all."""
        said = ""
        for number in range(_SUBMIT_TRIES):
            done = self._laptop.natrium("submit", *workflow.arguments)
            said = f"{done.returncode}: {done.stdout.strip()}"
            address = _SUBMITTED.search(done.stdout)
            if done.returncode == 0 and address:
                return address[1]
            recorded = _RECORDED.search(done.stdout)
            if number and done.returncode == REFUSED and recorded:
                return recorded[1]
            if done.returncode != NO_DATABASE and _DISK_FULL not in done.stdout:
                break
            self._submitted_again += 1
            time.sleep(_LOOK_EVERY_S)
        self._ground.wrong.append(f"natrium submit {' '.join(workflow.arguments)} ended with {said}")
        return None

    def _rage(self) -> None:
        wanted = len(self._plan.workflows)

        def goes_on() -> bool:
            unfinished = wanted - len(self._finished)
            return unfinished > self._plan.calm_fraction * wanted and self._has_time()

        self._adversary.rage(goes_on, lambda struck: self._report(f"{struck.strike}: {struck.target}"))
        if self._plan.strikes:
            self._report("the adversary is done")

    def _wait(self) -> None:
        """Until every workflow has ended, in whatever state."""
        told = -1
        while self._has_time():
            found = states(self._laptop)
            if found is not None:
                self._finished = {address for address, state in found.items() if state not in GOING_ON}
                if self._all_submitted.is_set() and self._addresses.keys() <= self._finished:
                    return
                if len(self._finished) != told:
                    told = len(self._finished)
                    self._report(f"{told} of {len(self._plan.workflows)} workflows have ended")
            self._witness.look()
            time.sleep(_LOOK_EVERY_S)
        self._report(f"out of patience after {self._plan.patience_s:g} s")

    def _wait_for_slurm(self) -> None:
        """Jobs of steps that another job completed may still be there."""
        while (self._laptop.jobs("pending,running,completing")) and self._has_time():
            time.sleep(_LOOK_EVERY_S)

    def _has_time(self) -> bool:
        return time.monotonic() - self._began < self._plan.patience_s

    # ---- afterwards

    def _look_back(self, wall_time_s: float) -> Account:
        addresses, laptop, service = self._addresses, self._laptop, self._service
        logs: list[Path] = [service.log, laptop.folder / "second-watch.log"]
        kills = self._adversary.counts["kill natrium watch"]
        with laptop.queue() as queue:
            submissions = queue.submissions.of_runs(list(addresses))
            numbers = checks.undisturbed_numbers(queue)
            found = (
                checks.all_completed(queue, addresses),
                checks.results_are_there_once(queue, addresses),
                checks.results_are_right(queue, addresses),
                checks.slurms_jobs_are_recorded(laptop, queue, addresses),
                checks.submissions_ended(queue, addresses),
                checks.nothing_was_overwritten(self._witness.overwritten(), self._witness.watched),
                checks.attempts_are_whole(laptop),
                checks.daemons_behaved(service.codes, kills, logs, self._ground.wrong),
            )
        heavy = [submission for submission in submissions if submission.slurm_id or submission.outcome != "completed"]
        failed = any(not check.passed for check in found)
        return Account(
            plan=self._plan,
            wall_time_s=wall_time_s,
            struck=tuple(self._adversary.struck),
            left_out=tuple(self._left_out),
            outcomes=Counter(str(submission.outcome) for submission in heavy),
            light=len(submissions) - len(heavy),
            reruns=len(submissions) - len({(submission.run, submission.step) for submission in submissions}),
            submitted_again=self._submitted_again,
            checks=found,
            na110=numbers,
            log=service.log_text(),
            trees=laptop.natrium("status", "--all", "--limit", "1000").stdout if failed else "",
        )
