"""The queues that are compared: each starts what keeps it going, submits a flow and knows when it is completed."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pymongo import MongoClient

HERE = Path(__file__).resolve().parent
_BIN = Path(sys.executable).parent
_EXPORTS = ("PATH", "HOME", "USER", "LANG")


class QueueUnderTest(Protocol):
    """What the benchmark asks of each."""

    name: str

    @contextlib.contextmanager
    def running(self) -> Iterator[list[int]]:
        """What keeps it going runs as long as the block does; its process ids."""

    def submit(self, shape: str, jobs: int, journal: Path) -> float:
        """Submit a flow; the CPU time that took, s."""

    def completed(self) -> bool:
        """Whether it knows that all that was submitted is completed."""


@dataclass(frozen=True)
class Place:
    """Where all of them work: a folder, a cluster, a database server."""

    folder: Path
    slurm_conf: Path
    database_uri: str
    client: MongoClient[dict[str, Any]]

    def environment(self, **own: str) -> dict[str, str]:
        """Nothing of this shell but what programs need."""
        kept = {name: os.environ[name] for name in _EXPORTS if name in os.environ}
        return kept | {"SLURM_CONF": str(self.slurm_conf), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)} | own

    def job_store(self, database: str) -> dict[str, Any]:
        """The job store on the same server, as its configuration files describe it."""
        documents = {"type": "MongoURIStore", "uri": self.database_uri, "database": database, "collection_name": "jobs"}
        return {"docs_store": documents}


@dataclass
class Natrium:
    """`natrium submit`; jobs hand over to the next ones, or with `watch` leave it to `natrium watch`.

    `packed` is the number of short calculations that may share an allocation, the cluster's setting packing.jobs.
    """

    place: Place
    cluster: Mapping[str, Any]
    watch_interval_s: float | None = None
    packed: int = 1

    def __post_init__(self) -> None:
        parts = {"natrium": True, "watch": self.watch_interval_s, "packing": self.packed > 1}
        self.name = " + ".join(name for name, used in parts.items() if used)
        self._folder = self.place.folder / self.name.replace(" + ", "-")
        site = self._folder / "site" / "stamped-1.0.dist-info"
        site.mkdir(parents=True)
        (site / "METADATA").write_text("Metadata-Version: 2.1\nName: stamped\nVersion: 1.0\n")
        (site / "entry_points.txt").write_text("[natrium.studies]\nstamped = stamped_study:Stamped\n")
        setup = f"export PYTHONPATH={HERE}:{site.parent}"
        configuration = {
            "clusters": {
                "lab": {**self.cluster, "setup": setup, "packing": {"jobs": self.packed, "shorter_than_s": 3600}}
            },
            "data_dir": str(self._folder),
            "database_uri": self.place.database_uri,
            "database_name": self._folder.name,
        }
        _write(self._folder / "natrium.yaml", configuration)
        self._environment = self.place.environment(
            NATRIUM_CONFIG=str(self._folder / "natrium.yaml"), PYTHONPATH=f"{HERE}:{site.parent}", NATRIUM_RANKS="1"
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[list[int]]:
        """What keeps it going runs as long as the block does."""
        if self.watch_interval_s is None:
            yield []
            return
        command = [str(_BIN / "natrium"), "watch", "--interval", str(self.watch_interval_s)]
        with _daemon(command, self._folder, self._environment) as pid:
            yield [pid]

    def submit(self, shape: str, jobs: int, journal: Path) -> float:
        """Submit a flow; the CPU time that took, s."""
        settings = [f"--set=shape={shape}", f"--set=jobs={jobs}", f"--set=journal={journal}"]
        command = [str(_BIN / "natrium"), "submit", "stamped", "--again", *settings]
        return _cpu_s_of(command, self._folder, self._environment)

    def completed(self) -> bool:
        """Whether it knows that all is completed."""
        runs = self.place.client[self._folder.name]["runs"].find({}, {"state": 1})
        states = {run["state"] for run in runs}
        if states & {"failed", "cancelled"}:
            raise SystemExit(f"{self.name}: a run failed; see {self._folder}")
        return states == {"completed"}


@dataclass
class FireWorks:
    """jobflow's own conversion, `qlaunch rapidfire` in reservation mode, `rlaunch singleshot`, without its waits."""

    place: Place
    name: str = "FireWorks"

    def __post_init__(self) -> None:
        self._folder = folder = self.place.folder / "fireworks"
        (folder / "launches").mkdir(parents=True)
        launchpad = {"host": self.place.database_uri, "name": "fireworks", "uri_mode": True, "strm_lvl": "WARNING"}
        _write(folder / "my_launchpad.yaml", launchpad)
        _write(folder / "my_fworker.yaml", {"name": "lab", "category": "", "query": "{}"})
        rlaunch = f"{_BIN / 'rlaunch'} -c {folder} singleshot"
        adapter = {"_fw_name": "CommonAdapter", "_fw_q_type": "SLURM", "rocket_launch": rlaunch}
        request = {"queue": "main", "nodes": 1, "ntasks": 1, "mem": "500M", "walltime": "00:10:00"}
        _write(folder / "my_qadapter.yaml", adapter | request)
        _write(folder / "FW_config.yaml", {"CONFIG_FILE_DIR": str(folder), "QUEUE_UPDATE_INTERVAL": 1})
        _write(folder / "jobflow.yaml", {"JOB_STORE": self.place.job_store("fireworks")})
        self._environment = self.place.environment(
            FW_CONFIG_FILE=str(folder / "FW_config.yaml"), JOBFLOW_CONFIG_FILE=str(folder / "jobflow.yaml")
        )
        self._run("from fireworks import LaunchPad; LaunchPad.auto_load().reset('', require_password=False)")

    @contextlib.contextmanager
    def running(self) -> Iterator[list[int]]:
        """What keeps it going runs as long as the block does."""
        options = ["-r", "-c", str(self._folder), "--launch_dir", str(self._folder / "launches")]
        command = [str(_BIN / "qlaunch"), *options, "rapidfire", "--nlaunches", "infinite", "--sleep", "1"]
        with _daemon(command, self._folder, self._environment) as pid:
            yield [pid]

    def submit(self, shape: str, jobs: int, journal: Path) -> float:
        """Submit a flow; the CPU time that took, s."""
        return self._run(
            "import stamped; from jobflow import Flow; from fireworks import LaunchPad\n"
            "from jobflow.managers.fireworks import flow_to_workflow\n"
            f"flow = Flow(stamped.stamps({shape!r}, {jobs}, {str(journal)!r}))\n"
            "LaunchPad.auto_load().add_wf(flow_to_workflow(flow))"
        )

    def completed(self) -> bool:
        """Whether it knows that all is completed."""
        states = set(self.place.client["fireworks"]["fireworks"].distinct("state"))
        if "FIZZLED" in states:
            raise SystemExit(f"{self.name}: a job failed; see {self._folder}")
        return states == {"COMPLETED"}

    def _run(self, program: str) -> float:
        return _cpu_s_of([sys.executable, "-W", "ignore", "-c", program], self._folder, self._environment)


@dataclass
class JobflowRemote:
    """`jf runner run` with a local worker and all delays at a second."""

    place: Place
    python: Path
    name: str = "jobflow-remote"

    def __post_init__(self) -> None:
        self._folder = folder = self.place.folder / "jobflow-remote"
        self._jf = str(self.python.parent / "jf")
        (folder / "work").mkdir(parents=True)
        delays = ("checkout", "check_run_status", "advance_status", "refresh_limited", "update_batch")
        exports = {"PATH": f"{self.python.parent}:$PATH", "PYTHONPATH": str(HERE)}
        worker = {
            "type": "local",
            "scheduler_type": "slurm",
            "work_dir": str(folder / "work"),
            "resources": {"partition": "main", "nodes": 1, "ntasks": 1, "mem": 500, "time": "00:10:00"},
            "pre_run": "\n".join(f"export {name}={value}" for name, value in exports.items()),
        }
        documents = self.place.job_store("jobflow_remote")["docs_store"]
        project = {
            "name": "bench",
            "base_dir": str(folder / "bench"),
            "runner": {f"delay_{name}": 1 for name in delays},
            "workers": {"lab": worker},
            "queue": {"store": documents | {"collection_name": "queue"}},
            "jobstore": {"docs_store": documents},
        }
        _write(folder / "projects" / "bench.yaml", project)
        self._environment = self.place.environment(
            JFREMOTE_PROJECTS_FOLDER=str(folder / "projects"),
            JFREMOTE_PROJECT="bench",
            PATH=f"{self.python.parent}:{os.environ['PATH']}",
        )
        _cpu_s_of([self._jf, "admin", "reset", "--yes"], folder, self._environment)

    @contextlib.contextmanager
    def running(self) -> Iterator[list[int]]:
        """What keeps it going runs as long as the block does."""
        with _daemon([self._jf, "runner", "run", "--log-level", "warn"], self._folder, self._environment) as pid:
            yield [pid]

    def submit(self, shape: str, jobs: int, journal: Path) -> float:
        """Submit a flow; the CPU time that took, s."""
        program = (
            "import stamped; from jobflow import Flow; from jobflow_remote import submit_flow\n"
            f"submit_flow(Flow(stamped.stamps({shape!r}, {jobs}, {str(journal)!r})), worker='lab')"
        )
        return _cpu_s_of([str(self.python), "-W", "ignore", "-c", program], self._folder, self._environment)

    def completed(self) -> bool:
        """Whether it knows that all is completed."""
        states = set(self.place.client["jobflow_remote"]["queue"].distinct("state"))
        if states & {"FAILED", "REMOTE_ERROR"}:
            raise SystemExit(f"{self.name}: a job failed; see {self._folder}")
        return states == {"COMPLETED"}


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)  # the database's password is in it
    file.write_text(json.dumps(content))  # which is YAML


def _cpu_s_of(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """CPU time of a command that must succeed, s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@contextlib.contextmanager
def _daemon(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """A program that runs as long as the block does; its output goes to daemon.log in the folder."""
    with (folder / "daemon.log").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
