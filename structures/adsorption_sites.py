"""High-symmetry adsorption sites of bcc(110): the in-plane lattice of a slab's top layer, and the sites on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import surface_area_a2, surface_normal
from natrium.structures.system import System, Vector

SiteName = Literal["on-top", "short-bridge", "long-bridge", "hollow"]
SITE_NAMES: tuple[SiteName, ...] = get_args(SiteName)

SITES: dict[SiteName, tuple[tuple[float, float], ...]] = {
    "on-top": ((0, 0),),
    "short-bridge": ((0.25, 0.25), (0.25, -0.25)),
    "long-bridge": ((0.5, 0),),
    "hollow": ((0.5, 0.125), (0.5, -0.125)),
}
"""Sites of one primitive cell, in units of the centred rectangular cell a × √2·a with an atom at its corner.

short-bridge: between nearest neighbours, √3/2·a apart; long-bridge: between neighbours along [001], a apart; hollow:
the centre of the circle through three atoms, 0.530·a from each, the place with most room in the layer.
"""

SAME_LENGTH = 0.01
"""Neighbours' mean distances must be those of bcc(110) to this part: the layer of fcc(111) is off by 0.043."""

LARGEST_DISPLACEMENT = 0.2
"""Of an atom of the layer from its lattice point, in units of a: half the way to the next is 0.43."""


@dataclass(frozen=True)
class SurfaceLattice:
    """The in-plane lattice of the top layer of a bcc(110) slab: centred rectangular, a along [001], √2·a along [1-10].

    Coordinates (u, v) are lengths along the two directions from a lattice point, Å.
    """

    lattice_constant_a: float
    along_001: NDArray[np.float64]
    """Unit vector in the plane, shape (2,)."""
    along_110: NDArray[np.float64]
    """Unit vector along [1-10] in the plane, shape (2,)."""
    origin_a: NDArray[np.float64]
    """A lattice point, shape (2,), Å."""
    height_a: float
    """Mean height of the top layer, Å."""
    largest_displacement_a: float
    """Of an atom of the top layer from its lattice point, in the plane, Å."""

    @property
    def rectangle_a(self) -> NDArray[np.float64]:
        """Edges of the centred rectangular cell along [001] and [1-10], shape (2,), Å."""
        return self.lattice_constant_a * np.array([1.0, np.sqrt(2)])

    @property
    def axes(self) -> NDArray[np.float64]:
        """Both unit vectors in rows, shape (2, 2)."""
        return np.array([self.along_001, self.along_110])

    def coordinates(self, lateral_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """(u, v) of positions in the plane, shape (..., 2), Å."""
        return np.asarray((lateral_a - self.origin_a) @ self.axes.T, dtype=np.float64)

    def lateral(self, coordinates_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions in the plane of coordinates (u, v), shape (..., 2), Å."""
        return np.asarray(coordinates_a @ self.axes + self.origin_a, dtype=np.float64)

    def from_point(self, coordinates_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """Vector from the nearest lattice point, in (u, v), shape (..., 2), Å."""
        scaled = np.asarray(coordinates_a) / self.rectangle_a
        candidates = np.array([scaled - shift - np.round(scaled - shift) for shift in (0.0, 0.5)]) * self.rectangle_a
        nearest = np.argmin(np.linalg.norm(candidates, axis=-1), axis=0)
        return np.asarray(np.take_along_axis(candidates, nearest[None, ..., None], axis=0)[0], dtype=np.float64)

    def points_near(self, centre_a: NDArray[np.float64], start: tuple[float, float]) -> NDArray[np.float64]:
        """Lattice points moved by `start` (fractions of the rectangle) that are near a position, shape (n, 2), Å."""
        base = np.floor(self.coordinates(centre_a) / self.rectangle_a)
        steps = [np.array(step) for step in product(range(-1, 3), repeat=2)]
        scaled = [base + step + half + start for step in steps for half in (0.0, 0.5)]
        return self.lateral(np.array(scaled) * self.rectangle_a)

    def nearest_site(self, lateral_a: NDArray[np.float64]) -> tuple[SiteName, float]:
        """The kind of site nearest to a position in the plane, and its lateral distance, Å."""
        distances = {
            name: min(float(np.linalg.norm(self.points_near(lateral_a, at) - lateral_a, axis=1).min()) for at in places)
            for name, places in SITES.items()
        }
        name = min(distances, key=lambda site: distances[site])
        return name, distances[name]


def surface_lattice(slab: System) -> SurfaceLattice:
    """The in-plane lattice of the top layer of a bcc(110) slab of any lateral size, relaxed or not.

    Direction, size and place come from the bottom layer, which a relaxation leaves alone, while oxygen tears the layers
    near it apart: the six neighbours of each atom are grouped by direction, and over a periodic layer the mean of a
    group is a lattice vector exactly. Each layer lies over the long bridges of the one below, so every second one has
    the place of the first.

    Raises:
        InputError: not a slab with numbered layers and its normal along z, or not bcc(110).
    """
    normal = surface_normal(slab)
    if slab.layers is None or max(slab.layers) < 1:
        raise InputError(f"{slab.label}: its layers are not numbered", "build it with metal_slab, which numbers them")
    if normal[2] < 1 - 1e-6:
        raise InputError(f"{slab.label}: its surface normal is not along z", "build it with metal_slab")
    layers, positions = np.array(slab.layers), np.array(slab.positions_a)
    top = int(max(slab.layers))
    vectors = np.array(slab.cell_a)[:2, :2]
    a_a, along_001 = _along_001(slab, positions[layers == 1, :2], vectors)
    along_110 = np.array([-along_001[1], along_001[0]])
    atoms, bottom = positions[layers == top], positions[layers == 1, :2]
    lowest = SurfaceLattice(a_a, along_001, along_110, bottom[0], 0.0, 0.0)
    shift = np.median(lowest.from_point(lowest.coordinates(bottom)), axis=0)
    lowest = replace(lowest, origin_a=lowest.lateral(shift))
    long_bridge = np.array([a_a / 2, 0])
    if top > 1:
        above = lowest.from_point(lowest.coordinates(positions[layers == 2, :2]) - long_bridge)
        if np.linalg.norm(np.median(above, axis=0)) > LARGEST_DISPLACEMENT * a_a:
            raise _other_slab(slab, "its second layer from below does not lie over the long bridges of the first")
    origin_a = lowest.lateral(long_bridge * ((top - 1) % 2))
    ideal = SurfaceLattice(a_a, along_001, along_110, origin_a, float(atoms[:, 2].mean()), 0.0)
    displaced = np.linalg.norm(ideal.from_point(ideal.coordinates(atoms[:, :2])), axis=1)
    return replace(ideal, largest_displacement_a=float(displaced.max()))


def adsorption_sites(slab: System) -> dict[SiteName, Vector]:
    """One representative of each high-symmetry site of a bcc(110) slab: the one nearest to the middle of the cell.

    Returns:
        Position by name, at the mean height of the top layer, Å.

    Raises:
        InputError: not a bcc(110) slab, or one whose top layer is no longer in place.
    """
    lattice = surface_lattice(slab)
    if lattice.largest_displacement_a > LARGEST_DISPLACEMENT * lattice.lattice_constant_a:
        raise _other_slab(slab, f"an atom of its top layer is {lattice.largest_displacement_a:.2f} Å off its place")
    middle = np.array(slab.cell_a)[:2, :2].sum(axis=0) / 2
    return {name: _nearest(lattice, places, middle) for name, places in SITES.items()}


def _nearest(lattice: SurfaceLattice, places: tuple[tuple[float, float], ...], middle: NDArray[np.float64]) -> Vector:
    points = np.concatenate([lattice.points_near(middle, place) for place in places])
    # Rounded, so that the last digit of a number does not choose between equally near ones.
    order = np.round(np.column_stack([np.linalg.norm(points - middle, axis=1), points]), 6)
    x, y = points[np.lexsort(order.T[::-1])[0]]
    return float(x), float(y), lattice.height_a


def _along_001(
    slab: System, atoms: NDArray[np.float64], vectors: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Lattice constant (Å) and direction of [001] from the neighbours in one layer."""
    a_a = float(np.sqrt(np.sqrt(2) * surface_area_a2(slab) / len(atoms)))
    groups = _neighbour_groups(slab, atoms, vectors, 1.2 * a_a)
    means = np.array([np.mean(group, axis=0) for group in groups])
    lengths = np.linalg.norm(means, axis=1)
    order = np.argsort(lengths)
    expected = a_a * np.array([0.75**0.5] * 4 + [1.0] * 2)
    complete = all(len(group) == len(atoms) for group in groups)
    if not complete or np.any(np.abs(lengths[order] / expected - 1) > SAME_LENGTH):
        raise _other_slab(slab, "the neighbours in its bottom layer are not four at √3/2·a and two at a")
    longest = means[order[-1]]
    direction = longest / np.linalg.norm(longest)
    sign = -1.0 if tuple(np.round(direction, 6)) < (0.0, 0.0) else 1.0
    return a_a, sign * direction


def _neighbour_groups(
    slab: System, atoms: NDArray[np.float64], vectors: NDArray[np.float64], within_a: float
) -> list[list[NDArray[np.float64]]]:
    """Vectors to the neighbours of all atoms, grouped by the six of the first atom."""
    fractions = atoms @ np.linalg.inv(vectors)
    atoms = (fractions - np.floor(fractions)) @ vectors
    heights = abs(np.linalg.det(vectors)) / np.linalg.norm(vectors, axis=1)[::-1]
    reach = [int(np.ceil(within_a / height)) + 1 for height in heights]
    shifts = np.array([np.array(n) @ vectors for n in product(*(range(-most, most + 1) for most in reach))])
    found = (atoms[None, :, None, :] + shifts[None, None, :, :] - atoms[:, None, None, :]).reshape(len(atoms), -1, 2)
    distances = np.linalg.norm(found, axis=2)
    near = [
        vectors_[(lengths > 0.1) & (lengths < within_a)] for vectors_, lengths in zip(found, distances, strict=True)
    ]
    if len(near[0]) != 6:
        raise _other_slab(slab, f"an atom of its bottom layer has {len(near[0])} neighbours instead of six")
    groups: list[list[NDArray[np.float64]]] = [[] for _ in range(6)]
    for vector in np.concatenate(near):
        groups[int(np.argmin(np.linalg.norm(near[0] - vector, axis=1)))].append(vector)
    return groups


def _other_slab(slab: System, problem: str) -> InputError:
    return InputError(
        f"{slab.label}: not a bcc(110) slab, {problem}",
        'use the clean slab of metal_slab(..., face="110") of a bcc metal',
    )
