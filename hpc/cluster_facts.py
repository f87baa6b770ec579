"""What SLURM says about itself: partitions, nodes, accounts. Read only, for setting up and checking a configuration."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from natrium.structures.errors import NatriumError

_PATIENCE_S = 30.0
_UNLIMITED = ("UNLIMITED", "INFINITE", "NONE", "N/A", "(null)", "")
_OUT_OF_SERVICE = {
    "DOWN",
    "DRAIN",
    "DRAINED",
    "DRAINING",
    "FAIL",
    "FAILING",
    "NOT_RESPONDING",
    "MAINT",
    "UNKNOWN",
    "FUTURE",
}
"""A node that is powered down is not among them: SLURM starts it."""


class SlurmSilentError(NatriumError):
    """SLURM's commands are missing, or its controller does not answer."""


@dataclass(frozen=True)
class Partition:
    """One partition, as `scontrol show partition` says."""

    name: str
    default: bool
    state: str
    nodes: int
    max_time_s: float | None
    """None: no limit."""
    max_nodes: int | None
    max_memory_mb: int | None
    """On each node; None: no limit but the nodes' own."""
    accounts: tuple[str, ...] | None
    """The only accounts that may use it; None: all."""

    @property
    def most_nodes(self) -> int:
        """Nodes that one job can have."""
        return self.nodes if self.max_nodes is None else min(self.nodes, self.max_nodes)


@dataclass(frozen=True)
class Node:
    """One node, as `scontrol show node` says."""

    name: str
    host: str
    cores: int
    """Physical cores that SLURM gives out."""
    memory_mb: int
    """That jobs can have."""
    in_service: bool
    partitions: tuple[str, ...]


@dataclass(frozen=True)
class Association:
    """An account that a user may charge, on one partition or on all, with its qualities of service."""

    account: str
    partition: str
    qos: tuple[str, ...]


@dataclass(frozen=True)
class ClusterFacts:
    """All of it."""

    name: str
    partitions: tuple[Partition, ...]
    nodes: tuple[Node, ...]
    associations: tuple[Association, ...] | None
    """None: SLURM keeps no accounts."""
    default_account: str | None
    accounts_enforced: bool

    def partition(self, name: str | None) -> Partition | None:
        """A partition, or the default one."""
        return next((each for each in self.partitions if each.name == name or (name is None and each.default)), None)

    def nodes_of(self, partition: Partition) -> list[Node]:
        """The nodes of a partition."""
        return [node for node in self.nodes if partition.name in node.partitions]


def cluster_facts(slurm_conf: Path | None, user: str) -> ClusterFacts:
    """Ask SLURM.

    Args:
        slurm_conf: Where it is not the machine's own.
        user: Whose accounts.

    Raises:
        SlurmSilentError: a command is missing, fails, or does not answer within half a minute.
    """
    settings = dict(re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", _ask(slurm_conf, "scontrol", "show", "config"), re.MULTILINE))
    accounts = None
    default_account = None
    if "slurmdbd" in settings.get("AccountingStorageType", ""):
        of_user = (f"user={user}", f"cluster={settings['ClusterName']}")
        found = _ask(slurm_conf, "sacctmgr", "-nP", "show", "assoc", *of_user, "format=Account,Partition,QOS")
        rows = [line.split("|") for line in found.splitlines() if line.count("|") == 2]
        accounts = tuple(
            Association(account, partition, tuple(filter(None, qos.split(",")))) for account, partition, qos in rows
        )
        default_account = _ask(slurm_conf, "sacctmgr", "-nP", "show", "user", user, "format=DefaultAccount").strip()
    return ClusterFacts(
        name=settings.get("ClusterName", "cluster"),
        partitions=tuple(map(_partition, _rows(_ask(slurm_conf, "scontrol", "-a", "show", "partition", "-o")))),
        nodes=tuple(map(_node, _rows(_ask(slurm_conf, "scontrol", "-a", "show", "node", "-o")))),
        associations=accounts,
        default_account=default_account or None,
        accounts_enforced=bool(set(settings.get("AccountingStorageEnforce", "").lower().split(",")) - {"none", ""}),
    )


def slurm_environment(slurm_conf: Path | None) -> dict[str, str]:
    """The environment in which SLURM's commands speak to this cluster."""
    return {**os.environ, **({"SLURM_CONF": str(slurm_conf)} if slurm_conf else {})}


def in_service(state: str) -> bool:
    """Whether a node in this state (IDLE, MIXED+DRAIN, DOWN*) takes jobs. A star says that it does not answer."""
    return "*" not in state and _OUT_OF_SERVICE.isdisjoint(re.findall(r"[A-Z_]+", state))


def slurm_seconds(text: str) -> float | None:
    """A time limit as SLURM writes it (30:00, 1-12:00:00) in s; None: no limit."""
    if text in _UNLIMITED:
        return None
    days, _, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes, seconds = [0] * (3 - len(parts)) + parts
    return float(int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds)


def _ask(slurm_conf: Path | None, *command: str) -> str:
    if slurm_conf and not slurm_conf.is_file():  # SLURM's commands would look for one in the network for a minute
        raise SlurmSilentError(f"slurm_conf: {slurm_conf} does not exist", "correct it; is that cluster up?")
    try:
        done = subprocess.run(
            command, env=slurm_environment(slurm_conf), capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except FileNotFoundError:
        raise SlurmSilentError(
            f"{command[0]} is not on PATH", "log in to a node of the cluster, or load its SLURM module"
        ) from None
    except subprocess.TimeoutExpired:
        raise SlurmSilentError(
            f"{' '.join(command)} did not answer within {_PATIENCE_S:.0f} s", "try again later; `scontrol ping`"
        ) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise SlurmSilentError(
            f"{' '.join(command)} failed: {said[-1] if said else f'exit code {done.returncode}'}",
            "check with `scontrol ping` that SLURM runs and with the setting slurm_conf which one is meant",
        )
    return done.stdout


def _rows(listing: str) -> list[dict[str, str]]:
    # the first of equal names counts: comments and reasons come last and may hold anything
    return [dict(reversed(re.findall(r"(\w+)=(\S*)", line))) for line in listing.splitlines() if "=" in line]


def _partition(row: dict[str, str]) -> Partition:
    return Partition(
        name=row["PartitionName"],
        default=row["Default"] == "YES",
        state=row["State"],
        nodes=int(row["TotalNodes"]),
        max_time_s=slurm_seconds(row["MaxTime"]),
        max_nodes=_number(row["MaxNodes"]),
        max_memory_mb=_number(row.get("MaxMemPerNode", "")),
        accounts=None if row.get("AllowAccounts", "ALL") == "ALL" else tuple(row["AllowAccounts"].split(",")),
    )


def _node(row: dict[str, str]) -> Node:
    # with config_overrides there may be fewer CPUs than sockets and cores say
    cores = min(int(row["Sockets"]) * int(row["CoresPerSocket"]), int(row["CPUTot"]))
    return Node(
        name=row["NodeName"],
        host=row.get("NodeHostName", row["NodeName"]),
        cores=cores,
        memory_mb=int(row["RealMemory"]) - (_number(row.get("MemSpecLimit", "")) or 0),
        in_service=in_service(row["State"]),
        partitions=tuple(row.get("Partitions", "").split(",")),
    )


def _number(text: str) -> int | None:
    return None if text in _UNLIMITED else int(text)
