"""The curvature that a relaxation starts from: that of a molecule, and what is taken where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from gaussian import hydrogen

from natrium.structures.system import System
from natrium.workflows.pyscf.curvature import initial_hessian

STIFFER_THAN_MEASURED = (1.0, 3.0)
"""HF/STO-3G overestimates the force constant of H2, 35.9 eV/Å² (575 N/m, Huber and Herzberg 1979)."""


def test_stretching_is_the_stiff_mode() -> None:
    system = hydrogen(0.74)
    hessian = initial_hessian(system, np.array(system.positions_a))
    stiffness, modes = np.linalg.eigh(hessian)
    assert hessian == pytest.approx(hessian.T)
    low, high = STIFFER_THAN_MEASURED
    # along the normalised antisymmetric mode the force constant of the bond counts twice
    assert low < stiffness[-1] / 2 / 35.9 < high
    assert stiffness[:3] == pytest.approx([2.0] * 3)  # translations: the softest allowed
    assert max(stiffness[3:5]) < 5  # rotations, beside the minimum of this basis
    bond = np.array(system.positions_a[0]) - np.array(system.positions_a[1])
    along = np.concatenate([bond, -bond]) / np.sqrt(2) / np.linalg.norm(bond)
    assert abs(along @ modes[:, -1]) == pytest.approx(1, abs=1e-6)


def test_no_basis(capsys: pytest.CaptureFixture[str]) -> None:
    """STO-3G ends with iodine: caesium gets the same stiffness everywhere, and the log says so."""
    atoms = Atoms("CsF", [(0, 0, 0), (0, 0, 2.35)])
    system = System.from_atoms(atoms, "CsF", multiplicity=1)
    hessian = initial_hessian(system, atoms.positions)
    assert hessian == pytest.approx(70 * np.eye(6))
    assert "starts without a Hessian" in capsys.readouterr().err
