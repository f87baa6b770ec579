"""The record of every start of an engine in a folder: attempts.json, written before and after each."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from natrium.hpc.outcome import Finding, Outcome
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.result import Attempt

_FILE = "attempts.json"
_ADAPTER = TypeAdapter(list[Attempt])


def read_attempts(folder: Path) -> list[Attempt]:
    """All attempts in this folder, oldest first. One that began and never ended was killed with its supervisor."""
    path = folder / _FILE
    return _ADAPTER.validate_json(path.read_bytes()) if path.exists() else []


def begin_attempt(folder: Path, ranks: int, continued_from: str | None) -> int:
    """Record that an engine is about to start, and return the attempt's number."""
    attempts = read_attempts(folder)
    attempts.append(
        Attempt(
            number=len(attempts) + 1,
            started=datetime.now(UTC),
            ranks=ranks,
            outcome=Outcome.VANISHED,
            evidence="the supervising process did not live to see the end",
            continued_from=continued_from,
            host=socket.gethostname(),
            scheduler_job=os.environ.get("SLURM_JOB_ID"),
        )
    )
    _write(folder, attempts)
    return len(attempts)


def end_attempt(folder: Path, finding: Finding, reached: int = 0) -> None:
    """Record how the last attempt ended, and which step it reached."""
    attempts = read_attempts(folder)
    elapsed_s = (datetime.now(UTC) - attempts[-1].started).total_seconds()
    attempts[-1] = attempts[-1].model_copy(
        update={
            "wall_time_s": elapsed_s,
            "outcome": str(finding.outcome),
            "evidence": finding.evidence,
            "reached": reached,
        }
    )
    _write(folder, attempts)


def record_changes(folder: Path, changes: dict[str, Any]) -> None:
    """Record what a handler changed after the last attempt."""
    attempts = read_attempts(folder)
    attempts[-1] = attempts[-1].model_copy(update={"changes": attempts[-1].changes | changes})
    _write(folder, attempts)


def _write(folder: Path, attempts: list[Attempt]) -> None:
    replace_text(folder / _FILE, _ADAPTER.dump_json(attempts, indent=1).decode())
