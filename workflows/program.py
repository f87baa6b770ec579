"""What the programs of all engines share: exit codes, names of files, the folder's lock, and how an error is told."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from natrium.structures.system import System

FINISHED, FAILED, STOPPED, BUSY = 0, 70, 75, 73
"""Exit codes: EX_SOFTWARE, EX_TEMPFAIL and EX_CANTCREAT of sysexits.h."""

OUTPUT, INPUT, SYSTEM, STATUS, STOP = "output.json", "input.json", "system.json", "status.json", "STOP"


class StopRequestedError(Exception):
    """The run was asked to stop, or its wall time ends; the checkpoint is on disk."""


class Reporter(Protocol):
    """What tells others how far the run is."""

    def report(self, force: bool = True, **facts: Any) -> None:
        """Say it."""


@dataclass(frozen=True)
class Start:
    """What a program is told on its command line, and where."""

    folder: Path
    attempt: int
    deadline: float | None
    """Unix time, s, at which it must have stopped."""


def run_program(carry_out: Callable[[Start], int]) -> NoReturn:
    """What every engine's program does: read the command line, carry out, say by exit code and files how it ended.

    Args:
        carry_out: Returns FINISHED or BUSY; StopRequestedError becomes STOPPED, any other error failure.K.json.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempt", type=int, required=True)
    parser.add_argument("--deadline", type=float, default=None)
    arguments = parser.parse_args()
    folder = Path.cwd()
    try:
        code = carry_out(Start(folder, arguments.attempt, arguments.deadline))
    except BaseException as error:
        fail(folder / f"failure.{arguments.attempt}.json", error)
    sys.exit(code)


def what_was_asked(folder: Path) -> tuple[dict[str, Any], System]:
    """input.json, and the System as it was given."""
    from natrium.structures.system import System

    task: dict[str, Any] = json.loads((folder / INPUT).read_text())
    return task, System.model_validate_json((folder / SYSTEM).read_text())


def until_stopped(work: Callable[[], None], folder: Path, progress: Reporter) -> int:
    """Work; where it was asked to stop, say why.

    Returns:
        FINISHED or STOPPED.
    """
    try:
        work()
    except StopRequestedError:
        progress.report(phase="stopped", reason="asked to stop" if (folder / STOP).exists() else "the wall time ends")
        return STOPPED
    return FINISHED


def single_point(atoms: Any) -> int:
    """Energy and forces at one geometry."""
    atoms.get_potential_energy()
    atoms.get_forces()
    return 0


def take_folder(folder: Path) -> Any:
    """Hold the folder's lock as long as this process lives: no run left over from a killed parent writes beside us."""
    lock = (folder / "engine.lock").open("w")
    for _ in range(100):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.2)
        else:
            return lock
    return None


def fail(path: Path, error: BaseException) -> NoReturn:
    """Write what went wrong (the first rank to fail speaks for all), then end every rank at once."""
    world = getattr(sys.modules.get("gpaw.mpi"), "world", None)
    try:
        facts = {
            "classes": [cls.__name__ for cls in type(error).__mro__],
            "message": str(error),
            "traceback": traceback.format_exc(),
        }
        text = json.dumps(facts)
        with contextlib.suppress(FileExistsError), path.open("x") as file:
            file.write(text)
        traceback.print_exc()
        sys.stderr.flush()
    finally:  # without an abort the other ranks would wait for this one for ever, and so would an ordinary exit
        if world is not None and world.size > 1:
            time.sleep(0.5)  # let the other ranks say the same
            world.abort(FAILED)
        os._exit(FAILED)
