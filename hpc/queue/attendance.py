"""Whether `natrium watch` sees to the runs in a folder: then a job that ends rings, and need not do its work itself.

Bringing a result in costs a job half a second of imports, which a process that is there already does not pay. The sign
and the bells are files beside the runs; what a dead watch leaves unheard, the next pass finds by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from natrium.workflows.atomic_file import replace_text

_SIGN = ".natrium-watch.json"
_BELLS = ".natrium-bells"
_SLACK_S = 10.0
"""A pass over many runs takes a while, and so does a network file system."""


def attend(folders: Iterable[Path], interval_s: float, database: str) -> None:
    """Say that somebody watches the runs in these folders, and how often; where it cannot be said, jobs do without.

    Args:
        folders: The folders.
        interval_s: Between two passes, s.
        database: Where the runs are recorded that are watched, as the configuration shows it.
    """
    own = {"host": socket.gethostname(), "pid": os.getpid(), "interval_s": interval_s, "database": database}
    sign = json.dumps(own)
    for folder in folders:
        with contextlib.suppress(OSError):
            (folder / _BELLS).mkdir(exist_ok=True)
            replace_text(folder / _SIGN, sign)


def leave(folders: Iterable[Path]) -> None:
    """Nobody watches any longer."""
    for folder in folders:
        with contextlib.suppress(OSError):
            (folder / _SIGN).unlink()


def is_attended(folder: Path, just_written: Path, database: str) -> bool:
    """Whether somebody watches the runs in a folder.

    Args:
        folder: The folder.
        just_written: A file that has just been written there: machines' clocks differ, those of one file system do not.
        database: Where the job's run is recorded.
    """
    try:
        sign = json.loads((folder / _SIGN).read_text())
        age_s = just_written.stat().st_mtime - (folder / _SIGN).stat().st_mtime
    except (OSError, ValueError):
        return False
    if sign["database"] != database:
        return False  # somebody else's runs are in the same folder
    if sign["host"] == socket.gethostname() and not Path(f"/proc/{sign['pid']}").exists():
        return False
    return bool(age_s < 3 * sign["interval_s"] + _SLACK_S)


def ring(folder: Path, run: str) -> bool:
    """Ask whoever watches to turn to a run in the folder; False: that is not possible."""
    try:
        (folder / _BELLS / run).touch()
    except OSError:
        return False
    return True


def answered(folders: Iterable[Path]) -> Iterator[str]:
    """The runs for which somebody rang, each once: a bell is silent before its run is turned to."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for bell in sorted((folder / _BELLS).iterdir()):
                bell.unlink()
                yield bell.name
