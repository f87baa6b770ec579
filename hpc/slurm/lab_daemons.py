"""Which daemons a laptop cluster consists of, from which packages, and how each is started."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from natrium.hpc.slurm.lab_files import LabFolder
from natrium.hpc.slurm.lab_processes import SEARCH_PATH, Daemon, LabError
from natrium.structures.errors import InputError

PACKAGES = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client"}
"""Debian's package of each program that is needed."""
ACCOUNTING_PACKAGES = {
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
}
ACCOUNTING_PLUGIN = "slurm-wlm-mysql-plugin"


def missing_packages(accounting: bool) -> list[str]:
    """Debian packages that are not installed, of those that a cluster with or without accounting needs."""
    programs = PACKAGES | (ACCOUNTING_PACKAGES if accounting else {})
    missing = {package for program, package in programs.items() if not shutil.which(program, path=SEARCH_PATH)}
    if accounting and not any(Path("/usr/lib").glob("*/slurm*/accounting_storage_mysql.so")):
        missing.add(ACCOUNTING_PLUGIN)
    return sorted(missing)


def check_packages(accounting: bool) -> None:
    """Refuse to start without the programs.

    Raises:
        InputError: With the command that installs what is missing.
    """
    missing = missing_packages(accounting)
    if missing:
        raise InputError(
            f"a laptop cluster needs Debian's packages {', '.join(missing)}",
            f"install them as root: apt-get install --no-install-recommends {' '.join(missing)}",
        )


@dataclass(frozen=True)
class LabDaemons:
    """The daemons of one cluster, running or not."""

    folder: LabFolder
    node_names: tuple[str, ...]
    accounting: bool
    private_host_name: bool = False

    @property
    def munge(self) -> Daemon:
        """Who signs messages between the others."""
        names = ("key-file", "log-file", "seed-file")
        files = {"key-file": "munge/key", "log-file": "log/munge.log", "seed-file": "munge/seed"}
        return self._daemon(
            "munged",
            "--force",  # the folder may be below one that others may write to, such as /tmp
            *(f"--{name}={self.folder[files[name]]}" for name in names),
            f"--pid-file={self.folder['run/munged.pid']}",
            f"--socket={self.folder['run/munge.socket']}",
            "--num-threads=2",
        )

    @property
    def database(self) -> Daemon:
        """MariaDB, on a socket only."""
        return self._daemon(
            "mariadbd",
            "--no-defaults",
            *self._database_options,
            f"--socket={self.folder.database_socket}",
            f"--pid-file={self.folder['run/mariadbd.pid']}",
            f"--init-file={self.folder['etc/accounting.sql']}",
            "--skip-networking",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=2",
        )

    @property
    def accounting_daemon(self) -> Daemon:
        """Who keeps what `sacct` shows."""
        return self._daemon("slurmdbd")

    @property
    def controller(self) -> Daemon:
        """Who schedules."""
        return self._daemon("slurmctld", "-f", str(self.folder.slurm_conf))

    def node(self, name: str) -> Daemon:
        """The daemon of a node.

        Raises:
            InputError: There is no such node.
        """
        if name not in self.node_names:
            raise InputError(f"there is no node {name!r}", f"the nodes are {', '.join(self.node_names)}")
        return self._daemon("slurmd", "-N", name, "-f", str(self.folder.slurm_conf), node=name)

    def all(self) -> list[Daemon]:
        """All of them, in the order of starting."""
        accounting: Iterable[Daemon] = (self.database, self.accounting_daemon) if self.accounting else ()
        return [self.munge, *accounting, self.controller, *map(self.node, self.node_names)]

    def make_database(self) -> None:
        """Make MariaDB's files unless they are there.

        Raises:
            LabError: MariaDB's installer failed.
        """
        made = self.folder["mysql.made"]
        if made.exists():
            return
        shutil.rmtree(self.folder["mysql"], ignore_errors=True)  # half made
        options = ["--no-defaults", *self._database_options, "--auth-root-authentication-method=normal"]
        log_file = self.folder.log_file("mariadb-install-db")
        with log_file.open("w") as output:
            done = subprocess.run(
                ["mariadb-install-db", *options, "--skip-test-db"], stdout=output, stderr=output, check=False
            )
        if done.returncode != 0:
            raise LabError("MariaDB cannot make its files", f"read {log_file}")
        self.folder["mysql"].chmod(0o700)
        made.touch()

    @property
    def _database_options(self) -> tuple[str, ...]:
        # As the user who runs the cluster, root included: a user of its own could not reach a private folder.
        user = (f"--user={getpass.getuser()}",) if os.geteuid() == 0 else ()
        return (f"--datadir={self.folder['mysql']}", *user)

    def _daemon(self, program: str, *arguments: str, node: str = "") -> Daemon:
        name = f"{program}.{node}" if node else program
        return Daemon(
            program,
            arguments,
            self.folder.path,
            pid_file=self.folder[f"run/{name}.pid"],
            log_file=self.folder.log_file(name),
            variables={
                "SLURM_CONF": str(self.folder.slurm_conf),
                # SLURM passes no path of a socket on; MariaDB's library reads it here.
                "MYSQL_UNIX_PORT": str(self.folder.database_socket),
            },
            private_host_name=self.private_host_name,
        )
