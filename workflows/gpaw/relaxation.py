"""Geometry relaxation that survives interruptions. Runs on every MPI rank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from natrium.workflows.atomic_file import replace_text
from natrium.workflows.gpaw.progress import Progress
from natrium.workflows.stiffness import initial_hessian

TRAJECTORY = "relaxation.traj"
_STEP = "relaxation-step.json"
_HESSIAN = "relaxation-hessian.json"

# 9 B V / 3 of one sodium atom is 5 eV; SCF iterations of a bulk relaxation with 70, 20, 10, 5 eV: 24, 25, 19, 14
_CELL_STIFFNESS_EV = 5.0


class RelaxationNotConvergedError(Exception):
    """The largest allowed number of steps was taken and the forces are still too large."""


def reached(folder: Path) -> dict[str, Any] | None:
    """The last finished step in this folder, its positions and its cell (Å); None before the first."""
    path = folder / _STEP
    if not path.exists():
        return None
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def relax(atoms: Any, calc: Any, settings: dict[str, Any], folder: Path, progress: Progress) -> int:
    """BFGS relaxation of the atoms, and of the cell when asked; a checkpoint after every step.

    Args:
        atoms: Where the relaxation starts or continues, with their calculator.
        calc: GPAW's own calculator.
        settings: `relax` of input.json.
        folder: Of the run.
        progress: Of the run.

    Returns:
        The number of steps taken, over all attempts.

    Raises:
        RelaxationNotConvergedError: no step is left.
    """
    from ase.io.trajectory import Trajectory
    from gpaw.mpi import world

    before = reached(folder)
    recorded = -1 if before is None else before["step"]
    # a checkpoint from the middle of an SCF cycle is one step ahead of the last finished one
    begun = max(recorded, 0) + int(
        before is not None and not np.allclose(before["positions_a"], atoms.positions, 0, 1e-9)
    )
    world.barrier()
    optimiser = _optimiser(atoms, settings["cell"], folder)
    trajectory = Trajectory(str(folder / TRAJECTORY), "a", atoms, comm=world)
    progress.relaxation_step = begun

    def after_step() -> None:
        step = begun + optimiser.nsteps
        largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        progress.relaxation_step = step + 1
        progress.report(phase="relaxing", relaxation_step=step, max_force_ev_a=largest)
        # first the checkpoint: a record that runs ahead of it would count a step that is then taken again
        progress.write_checkpoint(calc)
        if step > recorded:
            trajectory.write()
            if world.rank == 0:
                facts = {"step": step, "positions_a": atoms.positions.tolist(), "cell_a": atoms.cell.array.tolist()}
                replace_text(folder / _STEP, json.dumps(facts))
        progress.check_stop()

    optimiser.attach(after_step)
    if not optimiser.run(fmax=settings["force_ev_a"], steps=max(settings["max_steps"] - begun, 0)):
        raise RelaxationNotConvergedError(
            f"{settings['max_steps']} steps taken, forces above {settings['force_ev_a']} eV/Å"
        )
    return int(begun + optimiser.nsteps)


def _optimiser(atoms: Any, cell: str, folder: Path) -> Any:
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS
    from ase.optimize.optimize import RestartError
    from gpaw.mpi import world

    # the filter measures the cell from where it started, so its Hessian means nothing to a filter made later
    moving = atoms if cell == "fixed" else FrechetCellFilter(atoms, hydrostatic_strain=cell == "isotropic")
    hessian = folder / _HESSIAN if cell == "fixed" else None
    try:
        optimiser = BFGS(moving, logfile=None, restart=hessian, comm=world)
    except RestartError:  # killed while writing it
        world.barrier()
        if world.rank == 0 and hessian is not None:
            hessian.unlink()
        world.barrier()
        optimiser = BFGS(moving, logfile=None, restart=hessian, comm=world)
    if optimiser.state is None:  # no Hessian was read
        optimiser.H0 = np.eye(3 * len(moving)) * _CELL_STIFFNESS_EV
        optimiser.H0[: 3 * len(atoms), : 3 * len(atoms)] = initial_hessian(atoms)
    return optimiser
