"""The starting structures of oxygen on Na(110): which there are, that none is twice, and their parts."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from natrium.structures.adsorbates import check_distances, contacts
from natrium.structures.adsorption_sites import SITE_NAMES, surface_lattice
from natrium.structures.errors import InputError
from natrium.structures.molecules import atom
from natrium.structures.oxygen import (
    ORIENTATIONS,
    START_BOND_A,
    START_NA_O_A,
    nudged,
    oxygen_part,
    oxygen_structures,
    same_by_symmetry,
    sodium_part,
)
from natrium.structures.slab_geometry import vacuum_thickness_a
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.structures.voids import VOID_NAMES, host_cell, interstitial

A = 4.199
ON_THE_SURFACE = {f"{site}-{orientation}" for site in SITE_NAMES for orientation in ORIENTATIONS}
UNDER_IT = {f"embedded-o2-{void}-{orientation}" for void in VOID_NAMES for orientation in ORIENTATIONS}
SINGLE = {f"embedded-o-{void}" for void in VOID_NAMES}
SLABS = [((1, 1), False), ((2, 2), False), ((2, 2), True), ((3, 1), False)]


def na110(size: tuple[int, int] = (2, 2), *, orthogonal: bool = False, **changes: Any) -> System:
    shape = {"layers": 4, "vacuum_a": 20.0, "lattice_constant_a": A, "fixed_layers": 2} | changes
    return metal_slab("Na", size=size, orthogonal=orthogonal, **shape)


@pytest.fixture(scope="module")
def structures() -> dict[str, System]:
    return oxygen_structures(na110())


def oxygen_of(system: System) -> list[int]:
    return [index for index, symbol in enumerate(system.symbols) if symbol == "O"]


@pytest.mark.parametrize(("size", "orthogonal"), SLABS)
def test_the_set_is_complete_and_possible(size: tuple[int, int], orthogonal: bool) -> None:
    """At the lattice constant of sodium every orientation has room in both voids; the closest Na–O is 1.69 Å."""
    slab = na110(size, orthogonal=orthogonal)
    found = oxygen_structures(slab)
    assert set(found) == ON_THE_SURFACE | UNDER_IT | SINGLE
    for name, system in found.items():
        check_distances(system)
        assert (system.cell_a, system.pbc, system.fixed) == (slab.cell_a, slab.pbc, slab.fixed), name
        assert oxygen_of(system) == list(range(len(slab.symbols), len(system.symbols)))
        assert [(system.layers or ())[index] for index in oxygen_of(system)] == [0] * len(oxygen_of(system))
        assert vacuum_thickness_a(system) >= 13
    na_o = [
        c.distance_a for s in found.values() for c in contacts(s, 2.0) if {s.symbols[i] for i in c[:2]} == {"Na", "O"}
    ]
    assert min(na_o) == pytest.approx(1.691, abs=1e-3)


def test_bonds_heights_and_moments(structures: dict[str, System]) -> None:
    for name, system in structures.items():
        atoms, o = system.atoms(), oxygen_of(system)
        na_o = min(min(atoms.get_distances(index, range(16), mic=True)) for index in o)
        if name in SINGLE:
            assert (len(o), system.magnetic_moments) == (1, None)
            continue
        assert atoms.get_distance(*o, mic=True) == pytest.approx(START_BOND_A)
        assert system.magnetic_moments == (0.0,) * 16 + (1.0, 1.0)
        if name in ON_THE_SURFACE:
            assert na_o == pytest.approx(START_NA_O_A), name
        else:
            assert 1.6 < na_o < START_NA_O_A, name


def test_names_say_where_and_how(structures: dict[str, System]) -> None:
    lattice = surface_lattice(na110())
    along = {"upright": (0, 0, 1), "flat-001": (1, 0, 0), "flat-110": (0, 1, 0)}
    for name, system in structures.items():
        positions = np.array(system.positions_a)[oxygen_of(system)]
        middle = positions.mean(axis=0)
        if name in ON_THE_SURFACE:
            assert name.startswith(lattice.nearest_site(middle[:2])[0])
            assert middle[2] > lattice.height_a
        else:
            assert middle[2] - lattice.height_a == pytest.approx(-A / 8**0.5)
        if len(positions) == 2:
            direction = along[next(way for way in along if name.endswith(way))]
            assert np.abs(positions[1] - positions[0]) == pytest.approx(START_BOND_A * np.array(direction), abs=1e-6)


def test_labels(structures: dict[str, System]) -> None:
    assert structures["hollow-flat-001"].label == "O2 on Na(110) 2×2, hollow, flat along [001]"
    assert structures["embedded-o2-octahedral-upright"].label == "O2 under Na(110) 2×2, octahedral, upright"
    assert structures["embedded-o-tetrahedral"].label == "O under Na(110) 2×2, tetrahedral"
    assert len({system.label for system in structures.values()}) == len(structures)


def test_what_has_no_room_under_the_surface_is_left_out() -> None:
    """In compressed sodium O2 comes within 1.50 Å of it in the octahedral void, unless it lies along [001]."""
    compressed = na110(lattice_constant_a=3.77)
    left_out = (ON_THE_SURFACE | UNDER_IT | SINGLE) - set(oxygen_structures(compressed))
    assert left_out == {"embedded-o2-octahedral-upright", "embedded-o2-octahedral-flat-110"}


@pytest.mark.parametrize(("size", "orthogonal"), SLABS[1:3])
def test_no_two_are_the_same(size: tuple[int, int], orthogonal: bool) -> None:
    """By pymatgen, which knows nothing of how the set was made."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Lattice, Structure

    # an all-periodic cell with this little vacuum is quick to compare, and as different as with more
    systems = oxygen_structures(na110(size, orthogonal=orthogonal, layers=2, fixed_layers=0, vacuum_a=17.0))
    crystals = {
        name: Structure(Lattice(s.cell_a), s.symbols, s.positions_a, coords_are_cartesian=True)
        for name, s in systems.items()
    }
    matcher = StructureMatcher(primitive_cell=False, scale=False, ltol=0.01, stol=0.02, angle_tol=0.5)
    same = [
        (one, other)
        for one, other in combinations(crystals, 2)
        if crystals[one].composition == crystals[other].composition and matcher.fit(crystals[one], crystals[other])
    ]
    assert same == []


def shifted(system: System, du: float, dv: float, *, mirror: tuple[int, int] = (1, 1)) -> System:
    """The oxygen moved along [001] and [1-10] (Å), after the mirrors of the lattice."""
    lattice = surface_lattice(system)
    positions, o = np.array(system.positions_a), oxygen_of(system)
    positions[o, :2] = lattice.lateral(lattice.coordinates(positions[o, :2]) * mirror + [du, dv])
    return system.moved(positions)


@pytest.mark.parametrize(
    "name", ["hollow-flat-001", "hollow-upright", "short-bridge-flat-110", "embedded-o-octahedral"]
)
def test_symmetry_of_the_slab(structures: dict[str, System], name: str) -> None:
    lattice, system = surface_lattice(na110()), structures[name]
    for mirror in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        for step in ((0, 0), (A, 0), (A / 2, A / 2**0.5), (-A / 2, A / 2**0.5)):
            assert same_by_symmetry(system, shifted(system, *step, mirror=mirror), lattice)
    for step in ((0.3, 0), (0, 0.3), (A / 4, 0.2)):
        assert not same_by_symmetry(system, shifted(system, *step), lattice)
    higher = np.array(system.positions_a) + (np.arange(len(system.symbols)) >= 16)[:, None] * [0, 0, 0.3]
    assert not same_by_symmetry(system, system.moved(higher), lattice)


def test_a_mirror_that_the_cell_has_not_is_no_symmetry() -> None:
    """3×1, oblique: turned by the mirror, O2 has its images elsewhere, though the surface itself looks the same."""
    slab = na110((3, 1))
    hollow = oxygen_structures(slab, ("hollow-flat-110",))["hollow-flat-110"]
    lattice = surface_lattice(slab)
    positions, o = np.array(hollow.positions_a), oxygen_of(hollow)
    turned = positions.copy()
    turned[o[1], :2] = positions[o[0], :2] + [0.7, 0.9]
    tilted = hollow.moved(turned)
    assert not same_by_symmetry(tilted, shifted(tilted, 0, 0, mirror=(-1, 1)), lattice)
    assert same_by_symmetry(tilted, shifted(tilted, 0, 0, mirror=(-1, -1)), lattice)


def test_a_choice_comes_in_its_order() -> None:
    names = ("embedded-o-octahedral", "hollow-upright")
    assert tuple(oxygen_structures(na110(), names)) == names
    with pytest.raises(InputError, match=r"(?s)no oxygen structures hollow.*choose among .*hollow-upright"):
        oxygen_structures(na110(), ("hollow-upright", "hollow"))


def test_other_slabs() -> None:
    with pytest.raises(InputError, match=r"vacuum_a of at least 16\.7 Å"):
        oxygen_structures(na110(vacuum_a=15.0))
    with pytest.raises(InputError, match="not a bcc"):
        oxygen_structures(metal_slab("Na", "100", layers=4, size=(2, 2), vacuum_a=20.0))


def test_parts_of_a_slab_with_oxygen(structures: dict[str, System]) -> None:
    for name, system in structures.items():
        o, na = oxygen_part(system), sodium_part(system)
        assert o.symbols + na.symbols == tuple(reversed(system.symbols[16:])) + system.symbols[:16]
        assert na.positions_a + o.positions_a == system.positions_a
        assert (o.cell_a, o.pbc, na.cell_a, na.pbc) == (system.cell_a, system.pbc) * 2
        assert (na.layers, na.fixed, na.magnetic_moments) == ((system.layers or ())[:16], system.fixed, None)
        assert (set(o.layers or ()), o.fixed, o.multiplicity) == ({0}, (), None)
        assert o.magnetic_moments == ((2.0,) if name in SINGLE else (1.0, 1.0))
        assert System.model_validate(o.model_dump()) == o


def test_parts_of_a_crystal() -> None:
    system = interstitial("O", 2, "octahedral", A)
    o, na = oxygen_part(system), sodium_part(system)
    assert (o.symbols, o.magnetic_moments, o.layers, o.cell_a) == (("O",), (2.0,), None, system.cell_a)
    assert (na.positions_a, na.magnetic_moments) == (host_cell("Na", 2, A).positions_a, None)


def test_a_molecule_that_came_apart_is_two_triplet_atoms(structures: dict[str, System]) -> None:
    system = structures["hollow-flat-001"]
    positions = np.array(system.positions_a)
    positions[-1] += [2.0, 0, 0]
    assert oxygen_part(system.moved(positions)).magnetic_moments == (2.0, 2.0)
    across = np.array(system.positions_a)
    across[-1] += np.array(system.cell_a[0])
    assert oxygen_part(system.moved(across)).magnetic_moments == (1.0, 1.0)


def test_fixed_atoms_keep_their_identity() -> None:
    mixed = System(
        label="mixed",
        symbols=("O", "Na", "Na"),
        positions_a=((0, 0, 6), (0, 0, 0), (0, 0, 3)),
        cell_a=np.eye(3) * 9,
        pbc=(True, True, True),
        fixed=(0, 2),
    )
    assert (sodium_part(mixed).fixed, oxygen_part(mixed).fixed) == ((1,), (0,))


def test_what_has_no_such_part() -> None:
    for question, system, problem in (
        (oxygen_part, na110(), "contains no O"),
        (sodium_part, atom("O", multiplicity=3), "contains no Na"),
        (oxygen_part, metal_slab("Al", "111", layers=2, vacuum_a=15.0), "contains Al"),
    ):
        with pytest.raises(InputError, match=problem):
            question(system)


def test_a_nudge_breaks_the_symmetry_and_nothing_else() -> None:
    start = oxygen_structures(na110(), ("hollow-flat-001",))["hollow-flat-001"]
    moved = nudged(start)
    shifts = np.array(moved.positions_a) - np.array(start.positions_a)
    assert np.abs(shifts[:-2]).max() == 0
    assert np.linalg.norm(shifts[-2:], axis=1) == pytest.approx([0.03, 0.03], abs=2e-3)
    assert np.abs(shifts[-2] - shifts[-1]).min() > 0.005
    assert moved.model_copy(update={"positions_a": start.positions_a}) == start
