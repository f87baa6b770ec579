"""Who is running a run, and which one can be resumed.

A run's folder has a lock, which the kernel releases when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from natrium.analysis.runs import UNFINISHED, Run, Runs, State
from natrium.structures.errors import InputError

_LOCK = "run.lock"
_TURN = "turn.lock"


@contextlib.contextmanager
def alone_in(folder: Path, address: str) -> Iterator[None]:
    """Hold the lock of a run's folder for as long as the block runs.

    Raises:
        InputError: Another process holds it.
    """
    with (folder / _LOCK).open("a+") as lock:
        for tries_left in reversed(range(5)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if not tries_left:
                    lock.seek(0)
                    raise InputError(
                        f"{address} is being run by process {lock.read().strip() or '?'}",
                        "wait for it, or stop it with Ctrl-C there",
                    ) from error
            time.sleep(0.05)  # somebody may just be looking whether it is held
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def turn(folder: Path, patience_s: float = 120.0) -> Iterator[None]:
    """Wait for one's turn to bring a run up to date, and keep it for as long as the block runs.

    Args:
        folder: The run's folder, on a file system whose locks reach every node.
        patience_s: How long to wait for others, s.

    Raises:
        InputError: Others took longer than that; or the folder is gone.
    """
    deadline = time.monotonic() + patience_s
    try:
        lock = (folder / _TURN).open("a")
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}", "the run's folder must stay where it is") from error
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise InputError(
                        f"{folder} has been worked on by another process for {patience_s:g} s",
                        f"find it with `fuser {folder / _TURN}`",
                    ) from error
            time.sleep(0.02)
        yield


def is_held(folder: Path) -> bool:
    """Whether a living process runs the run in this folder."""
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def state_now(run: Run) -> State:
    """The state of a run: one recorded as running, but by a process of this machine that is gone, is interrupted."""
    here = run.cluster is None and run.host == socket.gethostname()
    if run.state == State.RUNNING and here and not is_held(Path(run.folder)):
        return State.INTERRUPTED
    return run.state


def find_unfinished(runs: Runs, wanted: str | None) -> Run:
    """The run to resume: the last one that nobody is running just now, of all or of one study; or the one named.

    Args:
        runs: The records.
        wanted: The beginning of a run's address, the name of a study, or None.

    Raises:
        InputError: there is none.
    """
    recent = [run for run in runs.list_runs(limit=200) if run.cluster is None]
    if wanted is not None and wanted not in {run.study for run in recent}:
        return runs.get_run(wanted)
    chosen = [run for run in recent if run.state in UNFINISHED and wanted in (None, run.study)]
    candidates = [run for run in chosen if Path(run.folder).is_dir()]
    for run in candidates:
        if not is_held(Path(run.folder)):
            return run
    running = ", ".join(run.address for run in candidates)
    raise InputError(
        "there is no unfinished run" + (f" but {running}, which another process is running" if running else ""),
        f"wait for it: natrium show {candidates[0].address}" if running else "start one: natrium run na110",
    )
