"""Which processes belong to a campaign, proved by what the kernel says of each, and how they are killed."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A living process of the campaign."""

    pid: int
    command: str

    def is_program(self, *words: str) -> bool:
        """Whether all these words stand in its command line."""
        return all(word in self.command for word in words)


def processes_of(folder: Path) -> list[Process]:
    """Processes whose command line, working folder or environment names the campaign's folder; never this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if command and int(entry.name) != os.getpid() and _names(entry, command, folder):
                found.append(Process(int(entry.name), command))
    return sorted(found, key=lambda process: process.pid)


def _names(entry: Path, command: str, folder: Path) -> bool:
    told = [command, (entry / "cwd").readlink().as_posix() + "/"]
    told.append((entry / "environ").read_bytes().decode(errors="replace"))
    return any(f"{folder}/" in text for text in told)


def kill(pid: int, still_ours: bool = True, with_signal: signal.Signals = signal.SIGKILL) -> bool:
    """Send a signal to a process that was found to be ours a moment ago; False: it has gone."""
    if not still_ours:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        signal.pidfd_send_signal(process, with_signal)
    except ProcessLookupError:
        return False
    finally:
        os.close(process)
    return True


def kill_process(process: Process, folder: Path) -> bool:
    """SIGKILL a process, after a second look that its number has not been given to another one."""
    return kill(process.pid, still_ours=process in processes_of(folder))
