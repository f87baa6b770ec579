"""Isosurfaces of densities whose surfaces are known: spheres in any cell, across any boundary."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from natrium.analysis.isosurface import Region, isosurfaces
from natrium.analysis.volumetric import E_A3_PER_E_BOHR3, VolumetricData
from natrium.structures.errors import InputError
from natrium.structures.system import System

CELLS = {
    "cubic": np.diag([8.0, 8.0, 8.0]),
    "oblique": np.array([[8.0, 0.0, 0.0], [-3.0, 8.0, 0.0], [1.5, 2.0, 9.0]]),
    "left-handed": np.array([[0.0, 8.0, 0.0], [8.0, 0.0, 0.0], [0.0, 0.0, 9.0]]),
}
WIDTH_A, VALUE = 1.0, 5e-3
AMPLITUDE = 0.05
RADIUS_A = WIDTH_A * np.sqrt(2 * np.log(AMPLITUDE / VALUE))


def one_atom(cell: NDArray[np.float64], fraction: tuple[float, float, float], pbc: bool = True) -> System:
    return System(
        label="O",
        symbols=("O",),
        positions_a=[tuple(np.array(fraction) @ cell)],
        cell_a=cell,
        pbc=(True, True, pbc),
    )


def gaussian(cell: NDArray[np.float64], fraction: tuple[float, float, float], sign: int = 1) -> VolumetricData:
    """A periodic gaussian whose surface at VALUE is a sphere of RADIUS_A."""
    grid = np.stack(np.meshgrid(*[np.arange(48) / 48] * 3, indexing="ij"), axis=-1)
    total = np.zeros(grid.shape[:3])
    for image in np.ndindex(3, 3, 3):
        r2 = (((grid - fraction - np.array(image) + 1) @ cell) ** 2).sum(axis=-1)
        total += np.exp(-r2 / (2 * WIDTH_A**2))
    return VolumetricData(sign * AMPLITUDE * E_A3_PER_E_BOHR3 * total, cell, "gaussian")


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("fraction", [(0.5, 0.5, 0.5), (0.0, 0.0, 0.0), (0.97, 0.02, 0.4)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sphere_is_closed_around_its_atom_wherever_that_is(
    cell: NDArray[np.float64], fraction: tuple[float, float, float], sign: int
) -> None:
    system = one_atom(cell, fraction)
    [surface] = isosurfaces(gaussian(cell, fraction, sign), Region.around(system, 0), [sign * VALUE])
    distances = np.linalg.norm(surface.vertices_a - np.array(system.positions_a[0]), axis=1)
    assert distances == pytest.approx(RADIUS_A, rel=0.01)
    assert surface.area_a2 == pytest.approx(4 * np.pi * RADIUS_A**2, rel=0.02)
    assert surface.enclosed_a3 == pytest.approx(4 / 3 * np.pi * RADIUS_A**3, rel=0.02)
    edges = np.sort(surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), "the surface has a hole"
    outward = surface.vertices_a - np.array(system.positions_a[0])
    assert (np.einsum("ij,ij->i", surface.vertex_normals(), outward) > 0.95 * distances).all()


def test_more_cells_show_more_atoms_and_more_surface() -> None:
    cell = CELLS["oblique"]
    system, data = one_atom(cell, (0.5, 0.5, 0.5)), gaussian(cell, (0.5, 0.5, 0.5))
    one, three = Region.around(system), Region.around(system, cells=3)
    assert len(one.atoms(system)[0]) == 1
    assert len(three.atoms(system)[0]) == 27
    areas = [isosurfaces(data, region, [VALUE])[0].area_a2 for region in (one, three)]
    assert areas[1] == pytest.approx(27 * areas[0], rel=1e-6)


def test_atoms_on_faces_are_shown_on_both_and_the_vacuum_is_not_repeated() -> None:
    cell = CELLS["cubic"]
    corner = one_atom(cell, (0.0, 0.0, 0.0))
    assert len(Region.around(corner).atoms(corner)[0]) == 8
    slab = one_atom(cell, (0.0, 0.0, 0.3), pbc=False)
    region = Region.around(slab, 0, cells=2)
    assert (region.start, region.end) == ((-1.0, -1.0, 0.0), (1.0, 1.0, 1.0))
    assert set(region.atoms(slab)[1][:, 2].round(6)) == {2.4}
    around = region.around_points(slab, np.array([[0.0, 0.0, 1.6], [40.0, 0.0, 4.0]]))
    assert around.start == pytest.approx((-1.0, -1.0, 0.2))
    assert around.end == pytest.approx((1.0, 1.0, 0.5))


@pytest.mark.parametrize("value", [1.0, -1e-3, 0.0, float("nan")])
def test_a_value_outside_the_range_is_refused_with_the_range(value: float) -> None:
    cell = CELLS["cubic"]
    system = one_atom(cell, (0.5, 0.5, 0.5))
    with pytest.raises(InputError, match=r"and 0\.05"):
        isosurfaces(gaussian(cell, (0.5, 0.5, 0.5)), Region.around(system), [value])


@pytest.mark.parametrize(("atom", "cells"), [(1, 1.0), (-1, 1.0), (0, 0.0), (0, 100.0)])
def test_a_region_that_cannot_be_is_refused(atom: int, cells: float) -> None:
    with pytest.raises(InputError):
        Region.around(one_atom(CELLS["cubic"], (0.5, 0.5, 0.5)), atom, cells)
