"""Jobs that would wait for ever are refused before they are submitted, and jobs that can start are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from natrium.hpc.cluster import Cluster, Limits, NodeShape, Resources
from natrium.hpc.slurm.commands import Slurm, SlurmRefusedError, SlurmSilentError
from natrium.hpc.slurm.lab import Lab
from natrium.hpc.slurm.preflight import preflight


@pytest.fixture(scope="module", params=[True, False], ids=["accounting", "no accounting"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"), nodes=2, cores=1, memory_mb=2000, accounting=request.param)
    try:
        lab.up()
        _scontrol(lab, "create", "PartitionName=brief", "Nodes=ALL", "MaxTime=2", "State=UP")
        _scontrol(lab, "create", "PartitionName=shut", "Nodes=ALL", "State=DOWN")
        _scontrol(lab, "create", "PartitionName=idle", "Nodes=ALL", "State=INACTIVE")
        _scontrol(lab, "create", "PartitionName=closed", "Nodes=ALL", "AllowAccounts=others", "State=UP")
        yield lab
    finally:
        lab.down()


def _scontrol(lab: Lab, *arguments: str) -> None:
    Slurm(lab.cluster).run("scontrol", *arguments)


def _preflight(lab: Lab, folder: Path, request: dict[str, Any], settings: dict[str, Any]) -> Slurm:
    """Of a cluster whose natrium settings promise far more than SLURM has, unless told otherwise."""
    promised = {"node": NodeShape(cores=64, memory_mb=900_000), "limits": Limits(nodes=50, time_s="10d")}
    cluster = Cluster(**{"slurm_conf": lab.cluster.slurm_conf, **promised, **settings})
    asked = Resources(**{"memory_mb": 50, "time_s": 60, **request})
    script = folder / "job.sh"
    lines = {
        "nodes": asked.nodes,
        "ntasks": asked.tasks,
        "mem": asked.memory_mb,
        "time": f"0:{asked.time_s:.0f}",
        "exclude": ",".join(asked.exclude),
        "partition": cluster.partition,
        "account": cluster.account,
        "qos": cluster.qos,
    }
    options = [f"#SBATCH --{name}={value}" for name, value in lines.items() if value]
    script.write_text("\n".join(["#!/bin/sh", *options, *(f"#SBATCH {each}" for each in cluster.options), "exit 0\n"]))
    slurm = Slurm(cluster)
    preflight(slurm, cluster, script, asked)
    return slurm


@pytest.mark.parametrize(
    ("request_", "settings"),
    [
        ({}, {}),
        ({"nodes": 2, "tasks": 2, "memory_mb": 1500}, {}),
        ({"time_s": 120}, {"partition": "brief"}),
        ({"time_s": 110}, {"partition": "brief"}),
        ({"time_s": 600}, {"partition": "brief,closed"}),
    ],
)
def test_what_can_start_passes(lab: Lab, tmp_path: Path, request_: dict[str, Any], settings: dict[str, Any]) -> None:
    slurm = _preflight(lab, tmp_path, request_, settings)
    assert slurm.named("") == {}, "nothing is submitted"


@pytest.mark.parametrize(
    ("request_", "settings", "problem", "remedy"),
    [
        ({"time_s": "11d"}, {}, "950400 s of wall time", "raise limits.time_s"),
        ({"nodes": 51, "tasks": 51}, {}, "51 nodes", "raise limits.nodes"),
        ({"tasks": 65}, {}, "65 tasks on each node", "raise node.cores"),
        ({"memory_mb": 950_000}, {}, "950000 MB", "raise node.memory_mb"),
        ({"nodes": 3, "tasks": 3}, {}, "has 2 that fit", "correct limits.nodes"),
        ({"tasks": 2}, {}, "largest node of partition .* has 1", "correct node.cores"),
        ({"memory_mb": 5000}, {}, "largest node of partition .* has 2000", "correct node.memory_mb"),
        (
            {"time_s": 121},
            {"partition": "brief"},
            "180 s of wall time, partition brief gives 120",
            "limits.time_s .* 120",
        ),
        ({}, {"partition": "nowhere"}, "no partition nowhere", "one of .*brief"),
        ({}, {"partition": "shut"}, "shut is DOWN", "another partition"),
        ({}, {"partition": "idle"}, "idle is INACTIVE", "another partition"),
        ({}, {"partition": "closed", "account": "mine"}, "closed to account mine; it takes others", "set account"),
        ({}, {"options": ("--constraint=quantum",)}, "feature", "options"),
    ],
)
def test_what_cannot_start_is_refused(
    lab: Lab, tmp_path: Path, request_: dict[str, Any], settings: dict[str, Any], problem: str, remedy: str
) -> None:
    with pytest.raises(SlurmRefusedError) as refused:
        _preflight(lab, tmp_path, request_, settings)
    assert refused.match(problem)
    assert refused.match(remedy)


def test_excluded_nodes_do_not_count(lab: Lab, tmp_path: Path) -> None:
    first = Slurm(lab.cluster).facts().nodes[0].name
    _preflight(lab, tmp_path, {"exclude": (first,)}, {})
    with pytest.raises(SlurmRefusedError, match=f"without {first} has 1 that fit"):
        _preflight(lab, tmp_path, {"nodes": 2, "tasks": 2, "exclude": (first,)}, {})


def test_an_account_that_nobody_knows(lab: Lab, tmp_path: Path) -> None:
    if Slurm(lab.cluster).has_accounting:
        with pytest.raises(SlurmRefusedError, match="account typo is unknown"):
            _preflight(lab, tmp_path, {}, {"account": "typo"})
        _preflight(lab, tmp_path, {}, {"account": "root"})
    else:
        _preflight(lab, tmp_path, {}, {"account": "typo"})


def test_a_silent_controller_is_no_refusal(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(SlurmSilentError, match="does not exist"):
        _preflight(lab, tmp_path, {}, {"slurm_conf": tmp_path / "slurm.conf"})
