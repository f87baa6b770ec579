"""What oxygen has become: relaxed geometries whose answer is known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from natrium.analysis.oxygen_state import OxygenState, became, oxygen_state
from natrium.structures.adsorption_sites import SiteName, adsorption_sites
from natrium.structures.errors import InputError
from natrium.structures.oxygen import oxygen_structures
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.structures.voids import embedded, interstitial

A = 4.199
LAYER_A = A / 2**0.5


def na110(size: tuple[int, int] = (2, 2), layers: int = 4) -> System:
    return metal_slab(
        "Na", layers=layers, size=size, vacuum_a=20.0, lattice_constant_a=A, fixed_layers=min(2, layers - 1)
    )


def with_oxygen(slab: System, *positions: ArrayLike) -> System:
    """No check of distances: a test may put atoms where it likes."""
    assert slab.layers is not None
    return System.model_validate(
        slab.model_dump()
        | {
            "symbols": slab.symbols + ("O",) * len(positions),
            "positions_a": np.concatenate([np.array(slab.positions_a), np.array(positions)]),
            "layers": slab.layers + (0,) * len(positions),
        }
    )


def at(slab: System, site: SiteName, *offset: float) -> NDArray[np.float64]:
    return np.array(adsorption_sites(slab)[site]) + offset


def rumpled(system: System, rise_a: float) -> System:
    """Top sodium within 4 Å of oxygen raised and pulled towards it, as oxygen does; the second layer by a third."""
    atoms = system.atoms()
    oxygen = [index for index, symbol in enumerate(system.symbols) if symbol == "O"]
    positions = atoms.get_positions()
    for index, layer in enumerate(system.layers or ()):
        nearest = min(oxygen, key=lambda o: atoms.get_distance(index, o, mic=True))
        vector = atoms.get_distance(index, nearest, mic=True, vector=True)
        if layer >= 3 and np.linalg.norm(vector) < 4.0:
            share = 1.0 if layer == 4 else 1 / 3
            positions[index] += share * (0.15 * vector * [1, 1, 0] + [0, 0, rise_a])
    return system.moved(positions)


@pytest.mark.parametrize(("size", "rise_a"), [((2, 2), -0.3), ((2, 2), 0.0), ((2, 2), 0.3), ((3, 3), 0.3)])
def test_structures_to_start_from_are_what_they_are_called(size: tuple[int, int], rise_a: float) -> None:
    for name, system in oxygen_structures(na110(size)).items():
        state = oxygen_state(rumpled(system, rise_a))
        assert state.name == name
        assert state.state == ("embedded" if name.startswith("embedded") else "adsorbed")
        assert became(name, state) is None


@pytest.mark.parametrize("size", [(2, 2), (3, 3)])
@pytest.mark.parametrize("rise_a", [-1.0, 1.0])
def test_heights_are_above_the_layer_and_not_above_its_rumples(size: tuple[int, int], rise_a: float) -> None:
    slab = na110(size)
    for height_a in (0.4, 1.2):
        system = rumpled(with_oxygen(slab, at(slab, "hollow", 0, 0, height_a)), rise_a)
        assert max(np.abs(np.subtract(system.positions_a, [*slab.positions_a, system.positions_a[-1]])[:, 2])) == 1.0
        state = oxygen_state(system)
        assert state.heights_a == pytest.approx((height_a,))
        assert (state.name, state.sites) == ("o-hollow", ("hollow",))


def test_a_relaxed_spacing_counts_where_atoms_are_far() -> None:
    """4×4: most of the top layer is far from the oxygen, so its own height counts, 0.1 Å lower than in the crystal."""
    slab = na110((4, 4))
    inward = np.array(slab.positions_a) - (np.array(slab.layers) == 4)[:, None] * [0, 0, 0.1]
    system = with_oxygen(slab.moved(inward), at(slab, "hollow", 0, 0, 1.0))
    assert oxygen_state(system).heights_a == pytest.approx((1.1,))
    (lone,) = oxygen_state(
        with_oxygen(na110((4, 4), layers=1), at(na110((4, 4), layers=1), "hollow", 0, 0, 1.0))
    ).heights_a
    assert lone == pytest.approx(1.0)


def bond(length_a: float, polar_deg: float, azimuth_deg: float = 0.0) -> NDArray[np.float64]:
    """Half of a bond: polar angle from the normal, azimuth from [001]."""
    polar, azimuth = np.radians([polar_deg, azimuth_deg])
    way = [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
    return np.array(way) * length_a / 2


@pytest.mark.parametrize(
    ("polar_deg", "azimuth_deg", "orientation"),
    [
        (0, 0, "upright"),
        (180, 0, "upright"),
        (25, 70, "upright"),
        (45, 0, "tilted"),
        (130, 80, "tilted"),
        (65, 0, "flat-001"),
        (90, 180, "flat-001"),
        (90, -25, "flat-001"),
        (90, 90, "flat-110"),
        (115, -100, "flat-110"),
        (90, 45, "flat-turned"),
        (90, 225, "flat-turned"),
    ],
)
def test_orientation(polar_deg: float, azimuth_deg: float, orientation: str) -> None:
    slab = na110()
    centre, half = at(slab, "hollow", 0, 0, 1.6), bond(1.34, polar_deg, azimuth_deg)
    state = oxygen_state(with_oxygen(slab, centre - half, centre + half))
    assert state.name == f"hollow-{orientation}"
    assert (state.molecular, state.o_o_distance_a) == (True, pytest.approx(1.34))


@pytest.mark.parametrize(
    ("o_o_a", "molecular"), [(1.21, True), (1.33, True), (1.5, True), (1.79, True), (1.81, False), (3.0, False)]
)
def test_bond(o_o_a: float, molecular: bool) -> None:
    slab = na110()
    centre, half = at(slab, "long-bridge", 0, 0, 1.0), bond(o_o_a, 90, 90)
    state = oxygen_state(with_oxygen(slab, centre - half, centre + half))
    assert (state.molecular, state.state) == (molecular, "adsorbed" if molecular else "dissociated")


def test_dissociated_in_both_hollows_of_a_rhombus() -> None:
    slab = na110((3, 3))
    first = at(slab, "hollow", 0, 0, 0.5)
    second = np.add(first, [A, 0, 0])
    state = oxygen_state(with_oxygen(slab, first, second))
    assert (state.name, state.na_coordination) == ("dissociated: hollow + hollow", (3, 3))
    assert became("hollow-flat-001", state) == "O2 dissociated: O in the hollow and O in the hollow, 4.20 Å apart"
    below = oxygen_state(with_oxygen(slab, first, embedded(slab, "octahedral")))
    assert below.name == "dissociated: hollow + octahedral"
    assert below.sites == ("hollow", "octahedral")


@pytest.mark.parametrize(
    ("depth", "void", "suffix"),
    [
        (0.5, "octahedral", ""),
        (0.3, "subsurface", ""),
        (0.86, "subsurface", ""),
        (0.89, "subsurface", "-in-layer-2"),
        (1.11, "subsurface", "-in-layer-2"),
        (1.2, "subsurface", "-under-layer-2"),
        (2, "subsurface", "-in-layer-3"),
    ],
)
def test_oxygen_that_went_deeper_has_moved(depth: float, void: str, suffix: str) -> None:
    slab = na110((2, 2), layers=6)
    centre = np.array(embedded(slab, "octahedral"))
    half = bond(1.34, 90)
    for start, offsets in (("embedded-o-octahedral", [0 * half]), ("embedded-o2-octahedral-flat-001", [-half, half])):
        top_a = centre[2] + LAYER_A / 2
        moved = [[*(centre + offset)[:2], top_a - depth * LAYER_A] for offset in offsets]
        state = oxygen_state(with_oxygen(slab, *moved))
        now = start.replace("octahedral", void) + suffix
        assert state.name == now
        kind = "O2" if "-o2-" in start else "O"
        assert became(start, state) == (None if void == "octahedral" else f"{kind} moved from {start} to {now}")


@pytest.mark.parametrize(
    ("low_a", "high_a", "sites"),
    [(0.3, 2.2, ("hollow", "hollow")), (0.5, 2.4, ("hollow", "desorbed")), (0.5, 9.0, ("hollow", "desorbed"))],
)
def test_an_atom_that_came_off_its_molecule_is_at_no_site(low_a: float, high_a: float, sites: tuple[str, str]) -> None:
    slab = na110((3, 3))
    state = oxygen_state(with_oxygen(slab, at(slab, "hollow", 0, 0, low_a), at(slab, "hollow", 0, 0, high_a)))
    assert (state.state, state.sites) == ("dissociated", sites)
    if "desorbed" in sites:
        assert became("hollow-upright", state) == (
            f"O2 dissociated: O with no sodium near and O in the hollow, {high_a - low_a:.2f} Å apart"
        )


@pytest.mark.parametrize(("height_a", "desorbed"), [(3.1, False), (3.3, True), (6.0, True)])
def test_desorbed(height_a: float, desorbed: bool) -> None:
    slab = na110()
    foot = at(slab, "on-top", 0, 0, height_a)
    state = oxygen_state(with_oxygen(slab, foot, np.add(foot, [0, 0, 1.23])))
    assert (state.state == "desorbed", state.nearest_na_o_a) == (desorbed, pytest.approx(height_a))
    assert state.na_coordination == (0, 0)
    said = became("on-top-upright", state)
    assert said == (f"O2 desorbed: no Na within 3.2 Å (nearest {height_a:.2f} Å)" if desorbed else None)


@pytest.mark.parametrize(
    ("depth", "name"),
    [(-0.3, "o-hollow"), (0.2, "o-hollow"), (0.26, "embedded-o-tetrahedral"), (0.3, "embedded-o-tetrahedral")],
)
def test_depth_under_the_hollow(depth: float, name: str) -> None:
    """A tetrahedral void lies a quarter of the way down, between three atoms of the top layer and one of the second."""
    slab = na110()
    assert oxygen_state(with_oxygen(slab, at(slab, "hollow", 0, 0, -depth * LAYER_A))).name == name


def test_voids_of_deeper_layers_are_found_too() -> None:
    slab = na110((2, 2), layers=6)
    octahedral, tetrahedral = np.array(embedded(slab, "octahedral")), np.array(embedded(slab, "tetrahedral"))
    below = np.array([A / 2, 0, -LAYER_A])
    assert oxygen_state(with_oxygen(slab, octahedral + below)).name == "embedded-o-octahedral-under-layer-2"
    assert oxygen_state(with_oxygen(slab, tetrahedral + below)).name == "embedded-o-tetrahedral-under-layer-2"
    in_layer = with_oxygen(slab, octahedral + np.array([A / 4, 0.5**0.5 * A / 2, -LAYER_A / 2]))
    assert oxygen_state(in_layer).name.endswith("-in-layer-2")
    assert oxygen_state(with_oxygen(slab, np.add(octahedral, [0.3, -0.2, 0.2]))).name == "embedded-o-octahedral"
    assert oxygen_state(with_oxygen(slab, np.add(octahedral, [0, 0.75, 0]))).name == "embedded-o-subsurface"


def test_coordination_and_distance() -> None:
    slab = na110()
    tetrahedral = oxygen_state(with_oxygen(slab, embedded(slab, "tetrahedral")))
    assert (tetrahedral.na_coordination, tetrahedral.nearest_na_o_a) == ((4,), pytest.approx(A * 5**0.5 / 4))
    octahedral = oxygen_state(with_oxygen(slab, embedded(slab, "octahedral")))
    assert (octahedral.na_coordination, octahedral.nearest_na_o_a) == ((2,), pytest.approx(A / 2))
    # in a 1×1 cell all neighbours are images of two atoms
    small = na110((1, 1))
    assert oxygen_state(with_oxygen(small, embedded(small, "tetrahedral"))).na_coordination == (4,)


def test_the_boundary_of_the_cell_is_nothing_special() -> None:
    """One O of the molecule in the next cell, and both moved by lattice vectors of the slab."""
    slab = na110((3, 3))
    system = oxygen_structures(slab, ("hollow-flat-110",))["hollow-flat-110"]
    expected = oxygen_state(system)
    a, b, _ = np.array(system.cell_a)
    for first, second in ((a, 0 * a), (0 * a, b), (a - b, -a), (2 * a, 2 * a + b)):
        positions = np.array(system.positions_a)
        positions[-2] += first
        positions[-1] += second
        found = oxygen_state(system.moved(positions))
        assert found.name == expected.name
        assert found.sites == expected.sites
        assert found.o_o_distance_a == pytest.approx(expected.o_o_distance_a)


@pytest.mark.parametrize(
    ("start", "name", "state", "oxygens", "sentence"),
    [
        ("hollow-upright", "hollow-upright", "adsorbed", 2, None),
        ("hollow-upright", "hollow-tilted", "adsorbed", 2, "O2 moved from hollow-upright to hollow-tilted"),
        (
            "hollow-upright",
            "embedded-o2-subsurface-tilted",
            "embedded",
            2,
            "O2 went under the top layer: embedded-o2-subsurface-tilted",
        ),
        (
            "embedded-o2-octahedral-upright",
            "hollow-flat-001",
            "adsorbed",
            2,
            "O2 came up to the surface: hollow-flat-001",
        ),
        (
            "embedded-o-octahedral",
            "embedded-o-tetrahedral",
            "embedded",
            1,
            "O moved from embedded-o-octahedral to embedded-o-tetrahedral",
        ),
        ("embedded-o-octahedral", "o-hollow", "adsorbed", 1, "O came up to the surface: o-hollow"),
    ],
)
def test_sentences(start: str, name: str, state: Any, oxygens: int, sentence: str | None) -> None:
    found = OxygenState(
        name=name,
        state=state,
        molecular=oxygens == 2,
        o_o_distance_a=1.35 if oxygens == 2 else None,
        heights_a=(1.0,) * oxygens,
        sites=("hollow",) * oxygens,
        na_coordination=(3,) * oxygens,
        nearest_na_o_a=2.3,
    )
    assert became(start, found) == sentence
    assert OxygenState.model_validate_json(found.model_dump_json()) == found


def test_what_has_no_such_state() -> None:
    slab = na110()
    three = [at(slab, "hollow", 0, 0, 1.0 + 2 * n) for n in range(3)]
    for system, problem in (
        (slab, "0 oxygen"),
        (with_oxygen(slab, *three), "3 oxygen"),
        (interstitial("O", 2, "octahedral", A), "not a slab"),
    ):
        with pytest.raises(InputError, match=problem):
            oxygen_state(system)
