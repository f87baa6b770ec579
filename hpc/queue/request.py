"""What a step asks of SLURM at first: from its estimate, unless a resource class says otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from natrium.hpc.cluster import Cluster, ResourceClass, Resources
from natrium.hpc.cost_model import speed_up
from natrium.hpc.estimate import Certainty, Estimate

_SAFETY: dict[Certainty, tuple[float, float]] = {"measured": (2.0, 1.3), "corrected": (3.0, 1.5), "model": (4.0, 1.6)}
"""Factors on wall time and memory: a model is good to a factor of three, the same calculation again to much less."""
_SHORTEST_S = 600.0
_LEAST_MB = 1000
_START_MB = 300
"""Python, custodian and the MPI launcher beside the engine's processes."""


@dataclass(frozen=True)
class Request:
    """Resources, and in words what they rest on."""

    resources: Resources
    basis: str
    asked: ResourceClass = field(default_factory=ResourceClass)
    """What a person decided of it; holds for later requests of the same step too."""


def tasks_on(cluster: Cluster, kpoints: int, chosen: ResourceClass | None = None) -> int:
    """MPI processes for a calculation: the number that makes it fastest, the smaller one where two are as fast.

    They fill one node, or as many as somebody chose, and never exceed the cores of the nodes that one job may have.
    k-points share work best, so a divisor of their number is preferred where it costs few cores: 15 of 16 for 29 or
    for 3 k-points. With fewer k-points than cores several processes divide the domain of each, so that all cores work:
    GPAW does both by itself.

    Args:
        cluster: Its nodes and limits.
        kpoints: Irreducible k-points.
        chosen: What somebody decided; a number of processes is taken as it is.
    """
    if chosen is not None and chosen.tasks is not None:
        return chosen.tasks
    nodes = min((chosen and chosen.nodes) or 1, cluster.limits.nodes)
    cores = nodes * cluster.node.cores
    # half of the cores cannot be faster than the double of that number; every node needs a process; max takes the first
    return max(range(max(nodes, cores // 2), cores + 1), key=lambda tasks: speed_up(kpoints, tasks))


def request(estimate: Estimate, cluster: Cluster, chosen: ResourceClass) -> Request:
    """The first request for one calculation.

    Args:
        estimate: For the number of processes that will be asked for.
        cluster: Its limits.
        chosen: What somebody decided; what it leaves out is estimated. Whether it fits the cluster is for the preflight
            to say.
    """
    over_time, over_memory = _SAFETY[estimate.certainty]
    tasks = tasks_on(cluster, estimate.kpoints, chosen)
    nodes = chosen.nodes or _nodes(estimate, cluster, tasks)
    memory_mb = math.ceil(_memory_mb(estimate, tasks, nodes, over_memory) / 100) * 100
    time_s = math.ceil(max(_shortest_s(cluster), estimate.wall_time_s * over_time) / 60) * 60.0
    resources = Resources(
        nodes=nodes,
        tasks=tasks,
        memory_mb=chosen.memory_mb or min(max(_LEAST_MB, memory_mb), cluster.node.memory_mb),
        time_s=chosen.time_s or min(time_s, cluster.limits.time_s),
    )
    return Request(resources, _words(estimate, chosen), chosen)


def _nodes(estimate: Estimate, cluster: Cluster, tasks: int) -> int:
    """The fewest nodes with a core for each process and with the memory that is expected, as far as limits allow."""
    if estimate.one_process:
        return 1
    least = max(1, math.ceil(tasks / cluster.node.cores))
    for nodes in range(least, min(tasks, cluster.limits.nodes) + 1):
        if _memory_mb(estimate, tasks, nodes) <= cluster.node.memory_mb:
            return nodes
    return max(least, min(tasks, cluster.limits.nodes))


def _memory_mb(estimate: Estimate, tasks: int, nodes: int, safety: float = 1.0) -> float:
    """Memory on the node with the most processes, MB."""
    return _START_MB + math.ceil(tasks / nodes) * estimate.memory_per_rank_mb * safety


def _shortest_s(cluster: Cluster) -> float:
    """The least wall time to ask for: less would gain nothing, unless short jobs share an allocation."""
    return min(_SHORTEST_S, cluster.packing.shorter_than_s) if cluster.packing.jobs > 1 else _SHORTEST_S


def _words(estimate: Estimate, chosen: ResourceClass) -> str:
    given = [name for name in ResourceClass.model_fields if getattr(chosen, name) is not None]
    rest = f"estimate from {estimate.basis}"
    return f"{', '.join(given)} as asked for; the rest by {rest}" if given else rest
