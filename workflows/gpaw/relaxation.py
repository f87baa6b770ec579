"""Relaxation of atoms, and of the cell when asked, with GPAW. Runs on every MPI rank."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.workflows import relaxation
from natrium.workflows.gpaw.progress import Progress
from natrium.workflows.stiffness import initial_hessian

# 9 B V / 3 of one sodium atom is 5 eV; SCF iterations of a bulk relaxation with 70, 20, 10, 5 eV: 24, 25, 19, 14
_CELL_STIFFNESS_EV = 5.0


def relax(atoms: Any, calc: Any, settings: dict[str, Any], folder: Path, progress: Progress) -> int:
    """Relax, with a checkpoint after every step: see `natrium.workflows.relaxation.relax`.

    Args:
        atoms: Where the relaxation starts or continues, with their calculator.
        calc: GPAW's own calculator.
        settings: `relax` of input.json.
        folder: Of the run.
        progress: Of the run.
    """
    from ase.filters import FrechetCellFilter
    from gpaw.mpi import world

    fixed = settings["cell"] == "fixed"
    # the filter measures the cell from where it started, so its Hessian means nothing to a filter made later
    moving = atoms if fixed else FrechetCellFilter(atoms, hydrostatic_strain=settings["cell"] == "isotropic")
    hessian = folder / relaxation.HESSIAN if fixed else None
    optimiser = relaxation.bfgs(moving, hessian, partial(_first_hessian, atoms, len(moving)), world)
    checkpoint = partial(progress.write_checkpoint, calc)
    return relaxation.relax(atoms, optimiser, settings, folder, progress, world, checkpoint)


def _first_hessian(atoms: Any, rows: int) -> NDArray[np.float64]:
    """Springs along the bonds; rows beyond the atoms are those of the cell."""
    hessian = np.eye(3 * rows) * _CELL_STIFFNESS_EV
    hessian[: 3 * len(atoms), : 3 * len(atoms)] = initial_hessian(atoms)
    return hessian
