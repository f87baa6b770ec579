"""What a step asks of SLURM at first, and with how many processes: tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from natrium.hpc.cluster import Cluster, Limits, NodeShape, Packing, ResourceClass
from natrium.hpc.cost_model import kpoint_groups, speed_up
from natrium.hpc.estimate import Estimate
from natrium.hpc.queue.request import request, tasks_on


def cluster(
    cores: int = 16, memory_mb: int = 64_000, nodes: int = 1, time_s: float = 86_400, packed: int = 1
) -> Cluster:
    return Cluster(
        node=NodeShape(cores=cores, memory_mb=memory_mb),
        limits=Limits(nodes=nodes, time_s=time_s),
        packing=Packing(jobs=packed),
    )


def cost(
    time_s: float = 1000.0,
    memory_mb: float = 500.0,
    certainty: Any = "model",
    kpoints: int = 1,
    one_process: bool = False,
) -> Estimate:
    return Estimate("slab", time_s, memory_mb, kpoints, "5000 plane waves", 30, certainty, "somewhere", one_process)


@pytest.mark.parametrize(
    ("cores", "nodes", "chosen", "kpoints", "tasks"),
    [
        # few k-points: all cores, since the processes of a group divide the domain
        (1, 1, {}, 1, 1),
        (2, 1, {}, 1, 2),
        (16, 1, {}, 1, 16),
        (16, 1, {}, 2, 16),
        (12, 1, {}, 8, 12),
        # a divisor of the k-points, or of the next multiple, where that costs few cores
        (16, 1, {}, 3, 15),
        (16, 1, {}, 13, 13),
        (16, 1, {}, 29, 15),
        (16, 1, {}, 72, 15),
        (8, 1, {}, 7, 7),
        (128, 1, {}, 13, 117),
        (16, 1, {}, 16, 16),
        (16, 1, {}, 32, 16),
        (16, 1, {}, 1000, 16),
        # a prime number of k-points is no reason to leave cores idle
        (2, 1, {}, 13, 2),
        (4, 1, {}, 5, 4),
        # one node, unless somebody chose more; never more than one job may have
        (16, 4, {}, 64, 16),
        (16, 4, {"nodes": 4}, 64, 64),
        (16, 2, {"nodes": 4}, 64, 32),
        (1, 4, {"nodes": 4}, 3, 4),
        (16, 1, {"memory_mb": 500}, 16, 16),
        # a number that somebody chose is taken as it is
        (16, 1, {"tasks": 3}, 16, 3),
        (16, 4, {"tasks": 40, "nodes": 3}, 16, 40),
    ],
)
def test_processes(cores: int, nodes: int, chosen: dict[str, Any], kpoints: int, tasks: int) -> None:
    found = tasks_on(cluster(cores, nodes=nodes), kpoints, ResourceClass(**chosen))
    assert found == tasks
    assert chosen.get("tasks") or found <= cores * nodes


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 7, 16, 36, 128])
@pytest.mark.parametrize("kpoints", [1, 2, 3, 5, 13, 29, 72, 500])
def test_no_other_number_of_processes_is_faster(cores: int, kpoints: int) -> None:
    chosen = tasks_on(cluster(cores), kpoints)
    fastest = max(speed_up(kpoints, tasks) for tasks in range(1, cores + 1))
    assert 1 <= chosen <= cores
    assert speed_up(kpoints, chosen) == fastest
    assert all(speed_up(kpoints, fewer) < fastest for fewer in range(1, chosen))


@pytest.mark.gpaw
@pytest.mark.parametrize("kpoints", [1, 2, 3, 8, 13, 29])
@pytest.mark.parametrize("ranks", [1, 2, 6, 12, 15, 16, 104, 128])
def test_gpaw_makes_the_same_groups(kpoints: int, ranks: int) -> None:
    from gpaw.mpi import Parallelization

    assert (
        kpoint_groups(kpoints, ranks)
        == Parallelization(SimpleNamespace(size=ranks), kpoints).get_optimal_kpt_parallelization()
    )


@pytest.mark.parametrize(
    ("certainty", "time_s", "memory_mb"), [("measured", 2040, 1000), ("corrected", 3000, 1100), ("model", 4020, 1100)]
)
def test_what_is_known_better_gets_a_smaller_margin(certainty: str, time_s: float, memory_mb: int) -> None:
    asked = request(cost(1001 if certainty != "corrected" else 1000, 500, certainty), cluster(1), ResourceClass())
    assert (asked.resources.time_s, asked.resources.memory_mb) == (time_s, memory_mb)
    assert asked.basis == "estimate from somewhere"


@pytest.mark.parametrize(
    ("estimate", "on", "chosen", "expected"),
    [
        # least and most
        (cost(1, 10), cluster(1), {}, {"time_s": 600, "memory_mb": 1000, "nodes": 1, "tasks": 1}),
        (cost(1e6), cluster(1), {}, {"time_s": 86_400}),
        (cost(1, 1000), cluster(1, 1200), {}, {"memory_mb": 1200}),
        (cost(1, 10), cluster(1, 800), {}, {"memory_mb": 800}),
        # memory is that of one node with all its processes
        (cost(1, 1000), cluster(4), {}, {"tasks": 4, "memory_mb": 6700}),
        (cost(1, 1000, kpoints=8), cluster(4, nodes=2), {"nodes": 2}, {"tasks": 8, "nodes": 2, "memory_mb": 6700}),
        (cost(1, 1000), cluster(4, nodes=2), {"tasks": 5}, {"tasks": 5, "nodes": 2, "memory_mb": 5100}),
        # more nodes where the memory that is expected does not fit on one
        (cost(1, 1000), cluster(4, 4000, nodes=3), {}, {"tasks": 4, "nodes": 2, "memory_mb": 3500}),
        (cost(1, 1000), cluster(4, 1500, nodes=9), {}, {"tasks": 4, "nodes": 4, "memory_mb": 1500}),
        (cost(1, 1000), cluster(4, 1500, nodes=3), {}, {"tasks": 4, "nodes": 3, "memory_mb": 1500}),
        (cost(1, 1000), cluster(4, 5000, nodes=3), {}, {"nodes": 1, "memory_mb": 5000}),
        (cost(1, 1000), cluster(4, 4000, nodes=3), {"nodes": 1}, {"nodes": 1, "memory_mb": 4000}),
        # threads cannot be on two nodes
        (cost(1, 1000, one_process=True), cluster(4, 4000, nodes=3), {}, {"tasks": 4, "nodes": 1, "memory_mb": 4000}),
        # short jobs that may share an allocation must be allowed to be short
        (cost(1), cluster(1, packed=4), {}, {"time_s": 300}),
        (cost(100), cluster(1, packed=4), {}, {"time_s": 420}),
        # what somebody decided stands, also beyond the limits: the preflight says so
        (cost(), cluster(1), {"time_s": 90, "memory_mb": 50}, {"time_s": 90, "memory_mb": 50}),
        (cost(), cluster(1), {"time_s": 1e6, "memory_mb": 10**6}, {"time_s": 1e6, "memory_mb": 10**6}),
    ],
)
def test_requests(estimate: Estimate, on: Cluster, chosen: dict[str, Any], expected: dict[str, Any]) -> None:
    resources = request(estimate, on, ResourceClass(**chosen)).resources
    assert {name: getattr(resources, name) for name in expected} == expected


def test_the_basis_names_what_somebody_decided() -> None:
    asked = request(cost(), cluster(), ResourceClass(tasks=2, time_s="2h"))
    assert asked.basis == "tasks, time_s as asked for; the rest by estimate from somewhere"
