"""Calculations under supervision, and what can be done to them: shared by the tests of supervision."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ase.build import bulk, molecule

from natrium.hpc.attempts import read_attempts
from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.result import CalculationResult

BULK = {"cutoff_ev": 200, "kpoints": (4, 4, 4), "valence_electrons": {"Na": 1}}
SLAB = {"cutoff_ev": 200, "kpoints": (4, 4, 1), "valence_electrons": {"Na": 1}, "dipole_layer": True}
TIGHT = SLAB | {"energy_ev": 1e-8}
RELAX = SLAB | {"kpoints": (2, 2, 1), "kind": "relax", "force_ev_a": 0.02}


def crystal() -> System:
    return System.from_atoms(bulk("Na", "bcc", a=4.2), "bulk Na")


def slab() -> System:
    return metal_slab("Na", "110", layers=3, vacuum_a=13.0, lattice_constant_a=4.2)


def strained_slab() -> System:
    """A slab with several relaxation steps before it."""
    positions = [list(position) for position in slab().positions_a]
    positions[0][2] -= 0.2
    positions[2][2] += 0.3
    return slab().moved(positions)


def oxygen() -> System:
    atoms = molecule("O2")
    atoms.set_cell([5, 5, 5])
    atoms.center()
    return System.from_atoms(atoms, "O2", multiplicity=3)


def run(
    settings: dict[str, Any],
    system: System,
    folder: Path,
    *,
    ranks: int = 1,
    continue_from: Path | None = None,
    **launch: Any,
) -> CalculationResult:
    folder.mkdir(exist_ok=True)
    calculation = Calculation.model_validate(settings)
    return supervise(GPAW(), calculation, system, folder, continue_from, Launch(ranks=ranks, **launch))


def prepare(settings: dict[str, Any], system: System, folder: Path, **gpaw: Any) -> None:
    """Write the inputs and change GPAW's keywords behind natrium's back."""
    folder.mkdir(exist_ok=True)
    GPAW().write_inputs(Calculation.model_validate(settings), system, folder)
    task = json.loads((folder / "input.json").read_text())
    task["gpaw"] |= gpaw
    (folder / "input.json").write_text(json.dumps(task))


def outcomes(folder: Path) -> list[str]:
    return [attempt.outcome for attempt in read_attempts(folder)]


def engines(folder: Path, name: str = "gpaw") -> list[int]:
    """Processes of the engine in this folder, MPI launchers left out."""
    program = f"natrium.workflows.{name}.driver".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").readlink() == folder.resolve()
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if here and program in command and not command[0].endswith(b"mpiexec"):
            found.append(int(process.name))
    return sorted(found)


def until(condition: Callable[[], Any], patience_s: float = 60.0) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.02)


class Saboteur(threading.Thread):
    """Does something to a run from aside. Use as a context; what goes wrong in it fails the test."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Saboteur:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.join(60)
        if self.error is not None:
            raise self.error


SUPERVISING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs that a shell runs in the background
import sys
from pathlib import Path
from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
folder, ranks = Path(sys.argv[1]), int(sys.argv[2])
system = System.model_validate_json((folder / "wanted-system.json").read_text())
calculation = Calculation.model_validate_json((folder / "wanted.json").read_text())
supervise(GPAW(), calculation, system, folder, launch=Launch(ranks=ranks))
"""


def supervising(settings: dict[str, Any], system: System, folder: Path, ranks: int = 1) -> subprocess.Popen[bytes]:
    """A natrium process of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "wanted-system.json").write_text(system.model_dump_json())
    (folder / "wanted.json").write_text(Calculation.model_validate(settings).model_dump_json())
    return subprocess.Popen([sys.executable, "-c", SUPERVISING, str(folder), str(ranks)], stderr=subprocess.DEVNULL)


def geometries(folder: Path) -> list[Any]:
    from ase.io import read

    return [atoms.positions for atoms in read(folder / "relaxation.traj", ":")]
