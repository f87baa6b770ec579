"""`natrium config`: what it writes, shows and finds. Findings about clusters are made on a real SLURM."""

from __future__ import annotations

import getpass
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pymongo import MongoClient

from natrium.hpc.cluster import Cluster
from natrium.hpc.cluster_check import check_cluster, database_findings, file_system, runs_dir_findings
from natrium.hpc.cluster_facts import SlurmSilentError, cluster_facts, in_service, slurm_environment, slurm_seconds
from natrium.hpc.configuration import load_configuration
from natrium.hpc.embedded.lifecycle import connected, stop
from natrium.hpc.finding import Finding

if TYPE_CHECKING:
    from conftest import CommandLine

NOT_HERE = "natrium-test-"


def written(natrium: CommandLine, text: str) -> Path:
    file = natrium.folder / "natrium.yaml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def without_slurm(natrium: CommandLine) -> CommandLine:
    """Where SLURM's commands do not answer, whatever this machine has."""
    return natrium.with_variables(SLURM_CONF="/nowhere/slurm.conf", PATH="/nowhere")


def test_init_without_slurm_writes_a_private_file_with_lines_to_fill_in(natrium: CommandLine) -> None:
    file = natrium.folder / "new" / "natrium.yaml"
    here = without_slurm(natrium).with_variables(NATRIUM_CONFIG=str(file))
    told = here("config", "init", "--cluster", "helix").stdout.splitlines()
    assert told[-1] == "next: natrium config check"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert yaml.safe_load(file.read_text()) is None
    # filled in as its own words say, it is a configuration
    text = file.read_text()
    head, _, described = text.partition("each line down to memory_mb:\n")
    filled = "\n".join(line.removeprefix("# ") for line in described.splitlines()).replace("…", "abc")
    assert yaml.safe_load(filled)["clusters"]["helix"]["runs_dir"] == "/scratch/you/natrium"
    file.write_text(head + filled)
    assert {each["setting"] for each in here.json("config", "show")} >= {"clusters.helix.account"}
    assert "is not overwritten" in here("config", "init", code=2).stderr
    assert file.read_text() == head + filled


def test_init_is_filled_in_from_slurm(natrium: CommandLine, lab: Any) -> None:
    file = natrium.folder / "new.yaml"
    here = natrium.with_variables(NATRIUM_CONFIG=str(file), SLURM_CONF=str(lab.cluster.slurm_conf))
    here("config", "init", "--cluster", "here")
    shown = {each["setting"]: each["value"] for each in here.json("config", "show")}
    facts = cluster_facts(lab.cluster.slurm_conf, getpass.getuser())
    default = facts.partition(None)
    assert default is not None
    assert shown["default_cluster"] == "here"
    assert shown["clusters.here.partition"] == default.name
    shapes = {(node.cores, node.memory_mb) for node in facts.nodes_of(default)}
    assert (shown["clusters.here.node.cores"], shown["clusters.here.node.memory_mb"]) in shapes
    assert shown["clusters.here.slurm_conf"] == str(lab.cluster.slurm_conf)
    findings = {each["what"]: each for each in here.json("config", "check")}
    assert [each for each in findings.values() if each["state"] == "problem"] == []
    assert {"database", "here: SLURM", f"here: partition {default.name}", "here: python"} <= findings.keys()


def test_show_says_where_values_come_from_and_no_secrets(natrium: CommandLine) -> None:
    file = written(
        natrium,
        "database_uri: mongodb://me:s3cret@host/\n"
        "clusters: {a: {node: {cores: 2, memory_mb: 100}, setup: 'export API_TOKEN=s3cret OMP=1'}}\n"
        "policy: {rules: {time limit: {action: give up}}}\n",
    )
    here = natrium.with_variables(NATRIUM_CLUSTERS__A__ACCOUNT="abc")
    shown = {each["setting"]: (each["value"], each["source"]) for each in here.json("config", "show")}
    assert shown["database_uri"] == ("mongodb://me:***@host/", str(file))
    assert shown["database_name"] == ("natrium", "default")
    assert shown["ranks"] == (1, "NATRIUM_RANKS")
    assert shown["clusters.a.node.cores"] == (2, str(file))
    assert shown["clusters.a.account"] == ("abc", "NATRIUM_CLUSTERS__A__ACCOUNT")
    assert shown["clusters.a.setup"] == ("export API_TOKEN=*** OMP=1", str(file))
    assert shown["clusters.a.limits.time_s"] == (86400, "default")
    assert shown["policy.rules.time limit"][1] == str(file)
    assert shown["policy.rules.out of memory"][1] == "default"
    table = here("config", "show").stdout
    assert "clusters.a.account" in table
    assert "s3cret" not in table


@pytest.mark.parametrize(
    ("text", "mode", "variables", "what", "evidence"),
    [
        ("rank: 1", 0o600, {}, "configuration", "there is no setting 'rank'"),
        ("ranks: 1", 0o620, {}, "configuration file", "others may write"),
        ("default_cluster: a", 0o600, {}, "clusters", "there is no cluster a"),
        ("", 0o600, {"NATRIUM_DATABASE_URI": "mongodb://"}, "database", "not valid"),
    ],
)
def test_what_check_finds_without_a_cluster(
    natrium: CommandLine, text: str, mode: int, variables: dict[str, str], what: str, evidence: str
) -> None:
    written(natrium, text).chmod(mode)
    found = {each["what"]: each for each in natrium.with_variables(**variables).json("config", "check")}
    assert found[what]["state"] == "problem"
    assert evidence in found[what]["evidence"]
    assert found[what]["remedy"]


def test_check_signs_in_and_writes_to_a_server(natrium: CommandLine) -> None:
    """The embedded server, as if it were one elsewhere: it wants a password."""
    written(natrium, "")
    with connected(natrium.folder / "elsewhere") as uri:
        user, _, rest = uri.removeprefix("mongodb://").partition(":")
        address = natrium.folder / "address"
        for password, state, evidence in (
            (rest.partition("@")[0], "ok", "written, read, removed"),
            ("wrong", "problem", "refuses the user"),
        ):
            address.write_text(f"mongodb://{user}:{password}@{rest.partition('@')[2]}")
            address.chmod(0o600)
            here = natrium.with_variables(NATRIUM_DATABASE_URI_FILE=str(address))
            found = {each["what"]: each for each in here.json("config", "check")}["database"]
            assert (found["state"], evidence in found["evidence"]) == (state, True)
            assert f":{password}@" not in str(found)
        with MongoClient(uri) as client:
            names = client["natrium"].list_collection_names()
    stop(natrium.folder / "elsewhere", force=True)
    assert [name for name in names if "check" in name] == []


def test_check_ends_with_two_when_there_is_a_problem_and_else_with_zero(natrium: CommandLine) -> None:
    written(natrium, "")
    assert "written, read, removed" in natrium("config", "check").stdout
    told = natrium("config", "check", "--cluster", "helix", code=2).stdout
    assert "problem  clusters: there is no cluster helix" in told
    assert "what to do: " in told


def described(lab: Any, **differences: Any) -> dict[str, Any]:
    """The lab's cluster as a configuration has it, with differences."""
    return {**lab.cluster.model_dump(mode="json", exclude_defaults=True), **differences}


def findings(lab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **differences: Any) -> dict[str, Finding]:
    monkeypatch.setenv("NATRIUM_CONFIG", os.devnull)
    configuration = load_configuration(data_dir=tmp_path, clusters={"c": described(lab, **differences)})
    return {finding.what: finding for finding in check_cluster("c", configuration)}


@pytest.fixture
def narrow(lab: Any) -> Iterator[str]:
    """A partition of the lab with limits: one node, one minute, no account but one."""
    name = f"{NOT_HERE}narrow"
    told = ("MaxTime=1", "MaxNodes=1", "AllowAccounts=somebody", "Nodes=ALL", "State=DOWN")
    environment = slurm_environment(lab.cluster.slurm_conf)
    subprocess.run(["scontrol", "create", f"PartitionName={name}", *told], env=environment, check=True)
    yield name
    subprocess.run(["scontrol", "delete", f"PartitionName={name}"], env=environment, check=True)


def test_all_is_well_on_the_lab(lab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = findings(lab, monkeypatch, tmp_path, runs_dir=str(tmp_path), setup="export A=1\ncd /")
    assert [each for each in found.values() if each.state == "problem"] == []
    assert {"c: setup", "c: MPI launcher", "c: python", "c: node", "c: limits.time_s", "c: runs_dir"} <= found.keys()


@pytest.mark.parametrize(
    ("differences", "what", "evidence"),
    [
        ({"partition": f"{NOT_HERE}none"}, "c: partition", "there is no partition"),
        ({"node": {"cores": 4096, "memory_mb": 1}}, "c: node", "but the largest node has"),
        ({"node": {"cores": 1, "memory_mb": 10**9}}, "c: node", "but the largest node has"),
        ({"limits": {"nodes": 10_000}}, "c: limits.nodes", "one job may have"),
        ({"runs_dir": "/nowhere/at/all"}, "c: runs_dir", "does not exist"),
        ({"setup": "true\nmodule-of-nobody load x\ntrue"}, "c: setup", "module-of-nobody load x"),
        ({"setup": "exit 0"}, "c: setup", "ends the shell"),
        ({"setup": "if then"}, "c: setup", "syntax error"),
        ({"mpi_launcher": "mpi-of-nobody -n 3"}, "c: MPI launcher", "mpi-of-nobody is not found"),
        ({"setup": "PATH=/nowhere"}, "c: MPI launcher", "is not found after setup"),
        ({"engines": {"gpaw": {"setup": "false"}}}, "c: setup of gpaw", "false"),
        ({"python": "/nowhere/python"}, "c: python", "No such file"),
        ({"python": "/usr/bin/env"}, "c: python", "env"),
    ],
)
def test_each_fault_is_found(
    lab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, differences: dict[str, Any], what: str, evidence: str
) -> None:
    finding = findings(lab, monkeypatch, tmp_path, **differences)[what]
    assert finding.state == "problem"
    assert evidence in finding.evidence
    assert finding.remedy


def test_limits_of_the_partition(lab: Any, narrow: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = findings(lab, monkeypatch, tmp_path, partition=narrow, limits={"time_s": "1h", "nodes": 2}, account=None)
    problems = {what: each.evidence for what, each in found.items() if each.state == "problem"}
    assert problems[f"c: partition {narrow}"] == "its state is DOWN"
    assert problems["c: limits.time_s"].startswith("3600 s, but the partition allows 60 s")
    assert problems["c: limits.nodes"] == "2, but one job may have 1 in this partition"
    found = findings(lab, monkeypatch, tmp_path, partition=narrow, limits={"time_s": 60}, account="other")
    assert (found["c: limits.time_s"].state, found["c: limits.nodes"].state) == ("ok", "ok")
    assert (found["c: account"].state, "admits somebody" in found["c: account"].evidence) == ("problem", True)


def test_slurm_that_does_not_answer(lab: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SlurmSilentError, match=r"/nowhere/slurm\.conf does not exist"):
        findings(lab, monkeypatch, tmp_path, slurm_conf="/nowhere/slurm.conf")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SlurmSilentError, match="scontrol is not on PATH"):
        cluster_facts(lab.cluster.slurm_conf, getpass.getuser())


def test_other_machines_need_a_shared_folder(tmp_path: Path) -> None:
    (alone,) = runs_dir_findings("c", tmp_path, others=False)
    (seen,) = runs_dir_findings("c", tmp_path, others=True)
    kind = file_system(tmp_path)
    assert kind in {line.split()[2] for line in Path("/proc/self/mounts").read_text().splitlines()}
    assert alone.state == ("warning" if kind in ("tmpfs", "ramfs") else "ok")
    assert (seen.state, kind in seen.evidence) == ("warning", True)
    assert [each.state for each in runs_dir_findings("c", None, others=True)] == ["warning"]
    assert list(tmp_path.iterdir()) == []


def test_file_system_of_known_folders() -> None:
    assert file_system(Path("/proc/self")) == "proc"


@pytest.mark.parametrize(
    ("uri", "database", "hosts", "warns"),
    [
        (None, "reachable", ["n1", "n2"], "embedded"),
        (None, "reachable", [], ""),
        (None, "unreachable", ["n1"], ""),
        ("mongodb://me:p@ss@localhost:27017/x", "reachable", ["n1"], "localhost is another machine"),
        ("mongodb://127.0.0.1", "reachable", ["n1"], "127.0.0.1"),
        ("mongodb://[::1]:27017/", "reachable", ["n1"], "::1"),
        ("mongodb://db.example.org/", "reachable", ["n1"], ""),
        ("mongodb://localhost.example.org/", "reachable", ["n1"], ""),
    ],
)
def test_the_database_must_be_reached_from_the_nodes(
    uri: str | None, database: str, hosts: list[str], warns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATRIUM_CONFIG", os.devnull)
    monkeypatch.delenv("NATRIUM_DATABASE_URI", raising=False)
    cluster = Cluster.model_validate({"node": {"cores": 1, "memory_mb": 1}, "database": database})
    configuration = load_configuration(clusters={"c": cluster.model_dump()}, **({"database_uri": uri} if uri else {}))
    found = list(database_findings("c", hosts, configuration))
    assert [each.state for each in found] == (["warning"] if warns else [])
    assert all(warns in each.evidence and "p@ss" not in each.evidence for each in found)


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("UNLIMITED", None),
        ("30:00", 1800),
        ("00:01:00", 60),
        ("1-00:00:00", 86400),
        ("2-12:30:15", 2 * 86400 + 12 * 3600 + 30 * 60 + 15),
    ],
)
def test_times_of_slurm(text: str, expected_s: float | None) -> None:
    assert slurm_seconds(text) == expected_s


@pytest.mark.parametrize(
    ("state", "takes_jobs"),
    [
        ("IDLE", True),
        ("MIXED", True),
        ("ALLOCATED+COMPLETING", True),
        ("IDLE+CLOUD+POWERED_DOWN", True),
        ("IDLE+DRAIN", False),
        ("DOWN*", False),
        ("IDLE*", False),
        ("DOWN+NOT_RESPONDING", False),
    ],
)
def test_states_of_nodes(state: str, takes_jobs: bool) -> None:
    assert in_service(state) is takes_jobs
