"""Where settings come from, which ones are refused, and that no password is shown."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from natrium.hpc.configuration import layers, load_configuration, physical_cores
from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.policy import RULES
from natrium.structures.errors import InputError

HELIX = """
clusters:
  helix-gpu:
    partition: main
    node: {cores: 48, memory_mb: 190000}
    limits: {time_s: 36h}
"""
NODE = "clusters: {a: {node: {cores: 1, memory_mb: 1}, "


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("NATRIUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "natrium").mkdir()
    (tmp_path / "natrium" / "natrium.yaml").touch(mode=0o600)
    return tmp_path / "natrium" / "natrium.yaml"


def test_defaults():
    configuration = load_configuration()
    assert configuration.database_uri is None
    assert configuration.database_name == "natrium"
    assert configuration.mpi_launcher == "mpiexec"
    assert 1 <= configuration.ranks == physical_cores() <= len(os.sched_getaffinity(0))
    assert configuration.embedded_folder == configuration.data_dir / "database"


def test_arguments_before_environment_before_file_before_defaults(file, monkeypatch):
    file.write_text("ranks: 3\nmpi_launcher: srun\ndatabase_name: file\ndata_dir: ~/from-file\n")
    monkeypatch.setenv("NATRIUM_RANKS", "5")
    monkeypatch.setenv("NATRIUM_DATABASE_NAME", "environment")
    monkeypatch.setenv("NATRIUM_MPI_LAUNCHER", "")
    configuration = load_configuration(database_name="argument")
    assert (configuration.ranks, configuration.mpi_launcher, configuration.database_name) == (5, "srun", "argument")
    assert str(configuration.data_dir) == os.path.expanduser("~/from-file")  # noqa: PTH111


def test_another_file(tmp_path, monkeypatch):
    (tmp_path / "other.yaml").write_text("ranks: 7")
    monkeypatch.setenv("NATRIUM_CONFIG", str(tmp_path / "other.yaml"))
    assert load_configuration().ranks == 7
    monkeypatch.setenv("NATRIUM_CONFIG", str(tmp_path / "missing.yaml"))
    with pytest.raises(InputError, match=r"missing\.yaml, which does not exist"):
        load_configuration()


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("rank: 3", "natrium.yaml: there is no setting 'rank'", "did you mean ranks?"),
        ("colour: red", "there is no setting 'colour'", "the settings are database_uri"),
        ("ranks: many", "the setting ranks: ", "ranks is: MPI processes"),
        ("ranks: 0", "the setting ranks: ", "MPI processes"),
        ("database_uri: postgres://me:s3cret@host/", "postgres://me:***@host/", "mongodb://"),
        ("database_name: a.b", "the setting database_name: ", "Name"),
        (
            "clusters: {a: {partitoin: x}}",
            "natrium.yaml: there is no setting 'clusters.a.partitoin'",
            "mean partition?",
        ),
        ("clusters: {a: {limits: {time: 1h}}}", "there is no setting 'clusters.a.limits.time'", "did you mean time_s?"),
        (
            "clusters: {a: {engines: {gpaw: {x: 1}}}}",
            "'clusters.a.engines.gpaw.x'",
            "of clusters.a.engines.gpaw are setup",
        ),
        ("resource_classes: {big: {node: 1}}", "'resource_classes.big.node'", "did you mean nodes?"),
        ("policy: {rules: {time limt: {}}}", "'policy.rules.time limt'", "did you mean time limit?"),
        ("policy: {rules: {time limit: {trys: 1}}}", "'policy.rules.time limit.trys'", "did you mean tries?"),
        ("clusters: {a: {partition: x}}", "clusters.a.node: Field required", "node is: One node; set it"),
        ("clusters: {a: {node: {cores: 0}}}", "the setting clusters.a.node.cores: ", "cores is: Physical cores"),
        (
            NODE + "runs_dir: $SCRATCH/x}}",
            "clusters.a.runs_dir: $SCRATCH/x is no absolute path",
            "runs_dir is",
        ),
        (
            NODE + "limits: {time_s: 1-0}}}",
            "clusters.a.limits.time_s: '1-0' is no duration",
            "time_s is",
        ),
        ("clusters: helix", "the setting clusters: ", "SLURM clusters by name"),
        ("policy: {rules: {time limit: {action: pray}}}", "policy.rules.time limit.action: ", "correct it"),
        (
            "database_uri: mongodb://h/\ndatabase_uri_file: x",
            "sets database_uri and database_uri_file",
            "leave one out",
        ),
        ("- ranks", "holds a list, not settings", "ranks: 8"),
        ("ranks: 3\ndatabase_uri: 'mongodb://me:s3cret@host", "natrium.yaml, line 2 cannot be read", "correct"),
    ],
)
def test_what_is_refused_in_the_file(file, text, problem, remedy):
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_configuration()
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("NATRIUM_RANK", "2", "NATRIUM_RANK is no setting"),
        ("NATRIUM_DATABASE_URL", "mongodb://h", "NATRIUM_DATABASE_URL is no setting"),
        ("NATRIUM_RANKS", "two", "NATRIUM_RANKS: "),
        ("NATRIUM_RANKS__X", "2", "NATRIUM_RANKS__X is no setting"),
        ("NATRIUM_CLUSTER__HELIX_GPU__ACCOUNT", "abc", "NATRIUM_CLUSTER__HELIX_GPU__ACCOUNT is no setting"),
        ("NATRIUM_CLUSTERS_HELIX_GPU_ACCOUNT", "abc", "NATRIUM_CLUSTERS_HELIX_GPU_ACCOUNT is no setting"),
        ("NATRIUM_CLUSTERS__HELIX_GPU__ACOUNT", "abc", "NATRIUM_CLUSTERS__HELIX_GPU__ACOUNT is no setting"),
        ("NATRIUM_CLUSTERS__HELIX_GPU__LIMITS__TIME", "1h", "NATRIUM_CLUSTERS__HELIX_GPU__LIMITS__TIME is no setting"),
        ("NATRIUM_CLUSTERS__HELIX_GPU__NODE__CORES", "x", "NATRIUM_CLUSTERS__HELIX_GPU__NODE__CORES: "),
        (
            "NATRIUM_CLUSTERS",
            '{"helix-gpu": {"limts": {}}}',
            "no setting 'clusters.helix-gpu.limts'",
        ),
        ("NATRIUM_CLUSTERS__HELIX_GPU__OPTIONS", "--x", "NATRIUM_CLUSTERS or a part of it cannot be read"),
    ],
)
def test_what_is_refused_in_the_environment(file, monkeypatch, variable, value, problem):
    file.write_text(HELIX)
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=problem):
        load_configuration()


def test_variables_of_other_parts_pass(monkeypatch):
    monkeypatch.setenv("NATRIUM_DEADLINE", "12345")
    load_configuration()


def test_the_database_server_and_its_watch_import_nothing_heavy():
    heavy = "{'pymongo', 'pydantic', 'maggma', 'secantus'}"
    code = f"import sys, natrium.hpc.embedded.lifecycle; print(sorted({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_variables_change_single_settings_of_a_cluster(file, monkeypatch):
    file.write_text(HELIX)
    monkeypatch.setenv("NATRIUM_CLUSTERS__HELIX_GPU__ACCOUNT", "abc")
    monkeypatch.setenv("NATRIUM_CLUSTERS__HELIX_GPU__LIMITS__NODES", "4")
    monkeypatch.setenv("NATRIUM_CLUSTERS__HELIX_GPU__OPTIONS", '["--constraint=skylake"]')
    monkeypatch.setenv("NATRIUM_POLICY__JOB_BUDGET", "7")
    configuration = load_configuration()
    name, cluster = configuration.cluster()
    assert (name, cluster.partition, cluster.account) == ("helix-gpu", "main", "abc")
    assert (cluster.limits.time_s, cluster.limits.nodes) == (36 * 3600, 4)
    assert cluster.options == ("--constraint=skylake",)
    assert configuration.policy.job_budget == 7
    assert configuration.policy.rule(JobOutcome.TIME_LIMIT) == RULES[JobOutcome.TIME_LIMIT]


@pytest.mark.parametrize(
    ("text", "asked", "answer", "remedy"),
    [
        (HELIX, None, "helix-gpu", ""),
        (HELIX, "helix-gpu", "helix-gpu", ""),
        (HELIX + "  b: {node: {cores: 1, memory_mb: 1}}\ndefault_cluster: b", None, "b", ""),
        (
            HELIX + "  b: {node: {cores: 1, memory_mb: 1}}",
            None,
            "several clusters: helix-gpu, b",
            "set default_cluster",
        ),
        (HELIX, "helix-cpu", "no cluster 'helix-cpu'", "did you mean helix-gpu?"),
        (HELIX, "other", "no cluster 'other'", "the clusters are helix-gpu"),
        (HELIX + "default_cluster: b", None, "no cluster 'b' (default_cluster)", "the clusters are helix-gpu"),
        ("", None, "no cluster is configured", "natrium cluster up"),
        ("", "helix", "there is no cluster helix", "natrium cluster up"),
    ],
)
def test_which_cluster_is_meant(file, text, asked, answer, remedy):
    file.write_text(text)
    configuration = load_configuration()
    if not remedy:
        assert configuration.cluster(asked) == (answer, configuration.clusters[answer])
        return
    with pytest.raises(InputError) as caught:
        configuration.cluster(asked)
    assert answer in caught.value.problem
    assert remedy in caught.value.remedy


def test_the_laptop_cluster_is_offered_while_it_is_up(file, tmp_path, monkeypatch):
    monkeypatch.setenv("NATRIUM_DATA_DIR", str(tmp_path / "data"))
    described = tmp_path / "data" / "lab" / "cluster.yaml"
    described.parent.mkdir(parents=True)
    assert load_configuration().clusters == {}
    described.write_text("partition: main\nnode: {cores: 2, memory_mb: 4000}\n")
    monkeypatch.setenv("NATRIUM_CLUSTERS__LAB__LIMITS__NODES", "2")
    name, cluster = load_configuration().cluster()
    assert (name, cluster.partition, cluster.node.cores, cluster.limits.nodes) == ("lab", "main", 2, 2)
    assert layers()[-1].place == str(described)
    file.write_text(HELIX.replace("helix-gpu", "lab"))
    assert load_configuration().clusters["lab"].node.cores == 48
    file.write_text("")
    described.write_text("partitoin: main")
    with pytest.raises(InputError, match=r"cluster.yaml: there is no setting 'clusters.lab.partitoin'"):
        load_configuration()


def test_what_every_job_imports_stays_small():
    heavy = "{'pymongo', 'maggma', 'jobflow', 'fireworks', 'pymatgen', 'custodian', 'numpy', 'rich', 'ase'}"
    code = f"import sys, natrium.hpc.configuration; print(sorted({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
