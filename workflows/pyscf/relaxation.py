"""Geometry relaxation of a molecule that survives interruptions.

ASE's BFGS, as with GPAW: it knows fixed atoms, and its Hessian is a file, so a continued relaxation takes the steps
that an undisturbed one takes. geomeTRIC's internal coordinates would save steps in floppy molecules, but it keeps
neither, and has no wheels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from natrium.structures.system import System
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.pyscf.curvature import initial_hessian
from natrium.workflows.pyscf.progress import Progress

TRAJECTORY = "relaxation.traj"
_STEP = "relaxation-step.json"
_HESSIAN = "relaxation-hessian.json"


class RelaxationNotConvergedError(Exception):
    """The largest allowed number of steps was taken and the forces are still too large."""


def reached(folder: Path) -> dict[str, Any] | None:
    """The last finished step in this folder and its positions (Å); None before the first."""
    path = folder / _STEP
    if not path.exists():
        return None
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def relax(atoms: Any, system: System, settings: dict[str, Any], folder: Path, progress: Progress) -> int:
    """BFGS relaxation of the atoms, recorded after every step.

    Args:
        atoms: Where the relaxation starts or continues, with their calculator.
        system: As it was given: its charge and spin.
        settings: `relax` of input.json.
        folder: Of the run.
        progress: Of the run.

    Returns:
        The number of steps taken, over all attempts.

    Raises:
        RelaxationNotConvergedError: no step is left.
    """
    from ase.io.trajectory import Trajectory

    before = reached(folder)
    recorded = -1 if before is None else before["step"]
    begun = max(recorded, 0)
    optimiser = _optimiser(atoms, system, folder / _HESSIAN)
    trajectory = Trajectory(str(folder / TRAJECTORY), "a", atoms)
    progress.relaxation_step = begun

    def after_step() -> None:
        step = begun + optimiser.nsteps
        largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        progress.relaxation_step = step + 1
        progress.report(phase="relaxing", relaxation_step=step, max_force_ev_a=largest)
        if step > recorded:
            trajectory.write()
            replace_text(folder / _STEP, json.dumps({"step": step, "positions_a": atoms.positions.tolist()}))
        progress.check_stop()

    optimiser.attach(after_step)
    if not optimiser.run(fmax=settings["force_ev_a"], steps=max(settings["max_steps"] - begun, 0)):
        raise RelaxationNotConvergedError(
            f"{settings['max_steps']} steps taken, forces above {settings['force_ev_a']} eV/Å"
        )
    return int(begun + optimiser.nsteps)


def _optimiser(atoms: Any, system: System, hessian: Path) -> Any:
    from ase.optimize import BFGS
    from ase.optimize.optimize import RestartError

    try:
        optimiser = BFGS(atoms, logfile=None, restart=hessian)
    except RestartError:  # killed while writing it
        hessian.unlink()
        optimiser = BFGS(atoms, logfile=None, restart=hessian)
    if optimiser.state is None:  # no Hessian was read
        optimiser.H0 = initial_hessian(system, atoms.positions)
    return optimiser
