"""Bader charges of densities whose electrons are known, and of one small crystal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from numpy.typing import NDArray

from natrium.analysis.bader import BaderCharges, BaderError, bader_charges
from natrium.analysis.density_difference import GridMismatchError
from natrium.analysis.volumetric import VolumetricData
from natrium.analysis.voronoi_cell import facets
from natrium.structures.errors import InputError
from natrium.structures.system import System

CUBIC = np.diag([6.0, 6.0, 6.0])
OBLIQUE = np.array([[6.0, 0.0, 0.0], [-2.5, 5.6, 0.0], [1.2, 2.0, 6.5]])
FCC = np.array([[0.0, 4.0, 4.0], [4.0, 0.0, 4.0], [4.0, 4.0, 0.0]])
SLAB = np.array([[5.0, 0.0, 0.0], [1.5, 5.0, 0.0], [0.0, 0.0, 16.0]])


def atoms_density(
    cell: NDArray[np.float64], fractions: Any, electrons: Any, widths_a: Any, n: int | tuple[int, int, int] = 40
) -> VolumetricData:
    """Gaussians at atoms, with periodic images, each normalised on the grid."""
    shape = (n, n, n) if isinstance(n, int) else n
    grid = np.stack(np.meshgrid(*[np.arange(k) / k for k in shape], indexing="ij"), axis=-1)
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    total = np.zeros(shape)
    dv = abs(np.linalg.det(cell)) / total.size
    for fraction, count, width in zip(fractions, electrons, widths_a, strict=True):
        one = np.zeros(shape)
        for image in images:
            r2 = (((grid - fraction - image) @ cell) ** 2).sum(axis=-1)
            one += np.exp(-r2 / (2 * width**2))
        total += one * count / (one.sum() * dv)
    return VolumetricData(total, cell, "gaussians")


def system(cell: NDArray[np.float64], fractions: Any, symbols: str = "NaF", charge: int = 0) -> System:
    names = tuple(("Na", "F", "O")["NFO".index(letter)] for letter in symbols if letter.isupper())
    return System(
        label=symbols,
        symbols=names,
        positions_a=np.asarray(fractions) @ cell,
        cell_a=cell,
        pbc=(True, True, True),
        charge=charge,
    )


@pytest.mark.parametrize("cell", [CUBIC, OBLIQUE, FCC, SLAB], ids=["cubic", "oblique", "fcc", "slab"])
def test_facets_close_the_cell_of_a_grid_point(cell: NDArray[np.float64]) -> None:
    shape = (20, 24, 18)
    steps = cell / np.array(shape)[:, None]
    volume = sum(weight * ((step @ steps) ** 2).sum() for step, weight in facets(cell, shape)) / 6
    assert volume == pytest.approx(abs(np.linalg.det(steps)), rel=1e-6)
    # Σ (a/l) s sᵀ = 2 V·1 for the cell of any lattice: what makes the flux that of a gradient
    moment = sum(weight * np.outer(step @ steps, step @ steps) for step, weight in facets(cell, shape))
    assert np.allclose(moment, 2 * abs(np.linalg.det(steps)) * np.eye(3), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("cell", "fractions"),
    [
        (CUBIC, [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]),
        (CUBIC, [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),  # an atom in the corner of the cell
        (CUBIC, [[0.013, 0.991, 0.5], [0.513, 0.491, 0.0]]),  # across the boundary, off the grid
        (OBLIQUE, [[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]),
        (FCC, [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),
        (SLAB, [[0.4, 0.4, 0.3], [0.4, 0.4, 0.7]]),
    ],
)
def test_separate_atoms_keep_their_electrons(cell: NDArray[np.float64], fractions: Any) -> None:
    density = atoms_density(cell, fractions, (6.0, 8.0), (0.45, 0.5))
    found = bader_charges(density, density, system(cell, fractions), (7, 7))
    # the tails of gaussians reach beyond the surface of the basin
    assert found.charges_e == pytest.approx((1.0, -1.0), abs=0.01)
    assert sum(found.charges_e) == pytest.approx(0.0, abs=1e-6)
    assert found.total_electrons == pytest.approx(14.0, abs=1e-6)
    assert sum(found.volumes_a3) + found.vacuum_volume_a3 == pytest.approx(density.volume_a3)


@pytest.mark.parametrize("cell", [CUBIC, OBLIQUE, FCC], ids=["cubic", "oblique", "fcc"])
@pytest.mark.parametrize("first", [[0.0, 0.0, 0.0], [0.25, 0.125, 0.4]])
def test_equal_atoms_get_equal_charges(cell: NDArray[np.float64], first: list[float]) -> None:
    fractions = np.array([first, np.add(first, 0.5)])
    density = atoms_density(cell, fractions, (7.0, 7.0), (1.0, 1.0), 40)
    found = bader_charges(density, density, system(cell, fractions, "NaNa"), (7, 7))
    assert found.charges_e == pytest.approx((0.0, 0.0), abs=1e-3)
    assert found.volumes_a3[0] == pytest.approx(found.volumes_a3[1], rel=0.01)


def test_a_surface_of_zero_flux_between_unequal_gaussians_is_found() -> None:
    """Two gaussians of one width a distance d apart: the plane x = ln(N1/N2) w²/d beyond the middle has zero flux."""
    from scipy.stats import norm

    cell, width, counts = np.diag([16.0, 8.0, 8.0]), 0.9, (9.0, 5.0)
    fractions = [[6.5 / 16, 0.5, 0.5], [9.5 / 16, 0.5, 0.5]]
    density = atoms_density(cell, fractions, counts, (width, width), (120, 60, 60))
    line = density.values_e_a3[:, 30, 30]
    wall = 16 * (49 + int(line[49:72].argmin())) / 120  # the minimum on the axis, to a grid point
    exact = counts[0] * norm.cdf((wall - 6.5) / width) + counts[1] * norm.cdf((wall - 9.5) / width)
    found = bader_charges(density, density, system(cell, fractions), (9, 5), vacuum_e_a3=0.0)
    assert found.electrons[0] == pytest.approx(exact, abs=0.1)


def test_a_maximum_between_two_atoms_is_shared() -> None:
    fractions = [[0.25, 0.5, 0.5], [0.75, 0.5, 0.5]]
    density = atoms_density(CUBIC, [*fractions, [0.5, 0.5, 0.5]], (7.0, 7.0, 0.5), (0.3, 0.3, 0.3))
    found = bader_charges(density, density, system(CUBIC, fractions, "NaNa"), (7.25, 7.25), vacuum_e_a3=0.0)
    assert found.charges_e == pytest.approx((0.0, 0.0), abs=1e-6)
    assert found.non_nuclear_electrons == pytest.approx(0.5, abs=0.05)


def test_the_integrated_density_may_be_another_and_electrons_of_the_vacuum_belong_to_atoms() -> None:
    fractions = [[0.4, 0.4, 0.3], [0.4, 0.4, 0.45]]
    core = atoms_density(SLAB, fractions, (4.0, 2.0), (0.25, 0.25), (40, 40, 120))
    valence = atoms_density(SLAB, fractions, (6.0, 8.0), (0.4, 0.4), (40, 40, 120))
    whole = VolumetricData(core.values_e_a3 + valence.values_e_a3, SLAB, "with cores")
    found = bader_charges(whole, valence, system(SLAB, fractions), (7, 7))
    assert found.charges_e == pytest.approx((1.0, -1.0), abs=0.05)
    assert (found.partitioned, found.integrated) == ("with cores", "gaussians")
    assert 0.4 < found.vacuum_volume_a3 / whole.volume_a3 < 0.95
    assert 1e-3 < found.vacuum_electrons < 0.02
    assert sum(found.charges_e) == pytest.approx(0.0, abs=1e-6)
    assert BaderCharges.model_validate_json(found.model_dump_json()) == found


FRACTIONS = [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"valence_electrons": (7, 9)}, BaderError, "16.0000"),
        ({"valence_electrons": (7,)}, InputError, "1 numbers"),
        ({"system": system(CUBIC, FRACTIONS, "NaF", charge=1)}, BaderError, "13.0000"),
        ({"system": system(CUBIC, [[0.25, 0.25, 0.25], [0.5, 0.25, 0.75]])}, BaderError, "atom 1"),
        ({"system": system(CUBIC * 1.001, FRACTIONS)}, GridMismatchError, "NaF"),
        ({"integrated": atoms_density(CUBIC, FRACTIONS, (6, 8), (0.4, 0.4), 20)}, GridMismatchError, "20, 20, 20"),
    ],
)
def test_what_gives_no_charges_is_refused(change: dict[str, Any], error: type[Exception], said: str) -> None:
    density = atoms_density(CUBIC, FRACTIONS, (6.0, 8.0), (0.45, 0.5))
    arguments: dict[str, Any] = {
        "partitioned": density,
        "integrated": density,
        "system": system(CUBIC, FRACTIONS),
        "valence_electrons": (7, 7),
    }
    with pytest.raises(error, match=said):
        bader_charges(**arguments | change)


@pytest.mark.gpaw
def test_sodium_fluoride_is_ionic(tmp_path: Path) -> None:
    from gpaw.dft import GPAW

    atoms = bulk("NaF", "rocksalt", a=4.70)
    atoms.calc = GPAW(
        mode={"name": "pw", "ecut": 400},
        xc="PBE",
        kpts={"size": (2, 2, 2), "gamma": True},
        txt=str(tmp_path / "gpaw.txt"),
        legacy_gpaw=False,
    )
    atoms.get_potential_energy()
    density = atoms.calc.dft.densities().all_electron_densities(grid_refinement=2).gather()
    data = VolumetricData(density.data.sum(axis=0), atoms.cell.array, "NaF")
    found = bader_charges(data, data, System.from_atoms(atoms, "NaF"), atoms.numbers)
    # 0.8734, 0.8711, 0.8734 with one, two and four times the grid; 0.014 electrons are in the flat hole between ions
    assert found.charges_e[0] == pytest.approx(0.873, abs=0.005)
    assert found.non_nuclear_electrons < 0.03
    assert sum(found.charges_e) == pytest.approx(0.0, abs=1e-3)
