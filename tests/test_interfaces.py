"""Molecules and their complexes on Na(110): where they are, how near they come, and what is refused."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from natrium.structures.adsorbates import TooCloseError, adsorb, closest_contact, contacts
from natrium.structures.adsorption_sites import surface_lattice
from natrium.structures.boxes import boxed
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.interface_contacts import closest_to_slab, molecule_atoms
from natrium.structures.interfaces import interface, roomiest_place
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule, molecule
from natrium.structures.orientations import possible_orientations
from natrium.structures.slab_geometry import heights_a, vacuum_thickness_a
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

FEC = library_molecule("FEC")
"""O=C1OCC(F)O1 in this order: carbonyl O 0 and C 1, ring O 2, C 3, C 4, F 5, ring O 6, hydrogens."""

COMPLEX = ion_complexes(FEC)["carbonyl-o"]


def sodium(size: tuple[int, int] = (2, 4), vacuum_a: float = 25.0, **changes: Any) -> System:
    wanted = {"layers": 3, "orthogonal": True, "fixed_layers": 1, "dipole_layer": False} | changes
    return metal_slab("Na", size=size, vacuum_a=vacuum_a, **wanted)


SLAB = sodium()


def part(system: System) -> NDArray[np.float64]:
    return np.array(system.positions_a)[list(molecule_atoms(system))]


@pytest.mark.parametrize("height_a", [2.4, 3.0, 4.25])
@pytest.mark.parametrize("orientation", ["carbonyl-down", "fluorine-down", "flat", "upright"])
def test_heights(orientation: str, height_a: float) -> None:
    system = interface(SLAB, FEC, orientation, height_a=height_a)
    heights, layers = heights_a(system), np.array(system.layers)
    assert heights[layers == 0].min() - heights[layers == 3].mean() == pytest.approx(height_a, abs=1e-6)


@pytest.mark.parametrize("contact_a", [2.3, 2.8, 3.5])
@pytest.mark.parametrize("at", [None, (0.0, 0.0), (0.4, 0.9), (-3.6, 7.9)])
@pytest.mark.parametrize("orientation", ["carbonyl-down", "fluorine-down", "flat", "upright"])
def test_contacts(orientation: str, contact_a: float, at: tuple[float, float] | None) -> None:
    system = interface(SLAB, FEC, orientation, contact_a=contact_a, at=at)
    nearest = closest_to_slab(system)
    assert nearest.distance_a == pytest.approx(contact_a, abs=1e-6)
    assert (nearest.first < 24, nearest.second >= 24) == (True, True)
    # By another way: the neighbour list.
    found = [pair for pair in contacts(system, 5.0) if pair.first < 24 <= pair.second]
    assert found[0].distance_a == pytest.approx(contact_a, abs=1e-6)


@pytest.mark.parametrize("at", [(0.5, 0.5), (0.1, 0.8), (1.3, -0.2)])
@pytest.mark.parametrize(
    ("orientation", "pointing", "middle"), [("fluorine-down", 5, None), ("ion-down", 10, None), ("flat", None, 7)]
)
def test_places(orientation: str, pointing: int | None, middle: int | None, at: tuple[float, float]) -> None:
    anchor = "centre" if pointing is None else "pointing-atom"
    system = interface(SLAB, COMPLEX, orientation, height_a=3.0, at=at, anchor=anchor, turn_deg=90.0)  # type: ignore[arg-type]
    point = part(system)[:middle].mean(axis=0) if pointing is None else part(system)[pointing]
    assert point[:2] == pytest.approx(np.array(at) % 1.0 * np.diag(SLAB.cell_a)[:2], abs=1e-9)


@pytest.mark.parametrize("size", [(1, 2), (2, 4), (3, 4)])
def test_by_default_over_the_hollow_of_bcc_110(size: tuple[int, int]) -> None:
    slab = sodium(size)
    place = np.array(roomiest_place(slab)) * np.diag(slab.cell_a)[:2]
    name, off_a = surface_lattice(slab).nearest_site(place)
    assert (name, off_a) == ("hollow", pytest.approx(0, abs=1e-4))
    rattled = slab.moved(np.array(slab.positions_a) + np.random.default_rng(3).normal(0, 0.01, (len(slab.symbols), 3)))
    place = np.array(roomiest_place(rattled)) * np.diag(slab.cell_a)[:2]
    assert surface_lattice(slab).nearest_site(place)[1] < 0.1


def test_by_default_over_the_fourfold_hollow_of_a_square_face() -> None:
    slab = metal_slab("Na", "100", layers=3, size=(3, 3), vacuum_a=20.0, dipole_layer=False)
    assert roomiest_place(slab) == pytest.approx((0.5, 0.5), abs=1e-6)


def test_by_default_over_a_vacancy() -> None:
    gone = 17
    kept = [atom for atom in range(24) if atom != gone]
    changes = {name: [getattr(SLAB, name)[atom] for atom in kept] for name in ("symbols", "positions_a", "layers")}
    place = roomiest_place(System.model_validate(SLAB.model_dump() | changes))
    expected = np.array(SLAB.positions_a[gone])[:2] / np.diag(SLAB.cell_a)[:2]
    assert place == pytest.approx(expected, abs=1e-6)


def test_the_slab_stays_as_it_was() -> None:
    system = interface(SLAB, FEC, "fluorine-down", height_a=2.5)
    assert system.label == "FEC on Na(110) 2×4, 3 layers, fluorine-down"
    assert system.symbols == SLAB.symbols + FEC.symbols
    assert system.layers == (1,) * 8 + (2,) * 8 + (3,) * 8 + (0,) * 10
    assert molecule_atoms(system) == tuple(range(24, 34))
    assert system.fixed == SLAB.fixed == tuple(range(8))
    assert (system.cell_a, system.pbc) == (SLAB.cell_a, (True, True, False))
    assert (system.charge, system.multiplicity) == (0, None)
    # Only lifted as a whole, into the middle of the cell.
    moved = np.array(system.positions_a)[:24] - np.array(SLAB.positions_a)
    assert moved == pytest.approx(np.tile(moved[0], (24, 1)), abs=1e-12)
    assert moved[0, :2] == pytest.approx([0, 0], abs=1e-12)
    heights = heights_a(system)
    assert heights.min() == pytest.approx(SLAB.cell_a[2][2] - heights.max(), abs=1e-9)


def test_a_complex_is_kept_neutral_with_one_more_metal_atom() -> None:
    system = interface(SLAB, COMPLEX, "ion-down", height_a=3.0)
    assert system.symbols.count("Na") == 25
    assert system.formula == "C3H3FNa25O3"
    assert (system.charge, system.multiplicity) == (0, None)
    assert system.electrons == SLAB.electrons + FEC.electrons + 11 == 329
    own = molecule_atoms(system)
    assert len(own) == 11
    assert [system.symbols[atom] for atom in own].count("Na") == 1
    assert system.label == "FEC–Na⁺, carbonyl-o on Na(110) 2×4, 3 layers, ion-down, neutral"
    # Its contact with its own ion, 2.27 Å, is none with the slab.
    assert np.linalg.norm(part(system)[0] - part(system)[10]) == pytest.approx(2.27, abs=1e-6)


def test_a_charged_cell_only_when_asked_for() -> None:
    system = interface(SLAB, COMPLEX, "ion-down", height_a=3.0, charge=1)
    assert (system.charge, system.multiplicity, system.electrons) == (1, None, 328)
    assert system.label.endswith("ion-down, charged +1, energy not converged with the vacuum")
    for given, charge in ((FEC, 1), (COMPLEX, -1), (COMPLEX, 2)):
        with pytest.raises(InputError, match=r"on a slab, but the molecule has"):
            interface(SLAB, given, "flat", height_a=3.0, charge=charge)


def test_magnetic_moments_come_along() -> None:
    oxygen = library_molecule("O2")
    assert interface(SLAB, oxygen, "random", seed=1, height_a=3.0).magnetic_moments is None
    magnetic = System.model_validate(oxygen.model_dump() | {"magnetic_moments": (1.0, 1.0)})
    system = interface(SLAB, magnetic, "random", seed=1, height_a=3.0)
    assert system.magnetic_moments == (*(0.0,) * 24, 1.0, 1.0)


@pytest.mark.parametrize(
    ("height_a", "at", "element"), [(1.3, (0.0, 0.0), "F"), (0.1, (0.0, 0.0), "F"), (1.7, (0.0, 0.0), "F")]
)
def test_the_molecule_does_not_touch_the_slab(height_a: float, at: tuple[float, float], element: str) -> None:
    with pytest.raises(
        TooCloseError, match=rf"{element} \(atom 5 of the molecule\) and Na .*less than 1.78 Å\n.*larger"
    ):
        interface(SLAB, FEC, "fluorine-down", height_a=height_a, at=at, anchor="pointing-atom")


@pytest.mark.parametrize(
    ("source", "orientation", "least_a"), [("FEC", "fluorine-down", 1.784), ("EC", "carbonyl-down", 1.856)]
)
def test_the_smallest_distance_is_in_units_of_the_covalent_radii(source: str, orientation: str, least_a: float) -> None:
    def closest(contact_a: float, **changes: float) -> float:
        over = {"at": (0.0, 0.0), "anchor": "pointing-atom"}
        return closest_to_slab(interface(SLAB, molecule(source), orientation, contact_a=contact_a, **over, **changes))[
            2
        ]  # type: ignore[arg-type]

    assert closest(least_a + 1e-4) == pytest.approx(least_a + 1e-4, abs=1e-6)
    with pytest.raises(TooCloseError):
        closest(least_a - 1e-4)
    assert closest(least_a - 1e-4, smallest_to_slab=0.75) == pytest.approx(least_a - 1e-4, abs=1e-6)


def stretched(slab: System, axis: int, length_a: float) -> System:
    cell = np.array(slab.cell_a)
    factors = np.ones(3)
    factors[axis] = length_a / cell[axis, axis]
    return slab.moved(np.array(slab.positions_a) * factors, cell * factors)


def smallest_image_distance_a(system: System) -> float:
    at, edges = part(system), np.diag(system.cell_a)
    shifts = [np.array([i, j, 0]) for i, j in product((-1, 0, 1), repeat=2) if (i, j) != (0, 0)]
    return min(float(np.linalg.norm(at[:, None] - at[None] + shift * edges, axis=2).min()) for shift in shifts)


@pytest.mark.parametrize(
    ("source", "size", "turn_deg", "direction", "axis"),
    [
        ("FEC", (1, 4), 0.0, "first lattice vector", 0),
        ("FEC", (3, 2), 90.0, "second lattice vector", 1),
        ("SN", (2, 4), 0.0, "first lattice vector", 0),
        ("SN", (1, 2), 50.0, "first and the second lattice vector", 0),
    ],
)
def test_the_molecule_does_not_touch_its_image(
    source: str, size: tuple[int, int], turn_deg: float, direction: str, axis: int
) -> None:
    def lying(slab: System) -> System:
        return interface(slab, library_molecule(source), "flat", height_a=3.0, turn_deg=turn_deg)

    narrow = sodium(size)
    with pytest.raises(TooCloseError, match=rf"image of .* along the {direction} .*less than 3.00 Å") as caught:
        lying(narrow)
    found = re.search(r"at least ([\d.]+) Å along its (\w+) lattice vector, which has ([\d.]+) Å", caught.value.remedy)
    assert found is not None
    needed_a, edge_a = float(found[1]), np.diag(narrow.cell_a)[axis]
    assert (found[2], float(found[3])) == (("first", "second")[axis], pytest.approx(edge_a, abs=0.005))
    assert 3.0 <= smallest_image_distance_a(lying(stretched(narrow, axis, needed_a))) < 3.1
    with pytest.raises(TooCloseError, match=r"less than 3\.00 Å"):
        lying(stretched(narrow, axis, needed_a - 0.11))


@pytest.mark.parametrize("orientation", ["carbonyl-down", "flat"])
def test_vacuum_is_left_on_both_sides(orientation: str) -> None:
    with pytest.raises(InputError, match=r"of vacuum are left on each side.*less than 5 Å") as caught:
        interface(sodium(vacuum_a=10.0), FEC, orientation, height_a=2.5)
    needed = re.search(r"vacuum_a of at least ([\d.]+) Å", caught.value.remedy)
    assert needed is not None
    system = interface(sodium(vacuum_a=float(needed[1])), FEC, orientation, height_a=2.5)
    assert 10.0 <= vacuum_thickness_a(system) < 10.1
    with pytest.raises(InputError, match="less than 5 Å"):
        interface(sodium(vacuum_a=float(needed[1]) - 0.11), FEC, orientation, height_a=2.5)
    assert interface(sodium(vacuum_a=10.0), FEC, orientation, height_a=2.5, smallest_vacuum_a=1.0)


@pytest.mark.parametrize(
    ("slab", "problem"),
    [
        (sodium(orthogonal=False), r"rectangular(.|\n)*orthogonal=True"),
        (bulk_metal("Na"), "not a slab"),
        (library_molecule("EC"), "not a slab"),
        (System.model_validate(SLAB.model_dump() | {"layers": None}), "no layers"),
        (System.model_validate(SLAB.model_dump() | {"charge": 1}), r"charge \+1"),
        (System.model_validate(SLAB.model_dump() | {"ghosts": (("H", (0, 0, 0)),)}), "1 ghost"),
        (adsorb(SLAB, ("O",), np.zeros((1, 3)), SLAB.positions_a[-1], 2.0, "O on Na"), "atoms in no layer"),
    ],
    ids=["oblique", "bulk", "molecule", "unnumbered", "charged", "ghosts", "covered"],
)
def test_other_slabs(slab: System, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        interface(slab, FEC, "flat", height_a=3.0)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (sodium(), "not a molecule alone"),
        (System.model_validate(FEC.model_dump() | {"fixed": (0,)}), r"fixed atoms \(0,\)"),
        (System.model_validate(FEC.model_dump() | {"ghosts": (("H", (0, 0, 0)),)}), "1 ghost"),
        (boxed(FEC, 6.0, pbc=True), r"pbc \(True, True, True\)"),
        (FEC.moved(np.array(FEC.positions_a) / 2), "apart, less than"),
    ],
    ids=["slab", "fixed", "ghosts", "periodic", "squeezed"],
)
def test_other_molecules(given: System, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        interface(SLAB, given, "random", seed=0, height_a=3.0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, "exactly one"),
        ({"height_a": 3.0, "contact_a": 2.5}, "exactly one"),
        ({"height_a": -1.0}, "positive"),
        ({"contact_a": float("nan")}, "positive"),
        ({"contact_a": 0.6}, "sink between the atoms of the surface"),
        ({"height_a": 3.0, "orientation": "sideways"}, "no orientation 'sideways'\n.*carbonyl-down, fluorine-down"),
        ({"height_a": 3.0, "orientation": "random"}, "without a seed"),
        ({"height_a": 3.0, "seed": 1}, "with seed=1"),
        ({"height_a": 3.0, "orientation": "random", "seed": -1}, "seed=-1"),
        ({"height_a": 3.0, "orientation": "random", "seed": 0.5}, "seed=0.5"),
        ({"height_a": 3.0, "orientation": "random", "seed": 1, "atom": 5}, "atom=5 with a random"),
        ({"height_a": 3.0, "orientation": "flat", "anchor": "pointing-atom"}, "no atom points at the surface"),
        ({"height_a": 3.0, "anchor": "corner"}, "anchor='corner'"),
        ({"height_a": 3.0, "at": (0.5, float("inf"))}, "two fractions"),
        ({"height_a": 3.0, "at": (0.5, 0.5, 0.5)}, "two fractions"),
        ({"height_a": 3.0, "turn_deg": float("nan")}, "turn_deg=nan"),
    ],
    ids=str,
)
def test_requests_that_cannot_be(changes: dict[str, Any], problem: str) -> None:
    wanted = {"orientation": "fluorine-down"} | changes
    with pytest.raises(InputError, match=problem):
        interface(SLAB, FEC, **wanted)


def test_there_is_no_molecule_on_a_clean_slab() -> None:
    assert molecule_atoms(SLAB) == ()
    with pytest.raises(InputError, match="not a molecule on a slab"):
        closest_to_slab(SLAB)
    with pytest.raises(InputError, match="layers are not numbered"):
        molecule_atoms(FEC)


def test_nothing_is_closer_than_the_bonds_of_the_molecule() -> None:
    for orientation in possible_orientations(FEC):
        seed = 7 if orientation == "random" else None
        system = interface(SLAB, FEC, orientation, height_a=2.5, seed=seed)
        assert closest_contact(system).distance_a == pytest.approx(closest_contact(FEC).distance_a, abs=1e-9)
