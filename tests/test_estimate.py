"""Estimates of cost: what symmetry leaves over, what was measured, what is learnt from finished runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from natrium.hpc.cost_model import irreducible_kpoints
from natrium.hpc.estimate import estimate
from natrium.structures.boxes import boxed
from natrium.structures.crystals import bulk_metal
from natrium.structures.molecule_library import library_molecule
from natrium.structures.slabs import metal_slab
from natrium.workflows.calculation import Calculation
from natrium.workflows.study import settle, study

if TYPE_CHECKING:
    from conftest import CommandLine

NA110 = study("na110")
NA110_O2 = study("na110-o2")


@pytest.mark.parametrize(
    ("kpoints", "gamma_centred", "expected"),
    [
        # what GPAW 26.7 says of the same cells in its log
        ((8, 8, 8), True, 29),
        ((12, 12, 12), True, 72),
        ((1, 1, 1), True, 1),
        ((4, 4, 4), True, 8),
        ((4, 4, 4), False, 6),
    ],
)
def test_kpoints_of_the_bulk(kpoints: tuple[int, int, int], gamma_centred: bool, expected: int) -> None:
    calculation = Calculation(cutoff_ev=250, kpoints=kpoints, gamma_centred=gamma_centred)
    assert irreducible_kpoints(calculation, bulk_metal("Na")) == expected


@pytest.mark.parametrize(("points", "expected"), [(6, 13), (10, 31)])
def test_kpoints_of_a_slab(points: int, expected: int) -> None:
    slab = metal_slab("Na", "110", layers=5, vacuum_a=15.0)
    assert irreducible_kpoints(Calculation(cutoff_ev=250, kpoints=(points, points, 1)), slab) == expected


@pytest.mark.parametrize(
    ("preset", "step", "measured_s", "memory_mb"),
    [
        # processor time of each step of `NATRIUM_RANKS=1 natrium run na110`; GPAW 26.7 on a 2 to 3 GHz server
        ("preview", "bulk", 3.9, 146),
        ("preview", "slab_relax", 5.7, 188),
        ("preview", "slab_static", 3.2, 186),
        ("standard", "bulk", 7.0, 155),
        ("standard", "slab_relax", 47.9, 232),
        ("standard", "slab_static", 4.7, 224),
    ],
)
def test_the_model_is_good_to_a_factor_of_three(preset: str, step: str, measured_s: float, memory_mb: float) -> None:
    settings = settle(NA110, preset, {})
    cost = estimate(step, settings.calculations[step], NA110.systems(settings)[step], 1, None)
    assert cost.basis == "a model"
    assert measured_s / 3 < cost.wall_time_s < measured_s * 3
    assert memory_mb / 2 < cost.memory_per_rank_mb < memory_mb * 2


@pytest.mark.parametrize(
    ("step", "changes", "memory_mb"),
    [
        # peak memory of the steps of `NATRIUM_RANKS=1 natrium converge na110-o2 --over cutoff=400/500,grid=5/6.25`
        ("bulk", {}, 170),
        ("o2", {}, 680),
        ("slab_static", {}, 754),
        ("o2", {"cutoff_ev": 500}, 716),
        ("slab_static", {"cutoff_ev": 500}, 827),
        ("o2", {"grid_spacing_a": 0.2}, 540),
        ("slab_static", {"grid_spacing_a": 0.2}, 619),
        ("o2", {"grid_spacing_a": 0.16}, 920),
    ],
)
def test_plane_waves_need_the_memory_of_their_grid(step: str, changes: dict[str, float], memory_mb: float) -> None:
    settings = settle(NA110_O2, "standard", changes)
    cost = estimate(step, settings.calculations[step], NA110_O2.systems(settings)[step.replace("_", "-")], 1, None)
    assert memory_mb / 1.4 < cost.memory_per_rank_mb < memory_mb * 1.4


@pytest.mark.parametrize(
    ("molecule", "mode", "spacing_a", "grid", "measured_s", "memory_mb"),
    [
        # static, PBE, without smearing, 4 Å of vacuum; processor time and the grid that GPAW 26.7 took
        ("H2O", "lcao", 0.25, "40×36×32", 2.9, 223),
        ("H2O", "fd", 0.25, "40×36×32", 3.8, 209),
        ("FEC", "lcao", 0.25, "48×40×40", 6.0, 306),
        ("FEC", "lcao", 0.20, "60×52×52", 8.6, 474),
        ("FEC", "fd", 0.25, "48×40×40", 12.4, 375),
    ],
)
def test_molecules_on_grids_are_good_to_a_factor_of_two(
    molecule: str, mode: str, spacing_a: float, grid: str, measured_s: float, memory_mb: float
) -> None:
    basis = {"basis": "dzp"} if mode == "lcao" else {}
    given = {"mode": mode, "grid_spacing_a": spacing_a, "smearing": "none"} | basis
    cost = estimate("molecule", Calculation.model_validate(given), boxed(library_molecule(molecule), 4.0), 1, None)
    assert cost.size == f"{grid} grid"
    assert measured_s / 2 < cost.wall_time_s < measured_s * 2
    assert memory_mb / 1.5 < cost.memory_per_rank_mb < memory_mb * 1.5


@pytest.mark.parametrize(
    ("changed", "grows"),
    [({"layers": 15}, "wall_time_s"), ({"cutoff_ev": 800}, "wall_time_s"), ({"size": [3, 3]}, "memory_per_rank_mb")],
)
def test_more_costs_more(changed: dict[str, object], grows: str) -> None:
    costs = []
    for overrides in ({}, changed):
        settings = settle(NA110, "standard", overrides)
        system = NA110.systems(settings)["slab_static"]
        costs.append(getattr(estimate("slab-static", settings.calculations["slab_static"], system, 2, None), grows))
    assert costs[1] > 1.2 * costs[0]


@pytest.mark.gpaw
def test_a_finished_run_of_the_same_settings_is_the_best_estimate(
    finished: CommandLine, small_na110: tuple[str, ...]
) -> None:
    (address,) = (row["address"] for row in finished.json("results"))
    same = finished(*small_na110, "--dry-run").stdout
    assert f"{address}/slab-relax" in same
    assert " plane waves " in same
    assert "Wall times are for 1 MPI processes on idle cores" in same
    other = finished(*small_na110, "--set", "smearing_width_ev=0.2", "--dry-run").stdout
    assert address not in other
    assert "a model, corrected by 3 finished calculations" in " ".join(other.split())
