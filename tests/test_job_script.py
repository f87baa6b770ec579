"""The batch script: what SLURM and bash read in it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from natrium.hpc.cluster import Cluster, EngineCommand, NodeShape, Resources
from natrium.hpc.queue.job_script import job_script, queue_adapter, wall_time

NODE = NodeShape(cores=4, memory_mb=8000)
NAME, COMMENT = "na110-3f9c2a/slab-relax#2", "natrium show na110-3f9c2a"
SECRET = "mongodb://me:s3cret@db.example.org/"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("NATRIUM_", "GPAW_SETUP", "VASP_PP"))]:
        monkeypatch.delenv(name)


def script(folders: list[Path] | None = None, name: str = NAME, comment: str = COMMENT, **cluster: Any) -> str:
    resources = cluster.pop("resources", Resources(nodes=2, tasks=8, memory_mb=3000, time_s=5000))
    folders = folders or [Path("/scratch/na110-3f9c2a/02-slab-relax/job-2")]
    return job_script(Cluster(node=NODE, **cluster), "gpaw", resources, name, comment, folders)


def options(text: str) -> list[str]:
    """Options as sbatch reads them: from lines that begin with #SBATCH before the first command, with quotes."""
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            break
        if line.startswith("#SBATCH "):
            found += shlex.split(line.removeprefix("#SBATCH "))
    return found


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_what_is_always_said() -> None:
    text = script()
    assert text.startswith("#!/bin/bash\n")
    assert options(text) == [
        f"--job-name={NAME}",
        f"--comment={COMMENT}",
        "--nodes=2",
        "--ntasks=8",
        "--cpus-per-task=1",
        "--mem=3000M",
        "--time=0-01:24:00",
        "--signal=B:USR1@120",
        "--output=/scratch/na110-3f9c2a/02-slab-relax/job-2/slurm.out",
        "--open-mode=append",
        "--no-requeue",
        "--export=ALL",
    ]
    assert commands(text) == [
        "export OMP_NUM_THREADS=1",
        "cd /scratch/na110-3f9c2a/02-slab-relax/job-2 || exit 1",
        f"exec {sys.executable} -P -m natrium.hpc.queue.job /scratch/na110-3f9c2a/02-slab-relax/job-2",
    ]


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"partition": "long"}, "--partition=long"),
        ({"account": "p-77"}, "--account=p-77"),
        ({"qos": "high"}, "--qos=high"),
        ({"options": ("--constraint=skylake", "--gres=scratch:10")}, "--constraint=skylake"),
        ({"options": ("--constraint=skylake", "--gres=scratch:10")}, "--gres=scratch:10"),
        ({"options": ('--comment="a b"',)}, "--comment=a b"),
        ({"options": ("--wckey=a$$b",)}, "--wckey=a$$b"),
        ({"resources": Resources(exclude=("n1", "n[3-4]"))}, "--exclude=n1,n[3-4]"),
        ({"signal_s": 30}, "--signal=B:USR1@30"),
        ({"resources": Resources(time_s=100)}, "--signal=B:USR1@25"),
        ({"resources": Resources(time_s=2)}, "--signal=B:USR1@1"),
    ],
)
def test_what_the_cluster_and_the_request_add(cluster: dict[str, Any], said: str) -> None:
    assert said in options(script(**cluster))
    assert said not in options(script())


@pytest.mark.parametrize(
    "setup",
    [
        "module load gpaw",
        "module purge\nmodule load gpaw/26.7 openmpi\nexport A='b c'",
        "export PID=$$",
        "export DIR=/tmp/$USER-$$\nmkdir -p $DIR\necho $$$ ${#A} $(date) `id`",
        "echo '$${nodes} $${unknown}'",
        "if true; then\n\techo '#SBATCH --mem=1M'\nfi  # done\n\n:",
        "cat <<'END'\n  100 % $1\nEND",
    ],
)
def test_setup_lines_are_kept_to_the_letter(setup: str) -> None:
    text = script(setup=setup)
    assert text.startswith("#!/bin/bash -l\n")
    assert f"\n{setup}\ncd " in text  # wherever they lead, the job starts in its own folder
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).stderr == ""


def test_an_engine_adds_its_own_lines() -> None:
    engines = {"gpaw": EngineCommand(setup="module load gpaw"), "vasp": EngineCommand(setup="module load vasp")}
    text = script(setup="module purge", engines=engines)
    assert "\nmodule purge\nmodule load gpaw\ncd " in text
    assert "vasp" not in text


@pytest.mark.parametrize("odd", ["slab#2", "it's", 'a "b"', "a b", "$HOME", "a$$b", "`id`", "50%j", "Na⁺ \\ &;|<>()"])
def test_odd_names_reach_slurm_and_bash_as_they_are(odd: str, tmp_path: Path) -> None:
    folders = [tmp_path / odd, tmp_path / f"{odd}-2"]
    folders[0].mkdir()
    text = script(folders, name=odd, comment=odd)
    assert f"--job-name={odd}" in options(text)
    assert f"--comment={odd}" in options(text)
    (output,) = [option for option in options(text) if option.startswith("--output=")]
    assert output.removeprefix("--output=").replace("%%", "%") == f"{folders[0]}/slurm.out"
    assert not re.search(r"(?<!%)%[^%]", output.replace("%%", ""))
    # the same script, which says where it is and with which arguments it would go on
    told = text.replace(f"exec {sys.executable} -P -m natrium.hpc.queue.job", "pwd; printf '%s\\n'")
    assert told != text
    done = subprocess.run(["bash"], input=told, text=True, capture_output=True, cwd="/")
    assert done.stdout.splitlines() == [str(folders[0]), *map(str, folders)]
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["NATRIUM_DATABASE_URI", "MONGO_PASSWORD", "natrium_database_uri"])
def test_no_password_is_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    assert "s3cret" not in script()


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("NATRIUM_CONFIG", "/home/me/my natrium.yaml", True),
        ("NATRIUM_DATABASE_URI_FILE", "/home/me/.uri", True),
        ("NATRIUM_DATABASE_NAME", "a$$b 'c'\nd", True),
        ("GPAW_SETUP_PATH", "/data/setups", True),
        ("VASP_PP_PATH", "/data/potpaw", True),
        ("LD_LIBRARY_PATH", "/opt/lib", False),
        # these belong to the job in which somebody submitted
        ("NATRIUM_RANKS", "3", False),
        ("NATRIUM_SUBMISSION", "na110-1/bulk#1", False),
        ("NATRIUM_DEADLINE", "17", False),
        ("NATRIUM_MPI_LAUNCHER", "srun", False),
    ],
)
def test_what_a_job_knows_of_where_it_was_submitted(
    name: str, value: str, kept: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, value)
    text = script([tmp_path])
    told = text.replace("exec ", f'printf %s "${{{name}-not set}}" #')
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["bash"], input=told, text=True, capture_output=True, env=environment)
    assert done.stdout == (value if kept else "not set")


def test_the_configuration_of_slurm_goes_along() -> None:
    assert "export SLURM_CONF=/opt/lab/slurm.conf" in commands(script(slurm_conf="/opt/lab/slurm.conf"))


def test_the_python_of_the_nodes() -> None:
    assert "\nexec '/sw/my env/bin/python' -P -m " in script(python="/sw/my env/bin/python")


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (1, "0-00:01:00"),
        (60, "0-00:01:00"),
        (60.5, "0-00:02:00"),
        (61, "0-00:02:00"),
        (3599, "0-01:00:00"),
        (3600, "0-01:00:00"),
        (86_399, "1-00:00:00"),
        (86_400, "1-00:00:00"),
        (3 * 86_400 + 5 * 3600 + 60, "3-05:01:00"),
    ],
)
def test_time_limits_are_rounded_up_to_minutes(time_s: float, text: str) -> None:
    assert wall_time(time_s) == text


def test_the_request_in_the_words_of_fireworks() -> None:
    words = {"nodes": 1, "ntasks": 1, "mem": "2000M", "walltime": "0-01:00:00"}
    assert queue_adapter(Resources()) == words
    assert queue_adapter(Resources(exclude=("n1", "n2"))) == words | {"exclude_nodes": "n1,n2"}
