"""Atoms added to slabs and crystals, and the distances that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from natrium.structures.adsorbates import (
    TooCloseError,
    add_atoms,
    adsorb,
    check_distances,
    closest_contact,
    contacts,
    height_at_distance_a,
)
from natrium.structures.adsorption_sites import SITE_NAMES, adsorption_sites
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import vacuum_thickness_a
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

A = 4.199
UPRIGHT = np.array([[0, 0, -0.675], [0, 0, 0.675]])


def na110(vacuum_a: float = 20.0) -> System:
    return metal_slab("Na", layers=4, size=(2, 2), vacuum_a=vacuum_a, lattice_constant_a=A, fixed_layers=2)


def pair(first: str, second: str, distance_a: float, **changes: Any) -> System:
    box = {"cell_a": np.eye(3) * 12.0, "pbc": (True, True, True)} | changes
    positions = ((0.0, 0.0, 0.0), (0.0, 0.0, distance_a))
    return System(label=f"{first}{second}", symbols=(first, second), positions_a=positions, **box)


def test_an_adsorbed_molecule_keeps_the_slab_as_it_is() -> None:
    slab = na110()
    site = adsorption_sites(slab)["hollow"]
    covered = adsorb(slab, ("O", "O"), UPRIGHT, site, 2.0, "O2", magnetic_moments=(1.0, 1.0))
    assert covered.symbols == (*slab.symbols, "O", "O")
    assert np.array(covered.positions_a[:16]) == pytest.approx(np.array(slab.positions_a))
    assert (covered.cell_a, covered.pbc, covered.fixed) == (slab.cell_a, slab.pbc, slab.fixed)
    assert covered.layers == (*(slab.layers or ()), 0, 0)
    assert covered.magnetic_moments == (0.0,) * 16 + (1.0, 1.0)
    assert (covered.multiplicity, covered.charge, covered.label) == (None, 0, "O2")
    assert covered.positions_a[-1] == pytest.approx((*site[:2], site[2] + 2.675))
    assert adsorb(slab, "O", [[0, 0, 0]], site, 2.0, "O").magnetic_moments is None


def test_too_little_vacuum_above_the_adsorbate_names_what_is_needed() -> None:
    """3.675 Å of the vacuum are used up; 13 Å must be left."""
    with pytest.raises(InputError, match=r"(?s)11\.3 Å.*vacuum_a of at least 16\.7 Å") as refusal:
        adsorb(na110(15.0), ("O", "O"), UPRIGHT, adsorption_sites(na110(15.0))["on-top"], 3.0, "O2")
    assert not isinstance(refusal.value, TooCloseError)
    enough = na110(16.7)
    assert vacuum_thickness_a(adsorb(enough, ("O", "O"), UPRIGHT, adsorption_sites(enough)["on-top"], 3.0, "O2")) >= 13


@pytest.mark.parametrize("name", SITE_NAMES)
def test_height_at_distance(name: Any) -> None:
    slab = na110()
    site = adsorption_sites(slab)[name]
    for direction in np.eye(3):
        o2 = np.outer([-0.675, 0.675], direction)
        covered = adsorb(slab, ("O", "O"), o2, site, height_at_distance_a(slab, site, o2, 2.35), "O2")
        na_o = [c.distance_a for c in contacts(covered, 3.0) if c.first < 16 <= c.second]
        assert na_o[0] == pytest.approx(2.35)


def test_height_in_a_wide_hollow_stays_above_the_layer() -> None:
    """1.8 Å from the slab is not possible 2.23 Å beside its atoms."""
    slab = na110()
    assert height_at_distance_a(slab, adsorption_sites(slab)["hollow"], [[0, 0, 0]], 1.8) == pytest.approx(0.5)
    assert height_at_distance_a(slab, adsorption_sites(slab)["hollow"], UPRIGHT, 1.8) == pytest.approx(1.175)


@pytest.mark.parametrize(
    ("first", "second", "distance_a", "possible"),
    [
        ("Na", "O", 1.50, False),  # 0.65 · (1.66 + 0.66) = 1.508
        ("Na", "O", 1.52, True),
        ("O", "O", 0.95, False),  # 0.65 · 1.32 = 0.86 would let it pass
        ("O", "O", 1.01, True),
        ("Na", "Na", 2.1, False),
        ("Na", "Na", 3.0, True),
        ("O", "H", 0.96, True),
        ("H", "H", 0.3, False),
    ],
)
def test_distances(first: str, second: str, distance_a: float, possible: bool) -> None:
    system = pair(first, second, distance_a)
    assert closest_contact(system) == (0, 1, pytest.approx(distance_a))
    if possible:
        check_distances(system)
        with pytest.raises(TooCloseError):
            check_distances(system, smallest=2.0)
    else:
        with pytest.raises(TooCloseError, match=f"{distance_a:.2f} Å apart"):
            check_distances(system)


def test_periodic_images_count() -> None:
    """12 Å cell: atoms 11.2 Å apart are 0.8 Å from each other's image; without periodicity they are not."""
    with pytest.raises(TooCloseError, match=r"0\.80 Å apart"):
        check_distances(pair("O", "O", 11.2))
    check_distances(pair("O", "O", 11.2, pbc=(True, True, False)))
    check_distances(pair("O", "O", 11.2, pbc=(False, False, False), multiplicity=3))


def test_closest_contact_of_one_atom_is_its_own_image() -> None:
    for system, distance_a in ((bulk_metal("Na", lattice_constant_a=A), A * 3**0.5 / 2),):
        assert closest_contact(system) == (0, 0, pytest.approx(distance_a))
    box = System(label="O", symbols=("O",), positions_a=((0, 0, 0),), cell_a=np.eye(3) * 25, pbc=(True,) * 3)
    assert closest_contact(box).distance_a == pytest.approx(25)
    alone = System.model_validate(box.model_dump() | {"pbc": (False,) * 3, "multiplicity": 3})
    with pytest.raises(InputError, match="one atom has no distance"):
        closest_contact(alone)


def test_a_skewed_cell_hides_no_contact() -> None:
    """The nearest image lies two lattice vectors away, where a search of the next cells alone finds 3.2 Å."""
    cell = np.array([[3.0, 0.0, 0.0], [6.3, 3.0, 0.0], [0.0, 0.0, 12.0]])
    system = System(label="Na", symbols=("Na",), positions_a=((0, 0, 0),), cell_a=cell, pbc=(True,) * 3)
    assert closest_contact(system).distance_a == pytest.approx(3.0)
    assert contacts(system, 3.1)[-1].distance_a == pytest.approx((0.3**2 + 9) ** 0.5)


def test_lists_that_do_not_fit_together() -> None:
    crystal = bulk_metal("Na", lattice_constant_a=A)
    for arguments in ((("O",), [[2.1, 0, 0], [0, 2.1, 0]]), (("O", "O"), [[2.1, 0, 0]])):
        with pytest.raises(InputError):
            add_atoms(crystal, *arguments, "wrong")
    with pytest.raises(InputError, match="magnetic_moments"):
        add_atoms(crystal, ("O",), [[0, 0, 2.1]], "wrong", magnetic_moments=(1.0, 1.0))
    with pytest.raises(TooCloseError):
        add_atoms(crystal, ("O",), [[0, 0, 0.5]], "wrong")
