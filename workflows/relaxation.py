"""Geometry relaxation that survives interruptions: BFGS whose steps and Hessian are files. Runs on every MPI rank."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from natrium.workflows.atomic_file import replace_text

TRAJECTORY = "relaxation.traj"
HESSIAN = "relaxation-hessian.json"
_STEP = "relaxation-step.json"


class RelaxationNotConvergedError(Exception):
    """The largest allowed number of steps was taken and the forces are still too large."""


class Progress(Protocol):
    """Reports and stop requests of a run."""

    step: int

    def report(self, force: bool = True, **facts: Any) -> None:
        """Say how far the run is."""

    def check_stop(self) -> None:
        """Stop here if asked to."""


def reached(folder: Path) -> dict[str, Any] | None:
    """The last finished step in this folder, its positions and its cell (Å); None before the first."""
    path = folder / _STEP
    if not path.exists():
        return None
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def bfgs(moving: Any, hessian: Path | None, first: Callable[[], NDArray[np.float64]], comm: Any) -> Any:
    """ASE's BFGS, continued from the Hessian in a file, or begun with the first one.

    Args:
        moving: Atoms, or a filter of them.
        hessian: The file; None where a Hessian means nothing to a later start.
        first: The Hessian to begin with, eV/Å².
        comm: MPI communicator.
    """
    from ase.optimize import BFGS
    from ase.optimize.optimize import RestartError

    try:
        optimiser = BFGS(moving, logfile=None, restart=hessian, comm=comm)
    except RestartError:  # killed while writing it
        comm.barrier()
        if comm.rank == 0 and hessian is not None:
            hessian.unlink()
        comm.barrier()
        optimiser = BFGS(moving, logfile=None, restart=hessian, comm=comm)
    if optimiser.state is None:  # no Hessian was read
        optimiser.H0 = first()
    return optimiser


def relax(
    atoms: Any,
    optimiser: Any,
    settings: dict[str, Any],
    folder: Path,
    progress: Progress,
    comm: Any,
    checkpoint: Callable[[], None] | None = None,
) -> int:
    """Relax, with a record after every step.

    Args:
        atoms: Where the relaxation starts or continues, with their calculator.
        optimiser: From `bfgs`.
        settings: `relax` of input.json.
        folder: Of the run.
        progress: Of the run.
        comm: MPI communicator.
        checkpoint: Writes the checkpoint of a step, where the calculator does not do so by itself.

    Returns:
        The number of steps taken, over all attempts.

    Raises:
        RelaxationNotConvergedError: no step is left. Relaxing again in this folder goes on, for as many steps again.
    """
    from ase.io.trajectory import Trajectory

    before = reached(folder)
    recorded = -1 if before is None else before["step"]
    # a checkpoint from the middle of an SCF cycle is one step ahead of the last finished one
    begun = max(recorded, 0) + int(
        before is not None and not np.allclose(before["positions_a"], atoms.positions, 0, 1e-9)
    )
    comm.barrier()
    trajectory = Trajectory(str(folder / TRAJECTORY), "a", atoms, comm=comm)
    progress.step = begun

    def after_step() -> None:
        step = begun + optimiser.nsteps
        largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        progress.step = step + 1
        progress.report(phase="relaxing", step=step, max_force_ev_a=largest)
        # first the checkpoint: a record that runs ahead of it would count a step that is then taken again
        if checkpoint is not None:
            checkpoint()
        if step > recorded:
            trajectory.write()
            if comm.rank == 0:
                facts = {"step": step, "positions_a": atoms.positions.tolist(), "cell_a": atoms.cell.array.tolist()}
                replace_text(folder / _STEP, json.dumps(facts))
        progress.check_stop()

    optimiser.attach(after_step)
    # an attempt that was cut short has the steps left that it was given; one after a failure has them all anew
    if not optimiser.run(fmax=settings["force_ev_a"], steps=settings["max_steps"] - begun % settings["max_steps"]):
        raise RelaxationNotConvergedError(
            f"{begun + optimiser.nsteps} steps taken, forces above {settings['force_ev_a']} eV/Å"
        )
    return int(begun + optimiser.nsteps)
