"""Hirshfeld charges of densities that are put together from free atoms."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from ase.data import atomic_numbers
from numpy.typing import NDArray

from natrium.analysis.hirshfeld import REACH_A, FreeAtom, hirshfeld_charges
from natrium.structures.system import System

CUBIC = np.diag([6.0, 6.0, 6.0])
OBLIQUE = np.array([[6.0, 0.0, 0.0], [-2.5, 5.6, 0.0], [1.2, 2.0, 6.5]])
SLAB = np.array([[5.0, 0.0, 0.0], [1.5, 5.0, 0.0], [0.0, 0.0, 16.0]])
WIDTHS_A = {"Na": 0.8, "O": 0.6, "F": 0.6}
RADII_A = np.linspace(0, 8, 2001)
PERIODIC, IN_PLANE = (True, True, True), (True, True, False)


def gaussian(symbol: str, r2: Any) -> Any:
    """Density of a free atom with all its electrons, e/Å³."""
    width = WIDTHS_A[symbol]
    return atomic_numbers[symbol] * np.exp(-r2 / (2 * width**2)) / (2 * np.pi * width**2) ** 1.5


FREE_ATOMS = {
    symbol: FreeAtom(r_a=RADII_A.tolist(), density_e_a3=gaussian(symbol, RADII_A**2).tolist()) for symbol in WIDTHS_A
}


def made(cell: NDArray[np.float64], pbc: tuple[bool, bool, bool], symbols: tuple[str, ...], fractions: Any) -> System:
    return System(
        label="+".join(symbols),
        symbols=symbols,
        positions_a=np.asarray(fractions) @ cell,
        cell_a=cell,
        pbc=pbc,
        multiplicity=None,
    )


def superposed(system: System, electrons: Any = None, n: tuple[int, int, int] = (32, 32, 48)) -> NDArray[np.float64]:
    """Density of the free atoms where they are, with images where the cell is periodic, scaled to these electrons."""
    cell = np.array(system.cell_a)
    grid = np.stack(np.meshgrid(*[np.arange(k) / k for k in n], indexing="ij"), axis=-1) @ cell
    images = [
        np.array(i) @ cell for i in product(*[(-2, -1, 0, 1, 2) if periodic else (0,) for periodic in system.pbc])
    ]
    density = np.zeros(n)
    wanted = [atomic_numbers[symbol] for symbol in system.symbols] if electrons is None else electrons
    for symbol, position, count in zip(system.symbols, system.positions_a, wanted, strict=True):
        one = sum(gaussian(symbol, ((grid - position - image) ** 2).sum(axis=-1)) for image in images)
        density += one * count / atomic_numbers[symbol]
    return density


PAIRS = {
    "cubic": (CUBIC, PERIODIC, [[0.25, 0.25, 0.25], [0.6, 0.55, 0.5]]),
    "across the boundary": (CUBIC, PERIODIC, [[0.02, 0.99, 0.5], [0.9, 0.7, 0.97]]),
    "outside the cell": (CUBIC, PERIODIC, [[1.25, -0.75, 0.25], [0.6, 0.55, 2.5]]),
    "oblique": (OBLIQUE, PERIODIC, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.5]]),
    "slab": (SLAB, IN_PLANE, [[0.4, 0.4, 0.4], [0.1, 0.9, 0.55]]),
}


@pytest.mark.parametrize("symbols", [("Na", "Na"), ("Na", "F")], ids="".join)
@pytest.mark.parametrize("where", PAIRS)
def test_free_atoms_beside_each_other_are_neutral(where: str, symbols: tuple[str, str]) -> None:
    cell, pbc, fractions = PAIRS[where]
    system = made(cell, pbc, symbols, fractions)
    charges = hirshfeld_charges(superposed(system), system, FREE_ATOMS)
    assert charges == pytest.approx([0.0, 0.0], abs=2e-3)


@pytest.mark.parametrize("where", PAIRS)
def test_charges_add_up_and_go_the_right_way(where: str) -> None:
    """One electron of sodium is given to fluorine: Hirshfeld sees a part of it, and loses nothing."""
    cell, pbc, fractions = PAIRS[where]
    system = made(cell, pbc, ("Na", "F"), fractions)
    sodium_e, fluorine_e = hirshfeld_charges(superposed(system, (10, 10)), system, FREE_ATOMS)
    assert sodium_e + fluorine_e == pytest.approx(0.0, abs=1e-3)
    assert 0.2 < sodium_e < 1.0


def test_equal_atoms_have_equal_charges() -> None:
    system = made(CUBIC, PERIODIC, ("Na", "Na"), [[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]])
    density = superposed(system) + 2.0 / 6.0**3  # two more electrons, everywhere
    assert hirshfeld_charges(density, system, FREE_ATOMS) == pytest.approx([-1.0, -1.0], abs=1e-3)


def test_an_electron_moved_between_distant_atoms_is_found_whole() -> None:
    """Where the free atoms do not overlap, the share of each is all of its own density."""
    cell = np.diag([7.0, 7.0, 14.0])
    system = made(cell, PERIODIC, ("Na", "O"), [[0.5, 0.5, 0.25], [0.5, 0.5, 0.75]])
    density = superposed(system, (10.0, 9.0), (40, 40, 80))
    assert hirshfeld_charges(density, system, FREE_ATOMS) == pytest.approx([1.0, -1.0], abs=2e-3)


def test_what_no_free_atom_reaches_belongs_to_nobody() -> None:
    cell = np.diag([6.0, 6.0, 30.0])
    system = made(cell, IN_PLANE, ("Na",), [[0.5, 0.5, 0.2]])
    density = superposed(system, n=(24, 24, 120))
    density[:, :, 100:] += 1e-4  # far above
    assert hirshfeld_charges(density, system, FREE_ATOMS) == pytest.approx([0.0], abs=1e-3)
    assert REACH_A < 30.0 * (1 - 0.2)


def test_no_share_comes_through_a_wall() -> None:
    """A slab's atom near the bottom of the cell has no image above: density at the top is not its own."""
    system = made(SLAB, IN_PLANE, ("Na",), [[0.5, 0.5, 0.1]])
    density = superposed(system)
    inside = hirshfeld_charges(density, system, FREE_ATOMS)
    density[:, :, 44:] += 0.01  # within reach of an image, had it one
    assert hirshfeld_charges(density, system, FREE_ATOMS) == pytest.approx(inside, abs=1e-9)
