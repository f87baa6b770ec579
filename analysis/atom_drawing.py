"""How atoms are drawn: colours, radii and bonds, the same in every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.structures.bonds import neighbours
from natrium.structures.system import System

COLOURS = {"Na": "#9C8FD0", "O": "#D6301F", "F": "#4FAE4A", "C": "#4A4A4A", "N": "#3C5FC4", "H": "#EFEFEF"}
"""Colours of the elements of a sodium interface; others are grey."""
OTHER_COLOUR = "#A8A8A8"

RADII_A = {"Na": 0.62, "O": 0.45, "F": 0.43, "C": 0.42, "N": 0.42, "H": 0.28}
"""Radii of the spheres, Å: to be told apart, no property of the atoms."""
OTHER_RADIUS_A = 0.5

BOND_TO_OXYGEN_A = 2.8
"""Farther than any Na–O contact of Na2O or an oxygen in the metal (2.2 to 2.5 Å), nearer than the next shell."""

LOBES = {1: "#E3A008", -1: "#2E6FB7"}
"""Colour by sign: gold where electrons gather, blue where they are taken from; of an orbital either phase."""

_BOND_COLOUR = "#8A8A8A"


class Sticks(NamedTuple):
    """Which atoms are joined in a figure.

    Attributes:
        name: What it means that they are.
        colour: Of all sticks, where they are not in the colours of their atoms.
        pairs: Indices of atoms.
    """

    name: str
    colour: str
    pairs: list[tuple[int, int]]


def sticks(system: System, symbols: Sequence[str], positions_a: NDArray[np.float64]) -> Sticks:
    """A molecule's bonds, or in a metal or a crystal what touches its oxygen.

    Args:
        system: Whether it is a molecule.
        symbols: The atoms that are shown: those of the system, or of a crystal periodic images too.
        positions_a: Where they are, shape (n, 3), Å.
    """
    if any(system.pbc):
        return Sticks("contacts of O", COLOURS["O"], bonds_to_oxygen(symbols, positions_a))
    bonded = enumerate(neighbours(system))
    return Sticks("bonds", _BOND_COLOUR, [(one, other) for one, others in bonded for other in others if one < other])


def bonds_to_oxygen(symbols: Sequence[str], positions_a: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of an oxygen (first) and another atom within 2.8 Å; periodic images must be among the atoms."""
    found = []
    for first in (i for i, symbol in enumerate(symbols) if symbol == "O"):
        distances = np.linalg.norm(positions_a - positions_a[first], axis=1)
        near = np.flatnonzero((distances < BOND_TO_OXYGEN_A) & (distances > 0.1)).tolist()
        found += [(first, second) for second in near if symbols[second] != "O" or second > first]
    return found


def cell_edges(corners_a: NDArray[np.float64]) -> NDArray[np.float64]:
    """The twelve edges of a parallelepiped, shape (12, 2, 3), Å, from its corners, shape (2, 2, 2, 3)."""
    edges = [np.stack([corners_a[0], corners_a[1]], axis=-2).reshape(-1, 2, 3)]
    edges.append(np.stack([corners_a[:, 0], corners_a[:, 1]], axis=-2).reshape(-1, 2, 3))
    edges.append(np.stack([corners_a[:, :, 0], corners_a[:, :, 1]], axis=-2).reshape(-1, 2, 3))
    return np.concatenate(edges)
