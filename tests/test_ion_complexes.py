"""Complexes of molecules with a cation, which of them are the same, and the boxes they go into."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from natrium.structures.bonds import neighbours
from natrium.structures.boxes import boxed
from natrium.structures.conformers import distinct, same_geometry
from natrium.structures.donor_sites import donor_sites
from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import STRETCHES_A, ion_complexes
from natrium.structures.molecule_library import library_molecule, molecule
from natrium.structures.molecules import diatomic
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

NA_DONOR_A = {"O": 2.27, "N": 2.33, "F": 2.20}
"""Sodium and water, alone in the gas phase, are 2.2 to 2.3 Å apart."""

COMPLEXES = {
    "FEC": [
        "carbonyl-o",
        "carbonyl-o+ring-o-1",
        "carbonyl-o+ring-o-2",
        "f",
        "f+ring-o-1",
        "f+ring-o-2",
        "ring-o-1",
        "ring-o-2",
    ],
    "EC": ["carbonyl-o", "carbonyl-o+ring-o", "ring-o"],
    "SN": ["nitrile-n"],
    "SN-gauche": ["nitrile-n-1", "nitrile-n-1+nitrile-n-2"],
    "H2O": ["water-o"],
    "O2": ["terminal-o"],
    "smiles:F[P-](F)(F)(F)(F)F": ["f-1", "f-1+f-2"],
    "smiles:[F-]": ["f"],
    "smiles:CN(C)C=O": ["carbonyl-o"],
    "smiles:COC": ["ether-o"],
}


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("FEC", ["carbonyl-o", "ring-o", "f", "ring-o"]),
        ("EC", ["carbonyl-o", "ring-o", "ring-o"]),
        ("SN", ["nitrile-n", "nitrile-n"]),
        ("H2O", ["water-o"]),
        ("smiles:CO", ["hydroxyl-o"]),
        ("smiles:CS(C)=O", ["terminal-o"]),
        ("smiles:CSC", ["sulfide-s"]),
        ("smiles:CN", ["amine-n"]),
        ("smiles:C=NC", ["imine-n"]),
        ("smiles:c1ccncc1", ["ring-n"]),
        ("smiles:CN(C)C=O", ["carbonyl-o"]),
        ("smiles:C[N+](C)(C)C", []),
        ("smiles:CC", []),
    ],
)
def test_donors(source: str, kinds: list[str]) -> None:
    donors = donor_sites(molecule(source))
    assert [donor.kind for donor in donors] == kinds
    assert [float(np.linalg.norm(donor.direction)) for donor in donors] == pytest.approx([1.0] * len(donors))


@pytest.mark.parametrize(("source", "names"), COMPLEXES.items())
def test_complexes(source: str, names: list[str]) -> None:
    alone = molecule(source)
    complexes = ion_complexes(alone)
    assert sorted(complexes) == names
    for name, system in complexes.items():
        assert (system.charge, system.multiplicity) == (alone.charge + 1, alone.multiplicity)
        assert system.electrons == alone.electrons + 10
        assert system.symbols == (*alone.symbols, "Na")
        assert system.positions_a[:-1] == alone.positions_a
        assert system.pbc == (False, False, False)
        assert name in system.label
        # The donors that the name tells of, nearest, and at the ionic distance.
        distances = np.linalg.norm(np.array(system.positions_a[:-1]) - system.positions_a[-1], axis=1)
        donors = np.argsort(distances)[: name.count("+") + 1]
        elements = [part.rstrip("-0123456789").split("-")[-1].upper() for part in name.split("+")]
        assert sorted(alone.symbols[donor] for donor in donors) == sorted(elements)
        over = [float(distances[donor]) - NA_DONOR_A[alone.symbols[donor]] for donor in donors]
        assert over == pytest.approx([over[0]] * len(over), abs=1e-6)
        assert any(over[0] == pytest.approx(stretch, abs=1e-6) for stretch in STRETCHES_A[: len(donors) * 2 - 1])
    assert not any(same_geometry(a, b, 0.05) for a, b in combinations(complexes.values(), 2))


def test_an_ion_stands_on_the_axis_of_the_carbonyl_and_in_the_fork_of_two_oxygens() -> None:
    complexes = {name: np.array(system.positions_a) for name, system in ion_complexes(library_molecule("EC")).items()}

    def angle_deg(positions: Any, first: int, middle: int, last: int) -> float:
        a, b = positions[first] - positions[middle], positions[last] - positions[middle]
        return float(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))

    assert angle_deg(complexes["carbonyl-o"], 1, 0, -1) == pytest.approx(180, abs=1e-3)
    assert 80 < angle_deg(complexes["carbonyl-o+ring-o"], 1, 0, -1) < 105
    # In the plane of the carbonate group.
    o, c, ring_o, ion = complexes["carbonyl-o+ring-o"][[0, 1, 2, -1]]
    normal = np.cross(o - c, ring_o - c)
    assert abs((ion - c) @ normal / np.linalg.norm(normal)) < 0.3


@pytest.mark.parametrize(("ion", "charge", "length_a"), [("Li", 1, 2.01), ("K", 1, 2.63), ("Mg", 2, 1.97)])
def test_other_ions(ion: str, charge: int, length_a: float) -> None:
    system = ion_complexes(library_molecule("EC"), ion, charge)["carbonyl-o"]
    assert np.linalg.norm(np.subtract(system.positions_a[0], system.positions_a[-1])) == pytest.approx(length_a)
    assert (system.charge, system.symbols[-1]) == (charge, ion)


def test_numbers_follow_the_order_of_the_atoms_and_mirror_images_are_one() -> None:
    assert sorted(ion_complexes(molecule("smiles:O=C1OC[C@H](F)O1"))) == COMPLEXES["FEC"]
    first, second = (ion_complexes(molecule(f"smiles:O=C1OC[C@{hand}](F)O1"))["carbonyl-o"] for hand in ("H", "@H"))
    assert same_geometry(first, second)


@pytest.mark.parametrize(
    ("source", "ion", "charge", "problem"),
    [
        ("EC", "Na", 2, r"no ion 'Na' with charge \+2"),
        ("EC", "Fe", 2, "no ion 'Fe'"),
        ("EC", "Na", 0, "no ion 'Na'"),
        ("smiles:CC", "Na", 1, "no donor atom"),
        ("smiles:C[N+](C)(C)C", "Na", 1, "no donor atom"),
        ("Na+", "Na", 1, "contains Na already"),
    ],
)
def test_impossible_complexes(source: str, ion: str, charge: int, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        ion_complexes(molecule(source), ion, charge)


def test_a_molecule_in_a_periodic_box_gets_no_ion() -> None:
    with pytest.raises(InputError, match=r"periodic.*\n.*boxed"):
        ion_complexes(diatomic("O2", bond_a=1.21, multiplicity=3))


def shaken(system: System, by_a: float, seed: int) -> System:
    noise = np.random.default_rng(seed).uniform(-by_a / 4, by_a / 4, (len(system.symbols), 3))
    return system.moved(np.array(system.positions_a) + noise)


def turned_and_reordered(system: System) -> System:
    """The mirror image, turned, with the atoms in the opposite order."""
    return System.model_validate(
        system.model_dump()
        | {"symbols": system.symbols[::-1], "positions_a": -np.array(system.positions_a)[::-1][:, [1, 2, 0]] + 3.0}
    )


def test_distinct_keeps_each_geometry_once_and_the_lowest_first() -> None:
    complexes = ion_complexes(library_molecule("FEC"))
    relaxed = {
        "a": complexes["f"],
        "b": complexes["carbonyl-o"],
        "c": turned_and_reordered(shaken(complexes["carbonyl-o"], 0.05, 1)),
        "d": complexes["ring-o-1"],
        "e": complexes["ring-o-2"],
    }
    ranked = distinct(relaxed, {"a": -1.0, "b": -2.0, "c": -2.001, "d": -1.5, "e": -1.5})
    assert [(one.name, one.duplicates) for one in ranked] == [("c", ("b",)), ("d", ()), ("e", ()), ("a", ())]
    assert [one.relative_ev for one in ranked] == pytest.approx([0.0, 0.501, 0.501, 1.001])


def test_the_same_geometry_with_another_energy_is_another_state() -> None:
    system = ion_complexes(library_molecule("EC"))["carbonyl-o"]
    assert [one.name for one in distinct({"x": system, "y": system}, {"x": 0.0, "y": 0.5})] == ["x", "y"]


@pytest.mark.parametrize(
    ("sources", "energies", "problem"),
    [
        ([], {}, "conformers"),
        (["EC"], {"FEC": 0.0}, "one energy"),
        (["EC"], {"EC": float("nan")}, "not numbers"),
        (["EC", "FEC"], {"EC": 0.0, "FEC": 0.0}, "different atoms"),
    ],
)
def test_what_cannot_be_ranked(sources: list[str], energies: dict[str, float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        distinct({source: molecule(source) for source in sources}, energies)


def test_charge_and_spin_are_part_of_what_is_the_same() -> None:
    ion = library_molecule("Na+")
    atom = System.model_validate(ion.model_dump() | {"charge": 0, "multiplicity": 2})
    assert same_geometry(ion, ion)
    assert not same_geometry(ion, atom)


@pytest.mark.parametrize("source", ["FEC", "O2", "Na+", "SN"])
@pytest.mark.parametrize("pbc", [False, True])
@pytest.mark.parametrize("cubic", [False, True])
def test_boxes(source: str, pbc: bool, cubic: bool) -> None:
    alone = library_molecule(source)
    system = boxed(alone, 6.0, pbc=pbc, cubic=cubic)
    assert (system.charge, system.multiplicity, system.symbols) == (alone.charge, alone.multiplicity, alone.symbols)
    assert system.pbc == (pbc,) * 3
    positions, edges = np.array(system.positions_a), np.diag(system.cell_a)
    assert np.array(system.cell_a) == pytest.approx(np.diag(edges))
    below, above = positions.min(axis=0), edges - positions.max(axis=0)
    assert below == pytest.approx(above)
    assert below.min() == pytest.approx(6.0)
    if cubic:
        assert np.ptp(edges) == 0
    else:
        assert below == pytest.approx([6.0] * 3)
    assert same_geometry(system, alone, 1e-6)
    assert same_geometry(boxed(system, 8.0), alone, 1e-6)


def test_a_boxed_complex_keeps_its_charge() -> None:
    system = boxed(ion_complexes(library_molecule("FEC"))["carbonyl-o"], 7.0, pbc=True, cubic=True)
    assert (system.charge, system.multiplicity, system.formula) == (1, 1, "C3H3FNaO3+")


def cut_by_the_boundary() -> System:
    oxygen = diatomic("O2", bond_a=1.21, multiplicity=3)
    height_a = oxygen.cell_a[2][2]
    return oxygen.moved([[5, 5, 0.3], [5, 5, height_a + 0.3 - 1.21]])


@pytest.mark.parametrize(
    ("system", "vacuum_a", "problem"),
    [
        (library_molecule("EC"), 1.0, "too thin"),
        (library_molecule("EC"), float("nan"), "too thin"),
        (metal_slab("Na", layers=3, vacuum_a=15.0), 6.0, "multiplicity"),
        (cut_by_the_boundary(), 6.0, "cut by the boundary"),
    ],
)
def test_impossible_boxes(system: System, vacuum_a: float, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        boxed(system, vacuum_a)


def test_sodium_is_coordinated_not_bonded() -> None:
    system = ion_complexes(library_molecule("EC"))["carbonyl-o"]
    assert neighbours(system) == [*neighbours(library_molecule("EC")), []]
