"""Relaxation of a molecule with PySCF.

ASE's BFGS, as with GPAW: it knows fixed atoms, and its Hessian is a file, so a continued relaxation takes the steps
that an undisturbed one takes. geomeTRIC's internal coordinates would save steps in floppy molecules, but it keeps
neither, and has no wheels.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from natrium.structures.system import System
from natrium.workflows import relaxation
from natrium.workflows.pyscf.curvature import initial_hessian
from natrium.workflows.pyscf.progress import Progress


def relax(atoms: Any, system: System, settings: dict[str, Any], folder: Path, progress: Progress) -> int:
    """Relax: see `natrium.workflows.relaxation.relax`.

    Args:
        atoms: Where the relaxation starts or continues, with their calculator.
        system: As it was given: its charge and spin.
        settings: `relax` of input.json.
        folder: Of the run.
        progress: Of the run.
    """
    from ase.parallel import DummyMPI

    alone = DummyMPI()
    first = partial(initial_hessian, system, atoms.positions)
    optimiser = relaxation.bfgs(atoms, folder / relaxation.HESSIAN, first, alone)
    return relaxation.relax(atoms, optimiser, settings, folder, progress, alone)
