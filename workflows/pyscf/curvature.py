"""The curvature that the relaxation of a molecule starts from: that of Hartree-Fock in a minimal basis."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from ase.units import Bohr, Hartree
from numpy.typing import NDArray

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.pyscf.molecule import molecule

_BASIS = "sto-3g"
_SOFTEST_EV_A2 = 2.0
"""Translations, rotations and soft torsions count as this stiff, so that the first step is no leap."""
_UNKNOWN_EV_A2 = 70.0
"""ASE's own guess for every coordinate."""


def initial_hessian(system: System, positions_a: Any) -> NDArray[np.float64]:
    """Second derivatives of the energy for BFGS to start with, from HF/STO-3G: as dear as one step, and saves many.

    FEC in B3LYP/6-31G(d), from a force field's geometry (3.3 eV/Å): 0.23 eV/Å after 2 steps, below 0.01 after 7. With
    the springs that serve on metals (natrium.workflows.stiffness) the first step went up by 0.4 eV, into 4 eV/Å.
    Its bonds are somewhat too stiff, which errs on the side of small steps. Where it has no basis for an element or
    does not converge, every coordinate gets the same stiffness.

    Returns:
        Shape (3 atoms, 3 atoms), positive definite, eV/Å².
    """
    from pyscf import scf

    try:
        mol = molecule(system.moved(positions_a), _BASIS)
    except InputError as error:  # the basis ends with iodine
        return _uniform(len(system.symbols), str(error))
    mean_field = (scf.RHF if mol.spin == 0 else scf.UHF)(mol).run()
    if not mean_field.converged:
        return _uniform(len(system.symbols), f"HF/{_BASIS} does not converge")
    size = 3 * len(system.symbols)
    hessian = mean_field.Hessian().kernel().transpose(0, 2, 1, 3).reshape(size, size) * Hartree / Bohr**2
    stiffness, modes = np.linalg.eigh((hessian + hessian.T) / 2)
    return np.asarray(modes * np.maximum(np.abs(stiffness), _SOFTEST_EV_A2) @ modes.T)


def _uniform(atoms: int, reason: str) -> NDArray[np.float64]:
    print(f"the relaxation starts without a Hessian: {reason}", file=sys.stderr)
    return np.eye(3 * atoms) * _UNKNOWN_EV_A2
