"""What natrium asks of an engine, and where engines and supervisors are found."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.result import Attempt, CalculationResult


class EngineError(NatriumError):
    """An engine's output that cannot be what was asked for: wrong electron count, missing or torn files."""


Parallelism = Literal["processes", "threads"]
"""How an engine uses the cores that it is given: as MPI processes, or as threads of a single process."""


class Engine(Protocol):
    """A program that carries out calculations, one process in one folder at a time.

    An engine knows its input and output files. It does not know queues, databases or retries: see `Supervisor`.
    """

    name: str
    parallelism: Parallelism
    """`threads`: started once, without the MPI launcher, with OMP_NUM_THREADS the number of cores."""

    def check(self, calculation: Calculation, system: System) -> None:
        """Refuse, before anything starts, what this engine cannot do or what would be silently wrong.

        Raises:
            InputError: with the value and the remedy.
        """

    def write_inputs(
        self, calculation: Calculation, system: System, folder: Path, continue_from: Path | None = None
    ) -> None:
        """Write every input file into `folder`.

        Args:
            calculation: What to calculate.
            system: On what.
            folder: An existing folder.
            continue_from: Folder of a finished calculation whose density may serve as the start, if it fits.
        """

    def command(self, attempt: int, deadline: float | None) -> list[str]:
        """Arguments of the program, run in the folder; under the MPI launcher, unless the engine uses threads."""

    def progress(self, folder: Path) -> dict[str, Any]:
        """What the running calculation last said of itself: phase, iteration, step and so on."""

    def log(self, folder: Path) -> Path | None:
        """The text file in which the last attempt says what it does, if there is one."""

    def request_stop(self, folder: Path) -> None:
        """Ask the running program to write a checkpoint and end."""

    def withdraw_stop(self, folder: Path) -> None:
        """Take an earlier request back, before a new start."""

    def checkpoint(self, folder: Path) -> Path | None:
        """The file that a new start in this folder continues from, if there is one."""

    def read_outputs(self, folder: Path, attempts: list[Attempt]) -> CalculationResult:
        """The result of a finished calculation.

        Raises:
            EngineError: output that is missing, unconverged, or of another system than was asked for.
        """


Supervisor = Callable[[Engine, Calculation, System, Path, Path | None], CalculationResult]
"""Runs an engine in a folder until it is finished or has failed for good: see natrium.hpc.supervise."""


def engine(name: str) -> Engine:
    """The engine of this name: natrium's own or another installed distribution's (entry points `natrium.engines`)."""
    loaded: Engine = _load("natrium.engines", name, "engine")()
    return loaded


def supervisor(name: str = "custodian") -> Supervisor:
    """The supervisor of this name (entry points `natrium.supervisors`): natrium.hpc, which is not imported here."""
    loaded: Supervisor = _load("natrium.supervisors", name, "supervisor")
    return loaded


@cache
def _load(group: str, name: str, what: str) -> Any:
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=group)}
    if name not in found:
        raise InputError(
            f"there is no {what} {name!r}", f"choose from {sorted(found)}; natrium doctor shows what is installed"
        )
    return found[name].load()
