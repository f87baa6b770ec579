"""The curvature of the energy that a relaxation starts from, before it has measured any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ase import Atoms

STRETCHING_EV_A2 = (35.0, 4.0, 0.5)
"""Stiffness of a bond, eV/Å², with no, one and two metals in it: O–O in a superoxide, Na–O in Na2O, Na–Na in sodium."""

EVERY_ATOM_EV_A2 = 1.5
"""Stiffness against moving by itself, for what no bond holds: sodium's phonons are up to 1.8 eV/Å²."""

IN_A_MOLECULE_EV_A2 = 5.0
"""The same in a molecule, for what holds its angles. Steps down to 0.05 eV/Å from a force field's geometry with 1.5 and
5.0 (GFN2-xTB): FEC 17 and 11, EC 24 and 11, FEC–Na+ 21 and 13; with 1.5 FEC's energy goes up by 1.9 eV on the way."""

DECAY = 4.0
"""A bond x times as long as the sum of its covalent radii is exp(-DECAY·(x - 1)) times as stiff."""

REACH_A = 6.0
_NONMETALS = frozenset({1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 33, 34, 35, 36, 52, 53, 54})


def initial_hessian(atoms: Atoms) -> NDArray[np.float64]:
    """Second derivatives of the energy to start a quasi-Newton relaxation with: springs along all bonds.

    One stiffness for all atoms makes either the bonds of a molecule explode or sodium creep. Steps down to 0.05 eV/Å
    with 70 and 20 eV/Å² for O and Na: 18 for an O atom in Na16, 13 in Na54; with these springs 10 and 5 (GFN1-xTB).

    Returns:
        Shape (3 atoms, 3 atoms), positive definite, eV/Å².
    """
    from ase.neighborlist import neighbor_list

    hessian = np.eye(3 * len(atoms)) * (EVERY_ATOM_EV_A2 if any(atoms.pbc) else IN_A_MOLECULE_EV_A2)
    metal = np.array([number not in _NONMETALS for number in atoms.numbers])
    radii = covalent_radii[atoms.numbers]
    for first, second, distance, vector in zip(*neighbor_list("ijdD", atoms, REACH_A), strict=True):
        if first >= second:  # each bond once; one to an atom's own image does not resist its motion
            continue
        stretched = max(distance / (radii[first] + radii[second]) - 1, 0.0)
        stiffness = STRETCHING_EV_A2[int(metal[first]) + int(metal[second])] * np.exp(-DECAY * stretched)
        spring = stiffness * np.outer(vector, vector) / distance**2
        for one, other, sign in ((first, first, 1), (second, second, 1), (first, second, -1), (second, first, -1)):
            hessian[3 * one : 3 * one + 3, 3 * other : 3 * other + 3] += sign * spring
    return np.asarray(hessian)
