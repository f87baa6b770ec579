"""Voids of bcc: counts, neighbours, interstitial cells, and the voids under Na(110)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from natrium.structures.adsorbates import TooCloseError, closest_contact, contacts
from natrium.structures.errors import InputError
from natrium.structures.slabs import metal_slab
from natrium.structures.voids import (
    VOID_NAMES,
    VOIDS,
    VoidName,
    embedded,
    from_surface_frame,
    host_cell,
    interstitial,
    nearest_void,
    to_surface_frame,
)

A = 4.199
NEIGHBOURS = {"octahedral": [0.5] * 2 + [0.5**0.5] * 4, "tetrahedral": [5**0.5 / 4] * 4}


@pytest.mark.parametrize(("void", "count"), [("octahedral", 6), ("tetrahedral", 12)])
def test_voids_of_the_conventional_cell(void: VoidName, count: int) -> None:
    places = np.array(VOIDS[void])
    assert len({tuple(place) for place in places % 1}) == count
    shifts = np.array(list(np.ndindex(5, 5, 5))) - 2.0
    atoms = np.concatenate([shifts, shifts + 0.5])
    for place in places:
        distances = np.sort(np.linalg.norm(atoms - place, axis=1))
        expected = NEIGHBOURS[void]
        assert distances[: len(expected)] == pytest.approx(expected)
        assert distances[len(expected)] > 0.8


def test_nearest_void() -> None:
    for name, places in VOIDS.items():
        for place in places:
            assert nearest_void(np.add(place, [1, -2, 0.01])) == (name, pytest.approx(0.01))


def test_surface_frame_and_back() -> None:
    points = np.random.default_rng(0).normal(size=(7, 3))
    assert from_surface_frame(to_surface_frame(points)) == pytest.approx(points)
    # [110] is normal to the layers, a/√2 apart
    assert to_surface_frame(np.array([[0.5, 0.5, 0], [0.5, -0.5, 0], [0, 0, 1]])) == pytest.approx(
        np.array([[0, 0, 1], [0, 0.5, 0], [1, 0, 0]])
    )


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_host_cell(n: int) -> None:
    cell = host_cell("Na", n, A)
    assert cell.symbols == ("Na",) * (2 * n**3)
    assert np.array(cell.cell_a) == pytest.approx(np.eye(3) * n * A)
    assert (cell.pbc, cell.multiplicity, cell.layers) == ((True, True, True), None, None)
    assert closest_contact(cell).distance_a == pytest.approx(A * 3**0.5 / 2)
    assert len(contacts(cell, 0.9 * A)) == 4 * 2 * n**3


@pytest.mark.parametrize("void", VOID_NAMES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_interstitial(void: VoidName, n: int) -> None:
    system, host = interstitial("O", n, void, A), host_cell("Na", n, A)
    assert system.label == f"Na{2 * n**3}O, {void} O"
    assert system.symbols == (*host.symbols, "O")
    assert system.positions_a[:-1] == host.positions_a
    assert (system.cell_a, system.magnetic_moments, system.multiplicity) == (host.cell_a, None, None)
    near = [c.distance_a / A for c in contacts(system, 0.75 * A) if c.second == 2 * n**3 != c.first]
    assert near == pytest.approx(NEIGHBOURS[void])
    assert max(abs(np.array(system.positions_a[-1]) - n * A / 2)) <= A / 2 + 1e-9


def test_interstitial_in_another_host() -> None:
    assert interstitial("H", 2, "tetrahedral", host="K").formula == "HK16"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("O", 0, "octahedral"), "0×0×0"),
        (("O", 6, "octahedral"), "from 1 to 5"),
        (("O", 3, "hexagonal"), "unknown void"),
        (("O", 3, "octahedral", 42.0), "not within"),
        (("Oxygen", 3, "octahedral"), "unknown chemical symbols"),
        (("O", 3, "octahedral", None, "Al"), "no lattice constant for bcc"),
    ],
)
def test_impossible_cells(arguments: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        interstitial(*arguments)


def test_an_atom_too_big_for_the_void() -> None:
    with pytest.raises(TooCloseError):
        interstitial("Cs", 3, "octahedral", A)


@pytest.mark.parametrize(
    ("size", "orthogonal"), [((1, 1), False), ((2, 2), False), ((2, 2), True), ((3, 2), True), ((2, 4), True)]
)
@pytest.mark.parametrize("void", VOID_NAMES)
def test_voids_under_the_top_layer(void: VoidName, size: tuple[int, int], orthogonal: bool) -> None:
    """Mid-way between the layers, with the neighbours of the crystal, half of them in each layer."""
    slab = metal_slab("Na", layers=4, size=size, vacuum_a=20.0, lattice_constant_a=A, orthogonal=orthogonal)
    centre = np.array(embedded(slab, void))
    a, b, _ = np.array(slab.cell_a)
    images = [np.array(slab.positions_a) + i * a + j * b for i in range(-3, 4) for j in range(-3, 4)]
    offsets = np.concatenate(images) - centre
    distances = np.linalg.norm(offsets, axis=1) / A
    expected = NEIGHBOURS[void]
    assert np.sort(distances)[: len(expected)] == pytest.approx(expected)
    heights = offsets[distances < expected[0] + 1e-6, 2]
    assert sorted(heights) == pytest.approx(sorted([-1, 1] * (len(heights) // 2) * np.array(A / 8**0.5)))


def test_no_voids_under_one_layer() -> None:
    with pytest.raises(InputError, match="no voids below"):
        embedded(metal_slab("Na", layers=1, vacuum_a=20.0), "octahedral")
    with pytest.raises(InputError, match="unknown void"):
        embedded(metal_slab("Na", layers=3, vacuum_a=20.0), "round")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a bcc"):
        embedded(metal_slab("Na", "100", layers=3, vacuum_a=20.0), "octahedral")
