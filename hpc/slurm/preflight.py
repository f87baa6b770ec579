"""Whether SLURM will ever start a job, asked before it is submitted: what sbatch accepts may wait for ever."""

from __future__ import annotations

import math
from pathlib import Path

from natrium.hpc.cluster import Cluster, Resources
from natrium.hpc.cluster_facts import ClusterFacts, Partition
from natrium.hpc.slurm.commands import Slurm, SlurmRefusedError


def preflight(slurm: Slurm, cluster: Cluster, script: Path, request: Resources) -> None:
    """Refuse a job that could not start, without submitting it.

    The natrium settings of the cluster come first, then what SLURM would let wait for ever, then `sbatch --test-only`.

    Args:
        slurm: The SLURM that is asked.
        cluster: Its settings in natrium.
        script: The job script with its #SBATCH lines.
        request: What it asks for.

    Raises:
        SlurmRefusedError: It cannot start; says which setting to change.
        SlurmSilentError: SLURM does not answer.
    """
    within_settings(cluster, request)
    facts = slurm.facts()
    _some_partition(slurm, facts, cluster, request)
    _account(slurm, facts, cluster)
    try:
        slurm.run("sbatch", "--test-only", script.name, folder=script.parent)
    except SlurmRefusedError as refused:
        raise SlurmRefusedError(
            refused.problem,
            "compare the cluster's settings (partition, account, qos, options, node, limits) and the request "
            f"({request.nodes} nodes, {request.tasks} tasks, {request.memory_mb} MB) with `scontrol show partition`",
        ) from None


def within_settings(cluster: Cluster, request: Resources) -> None:
    """Refuse what is beyond the limits that natrium's own configuration sets.

    Raises:
        SlurmRefusedError: says which setting to change.
    """
    limits, node = cluster.limits, cluster.node
    for asked, most, unit, setting in (
        (request.time_s, limits.time_s, "s of wall time", "limits.time_s"),
        (request.nodes, limits.nodes, "nodes", "limits.nodes"),
        (request.memory_mb, node.memory_mb, "MB on each node", "node.memory_mb"),
        (_tasks_per_node(request), node.cores, "tasks on each node", "node.cores"),
    ):
        if asked > most:
            raise SlurmRefusedError(
                f"the job asks for {asked:g} {unit}, the cluster's setting {setting} allows {most:g}",
                f"ask for less, or raise {setting} of the cluster in natrium's configuration",
            )


def _some_partition(slurm: Slurm, facts: ClusterFacts, cluster: Cluster, request: Resources) -> None:
    """One partition of those named (SLURM takes a list) must be able to run the job; the first obstacle is told."""
    names = cluster.partition.split(",") if cluster.partition else [None]
    obstacles = []
    for name in names:
        partition = facts.partition(name)
        obstacle = (
            _obstacle(slurm, facts, partition, cluster, request)
            if partition
            else (
                f"there is no partition {name}" if name else "this SLURM has no default partition",
                f"set partition of the cluster to one of {', '.join(each.name for each in facts.partitions)}",
            )
        )
        if obstacle is None:
            return
        obstacles.append(obstacle)
    raise SlurmRefusedError(*obstacles[0])


def _obstacle(
    slurm: Slurm, facts: ClusterFacts, partition: Partition, cluster: Cluster, request: Resources
) -> tuple[str, str] | None:
    """Problem and remedy, or None."""
    where = f"partition {partition.name}"
    if partition.state != "UP":
        return (
            f"{where} is {partition.state}",
            "wait for the cluster's operators, or set another partition of the cluster",
        )
    # SLURM counts in minutes.
    asked_s = 60.0 * math.ceil(request.time_s / 60)
    if partition.max_time_s is not None and asked_s > partition.max_time_s and not _may_exceed(slurm, facts, cluster):
        return (
            f"the job asks for {asked_s:g} s of wall time, {where} gives {partition.max_time_s:g} s",
            f"ask for less time, or set limits.time_s of the cluster to {partition.max_time_s:g}",
        )
    if partition.accounts is not None and cluster.account is not None and cluster.account not in partition.accounts:
        return (
            f"{where} is closed to account {cluster.account}; it takes {', '.join(partition.accounts)}",
            "set account or partition of the cluster",
        )
    nodes = [node for node in facts.nodes_of(partition) if node.name not in request.exclude]
    tasks = _tasks_per_node(request)
    for asked, offers, unit, setting in (
        (tasks, [node.cores for node in nodes], "tasks on each node", "node.cores"),
        (request.memory_mb, [node.memory_mb for node in nodes], "MB on each node", "node.memory_mb"),
    ):
        if asked > max(offers, default=0):
            return (
                f"the job asks for {asked} {unit}, the largest node of {where} has {max(offers, default=0)}",
                f"ask for less, or correct {setting} of the cluster",
            )
    fitting = [node for node in nodes if node.cores >= tasks and node.memory_mb >= request.memory_mb]
    most = min(len(fitting), partition.most_nodes)
    if request.nodes > most:
        without = f" without {', '.join(request.exclude)}" if request.exclude else ""
        return (
            f"the job asks for {request.nodes} nodes, {where}{without} has {most} that fit",
            "ask for fewer, or correct limits.nodes of the cluster",
        )
    return None


def _may_exceed(slurm: Slurm, facts: ClusterFacts, cluster: Cluster) -> bool:
    """Whether the quality of service lifts the partition's time limit."""
    if cluster.qos is None or facts.associations is None:
        return False
    return "PartitionTimeLimit" in slurm.run("sacctmgr", "-nP", "show", "qos", cluster.qos, "format=Flags").split(",")


def _account(slurm: Slurm, facts: ClusterFacts, cluster: Cluster) -> None:
    """SLURM takes any account where it does not enforce them, and may let the job wait where it does."""
    if cluster.account is None or facts.associations is None:
        return
    named = cluster.partition.split(",") if cluster.partition else [""]
    own = [each for each in facts.associations if each.account == cluster.account]
    if any(each.partition in ("", *named) for each in own):
        return
    if facts.accounts_enforced or not slurm.run("sacctmgr", "-nP", "show", "account", cluster.account).strip():
        usable = sorted({each.account for each in facts.associations})
        raise SlurmRefusedError(
            f"account {cluster.account} is unknown to SLURM's accounting, or not yours in this partition",
            f"set account of the cluster to one of yours: {', '.join(usable) or 'none (ask the operators)'}",
        )


def _tasks_per_node(request: Resources) -> int:
    return math.ceil(request.tasks / request.nodes)
