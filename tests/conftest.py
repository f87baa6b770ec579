"""What all tests share."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

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
