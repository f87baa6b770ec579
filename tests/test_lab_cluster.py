"""The laptop cluster, with a real SLURM: jobs run on it, and its parts can be killed and come back."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from natrium.hpc.cluster import Cluster
from natrium.hpc.slurm import lab_daemons
from natrium.hpc.slurm.lab import Lab
from natrium.hpc.slurm.lab_files import POLLING, LabFolder, memory_enforcements
from natrium.structures.errors import InputError

FINAL = ("COMPLETED", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT", "CANCELLED")


def submit(lab: Lab, script: str, *options: str) -> str:
    printed = lab.command("sbatch", "--parsable", "--output=/dev/null", "--mem=50", *options, f"--wrap={script}")
    assert printed, f"sbatch refused {options}"
    return printed.strip()


def state(lab: Lab, job: str) -> str:
    shown = lab.command("scontrol", "show", "job", job) or ""
    return "".join(re.findall(r"JobState=(\S+)", shown))


def eventually(condition: Callable[[], bool], patience_s: float, what: str) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"not after {patience_s:g} s: {what}"
        time.sleep(0.1)


def ended(lab: Lab, job: str, patience_s: float = 40) -> str:
    eventually(lambda: state(lab, job) in FINAL, patience_s, f"job {job} ends")
    return state(lab, job)


def processes_of(lab: Lab) -> list[str]:
    """Everything that mentions the lab's folder in its command line or holds one of its files open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            held = [str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()]
        except OSError:
            continue
        if any(f"{lab.folder.path}/" in text for text in (command, *held)):
            found.append(f"{process.name} {command}")
    return found


def test_a_job_runs_on_both_nodes(lab: Lab, tmp_path: Path) -> None:
    script = f'srun bash -c "touch {tmp_path}/\\$SLURMD_NODENAME"'
    assert ended(lab, submit(lab, script, "--nodes=2", "--ntasks-per-node=1")) == "COMPLETED"
    assert {file.name for file in tmp_path.iterdir()} == set(lab.node_names)


def test_the_cluster_is_offered_to_the_configuration(lab: Lab) -> None:
    assert Cluster(**yaml.safe_load((lab.folder.path / "cluster.yaml").read_text())) == lab.cluster
    assert lab.cluster.partition == "main"
    partitions = lab.command("sinfo", "-h", "-o", "%P %l %D")
    assert partitions is not None
    assert partitions.splitlines() == ["main* 1-00:00:00 2", "short 1:00 1"]


def test_nothing_listens_outside_the_loopback(lab: Lab) -> None:
    ours = {line.split()[0] for line in processes_of(lab)}
    rows = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    listening = [row.split() for row in rows if set(re.findall(r"pid=(\d+)", row)) & ours]
    assert {re.findall(r'"(\w+)', row[-1])[0] for row in listening} == {"slurmctld", "slurmd", "slurmdbd"}
    assert all(ipaddress.ip_address(row[3].rpartition(":")[0].strip("[]")).is_loopback for row in listening), listening


def test_up_again_changes_nothing(lab: Lab) -> None:
    before = processes_of(lab)
    configuration = lab.folder.slurm_conf.stat().st_mtime_ns
    assert lab.up() == lab.cluster
    assert processes_of(lab) == before
    assert lab.folder.slurm_conf.stat().st_mtime_ns == configuration
    with pytest.raises(InputError, match="another size"):
        Lab(lab.folder.path, nodes=3, cores=2, memory_mb=1000).up()


def test_memory_over_the_request_is_out_of_memory(lab: Lab) -> None:
    job = submit(lab, "python3 -c 'x = bytearray(400 * 2**20); import time; time.sleep(30)'", "--mem=100")
    cgroups = memory_enforcements()[0] != POLLING
    assert ended(lab, job) == ("OUT_OF_MEMORY" if cgroups else "FAILED")


def test_accounting_keeps_the_comment(lab: Lab) -> None:
    job = submit(lab, "exit 3", "--comment=calculation 42")
    assert ended(lab, job) == "FAILED"
    row = f"{job}|FAILED|3:0|calculation 42|"
    asked = ("sacct", "-X", "-n", "-P", "-o", "jobid,state,exitcode,comment", "-j", job)
    eventually(lambda: (lab.command(*asked) or "").strip() + "|" == row, 15, row)


def test_a_job_survives_a_killed_controller(lab: Lab, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = submit(lab, f"while ! [ -e {go} ]; do sleep 0.2; done; exit 0")
    eventually(lambda: state(lab, job) == "RUNNING", 20, "the job starts")
    # SLURM writes its state some seconds after a change; a crash before that forgets the job. The state that says
    # RUNNING may be written already, and nothing more be to write: another change makes sure that there is.
    saved, running_since = lab.folder["state/job_state"], time.time()
    assert lab.command("scontrol", "update", f"jobid={job}", "comment=again") is not None
    eventually(lambda: saved.exists() and saved.stat().st_mtime > running_since, 60, "slurmctld writes its state")
    lab.kill_controller()
    assert not lab.is_up
    assert "slurmctld" in lab.status().dead
    lab.start_controller()
    assert state(lab, job) == "RUNNING"
    go.touch()
    assert ended(lab, job) == "COMPLETED"


def test_a_killed_node_fails_its_job_and_comes_back(lab: Lab, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"setsid sleep 600 & echo $! > {pid_file}; wait"
    job = submit(lab, script, "--nodelist=n2", "--no-requeue")
    eventually(lambda: pid_file.exists() and bool(pid_file.read_text()), 20, "the job starts")
    lab.kill_node("n2")
    payload = Path(f"/proc/{pid_file.read_text().strip()}/cmdline")
    eventually(lambda: not payload.exists() or not payload.read_bytes(), 2, "the process of the job is gone")
    assert ended(lab, job, patience_s=40) == "NODE_FAIL"
    lab.start_node("n2")
    assert ended(lab, submit(lab, "true", "--nodelist=n2")) == "COMPLETED"
    with pytest.raises(InputError, match="n1, n2"):
        lab.kill_node("n7")


def test_all_killed_comes_up_again_and_goes_down_whole(short_folder: Path) -> None:
    lab = Lab(short_folder, nodes=1, cores=1, memory_mb=500)
    try:
        lab.up()
        first = submit(lab, "true")
        ended(lab, first)
        for line in processes_of(lab):
            os.kill(int(line.split()[0]), 9)
        eventually(lambda: not processes_of(lab), 5, "all are gone")
        lab.up()
        second = submit(lab, "sleep 600")
        assert int(second) > int(first)
        eventually(lambda: state(lab, second) == "RUNNING", 20, "the job starts")
        seen = ("sacct", "-X", "-n", "-P", "-o", "state", "-j", first)
        eventually(lambda: (lab.command(*seen) or "").strip() == "COMPLETED", 15, "the accounting is there")
    finally:
        lab.down()
    assert processes_of(lab) == []
    assert not lab.folder.cluster_file.exists()
    assert lab.folder.log_file("slurmctld").exists()


def test_a_recorded_pid_of_another_program_is_not_touched(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        lab = Lab(tmp_path, accounting=False)
        lab.folder.create()
        lab.folder["lab.json"].write_text(json.dumps({"nodes": 2}))
        for name in ("munged", "slurmctld", "slurmd.n1"):
            lab.folder[f"run/{name}.pid"].write_text(str(bystander.pid))
        assert not lab.is_up
        lab.down()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lab_daemons, "SEARCH_PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"apt-get install .* munge slurm-client slurmctld slurmd$"):
        Lab(tmp_path, accounting=False).up()


@pytest.mark.parametrize("name", ["a" * 120, "with blank"])
def test_folders_that_cannot_hold_sockets_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="shorter path"):
        LabFolder(tmp_path / name).create()
