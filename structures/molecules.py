"""Atoms and diatomic molecules alone in a box, with the spin that is said."""

from __future__ import annotations

import re

import numpy as np
from ase.data import atomic_numbers

from natrium.structures.adsorbates import check_distances
from natrium.structures.errors import InputError
from natrium.structures.slabs import SMALLEST_VACUUM_A
from natrium.structures.system import System

EDGE_STEP_A = 0.25
"""The edges of a box differ by this, Å: in a cubic one a degenerate open shell (the p shell of the O atom, π* of NO)
keeps the symmetry with fractional occupations, above its ground state. Closed shells and O2 do not mind."""


def diatomic(formula: str, *, bond_a: float, multiplicity: int, box_a: float = 10.0) -> System:
    """A diatomic molecule in the middle of a periodic box, along the third and longest edge.

    Args:
        formula: Such as O2, NaO, NaF.
        bond_a: Bond length, Å.
        multiplicity: Spin multiplicity 2S + 1: 3 for O2, 1 for a closed shell.
        box_a: Shortest edge, Å; the others are longer by `EDGE_STEP_A` and twice that.

    Raises:
        InputError: not two atoms, too near to each other or to their images, or an impossible spin.

    >>> diatomic("O2", bond_a=1.21, multiplicity=3).magnetic_moments
    (1.0, 1.0)
    """
    symbols = _two_symbols(formula)
    return _in_a_box(formula, symbols, np.array([[0, 0, -bond_a / 2], [0, 0, bond_a / 2]]), box_a, multiplicity)


O2_BOND_A = 1.23
"""PBE's bond length of O2, Å: where a relaxation starts."""


def oxygen_molecule(box_a: float) -> System:
    """O2, a triplet, in a periodic box."""
    return diatomic("O2", bond_a=O2_BOND_A, multiplicity=3, box_a=box_a)


def atom(symbol: str, *, multiplicity: int, box_a: float = 10.0) -> System:
    """One atom in the middle of a periodic box with unequal edges.

    Args:
        symbol: Chemical symbol.
        multiplicity: Spin multiplicity 2S + 1: 3 for O, 2 for Na or F.
        box_a: Shortest edge, Å.

    Raises:
        InputError: no such element, an impossible spin, or a box too small.
    """
    return _in_a_box(symbol, (symbol,), np.zeros((1, 3)), box_a, multiplicity)


def _two_symbols(formula: str) -> tuple[str, ...]:
    found = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    symbols = tuple(symbol for symbol, count in found for _ in range(int(count or 1)))
    whole = "".join(symbol + count for symbol, count in found) == formula
    if not whole or len(symbols) != 2 or not all(symbol in atomic_numbers for symbol in symbols):
        raise InputError(f"{formula!r} is not a molecule of two atoms", "give a formula such as O2, NaO or NaF")
    return symbols


def _in_a_box(label: str, symbols: tuple[str, ...], positions_a: np.ndarray, box_a: float, multiplicity: int) -> System:
    edges = box_a + EDGE_STEP_A * np.arange(3)
    # Written so that not-a-number is refused too.
    if not (edges - np.ptp(positions_a, axis=0)).min() >= SMALLEST_VACUUM_A:
        raise InputError(
            f"{label}: a box of {box_a:g} Å leaves less than {SMALLEST_VACUUM_A:g} Å to the next image",
            "use a larger box_a; 10 Å is usual",
        )
    system = System(
        label=label,
        symbols=symbols,
        positions_a=positions_a + edges / 2,
        cell_a=np.diag(edges),
        pbc=(True, True, True),
        multiplicity=multiplicity,
        magnetic_moments=tuple((multiplicity - 1) / len(symbols) for _ in symbols) if multiplicity > 1 else None,
    )
    check_distances(system)
    return system
