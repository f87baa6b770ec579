"""The Voronoi cell of a grid point: which neighbours it touches, and through how large a facet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError

_REACHES = (2, 3, 4, 6)
_SMALLEST_FACET = 1e-8
"""Of the squared distance: smaller ones are edges of a symmetric cell that rounding has opened."""


def facets(cell_a: NDArray[np.float64], shape: Sequence[int]) -> list[tuple[NDArray[np.intp], float]]:
    """Neighbours with which a point of the grid shares a facet of its Voronoi cell.

    Args:
        cell_a: Lattice vectors in rows, shape (3, 3), Å.
        shape: Grid points along each.

    Returns:
        Steps to the neighbour in grid points, and area of the facet divided by the distance, Å: 6 in an orthogonal
        grid, up to 14.

    Raises:
        InputError: grid vectors so oblique that the neighbours were not found.
    """
    from scipy.spatial import Voronoi

    steps_a = np.asarray(cell_a, dtype=np.float64) / np.asarray(shape)[:, None]
    volume_a3 = abs(np.linalg.det(steps_a))
    for reach in _REACHES:
        grid = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        centre = len(grid) // 2
        points = grid @ steps_a
        diagram = Voronoi(points)
        found = []
        volume_found_a3 = 0.0
        for pair, corners in zip(diagram.ridge_points, diagram.ridge_vertices, strict=True):
            if centre not in pair or -1 in corners:
                continue
            other = int(pair.sum()) - centre
            distance_a = float(np.linalg.norm(points[other]))
            area_a2 = _polygon_area(diagram.vertices[corners])
            volume_found_a3 += area_a2 * distance_a / 6
            if area_a2 > _SMALLEST_FACET * distance_a**2:
                found.append((grid[other], area_a2 / distance_a))
        # the facets close the cell only when no neighbour was out of reach
        if abs(volume_found_a3 - volume_a3) < 1e-6 * volume_a3:
            return found
    raise InputError(
        f"a grid with steps {steps_a.tolist()} Å is too oblique to be partitioned",
        "calculate in a reduced cell (Niggli or Minkowski)",
    )


def _polygon_area(corners: NDArray[np.float64]) -> float:
    """Area of a flat polygon in space, corners in order."""
    spokes = corners - corners[0]
    return float(np.linalg.norm(np.cross(spokes[1:-1], spokes[2:]).sum(axis=0)) / 2)
