"""What must be true when the dust has settled. Each check says what it looked at, and everything that is wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .laptop import Laptop
from .strikes import KILLED, NO_DATABASE
from .workload import Workflow, at, numbers_of_na110, tolerance

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue
    from natrium.hpc.queue.submission import Submission

_SHOWN = 12
_TROUBLE = re.compile(r"^(Traceback .*(\n .*)*\n.*|error: (?!the database).*)", re.MULTILINE)


@dataclass(frozen=True)
class Check:
    """One thing that must be true."""

    what: str
    looked_at: str
    wrong: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def __str__(self) -> str:
        """For people."""
        more = [f"… and {len(self.wrong) - _SHOWN} more"] if len(self.wrong) > _SHOWN else []
        return "\n  ".join([f"{self.what}: {self.looked_at}", *self.wrong[:_SHOWN], *more])


def all_completed(queue: Queue, addresses: dict[str, Workflow]) -> Check:
    """Every workflow ended completed, and there is no run that nobody asked for."""
    runs = {run.address: run for run in queue.runs.list_runs(limit=10_000)}
    wrong = [
        f"{address} ({workflow.name}) has no record" for address, workflow in addresses.items() if address not in runs
    ]
    wrong += [f"{run.address}: {run.state}: {run.error}" for run in runs.values() if run.state != "completed"]
    wrong += [f"{address} was submitted by nobody" for address in runs.keys() - addresses.keys()]
    return Check("every workflow is completed", f"{len(runs)} runs", tuple(sorted(wrong)))


def results_are_there_once(queue: Queue, addresses: dict[str, Workflow]) -> Check:
    """One document for each uuid and index, as many for each run as undisturbed, and one study document."""
    wanted = {"uuid": 1, "index": 1, "metadata.natrium": 1}
    documents = list(queue.store.docs_store._collection.find({}, wanted))
    keys = Counter((document["uuid"], document["index"]) for document in documents)
    wrong = [f"{uuid} {index}: {count} documents" for (uuid, index), count in keys.items() if count > 1]
    natrium = [document["metadata"]["natrium"] for document in documents]
    of_run = Counter(each["run"] for each in natrium)
    studies = Counter(each["run"] for each in natrium if each["kind"] == "study")
    for address, workflow in addresses.items():
        if (of_run[address], studies[address]) != (workflow.steps, 1):
            told = f"{of_run[address]} documents, {studies[address]} of the study"
            wrong.append(f"{address} ({workflow.name}): {told}; undisturbed it has {workflow.steps} and 1")
    completed = Counter((s.uuid, s.index) for s in _submissions(queue, addresses) if s.outcome == "completed")
    wrong += [f"{uuid} {index}: completed {count} times" for (uuid, index), count in completed.items() if count > 1]
    wrong += [f"{uuid} {index}: a document of no completed job" for uuid, index in keys.keys() - completed.keys()]
    return Check("every result is there once", f"{len(documents)} documents", tuple(wrong))


def results_are_right(queue: Queue, addresses: dict[str, Workflow]) -> Check:
    """The numbers are those of an undisturbed run."""
    wrong, compared = [], 0
    for address, workflow in addresses.items():
        found = queue.store.query_one({"metadata.natrium.run": address, "metadata.natrium.kind": "study"})
        output = (found or {}).get("output", {})
        for path, expected in workflow.expected.items():
            compared += 1
            try:
                value = at(output, path)
            except KeyError:
                wrong.append(f"{address} ({workflow.name}) has no {path}")
                continue
            equal = value == expected if isinstance(expected, str) else abs(value - expected) <= tolerance(path)
            if not equal:
                wrong.append(f"{address} ({workflow.name}): {path} is {value}, undisturbed {expected}")
    return Check("the results are those of undisturbed runs", f"{compared} numbers", tuple(wrong))


def slurms_jobs_are_recorded(laptop: Laptop, queue: Queue, addresses: dict[str, Workflow]) -> Check:
    """SLURM saw no job with a name of natrium's that has no record: nothing was submitted twice."""
    recorded = {(s.job_name, s.slurm_id) for s in _submissions(queue, addresses) if s.slurm_id}
    rows = (laptop.slurm("sacct", "-X", "-n", "-P", "-S", "now-1days", "-o", "JobName,JobID") or "").splitlines()
    rows += (laptop.slurm("squeue", "-h", "-t", "all", "-O", "Name:200,JobID:20") or "").replace(" ", "|").splitlines()
    seen = {(parts[0], parts[-1]) for row in rows if "#" in row and (parts := row.strip("|").split("|"))}
    wrong = [f"job {slurm_id} ({name}) has no record" for name, slurm_id in sorted(seen - recorded)]
    return Check("every SLURM job belongs to one record", f"{len(seen)} jobs", tuple(wrong))


def submissions_ended(queue: Queue, addresses: dict[str, Workflow]) -> Check:
    """Every record of a submission says how it ended, what shows it, and what was decided."""
    submissions = _submissions(queue, addresses)
    wrong = [
        f"{each.id}: {each.stage}, {each.outcome}, {each.evidence!r}, {each.decision and each.decision.why!r}"
        for each in submissions
        if each.stage != "ended"
        or each.outcome is None
        or not each.evidence
        or not (each.decision and each.decision.why)
    ]
    return Check("every submission has outcome, evidence and decision", f"{len(submissions)} submissions", tuple(wrong))


def nothing_was_overwritten(overwritten: Sequence[str], watched: int) -> Check:
    """The files of jobs and attempts that were over stayed as they were."""
    return Check("no file of a past job or attempt was written again", f"{watched} files", tuple(overwritten))


def attempts_are_whole(laptop: Laptop) -> Check:
    """Each step's attempts are numbered without a gap, and each start of an engine has an output of its own."""
    from natrium.hpc.attempts import read_attempts

    records = [record.parent for run in laptop.runs for record in run.glob("*/attempts.json")]
    wrong, number = [], 0
    for folder in records:
        attempts = read_attempts(folder)
        number += len(attempts)
        if [attempt.number for attempt in attempts] != list(range(1, len(attempts) + 1)):
            wrong.append(f"{folder}: attempts {[attempt.number for attempt in attempts]}")
        # one that was killed between the record and the start of the engine leaves no output
        wrong += [
            f"{folder}: no output of attempt {attempt.number}, {attempt.outcome}"
            for attempt in attempts
            if attempt.outcome != "no end was seen" and not (folder / f"engine.{attempt.number}.out").exists()
        ]
    return Check("every start of an engine is recorded", f"{number} starts in {len(records)} steps", tuple(wrong))


def daemons_behaved(codes: Sequence[int], kills: int, logs: Sequence[Path], wrong: Sequence[str]) -> Check:
    """natrium watch ended when it was killed or told to, and never by itself; no strike met anything odd.

    One that starts while the database is being killed may say so and end, for its service to start it again.
    """
    killed, told, without = (codes.count(code) for code in (KILLED, 0, NO_DATABASE))
    odd = [f"natrium watch ended with {code}" for code in codes if code not in (KILLED, 0, NO_DATABASE)]
    if killed != kills or told != 1:
        odd.append(f"natrium watch ended {killed} times by SIGKILL, {told} times in good order; killed {kills} times")
    for log in logs:
        text = log.read_text(errors="replace") if log.exists() else ""
        odd += [f"{log}: {found[0]}" for found in _TROUBLE.finditer(text)]
    looked_at = f"{len(codes)} daemons" + (f", {without} of which found no database at their start" if without else "")
    return Check("natrium watch never ended by itself", looked_at, (*odd, *wrong))


def nothing_is_left(laptop: Laptop) -> Check:
    """After everything was stopped no process of the campaign lives."""
    left = laptop.processes()
    looked_at = "command line, working folder and environment of all processes"
    return Check("no process is left", looked_at, tuple(f"{each.pid}: {each.command[:200]}" for each in left))


def _submissions(queue: Queue, addresses: dict[str, Workflow]) -> list[Submission]:
    return queue.submissions.of_runs(list(addresses))


def undisturbed_numbers(queue: Queue) -> dict[str, float | str]:
    """The numbers of a completed na110; none where there is no such run."""
    found: dict[str, Any] | None
    found = queue.store.query_one({"metadata.natrium.study": "na110", "metadata.natrium.kind": "study"})
    return numbers_of_na110(found["output"]) if found else {}
