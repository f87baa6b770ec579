"""Isosurfaces: triangles in Cartesian Å where a density or an orbital has one value, any atom in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.volumetric import BOHR_A, E_A3_PER_E_BOHR3, VolumetricData, VolumetricFile
from natrium.structures.errors import InputError
from natrium.structures.system import System, Vector

DENSITY_DIFFERENCE_E_BOHR3 = (1.5e-3, -1.5e-3)
"""The usual values for a charge density difference in a metal."""

ORBITAL_BOHR_3_2 = (0.05, -0.05)
"""The usual values for an orbital of a molecule, Bohr⁻³ᐟ²."""


class Quantity(NamedTuple):
    """How the isovalues of data in one unit are counted.

    Attributes:
        unit: Unit of isovalues, in atomic units as everybody gives them.
        per_a: One of it in the unit of the data, which is in Å.
        isovalues: What is usual, in `unit`.
        finer: How many times finer than the data the surfaces are, by cubic splines. Orbitals are kept on a coarse grid
            of 0.2 Å, on which they are smooth; all-electron densities on a fine one, on which splines would ring.
    """

    unit: str
    per_a: float
    isovalues: tuple[float, ...]
    finer: int


QUANTITIES = {
    "e/Å³": Quantity("e/Bohr³", E_A3_PER_E_BOHR3, DENSITY_DIFFERENCE_E_BOHR3, 1),
    "Å^-3/2": Quantity("Bohr⁻³ᐟ²", BOHR_A**-1.5, ORBITAL_BOHR_3_2, 2),
}
"""By the unit of the data: a density, or an orbital."""

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

    @classmethod
    def whole(cls, system: System, shape: tuple[int, int, int]) -> Region:
        """One cell; of a molecule's grid, which does not begin again behind its end, the first to the last point."""
        if any(system.pbc):
            return cls.around(system)
        return cls((0.0, 0.0, 0.0), _vector(1 - 1 / np.array(shape)))

    def around_points(self, system: System, points_a: NDArray[np.float64]) -> Region:
        """The same along the periodic lattice vectors; along the others, a slab's normal, as far as the points are.

        Args:
            system: Whose region this is.
            points_a: Cartesian, shape (n, 3), Å.
        """
        fractions = np.linalg.solve(np.array(system.cell_a).T, points_a.T).T
        start = np.where(system.pbc, self.start, fractions.min(axis=0))
        end = np.where(system.pbc, self.end, fractions.max(axis=0))
        return Region(_vector(start), _vector(end))

    def atoms(self, system: System) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Symbols and Cartesian positions, shape (n, 3), Å, of all atoms in the region, periodic images among them."""
        if not any(system.pbc):
            return system.symbols, np.array(system.positions_a)
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
    """A surface of triangles. Seen from the side of the lower absolute value, each runs counter-clockwise."""

    value: float
    """In `unit`."""
    unit: str
    """e/Bohr³, or Bohr⁻³ᐟ²."""
    vertices_a: NDArray[np.float64]
    """Cartesian, shape (vertices, 3), Å."""
    triangles: NDArray[np.intp]
    """Indices of vertices, shape (triangles, 3)."""

    @property
    def sign(self) -> int:
        """1 or -1."""
        return 1 if self.value > 0 else -1

    @property
    def label(self) -> str:
        """The value with its sign and its unit."""
        return f"{self.value:+.2g} {self.unit}"

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
    data: VolumetricData | VolumetricFile, region: Region, isovalues: Sequence[float] | None = None
) -> list[Isosurface]:
    """Surfaces of constant value within a region, by Lewiner's marching cubes (scikit-image).

    The data are continued periodically to the whole region, so lobes go on through the faces of the cell and end only
    at those of the region. An orbital may have one sign everywhere: a value that is not reached has no surface.

    Args:
        data: Density or orbital.
        region: What is shown.
        isovalues: Not zero, in the unit of `QUANTITIES`: e/Bohr³ of a density, Bohr⁻³ᐟ² of an orbital; None: the usual.

    Raises:
        InputError: the data reach none of the values.
        VolumetricFileError: the file is gone or was changed.
    """
    from skimage.measure import marching_cubes

    if isinstance(data, VolumetricFile):
        source, quantity, origin_a = data.values(), QUANTITIES[data.unit], np.array(data.origin_a)
    else:
        source, quantity, origin_a = data.values_e_a3, QUANTITIES["e/Å³"], np.zeros(3)
    cell_a, shape = np.array(data.cell_a), np.array(data.shape)
    first = np.floor(np.array(region.start) * shape + _ON_THE_EDGE).astype(int)
    last = np.ceil(np.array(region.end) * shape - _ON_THE_EDGE).astype(int)
    indices = [np.arange(low, high + 1) % n for low, high, n in zip(first, last, shape, strict=True)]
    values = np.asarray(source, dtype=np.float64)[np.ix_(*indices)] / quantity.per_a
    lowest, highest = float(values.min()), float(values.max())
    wanted = quantity.isovalues if isovalues is None else isovalues
    reached = [value for value in wanted if lowest < value < highest and value != 0]
    if not reached:
        raise InputError(
            f"{data.name}: no isosurface at {', '.join(f'{value:g}' for value in wanted)} {quantity.unit}",
            f"use one between {lowest:.3g} and {highest:.3g}",
        )
    values = _finer(values, quantity.finer)
    surfaces = []
    for value in reached:
        vertices, triangles, *_ = marching_cubes(
            values, value, gradient_direction="ascent" if value > 0 else "descent", allow_degenerate=False
        )
        steps = (vertices / quantity.finer + first) / shape
        if np.linalg.det(cell_a) < 0:
            triangles = triangles[:, ::-1]
        vertices_a = steps @ cell_a + origin_a
        surfaces.append(Isosurface(value, quantity.unit, vertices_a, np.asarray(triangles, dtype=np.intp)))
    return surfaces


def _finer(values: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """The values and as many between them as make the grid so many times finer."""
    if factor == 1:
        return values
    from scipy.ndimage import zoom

    shape = np.array(values.shape)
    return np.asarray(zoom(values, (factor * (shape - 1) + 1) / shape, order=3), dtype=np.float64)


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
