"""The daemons of a laptop cluster: started detached, known by a recorded pid that is checked before it is believed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from natrium.hpc.embedded.folder import process_start
from natrium.structures.errors import NatriumError

SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""Debian puts daemons where the PATH of an ordinary user does not look."""
START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 10.0


class LabError(NatriumError):
    """The laptop cluster cannot be started, reached or stopped."""


@dataclass(frozen=True)
class Daemon:
    """One daemon of one cluster."""

    program: str
    arguments: tuple[str, ...]
    folder: Path
    """Of the cluster. It stands in the command line, which tells our daemons from those of others."""
    pid_file: Path
    log_file: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    private_host_name: bool = False
    """Whether it runs where this machine is called localhost: see `lab_files.HostName`."""

    @property
    def name(self) -> str:
        """Its program, and the node it is for: slurmd.n1."""
        return self.pid_file.stem

    def pid(self) -> int | None:
        """The process, if it lives; None also where the recorded pid was given to another program since."""
        try:
            pid = int(self.pid_file.read_text())
            program = Path(f"/proc/{pid}/exe").readlink().name
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except (OSError, ValueError):
            return None
        # Debian's alternatives: slurmctld is slurmctld-wlm.
        ours = program.startswith(self.program) and f"{self.folder}/" in arguments
        return pid if ours and process_start(pid) is not None else None

    def start(self) -> None:
        """Start it unless it runs, and wait until its pid is recorded.

        Raises:
            LabError: It ended or did not come up.
        """
        if self.pid() is not None:
            return
        path = shutil.which(self.program, path=SEARCH_PATH) or self.program
        # The name it is called by: slurmdbd takes no option that would tell our folder.
        named = any(f"{self.folder}/" in argument for argument in self.arguments)
        called = path if named else f"{self.folder}/{self.program}"
        command = ["setsid", "--fork", "bash", "-c", 'exec -a "$0" "$@"', called, path]
        if self.private_host_name:
            command = ["unshare", "--uts", "bash", "-c", 'hostname localhost; exec "$0" "$@"', *command]
        with self.log_file.open("a") as output:
            subprocess.run(
                [*command, *self.arguments],
                env=dict(os.environ) | dict(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=True,
            )
        if not wait_until(lambda: self.pid() is not None, START_PATIENCE_S):
            raise LabError(f"{self.program} did not start", f"read the end of {self.log_file}")

    def stop(self) -> None:
        """End it in good order, by force after a while; nothing happens where it does not run."""
        pid = self.pid()
        if pid is None:
            return
        begun = process_start(pid)
        end([pid], signal.SIGTERM)
        # Not by the pid file: slurmd removes it first, and may hang afterwards.
        if not wait_until(lambda: process_start(pid) != begun, STOP_PATIENCE_S):
            end([pid, *descendants(pid)], signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL it with all that it started and that still belongs to it: a crash."""
        pid = self.pid()
        if pid is not None:
            end([pid, *descendants(pid)], signal.SIGKILL)
            wait_until(lambda: self.pid() is None, STOP_PATIENCE_S)


def step_processes(log_file: Path) -> list[int]:
    """SLURM's step daemons of one node, which hold the node's log open, and below them the processes of its jobs."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "exe").readlink().name.startswith("slurmstepd") and _holds(process, log_file):
                found.append(int(process.name))
    return [*found, *(pid for step in found for pid in descendants(step))]


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # After the command's name, which may contain blanks and brackets, come the state and the parent.
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(process.name))
    below = [pid]
    for each in below:
        below += children.get(each, [])
    return below[1:]


def end(pids: Iterable[int], with_signal: signal.Signals) -> None:
    """Send a signal to processes, some of which may be gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, with_signal)


def wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Whether something came true in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _holds(process: Path, file: Path) -> bool:
    return any(descriptor.readlink() == file for descriptor in (process / "fd").iterdir())
