"""The trivial job that every queue carries out: it writes down when it begins and ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from jobflow import job


@job(name="stamp")
def stamp(number: int, before: Any, journal: str) -> int:
    """Write a line with the number and the two times, s since 1970.

    Args:
        number: Of the job in its flow.
        before: The output of the job that it waits for, or None.
        journal: The file that all jobs of a flow append to.
    """
    begin = time.time()
    del before
    with Path(journal).open("a") as lines:
        lines.write(f"{number} {begin!r} {time.time()!r}\n")
    return number


def stamps(shape: str, number: int, journal: str) -> list[Any]:
    """Trivial jobs, each after the other (chain) or all at once (fan)."""
    jobs: list[Any] = []
    for position in range(1, number + 1):
        before = jobs[-1].output if jobs and shape == "chain" else None
        jobs.append(stamp(position, before, journal))
        jobs[-1].name = f"stamp-{position}"
    return jobs
