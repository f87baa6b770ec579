"""The first natrium.yaml: filled in from what SLURM says where there is one, else with lines to fill in."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import yaml

from natrium.hpc.cluster import Limits, NodeShape
from natrium.hpc.cluster_facts import ClusterFacts, Partition
from natrium.structures.errors import InputError

_HEAD = """\
# The configuration of natrium. Every setting, with its meaning: docs/configuration.md
# `natrium config show` says what holds, `natrium config check` tries it out.

# Results go to an embedded database on this machine, or to a MongoDB server that the nodes of a cluster reach.
# Its address, mongodb://user:password@host/, is one line in a file that only you may read (chmod 600):
# database_uri_file: {folder}/database-uri

# MPI processes of calculations on this machine; default: its physical cores
# ranks: 4
"""

_KNOWN = """
default_cluster: {name}
clusters:
  {name}:
    partition: {partition}{partition_note}
{account}
    node:  # {node_note}
      cores: {cores}
      memory_mb: {memory_mb}
    limits:
      time_s: {time}  # {time_note}
      nodes: {nodes}  # of one job; the partition allows {most_nodes}
{slurm_conf}"""

_UNKNOWN = """
# Fill in, and remove "# " at the beginning of each line down to memory_mb:
# default_cluster: {name}
# clusters:
#   {name}:
#     partition: …      # sinfo
#     account: …        # sacctmgr show assoc user=$USER format=Account
#     node:             # scontrol show node
#       cores: 48
#       memory_mb: 190000
"""

_MORE = """\
{before}setup: |  # what every job runs first
{before}  module load openmpi
{before}runs_dir: /scratch/you/natrium  # a folder that every node sees
{before}python: {python}  # natrium's Python on the nodes; default: the one that submits
{before}mpi_launcher: mpiexec
"""


def configuration_text(file: Path, python: Path, name: str | None, facts: ClusterFacts | None) -> str:
    """A commented natrium.yaml.

    Args:
        file: Where it will lie.
        python: An example of a Python on the nodes.
        name: Name of the cluster; none: SLURM's own.
        facts: What SLURM says; none: there is no SLURM.
    """
    head = _HEAD.format(folder=file.parent)
    partition = facts.partition(None) or next(iter(facts.partitions), None) if facts else None
    if facts is None or partition is None or not facts.nodes_of(partition):
        return head + _UNKNOWN.format(name=name or "mycluster") + _MORE.format(before="#     ", python=python)
    more = _MORE.format(before="    # ", python=python)
    return head + _described(facts, partition, _plain(name or facts.name)) + more


def _described(facts: ClusterFacts, partition: Partition, name: str) -> str:
    shape, count = most_common_shape(facts, partition)
    usual_s = Limits().time_s
    time_s = min(partition.max_time_s or usual_s, usual_s)
    others = [other.name for other in facts.partitions if other is not partition]
    limit = "no limit" if partition.max_time_s is None else f"{partition.max_time_s:.0f} s at most"
    slurm_conf = os.environ.get("SLURM_CONF")
    return _KNOWN.format(
        name=name,
        partition=_plain(partition.name),
        partition_note=f"  # others: {', '.join(others)}" if others else "",
        account=_account(facts),
        node_note=f"{count} of {partition.nodes} nodes of the partition are like this",
        cores=shape.cores,
        memory_mb=shape.memory_mb,
        time=f"{time_s / 3600:g}h" if time_s % 3600 == 0 else f"{time_s:.0f}",
        time_note=f"the partition has {limit}",
        nodes=1,
        most_nodes=partition.most_nodes,
        slurm_conf=f"    slurm_conf: {_plain(slurm_conf)}\n" if slurm_conf else "",
    )


def _plain(name: str) -> str:
    """A name in YAML, where account 1234 and partition no would not be text."""
    return yaml.safe_dump(name).splitlines()[0]


def _account(facts: ClusterFacts) -> str:
    accounts = list(dict.fromkeys(each.account for each in facts.associations or ()))
    if facts.associations is None:
        return "    # account: …  # SLURM keeps no accounts here"
    chosen = facts.default_account or next(iter(accounts), None)
    if chosen is None:
        return "    # account: …  # SLURM knows no account of yours: ask its administrators"
    others = [account for account in accounts if account != chosen]
    return f"    account: {_plain(chosen)}" + (f"  # others: {', '.join(others)}" if others else "")


def most_common_shape(facts: ClusterFacts, partition: Partition) -> tuple[NodeShape, int]:
    """The usual node of a partition, which must have one, and how many are like it."""
    limit_mb = partition.max_memory_mb
    shapes = Counter(
        (node.cores, min(node.memory_mb, limit_mb) if limit_mb else node.memory_mb)
        for node in facts.nodes_of(partition)
    )
    ((cores, memory_mb), count) = shapes.most_common(1)[0]
    return NodeShape(cores=cores, memory_mb=memory_mb), count


def write_new(file: Path, text: str) -> None:
    """Write a file that only its owner may read.

    Raises:
        InputError: it exists, or cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(
            f"{file} exists and is not overwritten", "edit it, or move it away; `natrium config check` tries it out"
        ) from None
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}", "set NATRIUM_CONFIG to another file") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
