"""A laptop cluster: a SLURM of several nodes on one machine, from Debian's packages, to try natrium and to break it.

`Lab(folder).up()` gives the cluster that jobs of natrium go to; `kill_node` is a crash, which SLURM has to notice by
itself; after `down`, accounting, job ids and logs stay.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from natrium.hpc.cluster import Cluster, Limits, NodeShape
from natrium.hpc.configuration import physical_cores
from natrium.hpc.embedded.folder import locked
from natrium.hpc.slurm.lab_daemons import LabDaemons, check_packages, missing_packages
from natrium.hpc.slurm.lab_files import (
    LabFolder,
    LabRecord,
    MemoryEnforcement,
    SlurmConfiguration,
    memory_enforcements,
)
from natrium.hpc.slurm.lab_network import HostName, Ports
from natrium.hpc.slurm.lab_processes import (
    SEARCH_PATH,
    START_PATIENCE_S,
    Daemon,
    LabError,
    end,
    step_processes,
    wait_until,
)
from natrium.structures.errors import InputError

MEMORY_SHARE = 0.8
"""Of the machine's memory, for the jobs of all nodes together."""
USABLE_STATES = {"idle", "mixed", "allocated", "completing"}
"""Of a node that takes or runs jobs."""
CANCEL_PATIENCE_S = 8.0
LOCK_PATIENCE_S = 120.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabStatus:
    """What `natrium cluster status` shows."""

    up: bool
    folder: Path
    cores: int
    """Of each node."""
    memory_mb: int
    """Of each node."""
    accounting: bool
    nodes: dict[str, str]
    """What SLURM says about each node; empty while its controller does not answer."""
    dead: tuple[str, ...]
    """Daemons that do not run."""
    slurm_conf: Path
    """What SLURM_CONF has to name for sbatch, squeue and sacct."""


class Lab:
    """One laptop cluster, which lives in a folder.

    Args:
        folder: For everything it writes; a short path, since there will be sockets in it.
        nodes: Number of nodes.
        cores: Of each node; None shares this machine's physical cores among the nodes.
        memory_mb: Of each node, MB; None shares most of this machine's memory among the nodes.
        accounting: Whether `sacct` works; None: if slurmdbd and MariaDB are installed.
    """

    def __init__(
        self,
        folder: Path,
        nodes: int = 2,
        cores: int | None = None,
        memory_mb: int | None = None,
        accounting: bool | None = None,
    ) -> None:
        self.folder = LabFolder(folder.expanduser().absolute())
        self.node_names = tuple(f"n{number}" for number in range(1, nodes + 1))
        self.accounting = not missing_packages(accounting=True) if accounting is None else accounting
        self.node = NodeShape(
            cores=cores or max(1, physical_cores() // nodes),
            memory_mb=memory_mb or int(_machine_memory_mb() * MEMORY_SHARE / nodes),
        )

    @classmethod
    def of_last_start(cls, folder: Path) -> Lab:
        """The cluster of a folder as it was started last; where none was, one of the default size."""
        record = LabFolder(folder.expanduser().absolute()).record
        if record is None:
            return cls(folder)
        return cls(folder, record.nodes, record.cores, record.memory_mb, record.accounting)

    @property
    def cluster(self) -> Cluster:
        """How natrium submits to it."""
        return Cluster(
            partition="main",
            node=self.node,
            limits=Limits(nodes=len(self.node_names)),
            slurm_conf=self.folder.slurm_conf,
        )

    @property
    def is_up(self) -> bool:
        """Whether all its daemons live."""
        return all(daemon.pid() is not None for daemon in self._daemons.all())

    def up(self) -> Cluster:
        """Start what does not run, and wait until every node takes jobs. Accounting and job ids go on.

        Raises:
            InputError: A package is missing, the folder or the machine's name cannot serve, or the folder's cluster
                is up with another number of nodes or another size of them.
            LabError: A daemon does not start or a node does not come up.
        """
        check_packages(self.accounting)
        self.folder.create()
        with self._lock():
            self._start()
        return self.cluster

    def down(self) -> None:
        """Cancel its jobs and stop all of it; its logs, its accounting and its job ids stay."""
        if not self.folder["lab.json"].exists():
            return
        with self._lock():
            self.folder.cluster_file.unlink(missing_ok=True)
            self._cancel_jobs()
            self._stop(self.of_last_start(self.folder.path)._daemons)

    def kill_node(self, name: str) -> None:
        """A node crashes: its daemon, its step daemons and the processes of its jobs get SIGKILL.

        Raises:
            InputError: There is no such node.
        """
        node = self._daemons.node(name)
        steps = step_processes(node.log_file)
        node.kill()
        # Again, since the daemon may have started a step meanwhile.
        end([*steps, *step_processes(node.log_file)], signal.SIGKILL)

    def start_node(self, name: str) -> None:
        """Start a node that crashed, and wait until it takes jobs.

        Raises:
            InputError: There is no such node.
            LabError: It does not come up.
        """
        self._daemons.node(name).start()
        self._await_nodes((name,))

    def kill_controller(self) -> None:
        """SIGKILL slurmctld: jobs go on, nothing can be submitted or asked."""
        self._daemons.controller.kill()

    def start_controller(self) -> None:
        """Start slurmctld again, and wait until it answers.

        Raises:
            LabError: It does not.
        """
        controller = self._daemons.controller
        controller.start()
        self._await(lambda: self.command("squeue", "-h") is not None, controller)

    def status(self) -> LabStatus:
        """How it is, without changing anything."""
        daemons = self._daemons.all()
        dead = tuple(daemon.name for daemon in daemons if daemon.pid() is None)
        return LabStatus(
            up=not dead,
            folder=self.folder.path,
            cores=self.node.cores,
            memory_mb=self.node.memory_mb,
            accounting=self.accounting,
            nodes=self.node_states() if self._daemons.controller.pid() else {},
            dead=dead,
            slurm_conf=self.folder.slurm_conf,
        )

    def node_states(self) -> dict[str, str]:
        """What SLURM says about each node: idle, allocated, down*, …; empty while slurmctld does not answer."""
        rows = (self.command("sinfo", "-h", "-N", "-p", "main", "-o", "%N %T") or "").splitlines()
        return dict(row.split() for row in rows)

    def command(self, program: str, *arguments: str) -> str | None:
        """What one of SLURM's commands prints about this cluster; None if it fails."""
        done = subprocess.run(
            [shutil.which(program, path=SEARCH_PATH) or program, *arguments],
            env=dict(os.environ) | {"SLURM_CONF": str(self.folder.slurm_conf)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    @cached_property
    def _daemons(self) -> LabDaemons:
        return LabDaemons(self.folder, self.node_names, self.accounting, HostName.of_this_machine().private)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder["lock"], patience_s=LOCK_PATIENCE_S))
            except TimeoutError:
                raise LabError(
                    f"another process has been starting or stopping the cluster in {self.folder.path} for"
                    f" {LOCK_PATIENCE_S:g} s",
                    f"find it with `fuser {self.folder['lock']}` and end it",
                ) from None
            yield

    def _start(self) -> None:
        last = self.folder.record
        record = LabRecord(
            len(self.node_names),
            self.node.cores,
            self.node.memory_mb,
            self.accounting,
            last.ports if last and last.nodes == len(self.node_names) else Ports.free(len(self.node_names)),
        )
        present = self.of_last_start(self.folder.path)._daemons if last else self._daemons
        running = [daemon for daemon in present.all() if daemon.pid() is not None]
        if running and self.folder.cluster_file.exists():
            if record != last:
                raise InputError(f"the cluster in {self.folder.path} is up, in another size", "bring it down first")
            if self.is_up:
                log.info("the laptop cluster in %s is up already", self.folder.path)
                return
            self._start_daemons()  # what lives goes on with the configuration that it read
            self._await_nodes(self.node_names)
            return
        self._stop(present)  # leftovers of a start that was interrupted, or of a power cut
        if not record.ports.are_free:
            record = replace(record, ports=Ports.free(record.nodes))
        self._start_anew(record)
        self.folder.write_cluster(self.cluster)

    def _start_anew(self, record: LabRecord) -> None:
        *promising, last = memory_enforcements()
        for enforcement in promising:
            try:
                self._start_with(record, enforcement)
            except LabError as error:
                log.warning("memory cannot be enforced by %s: %s", enforcement.name, error)
                self._stop(self._daemons)
            else:
                return
        self._start_with(record, last)

    def _start_with(self, record: LabRecord, enforcement: MemoryEnforcement) -> None:
        self.folder.write(SlurmConfiguration(record, HostName.of_this_machine(), enforcement))
        self._start_daemons()
        self._await_nodes(self.node_names)

    def _start_daemons(self) -> None:
        daemons = self._daemons
        daemons.munge.start()
        if self.accounting:
            daemons.make_database()
            daemons.database.start()
            self._await(self.folder.database_socket.is_socket, daemons.database)
            daemons.accounting_daemon.start()
            self._await(self._is_in_accounting, daemons.accounting_daemon)
        self.start_controller()
        for name in self.node_names:
            self.folder[f"spool/{name}"].mkdir(exist_ok=True)
            daemons.node(name).start()

    def _stop(self, daemons: LabDaemons) -> None:
        for daemon in reversed(daemons.all()):
            daemon.stop()
            end(step_processes(daemon.log_file), signal.SIGKILL)

    def _is_in_accounting(self) -> bool:
        known = self.command("sacctmgr", "-n", "show", "cluster", "lab")
        if known is not None and "lab" not in known:
            known = self.command("sacctmgr", "-i", "add", "cluster", "lab")
        return known is not None

    def _await_nodes(self, names: tuple[str, ...]) -> None:
        if not self._nodes_come_up(names):
            states = self.node_states()
            bad = [name for name in names if states.get(name) not in USABLE_STATES]
            logs = ", ".join(str(self._daemons.node(name).log_file) for name in bad)
            raise LabError(
                f"after {START_PATIENCE_S:g} s " + ", ".join(f"{name} is {states.get(name)}" for name in bad),
                f"read the end of {logs} and of {self._daemons.controller.log_file}",
            )

    def _nodes_come_up(self, names: tuple[str, ...]) -> bool:
        def usable() -> bool:
            states = self.node_states()
            for name in names:
                if states.get(name) in ("down", "drained"):
                    self.command("scontrol", "update", f"NodeName={name}", "State=RESUME")
            return all(states.get(name) in USABLE_STATES for name in names)

        return wait_until(usable, START_PATIENCE_S)

    def _await(self, answers: Callable[[], bool], daemon: Daemon) -> None:
        if not wait_until(answers, START_PATIENCE_S):
            raise LabError(
                f"{daemon.program} does not answer after {START_PATIENCE_S:g} s", f"read the end of {daemon.log_file}"
            )

    def _cancel_jobs(self) -> None:
        jobs = self.command("squeue", "-h", "-o", "%A") if self._daemons.controller.pid() else None
        if jobs:
            self.command("scancel", *sorted(set(jobs.split())))
            wait_until(lambda: not self.command("squeue", "-h"), CANCEL_PATIENCE_S)


def _machine_memory_mb() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
