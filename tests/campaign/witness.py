"""Who looks at the files of jobs and attempts that are over, to see at the end whether one was written again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from .laptop import Laptop

_OF_A_JOB = ("payload.json", "job.sh", "started.json", "ended.json", "result.bson")
_OF_AN_ATTEMPT = re.compile(r"(engine|gpaw)\.(\d+)\.(out|err|txt)$")


class Witness:
    """Remembers each file of a job that has left its word, and of an attempt that was followed by another."""

    def __init__(self, laptop: Laptop) -> None:
        self._laptop = laptop
        self._seen: dict[Path, str] = {}

    def look(self) -> None:
        """Remember what is over by now."""
        for run in self._laptop.runs:
            for folder in run.glob("*/job-*"):
                if folder.is_dir() and _has_ended(folder):
                    self._remember(folder / name for name in _OF_A_JOB)
            for record in run.glob("*/attempts.json"):
                self._remember(_files_of_past_attempts(record))

    def overwritten(self) -> list[str]:
        """Files that are gone or have other contents than at first."""
        return sorted(str(path) for path, digest in self._seen.items() if _digest(path) != digest)

    @property
    def watched(self) -> int:
        """Number of files."""
        return len(self._seen)

    def _remember(self, paths: Iterable[Path]) -> None:
        for path in paths:
            if path not in self._seen and (digest := _digest(path)) is not None:
                self._seen[path] = digest


def _has_ended(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return not json.loads((folder / "ended.json").read_text())["provisional"]
    return False


def _files_of_past_attempts(record: Path) -> list[Path]:
    with contextlib.suppress(OSError, ValueError):
        last = len(json.loads(record.read_text()))
        found = ((path, _OF_AN_ATTEMPT.search(path.name)) for path in record.parent.iterdir())
        return [path for path, name in found if name and int(name[2]) < last]
    return []


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
