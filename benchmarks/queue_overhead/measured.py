"""What a flow of trivial jobs cost: waiting times between its jobs, and CPU time of everything that took part."""

from __future__ import annotations

import math
import os
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from queues import QueueUnderTest

from natrium.hpc.slurm.lab import Lab

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Of one flow."""

    gap_s: float | None
    """Median time from the return of a job's function to the call of the next one's; None where no job waits."""
    cpu_s: dict[str, float] = field(default_factory=dict)
    """User and system time per job of the flow, by who spent it."""


@dataclass
class Meter:
    """Reads before and after a flow what its parties have used."""

    lab: Lab
    database_pid: int

    def flow(
        self, queue: QueueUnderTest, shape: str, jobs: int, daemons: Sequence[int], journal: Path, patience_s: float
    ) -> Cost:
        """Have a flow submitted, wait for its end, and say what it cost.

        Args:
            queue: Who carries it out.
            shape: Of the flow: chain or fan.
            jobs: Number of its jobs.
            daemons: Processes that keep it going; a child counts when it has ended.
            journal: Where its jobs write their times.
            patience_s: Longest time for it, s.
        """
        first_job = 1 + max(self._job_cpu_s(), default=0)
        launchers_s = sum(map(cpu_s, daemons))
        database_s = cpu_s(self.database_pid)
        submission_s = queue.submit(shape, jobs, journal)
        deadline = time.monotonic() + patience_s
        while not (queue.completed() and not self.lab.command("squeue", "-h")):
            if time.monotonic() > deadline:
                raise SystemExit(f"after {patience_s:g} s {journal} has {len(times(journal))} of {jobs} lines")
            time.sleep(0.5)
        launchers_s = sum(map(cpu_s, daemons)) - launchers_s
        database_s = cpu_s(self.database_pid) - database_s
        packed = getattr(queue, "packed", 1) if shape == "fan" else 1
        spent = self._settled_job_cpu_s(first_job, math.ceil(jobs / packed))
        if len(times(journal)) != jobs:
            raise SystemExit(f"{len(times(journal))} lines in {journal} instead of {jobs}")
        parts = {
            "SLURM jobs": sum(spent.values()),
            "launchers": launchers_s,
            "database": database_s,
            "submission": submission_s,
        }
        return Cost(_gap_s(times(journal)), {name: value / jobs for name, value in parts.items()})

    def _settled_job_cpu_s(self, first: int, jobs: int) -> dict[int, float]:
        """Of all jobs from this one on, as soon as accounting has heard of their ends."""
        for _ in range(60):
            spent = {id_: value for id_, value in self._job_cpu_s().items() if id_ >= first}
            if len(spent) >= jobs and all(spent.values()):
                return spent
            time.sleep(0.5)
        raise SystemExit(f"accounting does not know the CPU time of all jobs: {spent}")

    def _job_cpu_s(self) -> dict[int, float]:
        # -X would leave out the steps in the output, and their times in the sums
        said = self.lab.command("sacct", "-n", "-P", "-o", "JobIDRaw,TotalCPU") or ""
        rows = [line.split("|") for line in said.splitlines()]
        return {int(id_): _seconds(text) for id_, text in rows if id_.isdecimal()}


def cpu_s(pid: int) -> float:
    """User and system time that a process and its ended children have used, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * _TICK_S


def times(journal: Path) -> list[tuple[int, float, float]]:
    """Number, begin and end of each job so far, s since 1970."""
    if not journal.exists():
        return []
    rows = [line.split() for line in journal.read_text().splitlines()]
    return sorted((int(number), float(begin), float(end)) for number, begin, end in rows)


def _gap_s(rows: list[tuple[int, float, float]]) -> float | None:
    gaps = [begin - end for (_, _, end), (_, begin, _) in pairwise(rows)]
    return statistics.median(gaps) if all(gap > 0 for gap in gaps) else None


def _seconds(text: str) -> float:
    """Of sacct's [days-[hours:]]minutes:seconds."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):([\d.]+)", text)
    if found is None:
        raise SystemExit(f"sacct says {text!r} for a CPU time")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 86400 * days + 3600 * hours + 60 * minutes + seconds
