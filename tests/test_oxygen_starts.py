"""Relaxations of na110-o2 that begin where an earlier run's have ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_oxygen import (
    ATOM,
    CLEAN_EV,
    FLAT,
    O2_EV,
    SETTINGS,
    SLAB,
    STRUCTURES,
    STUDY,
    UPRIGHT,
    documents,
    evaluated,
)

from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.oxygen import carried_over, oxygen_structures
from natrium.structures.system import System
from natrium.workflows.studies.na110 import shape, slab_of
from natrium.workflows.studies.oxygen_starts import build_structures, relaxed_starts
from natrium.workflows.study import settle


def slab(lattice_constant_a: float | None, **changes: Any) -> System:
    return slab_of(bulk_metal("Na", lattice_constant_a=lattice_constant_a), shape(SETTINGS) | changes)


def relaxed(name: str) -> System:
    """A structure whose free atoms have moved."""
    start = STRUCTURES[name]
    shifts = np.random.default_rng(1).normal(0, 0.1, (len(start.symbols), 3))
    shifts[list(start.fixed)] = 0
    return start.moved(np.array(start.positions_a) + shifts)


def distances_a(system: System) -> list[float]:
    """From each oxygen atom to all sodium atoms, the shortest first."""
    atoms = system.atoms()
    oxygen = [index for index, symbol in enumerate(system.symbols) if symbol == "O"]
    sodium = [index for index, symbol in enumerate(system.symbols) if symbol == "Na"]
    return sorted(float(one) for index in oxygen for one in atoms.get_distances(index, sodium, mic=True))


def written(folder: Path, name: str, moment: float = 0.0) -> str:
    """A result document of this structure, relaxed, as a file."""
    folder.mkdir()
    results = documents(folder, name, CLEAN_EV + O2_EV - 3.5, became=relaxed(name), magnetic_moment=moment)
    structure = evaluated(name, results).structure.model_dump(mode="json")
    path = folder / "result.json"
    path.write_text(json.dumps({"output": {"structures": [structure]}}))
    return str(path)


def test_on_its_own_slab_it_stays_where_it_is() -> None:
    structure = relaxed(UPRIGHT)
    assert np.allclose(carried_over(structure, 1.2, SLAB).positions_a, structure.positions_a)


@pytest.mark.parametrize(("moment", "kept"), [(0.02, False), (-0.02, False), (0.3, True)])
def test_a_lost_moment_does_not_come_back(moment: float, kept: bool) -> None:
    structure = relaxed(UPRIGHT)
    assert carried_over(structure, moment, SLAB).magnetic_moments == (structure.magnetic_moments if kept else None)


@pytest.mark.parametrize(("lattice_constant_a", "vacuum_a"), [(4.20, 18.0), (4.25, 18.0), (4.20, 25.0)])
def test_heights_are_kept_and_the_lateral_cell_is_the_new_one(lattice_constant_a: float, vacuum_a: float) -> None:
    structure, other = relaxed(FLAT), slab(lattice_constant_a, vacuum_a=vacuum_a)
    carried = carried_over(structure, 0.0, other)
    assert carried.cell_a == other.cell_a
    before, after, clean = (np.array(one.positions_a) for one in (structure, carried, other))
    fixed = list(other.fixed)
    assert np.array_equal(after[fixed], clean[fixed])
    free = [index for index in range(len(after)) if index not in fixed]
    assert np.allclose(after[free, 2] - clean[fixed, 2].mean(), before[free, 2] - before[fixed, 2].mean())
    inside = [
        np.linalg.solve(np.array(one.cell_a)[:2, :2].T, places[free, :2].T)
        for one, places in ((structure, before), (carried, after))
    ]
    assert np.allclose(*inside)


@pytest.mark.parametrize("layers", [2, 4, 5, 6])
@pytest.mark.parametrize("name", [UPRIGHT, FLAT, ATOM])
def test_layers_are_counted_from_the_top(name: str, layers: int) -> None:
    """An unrelaxed structure becomes the one that is built on the other slab."""
    other = slab(None, layers=layers)
    carried, built = carried_over(STRUCTURES[name], 2.0, other), oxygen_structures(other)[name]
    assert (carried.symbols, carried.layers, carried.fixed) == (built.symbols, built.layers, built.fixed)
    assert carried.magnetic_moments == built.magnetic_moments
    assert np.allclose(distances_a(carried), distances_a(built), atol=1e-6)
    heights = [np.array(one.positions_a)[-1, 2] - np.array(one.positions_a)[0, 2] for one in (carried, built)]
    assert heights[0] == pytest.approx(heights[1], abs=0.01)


def test_no_two_atoms_share_a_place_on_another_slab() -> None:
    carried = carried_over(relaxed(UPRIGHT), 0.0, slab(4.2, layers=5, fixed_layers=2)).atoms()
    apart = carried.get_all_distances(mic=True) + 9 * np.eye(len(carried))
    assert apart.min() > 1.2


@pytest.mark.parametrize(
    ("other", "words"),
    [
        pytest.param(slab(4.2, size=(2, 3)), "no structure of oxygen on layers like those", id="size"),
        pytest.param(slab(4.4), "more than 2% off", id="lattice constant"),
    ],
)
def test_another_surface_cell_is_refused(other: System, words: str) -> None:
    with pytest.raises(InputError, match=words):
        carried_over(relaxed(UPRIGHT), 0.0, other)


def test_a_run_begins_where_the_files_say_and_on_the_site_where_they_are_silent(tmp_path: Path) -> None:
    starts = relaxed_starts([written(tmp_path / "one", UPRIGHT), written(tmp_path / "two", FLAT)], (UPRIGHT, ATOM))
    built = build_structures.original(
        SLAB.model_dump(), (UPRIGHT, FLAT), {name: list(one) for name, one in starts.items()}
    )
    assert np.allclose(built[UPRIGHT].positions_a, relaxed(UPRIGHT).positions_a)
    assert built[UPRIGHT].magnetic_moments is None
    moved = np.array(built[FLAT].positions_a) - STRUCTURES[FLAT].positions_a
    assert 0 < np.abs(moved).max() < 0.05


def test_bad_files_are_refused_before_anything_starts(tmp_path: Path) -> None:
    good, again = written(tmp_path / "one", UPRIGHT), written(tmp_path / "two", UPRIGHT)
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"output": {"study": "naf"}}))
    torn = tmp_path / "torn.json"
    torn.write_text('{"output": ')
    for files, words in (
        ([good, again], "is in an earlier file too"),
        ([str(tmp_path / "none.json")], "No such file"),
        ([str(other)], "is no result of na110-o2"),
        ([str(torn)], "is no result of na110-o2"),
    ):
        settings = settle(STUDY, "preview", {"structures": [UPRIGHT], "starts_from": files})
        with pytest.raises(InputError, match=words):
            STUDY.flow(settings)


def test_structures_of_another_slab_are_refused_before_anything_starts(tmp_path: Path) -> None:
    file = written(tmp_path / "one", UPRIGHT)
    settings = settle(STUDY, "preview", {"structures": [UPRIGHT], "starts_from": [file], "size": (3, 2)})
    with pytest.raises(InputError, match="no structure of oxygen on layers like those"):
        STUDY.flow(settings)


def test_files_with_none_of_the_structures_are_refused(tmp_path: Path) -> None:
    """Or the run would begin on ideal sites, and nobody would know."""
    files = [written(tmp_path / "one", UPRIGHT)]
    settings = settle(STUDY, "preview", {"structures": [FLAT], "starts_from": files})
    with pytest.raises(InputError, match=f"its files have {UPRIGHT}, and the run {FLAT}"):
        STUDY.flow(settings)
