"""Molecules in a cell with vacuum on all sides."""

from __future__ import annotations

import numpy as np

from natrium.structures.adsorbates import check_distances
from natrium.structures.bonds import neighbours
from natrium.structures.errors import InputError
from natrium.structures.slabs import SMALLEST_VACUUM_A
from natrium.structures.system import System


def boxed(
    system: System, vacuum_a: float, *, pbc: bool = False, cubic: bool = False, multiple_a: float | None = None
) -> System:
    """A molecule in the middle of a rectangular cell; charge, spin, moments and fixed atoms stay.

    Args:
        system: A molecule or an ion; a cell that it has is replaced.
        vacuum_a: Least empty length between any atom's nucleus and each wall, Å. Periodic images are twice as far
            apart.
        pbc: Periodic in all directions, as a plane-wave code wants it, or in none.
        cubic: All edges as long as the longest one, which corrections for charged cells assume.
        multiple_a: Edges are made longer, to a multiple of this, Å: four times the spacing of a real-space grid gives
            every molecule the same spacing, and energies that may be subtracted.

    Raises:
        InputError: too little vacuum, a slab or crystal, or a molecule that its old cell cuts.
    """
    # Written so that not-a-number is refused too.
    if not SMALLEST_VACUUM_A / 2 <= vacuum_a < np.inf:
        raise InputError(
            f"{system.label}: vacuum_a={vacuum_a:g} Å is too thin for a molecule",
            f"use at least {SMALLEST_VACUUM_A / 2:g} Å on each side; 6 to 8 Å are usual, more for levels of an ion",
        )
    alone = System.model_validate(system.model_dump() | {"pbc": (False,) * 3, "multiplicity": _multiplicity(system)})
    if system.layers is not None or neighbours(alone) != neighbours(system):
        raise InputError(
            f"{system.label}: a slab, a crystal, or a molecule that is cut by the boundary of its cell",
            "give a molecule in one piece",
        )
    positions = np.array(system.positions_a)
    lowest, highest = positions.min(axis=0), positions.max(axis=0)
    edges = highest - lowest + 2 * vacuum_a
    if multiple_a is not None:
        edges = np.ceil(edges / multiple_a - 1e-6) * multiple_a
    if cubic:
        edges = np.full(3, edges.max())
    placed = System.model_validate(
        alone.model_dump()
        | {
            "positions_a": positions + edges / 2 - (lowest + highest) / 2,
            "cell_a": np.diag(edges),
            "pbc": (pbc,) * 3,
        }
    )
    check_distances(placed)
    return placed


def _multiplicity(system: System) -> int:
    if system.multiplicity is None:
        raise InputError(
            f"{system.label}: a molecule needs a spin multiplicity", "give 1 for a closed shell, 2 for a doublet"
        )
    return system.multiplicity
