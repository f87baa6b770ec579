"""How molecules stand on a surface: what each name means in bonds and planes, rigid turns, and random orientations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from natrium.structures.bonds import in_ring, neighbours
from natrium.structures.errors import InputError
from natrium.structures.interface_contacts import molecule_atoms
from natrium.structures.interfaces import interface
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule, molecule
from natrium.structures.orientations import ORIENTATIONS, posed, possible_orientations, random_rotation
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

UP = np.array([0.0, 0.0, 1.0])

FEC = library_molecule("FEC")
"""O=C1OCC(F)O1 in this order: carbonyl O 0 and C 1, ring O 2, C 3, C 4, F 5, ring O 6, hydrogens."""

FEC_RING = [1, 2, 3, 4, 6]
COMPLEX = ion_complexes(FEC)["carbonyl-o"]
CHELATE = ion_complexes(FEC)["f+ring-o-2"]
SLAB = metal_slab("Na", layers=3, size=(2, 4), vacuum_a=25.0, orthogonal=True, dipole_layer=False)


def part(system: System) -> NDArray[np.float64]:
    return np.array(system.positions_a)[list(molecule_atoms(system))]


def angle_deg(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    # By the arctangent: near 0 and 180 the cosine has lost half of its digits.
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second)), first @ second)))


def best_normal(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal of the least-squares plane, by the eigenvectors of the inertia."""
    away = points - points.mean(axis=0)
    return np.asarray(np.linalg.eigh(away.T @ away)[1][:, 0])


def bond_deg(system: System, start: int, end: int) -> float:
    """Angle of a bond of the molecule to the outward normal."""
    at = part(system)
    return angle_deg(at[end] - at[start], UP)


def tilt_deg(system: System, atoms: list[int]) -> float:
    """Angle between the plane of these atoms and the surface."""
    found = angle_deg(best_normal(part(system)[atoms]), UP)
    return min(found, 180 - found)


@pytest.mark.parametrize("turn_deg", [0.0, 77.0])
@pytest.mark.parametrize("source", ["FEC", "smiles:O=C1OC[C@@H](F)O1"])
def test_each_name_is_a_geometry(source: str, turn_deg: float) -> None:
    def placed(orientation: str) -> System:
        return interface(SLAB, molecule(source), orientation, height_a=3.0, turn_deg=turn_deg)

    assert bond_deg(placed("carbonyl-down"), 1, 0) == pytest.approx(180, abs=1e-6)
    assert bond_deg(placed("fluorine-down"), 4, 5) == pytest.approx(180, abs=1e-6)
    upright = placed("upright")
    assert tilt_deg(upright, FEC_RING) == pytest.approx(90, abs=1e-6)
    assert bond_deg(upright, 1, 0) < 20
    at = part(upright)
    assert max(at[3][2], at[4][2]) < min(at[2][2], at[6][2]) < at[1][2] < at[0][2]
    for name, side in (("flat", 1), ("flat-flipped", -1)):
        flat = placed(name)
        assert tilt_deg(flat, FEC_RING) == pytest.approx(0, abs=1e-6)
        assert side * (part(flat)[5] - part(flat)[FEC_RING].mean(axis=0))[2] > 0.8


@pytest.mark.parametrize(
    "source", ["FEC", "smiles:CC1COC(=O)O1", "smiles:FC1CCCCC1", "smiles:CC1CCC(=O)O1", "smiles:O=S1OCCO1"]
)
def test_a_flat_ring_turns_its_open_side_to_the_surface(source: str) -> None:
    asked = molecule(source)
    for given in (asked, asked.moved(-np.array(asked.positions_a))):
        at = posed(given, "flat").positions_a
        bonded = neighbours(given)
        ring = [atom for atom in range(len(at)) if in_ring(bonded, atom)]
        heavy = [atom for atom, symbol in enumerate(given.symbols) if symbol != "H"]
        above = at[heavy, 2] - at[ring, 2].mean()
        assert np.ptp(above) > 0.5
        assert above.max() > -above.min()


@pytest.mark.parametrize("complexed", [COMPLEX, CHELATE], ids=lambda system: system.label)
@pytest.mark.parametrize(("orientation", "angle"), [("ion-down", 180.0), ("ion-up", 0.0)])
def test_an_ion_between_molecule_and_slab_or_above(complexed: System, orientation: str, angle: float) -> None:
    at = part(interface(SLAB, complexed, orientation, height_a=3.0))
    assert angle_deg(at[10] - at[:7].mean(axis=0), UP) == pytest.approx(angle, abs=1e-6)
    assert (np.argmin if angle else np.argmax)(at[:, 2]) == 10


def test_the_ion_does_not_change_how_the_molecule_stands() -> None:
    for orientation in possible_orientations(FEC):
        seed = 4 if orientation == "random" else None
        alone, held = (posed(system, orientation, seed=seed).positions_a for system in (FEC, CHELATE))
        assert held[:10] == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize(
    ("source", "possible"),
    [
        ("FEC", "carbonyl-down fluorine-down flat flat-flipped upright random"),
        ("EC", "carbonyl-down flat flat-flipped upright random"),
        ("SN", "flat flat-flipped random"),
        ("H2O", "flat flat-flipped random"),
        ("smiles:c1ccccc1F", "fluorine-down flat flat-flipped random"),
        ("smiles:C", "random"),
        ("smiles:CC#N", "random"),
        ("O2", "random"),
        ("Na+", "random"),
    ],
)
def test_what_a_molecule_can_do(source: str, possible: str) -> None:
    asked = molecule(source)
    assert possible_orientations(asked) == tuple(possible.split())
    for orientation in set(ORIENTATIONS) - set(possible.split()):
        with pytest.raises(InputError, match=rf"cannot be {orientation}: .* has no ") as caught:
            posed(asked, orientation)
        assert caught.value.remedy == f"use one of {possible.replace(' ', ', ')}"


def test_a_missing_group_is_named_beside_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"C4H4N2 has no C–F bond; it has nitrile-n \(atom 0\), nitrile-n \(atom 5\)"):
        interface(SLAB, library_molecule("SN"), "fluorine-down", height_a=3.0)


def test_of_several_groups_one_is_said() -> None:
    twice = molecule("smiles:O=C1O[C@H](F)[C@H](F)O1")
    fluorines = [atom for atom, symbol in enumerate(twice.symbols) if symbol == "F"]
    with pytest.raises(InputError, match=rf"2 times a C–F bond\n.*one of {fluorines[0]}, {fluorines[1]}"):
        posed(twice, "fluorine-down")
    for fluorine in fluorines:
        system = interface(SLAB, twice, "fluorine-down", height_a=3.0, atom=fluorine, anchor="pointing-atom")
        assert np.argmin(part(system)[:, 2]) == fluorine
        assert f"(atom {fluorine})" in system.label
    for orientation, atom, problem in (("fluorine-down", 0, "atom 0 has no C–F"), ("flat", 3, "atom 3 has no plane")):
        with pytest.raises(InputError, match=problem):
            posed(twice, orientation, atom=atom)


def handedness(at: NDArray[np.float64]) -> float:
    """Triple product of the bonds from the fluorinated carbon to F, ring O and C, Å³."""
    return float(np.linalg.det(at[[5, 6, 3]] - at[4]))


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, -33.0])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_molecule_is_turned_rigidly_and_keeps_its_hand(orientation: str, turn_deg: float) -> None:
    before = np.array(COMPLEX.positions_a)
    pose = posed(COMPLEX, orientation, turn_deg=turn_deg, seed=5 if orientation == "random" else None)
    after = pose.positions_a
    lengths = [np.linalg.norm(at[:, None] - at[None], axis=2) for at in (before, after)]
    assert lengths[1] == pytest.approx(lengths[0], abs=1e-12)
    assert abs(handedness(before)) > 1
    assert handedness(after) == pytest.approx(handedness(before), abs=1e-9)
    assert after[:7].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


@pytest.mark.parametrize("orientation", ["carbonyl-down", "fluorine-down", "flat", "upright"])
def test_the_turn_is_about_the_normal_from_a_stated_start(orientation: str) -> None:
    start = posed(FEC, orientation).positions_a
    first = next(at for at in start if np.hypot(at[0], at[1]) > 0.5)
    assert first[0] > 0.5
    assert first[1] == pytest.approx(0, abs=1e-12)
    turned = posed(FEC, orientation, turn_deg=90.0).positions_a
    assert turned == pytest.approx(np.column_stack([-start[:, 1], start[:, 0], start[:, 2]]), abs=1e-12)


SEEDS = {
    0: ["-0x1.b42b5ffde5260p-2", "-0x1.7e8bc7d28e414p-1", "-0x1.053b1e746ea20p-1"],
    1: ["0x1.3fb900e947312p-1", "-0x1.6e40515e1ae6dp-1", "-0x1.4121cb850da37p-2"],
    2026: ["-0x1.32e619296f280p-6", "-0x1.f9178824770a4p-1", "-0x1.4d1631f14844cp-3"],
}
"""First row of the rotation, to the last bit: another row means another start of every trajectory of that seed."""


@pytest.mark.parametrize(("seed", "row"), SEEDS.items())
def test_a_seed_always_gives_the_same_orientation(seed: int, row: list[str]) -> None:
    rotation = random_rotation(seed)
    assert [float(value).hex() for value in rotation[0]] == row
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-14)
    assert np.linalg.det(rotation) == pytest.approx(1)
    once, again = (interface(SLAB, FEC, "random", seed=seed, height_a=3.0) for _ in range(2))
    assert once == again
    assert f"random (seed {seed})" in once.label
    expected = np.array(FEC.positions_a) @ rotation.T
    assert part(once) - part(once)[0] == pytest.approx(expected - expected[0], abs=1e-12)


def test_random_orientations_prefer_no_direction() -> None:
    """Each element of a uniform rotation has mean 0 and variance 1/3, and the trace has variance 1."""
    rotations = np.array([random_rotation(seed) for seed in range(4000)])
    assert len(np.unique(rotations[:, 0, 0])) == 4000
    # Five standard errors.
    assert np.abs(rotations.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 4000)
    # A coordinate on the unit sphere is uniform from -1 to 1: the variance of its square is 4/45.
    assert np.abs((rotations**2).mean(axis=0) - 1 / 3).max() < 5 * np.sqrt(4 / 45 / 4000)
    assert np.trace(rotations, axis1=1, axis2=2).var() == pytest.approx(1, abs=0.1)


def test_the_atoms_of_a_random_orientation_are_the_same_to_the_last_bit() -> None:
    first = posed(FEC, "random", seed=2026).positions_a[0]
    assert [float(value).hex() for value in first] == [
        "0x1.3bb80d4bada77p-2",
        "0x1.a5d8d6c8d20f7p+0",
        "-0x1.6c1d6dd1bfad1p+0",
    ]
