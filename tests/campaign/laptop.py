"""The machine of a campaign: SLURM, a database, a configuration and a small disk, all of its own and in one folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import yaml

from natrium.hpc.embedded.lifecycle import stop
from natrium.hpc.slurm.lab import Lab
from natrium.hpc.slurm.lab_processes import step_processes

from .processes import Process, processes_of

if TYPE_CHECKING:
    from natrium.hpc.configuration import Configuration
    from natrium.hpc.queue.connection import Queue

STUDIES = Path(__file__).resolve().parent.parent / "outside"
PYTHONPATH = os.pathsep.join([str(STUDIES), *filter(None, [os.environ.get("PYTHONPATH")])])
_COMMAND_PATIENCE_S = 120.0
_SMALL_DISK_MB = 24
_TRIES = 30
"""Of each outcome: adversity is far denser here than in life."""
_WAITED = ("preempted", "disk full", "folder busy", "refused by SLURM", "unknown", "not started")
_AT_ONCE = ("stopped with a checkpoint", "engine crashed", "job killed")
_POLICY: dict[str, Any] = {
    "rules": {name: {"action": "continue", "tries": _TRIES, "wait_s": 0.5} for name in _WAITED}
    | {name: {"action": "continue", "tries": _TRIES} for name in _AT_ONCE}
    | {
        "time limit": {"action": "more time", "tries": _TRIES},
        "node failure": {"action": "other node", "tries": _TRIES},
    },
    "job_budget": 60,
    "run_budget": 500,
    "release_held_after_s": 2,
}


@dataclass(frozen=True)
class Laptop:
    """Where a campaign takes place."""

    folder: Path
    """Of everything; a short path, since there are sockets in it."""

    @cached_property
    def lab(self) -> Lab:
        """Its SLURM: more cores than the machine has, so that many jobs run at a time."""
        return Lab(self.folder / "lab", nodes=2, cores=4, memory_mb=8000)

    @property
    def small_disk(self) -> Path:
        """A file system of some megabytes, where this user may mount one."""
        return self.folder / "small-disk"

    @property
    def has_small_disk(self) -> bool:
        """Whether it is mounted."""
        return self.small_disk.is_mount()

    @property
    def runs(self) -> list[Path]:
        """The folders of all runs."""
        roots = (self.folder / "natrium-runs", self.small_disk / "runs")
        return [folder for root in roots if root.is_dir() for folder in root.iterdir()]

    @property
    def database(self) -> Path:
        """Folder of the embedded database."""
        return self.folder / "data" / "database"

    @cached_property
    def environment(self) -> dict[str, str]:
        """Of every command and daemon."""
        own = {
            "NATRIUM_DATA_DIR": str(self.folder / "data"),
            "NATRIUM_CONFIG": str(self.folder / "natrium.yaml"),
            "NATRIUM_RANKS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": PYTHONPATH,
            "COLUMNS": "160",
        }
        return {name: value for name, value in os.environ.items() if not name.startswith("NATRIUM_")} | own

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Everything started; at the end everything stopped, and the small disk gone."""
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        self._mount()
        try:
            self.lab.up()
            self._configure()
            yield
        finally:
            self.lab.down()
            stop(self.database, force=True)
            self._unmount()

    def _configure(self) -> None:
        own = self.lab.cluster.model_dump(mode="json", exclude_defaults=True)
        own |= {"setup": f"export PYTHONPATH={PYTHONPATH}", "signal_s": 15}
        clusters = {"lab": own}
        if self.has_small_disk:
            clusters["small-disk"] = own | {"runs_dir": str(self.small_disk / "runs")}
        document = {"clusters": clusters, "default_cluster": "lab", "policy": _POLICY}
        (self.folder / "natrium.yaml").write_text(yaml.safe_dump(document))

    def _mount(self) -> None:
        if os.geteuid() != 0:
            return
        self.small_disk.mkdir(exist_ok=True)
        options = ("-t", "tmpfs", "-o", f"size={_SMALL_DISK_MB}m", "natrium-chaos", str(self.small_disk))
        if subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0:
            (self.small_disk / "runs").mkdir()

    def _unmount(self) -> None:
        if self.has_small_disk:
            subprocess.run(["umount", "--lazy", str(self.small_disk)], check=True)

    def start(self, *arguments: str, output: Any = subprocess.PIPE) -> subprocess.Popen[str]:
        """`natrium` as a process of its own."""
        natrium = Path(sysconfig.get_path("scripts")) / "natrium"
        return subprocess.Popen(
            [natrium, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def natrium(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`natrium` to its end; what it printed on either stream is in stdout."""
        process = self.start(*arguments)
        try:
            said, _ = process.communicate(timeout=_COMMAND_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[0] + f"\n(killed: no end after {_COMMAND_PATIENCE_S:g} s)"
        return subprocess.CompletedProcess(arguments, process.returncode, said, "")

    def slurm(self, *command: str) -> str | None:
        """What a command of SLURM prints; None if it fails."""
        return self.lab.command(*command)

    def jobs(self, state: str) -> list[str]:
        """Ids of natrium's jobs in one of SLURM's states; none while its controller is away."""
        rows = (self.slurm("squeue", "-h", "-t", state, "-o", "%A %j") or "").splitlines()
        return [row.split()[0] for row in rows if "#" in row]

    @property
    def configuration(self) -> Configuration:
        """As natrium's commands see it."""
        from natrium.hpc.configuration import load_configuration

        with patch.dict(os.environ, self.environment, clear=True):
            return load_configuration()

    @contextlib.contextmanager
    def queue(self) -> Iterator[Queue]:
        """The open database, to look at."""
        from natrium.hpc.queue.connection import connected_queue

        with connected_queue(self.configuration, patience_s=60.0) as queue:
            yield queue

    def processes(self) -> list[Process]:
        """All processes that belong here, SLURM's step daemons too, whose titles do not name the folder."""
        known = {process.pid: process for process in processes_of(self.folder)}
        for name in self.lab.node_names:
            for pid in self.step_daemons(name):
                known.setdefault(pid, Process(pid, f"slurmstepd of {name}"))
        return list(known.values())

    def step_daemons(self, node: str) -> list[int]:
        """SLURM's step daemons of a node, which hold its log open, and what they started."""
        return step_processes(self.lab.folder.log_file(f"slurmd.{node}"))
