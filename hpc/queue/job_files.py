"""The files of one submission: what a job is told, and what it leaves behind, in its folder `<step>/job-<number>`.

A job needs nothing but these files, and reports by nothing else, so it does not need the database. Every file is
written whole or not at all, and none is written twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from natrium.workflows.atomic_file import replace_text

PAYLOAD = "payload.json"
SCRIPT = "job.sh"
OUTPUT = "slurm.out"
STARTED = "started.json"
ENDED = "ended.json"
RESULT = "result.bson"
CURRENT = "current"
"""In the step's folder: which submission may work there. A job that was given up and replaced finds another name."""

WORKING = "working.lock"
"""In the step's folder: held by the job that works there, for as long as it lives."""

EXIT_OF_BUSY = 73
"""EX_CANTCREAT of sysexits.h."""
EXIT_OF_DISK_FULL = 74
"""EX_IOERR of sysexits.h: the last thing a job can say when it can write no file."""


@dataclass(frozen=True)
class Ended:
    """A job's own account of its end."""

    outcome: str
    evidence: str
    time: float
    decided: dict[str, Any] = field(default_factory=dict)
    """What a completed job wants done next: jobflow's replace, detour, addition, stop_children, stop_jobflow."""
    provisional: bool = False
    """SLURM has the last word: the job was asked to terminate, and does not know by whom."""


def write_ended(folder: Path, ended: Ended) -> None:
    """Leave the end marker."""
    from monty.json import MontyEncoder

    replace_text(folder / ENDED, json.dumps(asdict(ended), cls=MontyEncoder))


def read_ended(folder: Path) -> Ended | None:
    """The end marker, if there is one."""
    try:
        text = (folder / ENDED).read_text()
    except FileNotFoundError:
        return None
    return Ended(**json.loads(text))


def read_started(folder: Path) -> dict[str, Any] | None:
    """Where and when the job started, if it did: slurm_id, host, time, restart."""
    try:
        found: dict[str, Any] = json.loads((folder / STARTED).read_text())
    except FileNotFoundError:
        return None
    return found


def make_current(step_folder: Path, submission: str) -> None:
    """Say which submission may work in a step's folder."""
    replace_text(step_folder / CURRENT, submission)


def is_current(step_folder: Path, submission: str) -> bool:
    """Whether this submission is the one that may work in the step's folder."""
    return (step_folder / CURRENT).read_text() == submission
