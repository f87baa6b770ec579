"""Atoms and molecules in a box."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from natrium.structures.adsorbates import closest_contact
from natrium.structures.errors import InputError
from natrium.structures.molecules import atom, diatomic


@pytest.mark.parametrize(
    ("formula", "bond_a", "multiplicity", "moments"),
    [
        ("O2", 1.21, 3, (1.0, 1.0)),
        ("O2", 1.21, 1, None),
        ("NaO", 2.05, 2, (0.5, 0.5)),
        ("NaF", 1.93, 1, None),
        ("N2", 1.10, 1, None),
        ("CO", 1.13, 1, None),
    ],
)
def test_diatomic(formula: str, bond_a: float, multiplicity: int, moments: Any) -> None:
    molecule = diatomic(formula, bond_a=bond_a, multiplicity=multiplicity)
    assert (molecule.formula.replace("FNa", "NaF"), molecule.multiplicity) == (formula, multiplicity)
    assert (molecule.pbc, molecule.magnetic_moments) == ((True, True, True), moments)
    assert closest_contact(molecule) == (0, 1, pytest.approx(bond_a))
    assert np.mean(molecule.positions_a, axis=0) == pytest.approx(np.diag(molecule.cell_a) / 2)


def test_no_two_edges_are_equal() -> None:
    for system in (atom("O", multiplicity=3), diatomic("O2", bond_a=1.21, multiplicity=3)):
        edges = np.diag(system.cell_a)
        assert edges[0] == pytest.approx(10)
        assert np.diff(edges).min() > 0.1


@pytest.mark.parametrize(("symbol", "multiplicity"), [("O", 3), ("Na", 2), ("F", 2), ("Ne", 1)])
def test_atom(symbol: str, multiplicity: int) -> None:
    alone = atom(symbol, multiplicity=multiplicity, box_a=12.0)
    assert alone.symbols == (symbol,)
    assert sum(alone.magnetic_moments or ()) == multiplicity - 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"formula": "O3"}, "not a molecule of two atoms"),
        ({"formula": "O"}, "not a molecule of two atoms"),
        ({"formula": "o2"}, "not a molecule of two atoms"),
        ({"formula": "Xx2"}, "not a molecule of two atoms"),
        ({"formula": "O2-"}, "not a molecule of two atoms"),
        ({"bond_a": 0.7}, "0.70 Å apart"),
        ({"bond_a": float("nan")}, "box"),
        ({"box_a": 4.0}, "box of 4 Å"),
        ({"multiplicity": 2}, "cannot have multiplicity"),
    ],
)
def test_impossible_molecules(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        diatomic(**{"formula": "O2", "bond_a": 1.21, "multiplicity": 3} | arguments)


def test_impossible_atoms() -> None:
    for arguments in ({"symbol": "Xx", "multiplicity": 1}, {"symbol": "O", "multiplicity": 2}):
        with pytest.raises(InputError):
            atom(**arguments)
    with pytest.raises(InputError, match="box"):
        atom("O", multiplicity=3, box_a=3.0)
