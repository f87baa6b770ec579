"""Isosurfaces: triangles in Cartesian Å where a density has one value, in any cell, any atom in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.volumetric import E_A3_PER_E_BOHR3, VolumetricData
from natrium.structures.errors import InputError
from natrium.structures.system import System, Vector

DENSITY_DIFFERENCE_E_BOHR3 = (1.5e-3, -1.5e-3)
"""The usual values for a charge density difference in a metal."""

_ON_THE_EDGE = 1e-6


@dataclass(frozen=True)
class Region:
    """The part of space that is shown: a parallelepiped along the lattice vectors, in fractions of them."""

    start: Vector
    end: Vector

    @classmethod
    def around(cls, system: System, atom: int | None = None, cells: float = 1.0) -> Region:
        """So many cells along every periodic lattice vector with one atom, or the cell's own middle, in the middle.

        Where the system is not periodic it is the cell itself: there is nothing beyond.

        Raises:
            InputError: no such atom, or no size.
        """
        if atom is not None and not 0 <= atom < len(system.symbols):
            raise InputError(f"{system.label}: atom {atom} does not exist", f"use 0 to {len(system.symbols) - 1}")
        if not 0 < cells <= 5:
            raise InputError(f"{cells} cells cannot be shown", "use more than 0 and at most 5")
        middle = np.full(3, 0.5)
        if atom is not None:
            middle = np.linalg.solve(np.array(system.cell_a).T, np.array(system.positions_a[atom]))
        periodic = np.array(system.pbc)
        start = np.where(periodic, middle - cells / 2, 0.0)
        end = np.where(periodic, middle + cells / 2, 1.0)
        return cls(_vector(start), _vector(end))

    def atoms(self, system: System) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Symbols and Cartesian positions, shape (n, 3), Å, of all atoms in the region, periodic images among them."""
        cell = np.array(system.cell_a)
        start, end = np.array(self.start), np.array(self.end)
        fractions = np.linalg.solve(cell.T, np.array(system.positions_a).T).T
        symbols, positions = [], []
        for symbol, fraction in zip(system.symbols, fractions, strict=True):
            first = np.where(system.pbc, np.ceil(start - fraction - _ON_THE_EDGE), 0).astype(int)
            last = np.where(system.pbc, np.floor(end - fraction + _ON_THE_EDGE), 0).astype(int)
            for image in np.ndindex(*(last - first + 1)):
                symbols.append(symbol)
                positions.append((fraction + first + image) @ cell)
        return tuple(symbols), np.array(positions).reshape(-1, 3)

    def corners_a(self, cell_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """The eight corners, shape (2, 2, 2, 3), Å."""
        ends = np.array([self.start, self.end])
        grid = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1)
        return np.asarray(grid @ cell_a, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Isosurface:
    """A surface of triangles. Seen from the side of lower |density|, each runs counter-clockwise."""

    value_e_bohr3: float
    vertices_a: NDArray[np.float64]
    """Cartesian, shape (vertices, 3), Å."""
    triangles: NDArray[np.intp]
    """Indices of vertices, shape (triangles, 3)."""

    @property
    def area_a2(self) -> float:
        """Area of the surface, Å²."""
        return float(np.linalg.norm(self._cross(), axis=1).sum() / 2)

    @property
    def enclosed_a3(self) -> float:
        """Volume inside, Å³; meaningful where the region does not cut the surface."""
        a, b, c = (self.vertices_a[self.triangles[:, i]] for i in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    def vertex_normals(self) -> NDArray[np.float64]:
        """Outward unit normals, shape (vertices, 3): those of the triangles around, weighted by area."""
        normals = np.zeros_like(self.vertices_a)
        for corner in range(3):
            np.add.at(normals, self.triangles[:, corner], self._cross())
        return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30))

    def _cross(self) -> NDArray[np.float64]:
        a, b, c = (self.vertices_a[self.triangles[:, i]] for i in range(3))
        return np.asarray(np.cross(b - a, c - a))


def isosurfaces(
    data: VolumetricData,
    region: Region,
    values_e_bohr3: Sequence[float] = DENSITY_DIFFERENCE_E_BOHR3,
) -> list[Isosurface]:
    """Surfaces of constant density within a region, by Lewiner's marching cubes (scikit-image).

    The density is continued periodically to the whole region, so lobes go on through the faces of the cell and end only
    at those of the region.

    Args:
        data: Density.
        region: What is shown.
        values_e_bohr3: Densities of the surfaces, e/Bohr³ (not zero).

    Raises:
        InputError: a value that the density does not reach.
    """
    from skimage.measure import marching_cubes

    shape = np.array(data.shape)
    first = np.floor(np.array(region.start) * shape + _ON_THE_EDGE).astype(int)
    last = np.ceil(np.array(region.end) * shape - _ON_THE_EDGE).astype(int)
    indices = [np.arange(low, high + 1) % n for low, high, n in zip(first, last, shape, strict=True)]
    values = np.asarray(data.values_e_a3, dtype=np.float64)[np.ix_(*indices)] / E_A3_PER_E_BOHR3
    lowest, highest = float(values.min()), float(values.max())
    surfaces = []
    for value in values_e_bohr3:
        if not lowest < value < highest or value == 0:
            raise InputError(
                f"{data.name}: no isosurface at {value:g} e/Bohr³", f"use one between {lowest:.3g} and {highest:.3g}"
            )
        vertices, triangles, *_ = marching_cubes(
            values, value, gradient_direction="ascent" if value > 0 else "descent", allow_degenerate=False
        )
        steps = (vertices + first) / shape
        if np.linalg.det(data.cell_a) < 0:
            triangles = triangles[:, ::-1]
        surfaces.append(Isosurface(value, steps @ data.cell_a, np.asarray(triangles, dtype=np.intp)))
    return surfaces


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
