"""What all tests share."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import yaml

if TYPE_CHECKING:
    from natrium.hpc.slurm.lab import Lab
    from natrium.structures.system import System
    from natrium.workflows.result import CalculationResult

# Numerical libraries read it once, when they are loaded: tests of small systems lose by threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder with pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class CommandLine:
    """`natrium` as a person runs it: a process of its own, in a folder and with an embedded database of its own."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "NATRIUM_DATA_DIR": str(self.folder / "data"),
            "NATRIUM_CONFIG": str(self.folder / "natrium.yaml"),
            "NATRIUM_RANKS": "1",
        }
        return (
            {name: value for name, value in os.environ.items() if not name.startswith("NATRIUM_")}
            | own
            | self.variables
        )

    def with_variables(self, **variables: str) -> CommandLine:
        return replace(self, variables=self.variables | variables)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        natrium = Path(sysconfig.get_path("scripts")) / "natrium"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([natrium, *arguments], cwd=self.folder, env=self.environment, **pipes)

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it to its end, which must have this exit code and no traceback."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str) -> Any:
        """What a command says with --json; in this process, since a new one costs a second of imports."""
        from natrium.__main__ import app

        said = io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(said),
        ):
            app(args=[*arguments, "--json"], standalone_mode=False)
        return json.loads(said.getvalue())

    def the_run(self) -> Path:
        """Folder of the only run."""
        (folder,) = (self.folder / "natrium-runs").iterdir()
        return folder


def _command_line(folder: Path) -> Iterator[CommandLine]:
    from natrium.hpc.embedded.lifecycle import stop

    (folder / "natrium.yaml").touch()
    yield CommandLine(folder)
    stop(folder / "data" / "database", force=True)


OUTSIDE = Path(__file__).resolve().parent / "outside"
"""Studies of other distributions, for tests."""


@dataclass
class OnLab:
    """natrium's command line with a laptop cluster, and some waits made short."""

    natrium: CommandLine
    lab: Lab
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    patience_s: float = 600
    """How long it may take for what is expected of it; that a machine is slow or busy fails no test."""

    def configure(self) -> None:
        rules = {name: {"action": "continue", "tries": 2, "wait_s": 1} for name in ("unknown", "refused by SLURM")}
        own = self.lab.cluster.model_dump(mode="json", exclude_defaults=True)
        setup = f"export PYTHONPATH={OUTSIDE}"
        clusters = {"lab": own | {"setup": setup, "signal_s": 15}}
        clusters |= {name: clusters["lab"] | changes for name, changes in self.clusters.items()}
        text = yaml.safe_dump({"clusters": clusters, "default_cluster": "lab", "policy": {"rules": rules}})
        (self.natrium.folder / "natrium.yaml").write_text(text)

    def submit(self, *arguments: str) -> str:
        """The new run's address."""
        return self.natrium("submit", *arguments).stdout.split()[0]

    def status(self, address: str) -> dict[str, Any]:
        (run,) = self.natrium.json("status", address)
        return dict(run)

    def step(self, address: str, name: str) -> dict[str, Any]:
        (found,) = [step for step in self.status(address)["steps"] if step["name"] == name]
        return dict(found)

    def until(self, address: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + self.patience_s
        while not true(run := self.status(address)):
            assert time.monotonic() < deadline, f"{run}\n{self.natrium('status', address).stdout}"
            time.sleep(0.5)
        return run

    def end(self, address: str) -> dict[str, Any]:
        return self.until(address, lambda run: run["state"] not in ("waiting", "queued", "running"))

    def dies_at(self, point: str, run: str, nth: int = 1) -> bool:
        """Bring a run up to date and be killed on the way (die_at.py); False: the point was not passed."""
        script = Path(__file__).with_name("die_at.py")
        done = subprocess.run(
            [sys.executable, script, *point.split(), run, str(nth)],
            cwd=self.natrium.folder,
            env=self.natrium.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, -signal.SIGKILL), f"{point}\n{done.stderr}"
        return done.returncode != 0

    def slurm(self, *command: str) -> str:
        environment = self.natrium.environment | {"SLURM_CONF": str(self.lab.cluster.slurm_conf)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout


@pytest.fixture(autouse=True, scope="session")
def nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither the configuration nor the data of who runs the tests: not their database, nor their laptop cluster."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            patched.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(scope="session")
def command_line_in() -> Callable[[Path], AbstractContextManager[CommandLine]]:
    """The command line in any folder, with an empty database that is stopped afterwards."""
    return contextlib.contextmanager(_command_line)


@pytest.fixture(scope="session")
def on_lab_in(lab: Lab) -> Callable[..., AbstractContextManager[OnLab]]:
    """The command line in any folder with the laptop cluster, and with variations of it given by name."""

    @contextlib.contextmanager
    def on_lab(folder: Path, **clusters: dict[str, Any]) -> Iterator[OnLab]:
        with contextlib.contextmanager(_command_line)(folder) as natrium:
            made = OnLab(natrium.with_variables(PYTHONPATH=str(OUTSIDE)), lab, clusters)
            made.configure()
            yield made

    return on_lab


@pytest.fixture
def natrium(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line in an empty folder, with an empty database."""
    yield from _command_line(tmp_path)


SMALL = (
    *("run", "na110", "--preset", "preview", "--set", "layers=3", "--set", "vacuum_a=13", "--set", "cutoff_ev=120"),
    *(
        "--set",
        "bulk.kpoints=[4, 4, 4]",
        "--set",
        "slab_relax.kpoints=[3, 3, 1]",
        "--set",
        "slab-static.kpoints=[3, 3, 1]",
    ),
    *("--set", "energy_ev=1e-4", "--set", "bulk.force_ev_a=0.05", "--set", "slab_relax.force_ev_a=0.002"),
)
"""The smallest na110 that still does everything: the slab relaxation takes four geometries."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The command line where one small na110 has run undisturbed. To look at, not to change."""
    for natrium in _command_line(tmp_path_factory.mktemp("finished")):
        natrium(*SMALL)
        yield natrium


@pytest.fixture(scope="session")
def small_na110() -> tuple[str, ...]:
    """Arguments of the small na110."""
    return SMALL


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """An empty folder with a short path: that of a unix socket has at most 100 characters."""
    with tempfile.TemporaryDirectory(prefix="natrium-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A laptop cluster of two nodes that is up. Who kills parts of it starts them again."""
    from natrium.hpc.slurm.lab import Lab

    with tempfile.TemporaryDirectory(prefix="natrium-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = Lab(Path(folder), nodes=2, cores=2, memory_mb=4000)
        try:
            cluster.up()
            yield cluster
        finally:
            cluster.down()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., CalculationResult]:
    """The result that the same calculation has when nothing happens to it; each is carried out once."""
    from supervised import run

    results: dict[str, CalculationResult] = {}

    def result(settings: dict[str, Any], system: System) -> CalculationResult:
        key = f"{settings}{system}"
        if key not in results:
            results[key] = run(settings, system, tmp_path_factory.mktemp("undisturbed"))
        return results[key]

    return result


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every SCF iteration."""
    monkeypatch.setenv("NATRIUM_CHECKPOINT_INTERVAL_S", "0")


@pytest.fixture
def at_the_end() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are ended with the test, whatever becomes of it."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
