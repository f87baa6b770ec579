"""What is written for a laptop cluster: the configuration of SLURM and of its accounting."""

from __future__ import annotations

import json
import os
import pwd
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from natrium.hpc.cluster import Cluster
from natrium.hpc.slurm.lab_network import HostName, Ports
from natrium.structures.errors import InputError

LONGEST_SOCKET_PATH = 100
CGROUPS = Path("/sys/fs/cgroup")
_REMEMBERED_S = 12 * 3600
"""Without accounting nobody but the controller knows how a job ended: for a night it still says so."""


@dataclass(frozen=True)
class MemoryEnforcement:
    """How SLURM ends a job that takes more memory than it asked for."""

    name: str
    slurm_conf: str
    cgroup_conf: str


POLLING = MemoryEnforcement(
    "polling",
    "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherParams=OverMemoryKill\n",
    # Without it slurmd looks for a cgroup, and ends where none is mounted.
    "CgroupPlugin=cgroup/v1\n",
)
"""SLURM looks every second; such a job is FAILED, not OUT_OF_MEMORY. Together with cgroups it would be fatal."""
_BY_CGROUP = "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n"


def memory_enforcements() -> list[MemoryEnforcement]:
    """What may work on this machine, the best first: cgroups that we may write to; polling, which always works."""
    found = []
    if all(_writable(CGROUPS / controller) for controller in ("memory", "freezer")):
        swap = "yes" if (CGROUPS / "memory/memory.memsw.limit_in_bytes").exists() else "no"
        limits = f"ConstrainRAMSpace=yes\nConstrainSwapSpace={swap}\nConstrainCores=no\n"
        conf = f"CgroupAutomount=no\nCgroupPlugin=cgroup/v1\nCgroupMountpoint={CGROUPS}\n{limits}"
        found.append(MemoryEnforcement("cgroup v1", _BY_CGROUP, conf))
    controllers = CGROUPS / "cgroup.controllers"
    if controllers.exists() and "memory" in controllers.read_text().split() and _writable(CGROUPS):
        limits = "ConstrainRAMSpace=yes\nConstrainSwapSpace=yes\nConstrainCores=no\n"
        conf = f"CgroupPlugin=cgroup/v2\nCgroupAutomount=yes\nIgnoreSystemdOnFailure=yes\n{limits}"
        found.append(MemoryEnforcement("cgroup v2", _BY_CGROUP, conf))
    return [*found, POLLING]


@dataclass(frozen=True)
class LabRecord:
    """What a cluster was started with."""

    nodes: int
    cores: int
    """Of each node."""
    memory_mb: int
    """Of each node."""
    accounting: bool
    ports: Ports

    @property
    def node_names(self) -> tuple[str, ...]:
        """All of them: n1, n2 and so on."""
        return tuple(f"n{number}" for number in range(1, self.nodes + 1))


@dataclass(frozen=True)
class LabFolder:
    """The files of one laptop cluster, and the daemons that use them."""

    path: Path

    def __getitem__(self, name: str) -> Path:
        return self.path / name

    @property
    def slurm_conf(self) -> Path:
        """What SLURM_CONF names."""
        return self["etc/slurm.conf"]

    @property
    def cluster_file(self) -> Path:
        """The cluster as natrium's configuration describes it; there while it is up."""
        return self["cluster.yaml"]

    @property
    def database_socket(self) -> Path:
        """Where MariaDB listens, for the owner of the cluster only."""
        return self["mysql/socket"]

    def log_file(self, daemon: str) -> Path:
        """What a daemon said."""
        return self[f"log/{daemon}.log"]

    def create(self) -> None:
        """Make the folders.

        Raises:
            InputError: The path is too long for a socket, or the folder cannot be made.
        """
        longest = self["run/munge.socket"]
        if len(str(longest)) > LONGEST_SOCKET_PATH or " " in str(longest):
            raise InputError(
                f"{self.path} is no folder for SLURM: it is too long for the path of a socket, or holds a blank",
                "take a folder with a shorter path; for the command line, set NATRIUM_DATA_DIR",
            )
        try:
            for name in ("etc", "log", "run", "state", "spool", "munge"):
                self[name].mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self[name]} cannot be made: {error.strerror}", "take another folder") from error
        self["munge"].chmod(0o700)
        self["run"].chmod(0o755)  # munged insists

    @property
    def record(self) -> LabRecord | None:
        """What the last start had; None if there was none."""
        try:
            found = json.loads(self["lab.json"].read_text())
            ports = found.pop("ports")
            return LabRecord(**found, ports=Ports(ports["controller"], ports["accounting"], tuple(ports["nodes"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_cluster(self, cluster: Cluster) -> None:
        """Offer the cluster to natrium's configuration."""
        draft = self["cluster.yaml.draft"]
        draft.write_text(yaml.safe_dump(cluster.model_dump(mode="json", exclude_defaults=True), sort_keys=False))
        draft.replace(self.cluster_file)

    def write(self, configuration: SlurmConfiguration) -> None:
        """Write everything that the daemons read."""
        key = self["munge/key"]
        if not key.exists():
            draft = self["munge/key.draft"]
            draft.touch(0o600)
            draft.write_bytes(os.urandom(128))
            draft.replace(key)
        self["lab.json"].write_text(json.dumps(asdict(configuration.record)))
        self.slurm_conf.write_text(configuration.slurm_conf(self))
        self["etc/cgroup.conf"].write_text(configuration.enforcement.cgroup_conf)
        dbd = self["etc/slurmdbd.conf"]
        dbd.touch(0o600)
        dbd.write_text(configuration.slurmdbd_conf(self))
        self["etc/accounting.sql"].write_text("create database if not exists slurm_acct_db;\n")


@dataclass(frozen=True)
class SlurmConfiguration:
    """What differs between laptop clusters."""

    record: LabRecord
    host: HostName
    enforcement: MemoryEnforcement

    def slurm_conf(self, folder: LabFolder) -> str:
        """Text of slurm.conf."""
        user = _user()
        accounting = "AccountingStorageType=accounting_storage/none\n"
        if self.record.accounting:
            accounting = f"""AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={self.record.ports.accounting}
AccountingStoragePass={folder["run/munge.socket"]}
AccountingStoreFlags=job_comment
"""
        nodes = "".join(
            f"NodeName={name} NodeHostname={self.host.name} NodeAddr=127.0.0.1 Port={port}"
            f" CPUs={self.record.cores} RealMemory={self.record.memory_mb} State=UNKNOWN\n"
            for name, port in zip(self.record.node_names, self.record.ports.nodes, strict=True)
        )
        # Job ids name cgroups, which clusters on one machine share: each cluster counts from elsewhere.
        first_job = 10_000 * (1 + zlib.crc32(str(folder.path).encode()) % 900)
        return f"""# written by natrium at each start of the laptop cluster
ClusterName=lab
SlurmctldHost={self.host.name}(127.0.0.1)
SlurmctldPort={self.record.ports.controller}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder["run/munge.socket"]}
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
SlurmctldPidFile={folder["run/slurmctld.pid"]}
SlurmdPidFile={folder["run/slurmd.%n.pid"]}
SlurmctldLogFile={folder.log_file("slurmctld")}
SlurmdLogFile={folder.log_file("slurmd.%n")}
StateSaveLocation={folder["state"]}
SlurmdSpoolDir={folder["spool/%n"]}
MailProg=/bin/true
SlurmctldDebug=info
SlurmdDebug=info
MpiDefault=none
SwitchType=switch/none
{self.enforcement.slurm_conf}JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
PropagateResourceLimits=NONE
ReturnToService=2
SlurmdTimeout=3
TCPTimeout=1
SlurmctldTimeout=10
MessageTimeout=10
KillWait=5
MinJobAge={_REMEMBERED_S}
JobRequeue=1
FirstJobId={first_job}
OverTimeLimit=0
InactiveLimit=0
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=5,sched_min_interval=0,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SlurmdParameters=config_overrides
{accounting}{nodes}PartitionName=main Nodes={",".join(self.record.node_names)} Default=YES MaxTime=24:00:00 State=UP
PartitionName=short Nodes={self.record.node_names[0]} MaxTime=1 State=UP
"""

    def slurmdbd_conf(self, folder: LabFolder) -> str:
        """Text of slurmdbd.conf."""
        return f"""AuthType=auth/munge
AuthInfo=socket={folder["run/munge.socket"]}
CommunicationParameters=NoInAddrAny
DbdHost={self.host.name}
DbdAddr=127.0.0.1
DbdPort={self.record.ports.accounting}
SlurmUser={_user()}
PidFile={folder["run/slurmdbd.pid"]}
LogFile={folder.log_file("slurmdbd")}
DebugLevel=info
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
"""


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _writable(folder: Path) -> bool:
    """Whether we may make cgroups there; read-only mounts of containers say yes to os.access for root."""
    probe = folder / f"natrium-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True
