"""A System carries what atoms alone lose, and cannot be made impossible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.constraints import FixAtoms, FixBondLength
from pydantic import ValidationError

from natrium.structures.errors import InputError
from natrium.structures.system import System

SODIUM_ION: dict[str, Any] = {
    "label": "Na+",
    "symbols": ("Na",),
    "positions_a": [(0.0, 0.0, 0.0)],
    "cell_a": np.zeros((3, 3)),
    "pbc": (False, False, False),
    "charge": 1,
    "multiplicity": 1,
}

SLAB: dict[str, Any] = {
    "label": "two layers",
    "symbols": ("Na", "Na"),
    "positions_a": [(0.0, 0.0, 5.0), (0.0, 0.0, 8.0)],
    "cell_a": np.diag([4.0, 4.0, 13.0]),
    "pbc": (True, True, False),
    "layers": (1, 2),
    "fixed": (0,),
}


@pytest.mark.parametrize("fields", [SODIUM_ION, SLAB])
def test_json_loses_nothing(fields: dict[str, Any]) -> None:
    system = System(**fields)
    assert System.model_validate_json(system.model_dump_json()) == system


def test_atoms_carry_layers_and_fixed_atoms() -> None:
    system = System(**SLAB)
    atoms = system.atoms()
    assert atoms.get_tags().tolist() == [1, 2]
    assert atoms.pbc.tolist() == [True, True, False]
    (constraint,) = atoms.constraints
    assert constraint.get_indices().tolist() == [0]
    assert System.from_atoms(atoms, system.label, layers=system.layers) == system


def test_several_constraints_are_joined() -> None:
    atoms = System(**SLAB).atoms()
    atoms.set_constraint([FixAtoms([1]), FixAtoms([0, 1])])
    assert System.from_atoms(atoms, "both").fixed == (0, 1)


def test_a_constraint_that_would_be_lost_is_refused() -> None:
    atoms = System(**SLAB).atoms()
    atoms.set_constraint(FixBondLength(0, 1))
    with pytest.raises(InputError, match="FixBondLength"):
        System.from_atoms(atoms, "rigid")


def test_moving_keeps_everything_else() -> None:
    system = System(**SLAB)
    moved = system.moved(np.array(system.positions_a) + 0.1)
    assert moved.model_dump(exclude={"positions_a"}) == system.model_dump(exclude={"positions_a"})
    assert moved.positions_a[1] == pytest.approx((0.1, 0.1, 8.1))
    assert system.moved(system.positions_a, 2 * np.array(system.cell_a)).cell_a[2] == (0.0, 0.0, 26.0)


def test_a_move_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(InputError, match="1 entries for 2 atoms"):
        System(**SLAB).moved([(0.0, 0.0, 0.0)])


def test_it_does_not_change() -> None:
    with pytest.raises(ValidationError):
        System(**SODIUM_ION).charge = 0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "charge", "multiplicity", "electrons", "formula"),
    [
        ("O2", 0, 3, 16, "O2"),
        ("H2O", 1, 2, 9, "H2O+"),
        ("CO2", -1, 2, 23, "CO2-"),
        ("C6H6", 2, 1, 40, "C6H62+"),
        ("CH3CHO", 0, 1, 24, "C2H4O"),
    ],
)
def test_electrons_and_formula(name: str, charge: int, multiplicity: int, electrons: int, formula: str) -> None:
    system = System.from_atoms(molecule(name), name, charge=charge, multiplicity=multiplicity)
    assert (system.electrons, system.formula) == (electrons, formula)


@pytest.mark.parametrize(
    ("pbc", "slab"), [((True, True, False), True), ((True, False, True), False), ((True,) * 3, False)]
)
def test_slab_means_the_third_vector_is_the_normal(pbc: tuple[bool, bool, bool], slab: bool) -> None:
    assert System(**SLAB | {"pbc": pbc}).is_slab is slab


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbols": ("Nb2",)}, "unknown chemical symbols"),
        ({"symbols": ("X",)}, "unknown chemical symbols"),
        ({"positions_a": [(0.0, 0.0, 0.0), (0.0, 0.0, 1.0)]}, "positions_a has 2 entries"),
        ({"cell_a": [(1.0, 0.0, 0.0)]}, "cell_a has 1 entries"),
        ({"layers": (1, 2)}, "layers has 2 entries"),
        ({"magnetic_moments": (1.0, 1.0)}, "magnetic_moments has 2 entries"),
        ({"positions_a": [(0.0, 0.0, float("nan"))]}, "not numbers"),
        ({"cell_a": np.diag([1.0, 1.0, np.inf])}, "not numbers"),
        ({"pbc": (True, False, False)}, "lattice vector of length zero"),
        ({"fixed": (1,)}, r"fixed atoms \[1\] do not exist"),
        ({"fixed": (-1,)}, r"fixed atoms \[-1\] do not exist"),
        ({"multiplicity": None}, "needs a spin multiplicity"),
        ({"charge": 0}, "11 electrons cannot have multiplicity 1.*use multiplicity 2"),
        ({"multiplicity": 2}, "10 electrons cannot have multiplicity 2.*use multiplicity 1"),
        ({"multiplicity": 13}, "10 electrons are too few"),
        ({"charge": 12}, "-1 electrons are too few"),
    ],
)
def test_the_impossible_is_refused_with_a_remedy(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}") as refusal:
        System(**SODIUM_ION | changes)
    assert refusal.value.remedy


def test_an_odd_periodic_system_may_leave_its_spin_open_but_not_be_a_singlet() -> None:
    fields = SLAB | {"symbols": ("Na", "O")}
    assert System(**fields).multiplicity is None
    with pytest.raises(InputError, match="leave the multiplicity open"):
        System(**fields, multiplicity=1)


def test_charge_is_never_read_off_atoms() -> None:
    atoms = Atoms("Na", charges=[1.0])
    assert System.from_atoms(atoms, "Na", multiplicity=2).charge == 0
