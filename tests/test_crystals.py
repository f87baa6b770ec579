"""Bulk metals: the right cell from a lattice constant, the lattice constant from any cell of the same crystal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list

from natrium.structures.crystals import bulk_metal, lattice_constant, lattice_of, reference_lattice
from natrium.structures.errors import InputError
from natrium.structures.system import System


@pytest.mark.parametrize(
    ("element", "structure", "a", "atoms", "neighbours", "distance"),
    [
        ("Na", "bcc", 4.23, 1, 8, 4.23 * 3**0.5 / 2),
        ("Li", "bcc", 3.49, 1, 8, 3.49 * 3**0.5 / 2),
        ("K", "bcc", 5.23, 1, 8, 5.23 * 3**0.5 / 2),
        ("Al", "fcc", 4.05, 1, 12, 4.05 / 2**0.5),
        ("Mg", "hcp", 3.21, 2, 12, 3.21),
    ],
)
def test_reference_metal(element: str, structure: str, a: float, atoms: int, neighbours: int, distance: float) -> None:
    system = bulk_metal(element)
    assert system.pbc == (True, True, True)
    assert (system.charge, system.multiplicity) == (0, None)
    assert len(system.symbols) == atoms
    assert lattice_constant(system) == pytest.approx(a, rel=1e-9)
    # Up to halfway between the first and the second shell of bcc; the first shell of Mg is split by 0.01 Å.
    found = neighbor_list("d", system.atoms(), distance * 1.07)
    assert len(found) / atoms == neighbours
    assert found == pytest.approx(distance, rel=0.01)


def test_given_lattice_constants_are_used() -> None:
    assert lattice_constant(bulk_metal("Na", lattice_constant_a=4.199)) == pytest.approx(4.199, rel=1e-9)
    magnesium = lattice_of(bulk_metal("Mg", lattice_constant_a=3.19, c_over_a=1.61))
    assert (magnesium.a_a, magnesium.c_over_a) == pytest.approx((3.19, 1.61))
    sodium = bulk_metal("Na", structure="fcc", lattice_constant_a=5.35)
    assert lattice_of(sodium).structure == "fcc"
    assert lattice_of(bulk_metal("Na", structure="hcp", lattice_constant_a=3.77)).c_over_a == pytest.approx(
        (8 / 3) ** 0.5
    )


@pytest.mark.parametrize("element", ["Na", "Al", "Mg", "Zn"])
def test_lattice_constant_does_not_depend_on_the_primitive_vectors(element: str) -> None:
    rng = np.random.default_rng(110)
    system = bulk_metal(element)
    expected = lattice_of(system)
    for _ in range(30):
        while round(np.linalg.det(choice := rng.integers(-2, 3, (3, 3)))) != 1:
            pass
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        turned = system.moved(np.array(system.positions_a) @ turn, choice @ np.array(system.cell_a) @ turn)
        found = lattice_of(turned)
        assert found.structure == expected.structure
        assert found.a_a == pytest.approx(expected.a_a, abs=1e-6)


@pytest.mark.parametrize(("element", "structure", "a"), [("Na", "bcc", 4.2), ("Al", "fcc", 4.04)])
def test_conventional_cell(element: str, structure: str, a: float) -> None:
    cubic = System.from_atoms(bulk(element, structure, a=a, cubic=True), "conventional")
    assert lattice_constant(cubic) == pytest.approx(a)
    assert lattice_of(cubic).structure == structure


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"element": "Xx"}, "no element 'Xx'"),
        ({"element": "Si"}, "not a bcc, fcc or hcp metal"),
        ({"element": "O"}, "not a bcc, fcc or hcp metal"),
        ({"element": "Ar"}, "not a bcc, fcc or hcp metal"),
        ({"element": "Se"}, "not a bcc, fcc or hcp metal"),
        ({"element": "Na", "structure": "diamond"}, "unknown structure"),
        ({"element": "Na", "structure": "fcc"}, "its own structure is bcc"),
        ({"element": "Si", "structure": "fcc"}, "no lattice constant for fcc"),
        ({"element": "Na", "lattice_constant_a": 4.23 / 0.529177}, "not in Bohr"),
        ({"element": "Na", "lattice_constant_a": 4.23 * 3**0.5 / 2}, "distance of neighbours"),
        ({"element": "Al", "lattice_constant_a": 4.05 / 2**0.5}, "3.56 to 4.54"),
        ({"element": "Na", "structure": "fcc", "lattice_constant_a": 4.23}, "4.69 to 5.97"),
        ({"element": "Na", "lattice_constant_a": 0.0}, "lattice_constant_a=0 Å"),
        ({"element": "Na", "lattice_constant_a": -4.2}, "lattice_constant_a=-4.2 Å"),
        ({"element": "Na", "lattice_constant_a": float("nan")}, "lattice_constant_a=nan Å"),
        ({"element": "Si", "structure": "fcc", "lattice_constant_a": 40.0}, "1.50 to 12.00"),
        ({"element": "Na", "c_over_a": 1.6}, "means nothing for bcc"),
        ({"element": "Mg", "c_over_a": 5.2}, "outside 1.4 to 2.0"),
        ({"element": "Mg", "c_over_a": float("nan")}, "outside 1.4 to 2.0"),
    ],
)
def test_the_impossible_is_refused_with_a_remedy(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        bulk_metal(**arguments)
    assert refusal.value.remedy


def test_reference_is_for_metals_only() -> None:
    assert reference_lattice("Te") is None
    magnesium = reference_lattice("Mg")
    assert magnesium is not None
    assert magnesium.volume_a3 == pytest.approx(23.24, abs=0.05)  # 13.98 cm³/mol


def test_a_lattice_constant_needs_the_crystal() -> None:
    sodium = bulk_metal("Na")
    strained = np.array(sodium.cell_a) @ np.diag([1.0, 1.0, 1.03])
    for system, message in (
        (sodium.moved(sodium.positions_a, strained), "not bcc, fcc or hcp"),
        (System.from_atoms(bulk("NaF", "rocksalt", a=4.63), "NaF"), "not a crystal of one element"),
        (System.from_atoms(bulk("Si"), "Si"), "not bcc, fcc or hcp"),
        (sodium.model_copy(update={"pbc": (True, True, False)}), "not a crystal of one element"),
    ):
        with pytest.raises(InputError, match=message):
            lattice_constant(system)
