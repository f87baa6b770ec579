"""Where a molecule binds a cation: its donor atoms, what kind each is, and where its lone pairs point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.structures.bonds import in_ring, neighbours
from natrium.structures.system import System

DONOR_RADII_A = {"F": 1.33, "O": 1.40, "N": 1.46, "Cl": 1.81, "S": 1.84, "Br": 1.96}
"""Ionic radii of the donor elements, Å, for six neighbours (N: four): Shannon, Acta Cryst. A 32, 751 (1976)."""

FLAT = 0.3
"""The sum of the unit vectors along an atom's bonds is shorter than this where the atom is flat or linear: no lone pair
sticks out (amide N, nitro N). Water has 1.2, ammonia 1.1."""


class Donor(NamedTuple):
    """An atom that may bind a cation."""

    atom: int
    """Index in the molecule."""
    kind: str
    """Such as carbonyl-o, ring-o, nitrile-n, f."""
    direction: NDArray[np.float64]
    """Unit vector away from the molecule, through the middle of the lone pairs, shape (3,)."""


def donor_sites(molecule: System) -> list[Donor]:
    """The donor atoms of a molecule, in the order of its atoms.

    An atom with one neighbour points away from it, others against the sum of their bonds' directions: there the
    electrostatic potential of a hard donor is lowest.
    """
    bonded = neighbours(molecule)
    positions = np.array(molecule.positions_a)
    donors = []
    for atom, symbol in enumerate(molecule.symbols):
        kind = _kind(molecule, bonded, atom)
        if symbol not in DONOR_RADII_A or kind is None:
            continue
        bonds = positions[bonded[atom]] - positions[atom]
        total = -(bonds / np.linalg.norm(bonds, axis=1)[:, None]).sum(axis=0) if len(bonds) else np.array([0, 0, 1.0])
        length = float(np.linalg.norm(total))
        if length >= FLAT:
            donors.append(Donor(atom, kind, total / length))
    return donors


def _kind(molecule: System, bonded: list[list[int]], atom: int) -> str | None:
    """What chemists call the atom: group and element; None where it has no lone pair to give."""
    symbol = molecule.symbols[atom]
    others = [molecule.symbols[other] for other in bonded[atom]]
    place = "ring" if in_ring(bonded, atom) else None
    match symbol, len(others):
        case _, 0:
            group = ""
        case "F" | "Cl" | "Br", 1:
            group = ""
        case "O" | "S", 1:
            flat_carbon = others == ["C"] and len(bonded[bonded[atom][0]]) <= 3
            group = {"O": "carbonyl", "S": "thiocarbonyl"}[symbol] if flat_carbon else "terminal"
        case "O", 2:
            group = place or ("ether", "hydroxyl", "water")[others.count("H")]
        case "S", 2:
            group = place or "sulfide"
        case "N", 1:
            group = "nitrile" if others == ["C"] else "terminal"
        case "N", 2:
            group = place or "imine"
        case "N", 3:
            group = place or "amine"
        case _:
            return None
    return f"{group}-{symbol.lower()}" if group else symbol.lower()
