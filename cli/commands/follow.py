"""Printing a file that grows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

_PAUSE_S = 0.5
_TAIL_BYTES = 20_000


def follow(path: Path, goes_on: Callable[[], bool]) -> None:
    """Print the end of a file, and what is added to it for as long as it goes on or until Ctrl-C.

    Args:
        path: The file.
        goes_on: Asked when nothing has been added for a while.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        if file.tell():
            file.readline()  # what is left of a line that begins before
        try:
            while True:
                added = file.read()
                sys.stdout.write(added.decode(errors="replace"))
                sys.stdout.flush()
                if not added and not goes_on():
                    return
                time.sleep(0 if added else _PAUSE_S)
        except KeyboardInterrupt:
            return
