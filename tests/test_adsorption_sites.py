"""High-symmetry sites of bcc(110), for any lateral size, against geometry and against pymatgen's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from natrium.structures.adsorption_sites import SITE_NAMES, adsorption_sites, surface_lattice
from natrium.structures.errors import InputError
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System, Vector

A = 4.199
SIZES = [
    ((1, 1), False),
    ((1, 2), True),
    ((2, 2), False),
    ((2, 2), True),
    ((3, 2), True),
    ((2, 4), True),
    ((3, 1), False),
]


def na110(size: tuple[int, int] = (2, 2), *, orthogonal: bool = False, layers: int = 4) -> System:
    return metal_slab("Na", layers=layers, size=size, vacuum_a=20.0, lattice_constant_a=A, orthogonal=orthogonal)


def distances_a(slab: System, layer: int, point: Vector) -> NDArray[np.float64]:
    """From a point to all atoms of a layer, periodic images too, sorted, Å."""
    a, b, _ = np.array(slab.cell_a)
    atoms = np.array(slab.positions_a)[np.array(slab.layers) == layer]
    images = [atoms + i * a + j * b for i in range(-3, 4) for j in range(-3, 4)]
    return np.sort(np.linalg.norm(np.concatenate(images) - point, axis=1))


@pytest.mark.parametrize(("size", "orthogonal"), SIZES)
def test_each_site_has_the_neighbours_of_its_name(size: tuple[int, int], orthogonal: bool) -> None:
    slab = na110(size, orthogonal=orthogonal)
    neighbours = {
        "on-top": [0, 3**0.5 / 2],
        "short-bridge": [3**0.5 / 4, 3**0.5 / 4, 0.8292],
        "long-bridge": [0.5, 0.5, 0.5**0.5, 0.5**0.5],
        "hollow": [0.53033, 0.53033, 0.53033, 0.88388],
    }
    sites = adsorption_sites(slab)
    assert tuple(sites) == SITE_NAMES
    for name, expected in neighbours.items():
        found = distances_a(slab, 4, sites[name])[: len(expected)] / A
        assert found == pytest.approx(expected, abs=1e-4), name
    # the second layer lies under the long bridges
    assert distances_a(slab, 3, sites["long-bridge"])[0] == pytest.approx(A / 2**0.5)


@pytest.mark.parametrize(("size", "orthogonal"), SIZES)
def test_sites_are_near_the_middle_of_the_cell(size: tuple[int, int], orthogonal: bool) -> None:
    slab = na110(size, orthogonal=orthogonal)
    middle = np.array(slab.cell_a)[:2].sum(axis=0)[:2] / 2
    for position in adsorption_sites(slab).values():
        # no point is further from a lattice point than the hollow
        assert np.linalg.norm(np.array(position)[:2] - middle) <= 0.5304 * A


# not 3×1: its cell lacks the mirrors, so that its two short bridges are different sites
@pytest.mark.parametrize(("size", "orthogonal"), SIZES[:-1])
def test_pymatgen_finds_the_same_sites(size: tuple[int, int], orthogonal: bool) -> None:
    from pymatgen.analysis.adsorption import AdsorbateSiteFinder
    from pymatgen.core import Lattice, Structure

    slab = na110(size, orthogonal=orthogonal)
    structure = Structure(
        Lattice(slab.cell_a),
        slab.symbols,
        slab.positions_a,
        coords_are_cartesian=True,
        site_properties={
            "surface_properties": ["surface" if layer == 4 else "subsurface" for layer in slab.layers or ()]
        },
    )
    if 1 in size:
        # it triangulates a patch of few cells, and finds bridges on top of atoms where one is a single atom wide
        structure.make_supercell((2, 2, 1) if size[1] == 1 else (3, 1, 1))
    finder = AdsorbateSiteFinder.__new__(AdsorbateSiteFinder)
    finder.slab, finder.mvec = structure, np.array([0.0, 0.0, 1.0])
    found = finder.find_adsorption_sites(distance=0.0, no_obtuse_hollow=True)
    assert {kind: len(found[kind]) for kind in ("ontop", "bridge", "hollow")} == {"ontop": 1, "bridge": 2, "hollow": 1}
    lattice = surface_lattice(slab)
    kinds = [
        lattice.nearest_site(np.array(place)[:2]) for kind in ("ontop", "bridge", "hollow") for place in found[kind]
    ]
    assert sorted(name for name, _ in kinds) == sorted(SITE_NAMES)
    # pymatgen takes the centroid of the triangle, a/17 from the centre of the circle through its corners
    assert {name: round(apart / A, 3) for name, apart in kinds} == dict.fromkeys(SITE_NAMES, 0.0) | {"hollow": 0.059}


@pytest.mark.parametrize("size", [(2, 2), (3, 2)])
def test_a_relaxed_slab_has_its_sites_where_the_lattice_is(size: tuple[int, int]) -> None:
    slab = na110(size, orthogonal=True)
    positions = np.array(slab.positions_a)
    shifts = np.random.default_rng(1).normal(0, 0.05, positions.shape) * (np.array(slab.layers) > 2)[:, None]
    relaxed = slab.moved(positions + shifts)
    ideal = surface_lattice(slab)
    for name, position in adsorption_sites(relaxed).items():
        # of several equally near the middle it may now be another
        nearest, apart_a = ideal.nearest_site(np.array(position[:2]))
        assert (nearest, apart_a < 0.08, abs(position[2] - ideal.height_a) < 0.08) == (name, True, True)


def test_one_displaced_atom_does_not_move_the_lattice() -> None:
    slab = na110((3, 3))
    positions = np.array(slab.positions_a)
    for atom in range(27, 36):
        moved = positions.copy()
        moved[atom] += [0.5, 0.3, 0.8]
        lattice = surface_lattice(slab.moved(moved))
        assert lattice.largest_displacement_a == pytest.approx(0.583, abs=1e-3)
        assert lattice.from_point(lattice.coordinates(positions[27:, :2])) == pytest.approx(np.zeros((9, 2)), abs=1e-6)


@pytest.mark.parametrize("layers", [3, 4, 5, 6])
def test_upper_layers_torn_apart_do_not_move_the_lattice(layers: int) -> None:
    slab = na110((2, 2), layers=layers)
    positions = np.array(slab.positions_a)
    ideal = surface_lattice(slab)
    tops = positions[np.array(slab.layers) == layers, :2]
    assert ideal.from_point(ideal.coordinates(tops)) == pytest.approx(np.zeros((4, 2)), abs=1e-6)
    torn = positions + (np.array(slab.layers) > 2)[:, None] * np.random.default_rng(1).normal(0, 1.0, positions.shape)
    lattice = surface_lattice(slab.moved(torn))
    assert lattice.from_point(lattice.coordinates(tops)) == pytest.approx(np.zeros((4, 2)), abs=1e-6)


def test_lattice_constant_and_directions() -> None:
    lattice = surface_lattice(na110((2, 3)))
    assert lattice.lattice_constant_a == pytest.approx(A)
    assert lattice.along_001 == pytest.approx([1, 0])
    assert lattice.along_110 == pytest.approx([0, 1])
    assert surface_lattice(na110(layers=1)).lattice_constant_a == pytest.approx(A)


@pytest.mark.parametrize(
    ("element", "face", "problem"),
    [
        ("Na", "100", "neighbours"),
        ("Na", "111", "neighbours"),
        ("Al", "111", "four at √3/2·a and two at a"),
        ("Al", "110", "neighbours"),
        ("Mg", "0001", "four at √3/2·a and two at a"),
    ],
)
def test_other_faces_are_refused(element: str, face: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        adsorption_sites(metal_slab(element, face, layers=3, size=(2, 2), vacuum_a=20.0))


def test_what_is_no_clean_bcc110_slab_is_refused() -> None:
    slab = na110()
    positions = np.array(slab.positions_a)
    top = (np.array(slab.layers) == 4)[:, None]
    second = (np.array(slab.layers) == 2)[:, None]
    first = (np.arange(16) == 15)[:, None]
    cases: list[tuple[dict[str, Any], str]] = [
        ({"layers": None}, "not numbered"),
        ({"layers": (0,) * 16}, "not numbered"),
        ({"pbc": (True, True, True)}, "not a slab"),
        ({"positions_a": positions + top * [A / 2, 0, 0]}, "off its place"),
        ({"positions_a": positions + second * [A / 2, 0, 0]}, "second layer"),
        ({"positions_a": positions + first * [1.2, 0, 0]}, "1.20 Å off its place"),
        ({"cell_a": np.array(slab.cell_a) * [[1.1, 1, 1], [1, 1, 1], [1, 1, 1]]}, "neighbours"),
        ({"cell_a": np.roll(np.array(slab.cell_a), 1, axis=1)}, "along z"),
    ]
    for changes, problem in cases:
        with pytest.raises(InputError, match=problem):
            adsorption_sites(System.model_validate(slab.model_dump() | changes))
