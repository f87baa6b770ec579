"""Rock salt and antifluorite: lattice constants, distances, and what is neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from natrium.structures.adsorbates import contacts
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.ionic_crystals import antifluorite, lattice_constant_of, nearest_distance, rock_salt
from natrium.structures.system import System

TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


@pytest.mark.parametrize(
    ("crystal", "a_a", "distance_a", "bonds"),
    [
        (rock_salt("Na", "F"), 4.634, 2.317, 6),
        (rock_salt("Na", "F", 4.70), 4.70, 2.35, 6),
        (rock_salt("Na", "Cl", 5.64), 5.64, 2.82, 6),
        (antifluorite("Na", "O"), 5.55, 2.4032, 8),
        (antifluorite("Li", "O", 4.61), 4.61, 1.9962, 8),
    ],
)
def test_crystals(crystal: System, a_a: float, distance_a: float, bonds: int) -> None:
    assert nearest_distance(crystal) == pytest.approx(distance_a, abs=1e-4)
    assert len(contacts(crystal, distance_a + 0.01)) == bonds
    assert (crystal.pbc, crystal.multiplicity, crystal.charge) == ((True, True, True), 1, 0)
    assert lattice_constant_of(crystal) == pytest.approx(a_a)
    # turned in space, described by other primitive vectors, and moved in its cell
    other = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1]])
    turned = crystal.moved(np.array(crystal.positions_a) @ TURN + 0.3, other @ np.array(crystal.cell_a) @ TURN)
    assert lattice_constant_of(turned) == pytest.approx(a_a)
    assert nearest_distance(turned) == pytest.approx(distance_a, abs=1e-4)


def test_formulas_and_order() -> None:
    assert rock_salt("Na", "F").symbols == ("Na", "F")
    assert antifluorite("Na", "O").symbols == ("Na", "Na", "O")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("Na", "F", 3.277), "not within 4.08 to 5.19 Å"),  # the edge of the primitive cell
        (("Na", "F", float("nan")), "not within"),
        (("Na", "I"), "no reference lattice constant"),
        (("Na", "I", 20.0), "not within"),
        (("Na", "I", 3.0), "Å apart"),
        (("Na", "Xx", 5.0), "unknown chemical symbols"),
    ],
)
def test_impossible_crystals(arguments: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        rock_salt(*arguments)


def test_what_is_neither_has_no_lattice_constant() -> None:
    naf, na2o = rock_salt("Na", "F"), antifluorite("Na", "O")
    sheared = naf.moved(naf.positions_a, np.array(naf.cell_a) @ np.diag([1.02, 1, 1]))
    zinc_blende = naf.moved(np.array([[0, 0, 0], [0.25] * 3]) @ np.array(naf.cell_a))
    displaced = na2o.moved(np.add(na2o.positions_a, [[0.2, 0, 0], [0, 0, 0], [0, 0, 0]]))
    for system in (sheared, zinc_blende, displaced, bulk_metal("Al")):
        with pytest.raises(InputError, match=r"not face-centred|neither rock salt"):
            lattice_constant_of(system)
    slab = System.model_validate(naf.model_dump() | {"pbc": (True, True, False)})
    with pytest.raises(InputError, match="not a crystal"):
        lattice_constant_of(slab)
