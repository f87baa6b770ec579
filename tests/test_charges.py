"""Charges by both partitions, side by side."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase.data import atomic_numbers
from numpy.typing import NDArray

from natrium.analysis.bader import BaderError
from natrium.analysis.charges import AtomicCharges, atomic_charges
from natrium.analysis.hirshfeld import FreeAtom
from natrium.analysis.volumetric import VolumetricData
from natrium.structures.system import System

CELL = np.diag([8.0, 8.0, 8.0])
WIDTHS_A = {"Na": 0.5, "O": 0.55}
SHAPE = (48, 48, 48)
RADII_A = np.linspace(0, 8, 1601)
SYSTEM = System(
    label="two Na, one O",
    symbols=("Na", "O", "Na"),
    positions_a=((1.0, 4.0, 4.0), (4.0, 4.0, 4.0), (7.0, 4.0, 4.0)),
    cell_a=CELL,
    pbc=(True, True, True),
)


def gaussian(symbol: str, r2: NDArray[np.float64], electrons: float) -> NDArray[np.float64]:
    return np.asarray(
        electrons * np.exp(-r2 / (2 * WIDTHS_A[symbol] ** 2)) / (2 * np.pi * WIDTHS_A[symbol] ** 2) ** 1.5
    )


FREE_ATOMS = {
    symbol: FreeAtom(r_a=RADII_A.tolist(), density_e_a3=gaussian(symbol, RADII_A**2, atomic_numbers[symbol]).tolist())
    for symbol in WIDTHS_A
}


def density(system: System, electrons: tuple[float, ...]) -> VolumetricData:
    grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in SHAPE], indexing="ij"), axis=-1) @ CELL
    values = np.zeros(SHAPE)
    for symbol, position, count in zip(system.symbols, system.positions_a, electrons, strict=True):
        for image in product((-1, 0, 1), repeat=3):
            values += gaussian(symbol, ((grid - position - np.array(image) @ CELL) ** 2).sum(axis=-1), count)
    return VolumetricData(values, CELL, "oxide")


def test_both_partitions_find_the_electrons_that_moved() -> None:
    found = atomic_charges(density(SYSTEM, (10.5, 9.0, 10.5)), SYSTEM, FREE_ATOMS)
    assert found.symbols == SYSTEM.symbols
    # Bader's surfaces are between the atoms: nearly all of what moved is found; Hirshfeld shares it out
    assert found.bader_e == pytest.approx((0.5, -1.0, 0.5), abs=0.03)
    assert found.hirshfeld_e == pytest.approx((0.5, -1.0, 0.5), abs=0.1)
    assert sum(found.bader_e) == pytest.approx(0.0, abs=1e-3)
    assert sum(found.hirshfeld_e) == pytest.approx(0.0, abs=1e-3)
    assert found.bader_e == found.bader.charges_e


def test_the_charge_of_an_element_is_that_of_all_its_atoms() -> None:
    found = atomic_charges(density(SYSTEM, (10.5, 9.0, 10.5)), SYSTEM, FREE_ATOMS)
    assert found.of("O") == (found.bader_e[1], found.hirshfeld_e[1])
    assert found.of("Na") == (
        pytest.approx(found.bader_e[0] + found.bader_e[2]),
        pytest.approx(found.hirshfeld_e[0] + found.hirshfeld_e[2]),
    )
    assert found.of("F") == (0.0, 0.0)
    assert AtomicCharges.model_validate_json(found.model_dump_json()) == found


def test_a_density_without_its_cores_is_refused() -> None:
    with pytest.raises(BaderError, match=r"has 8\.0000 electrons on its grid, the atoms 30"):
        atomic_charges(density(SYSTEM, (1.0, 6.0, 1.0)), SYSTEM, FREE_ATOMS)
