"""Octahedral and tetrahedral voids of bcc: in the crystal with an interstitial atom, and under the (110) surface."""

from __future__ import annotations

from itertools import permutations
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from natrium.structures.adsorbates import add_atoms
from natrium.structures.adsorption_sites import surface_lattice
from natrium.structures.crystals import metal_lattice
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import layer_heights_a
from natrium.structures.system import System, Vector

VoidName = Literal["octahedral", "tetrahedral"]
VOID_NAMES: tuple[VoidName, ...] = get_args(VoidName)

VOIDS: dict[VoidName, tuple[Vector, ...]] = {
    "octahedral": tuple(sorted({*permutations((0.5, 0.5, 0.0), 3), *permutations((0.5, 0.0, 0.0), 3)})),
    "tetrahedral": tuple(sorted({*permutations((0.5, 0.25, 0.0), 3), *permutations((0.5, 0.75, 0.0), 3)})),
}
"""Centres in fractions of the conventional cell, atoms at (0, 0, 0) and (½, ½, ½): 6 octahedral ones (face centres and
edge midpoints; two neighbours at a/2, four at a/√2) and 12 tetrahedral ones (four neighbours at √5/4·a)."""

LARGEST_REPETITION = 5
"""5×5×5 cells are 250 atoms; more is a slip."""


def host_cell(element: str, n: int, lattice_constant_a: float | None = None) -> System:
    """n×n×n conventional cubic cells of a bcc metal: 2n³ atoms, periodic, the spin left open.

    Args:
        element: Chemical symbol of the metal.
        n: Repetitions along each axis, 1 to 5.
        lattice_constant_a: Of the conventional cell, Å; None takes the reference.

    Raises:
        InputError: no such n, or a metal or lattice constant that cannot be bcc.

    >>> host_cell("Na", 3).label
    'Na54, bcc 3×3×3'
    """
    if not 1 <= n <= LARGEST_REPETITION:
        raise InputError(f"{element}: {n}×{n}×{n} conventional cells", f"use n from 1 to {LARGEST_REPETITION}")
    a_a = metal_lattice(element, structure="bcc", lattice_constant_a=lattice_constant_a).a_a
    corners = np.array(list(np.ndindex(n, n, n)), dtype=np.float64)
    positions = a_a * np.stack([corners, corners + 0.5], axis=1).reshape(-1, 3)
    return System(
        label=f"{element}{2 * n**3}, bcc {n}×{n}×{n}",
        symbols=(element,) * (2 * n**3),
        positions_a=positions,
        cell_a=np.eye(3) * n * a_a,
        pbc=(True, True, True),
    )


def interstitial(
    element: str, n: int, void: VoidName, lattice_constant_a: float | None = None, host: str = "Na"
) -> System:
    """n×n×n conventional cells of a bcc metal with one atom in the void nearest to the centre of the cell.

    The atom is the last one. Of equally near voids it is always the same; the symmetry of the site is kept.

    Args:
        element: Chemical symbol of the atom in the void.
        n: Repetitions along each axis, 1 to 5.
        void: octahedral or tetrahedral.
        lattice_constant_a: Of the host's conventional cell, Å; None takes the reference.
        host: Chemical symbol of the bcc metal.

    Raises:
        InputError: as `host_cell`; an unknown void; an atom too big for it.

    >>> interstitial("O", 3, "octahedral").label
    'Na54O, octahedral O'
    """
    places = _voids(void)
    cell = host_cell(host, n, lattice_constant_a)
    a_a = cell.cell_a[0][0] / n
    corners = np.array(list(np.ndindex(n, n, n)), dtype=np.float64)
    candidates = (corners[:, None, :] + np.array(places)[None, :, :]).reshape(-1, 3)
    # Multiples of ¼: exact, so the order of equally near ones does not hang on the last digit.
    squared = np.sum((candidates - n / 2) ** 2, axis=1)
    position = a_a * candidates[np.lexsort((*candidates.T[::-1], squared))[0]]
    return add_atoms(cell, (element,), [position], f"{host}{2 * n**3}{element}, {void} {element}")


def embedded(slab: System, void: VoidName) -> Vector:
    """Centre of a void between the top and the second layer of a bcc(110) slab, nearest to the middle of the cell.

    A third of the octahedral voids of bcc lie in the (110) planes, the others mid-way between two planes; tetrahedral
    ones lie at ¼, ½ and ¾ of the way. The mid-way ones are taken: those in the layer are adsorption sites, those at ¼
    have three of their four atoms in the top layer, as the hollow has. The mid-way ones of a kind are equivalent by the
    mirrors of the surface.

    Returns:
        Position, Å; its height is half-way between the mean heights of both layers.

    Raises:
        InputError: not a bcc(110) slab of at least two layers, or an unknown void.
    """
    lattice = surface_lattice(slab)
    layers = layer_heights_a(slab)
    if len(layers) < 2:
        raise InputError(f"{slab.label}: one layer has no voids below it", "use a slab of at least two layers")
    middle = np.array(slab.cell_a)[:2, :2].sum(axis=0) / 2
    frames = to_surface_frame(np.array(_voids(void)))
    starts = [(float(u), float(v)) for u, v, w in frames if w == 0.5]
    points = np.concatenate([lattice.points_near(middle, start) for start in starts])
    order = np.round(np.column_stack([np.linalg.norm(points - middle, axis=1), points]), 6)
    x, y = points[np.lexsort(order.T[::-1])[0]]
    top, second = (float(layers[number].mean()) for number in (max(layers), max(layers) - 1))
    return float(x), float(y), (top + second) / 2


def to_surface_frame(fractions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractions of the conventional bcc cell as (u, v, w) of the (110) surface, shape (..., 3).

    u along [001] in units of a, v along [1-10] in units of √2·a, w the depth along [110] in units of the distance of
    two layers, a/√2: w is a whole number in a layer of atoms.
    """
    x, y, z = np.moveaxis(np.asarray(fractions, dtype=np.float64), -1, 0)
    return np.stack([z, (x - y) / 2, x + y], axis=-1)


def from_surface_frame(frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `to_surface_frame`, shape (..., 3)."""
    u, v, w = np.moveaxis(np.asarray(frame, dtype=np.float64), -1, 0)
    return np.stack([w / 2 + v, w / 2 - v, u], axis=-1)


def nearest_void(fractions: NDArray[np.float64]) -> tuple[VoidName, float]:
    """The kind of void nearest to a point of bcc, given and measured in units of the conventional cell."""
    distances = {
        name: float(
            min(np.linalg.norm(offset - np.round(offset)) for offset in np.array(places) - np.asarray(fractions))
        )
        for name, places in VOIDS.items()
    }
    name = min(distances, key=lambda void: distances[void])
    return name, distances[name]


def _voids(void: str) -> tuple[Vector, ...]:
    for name, places in VOIDS.items():
        if name == void:
            return places
    raise InputError(f"unknown void {void!r} of bcc", f"use {' or '.join(VOID_NAMES)}")
