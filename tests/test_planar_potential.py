"""Plateaus are found where the answer is known, and refused where there is none."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from natrium.analysis.planar_potential import (
    NoPlateauError,
    PlanarPotentialError,
    VacuumRegion,
    find_plateau,
    planar_average,
    vacuum_regions,
)

HEIGHT_A = 33.0
ATOMS_A = np.linspace(7.5, 25.5, 7)
DECAY_1_A = 1.76  # Na(110), PBE: twice √(2mΦ)/ħ at Φ = 2.9 eV
MEV = 1e-3

Array = NDArray[np.float64]


def grid(spacing_a: float = 0.124, height_a: float = HEIGHT_A) -> Array:
    points = round(height_a / spacing_a)
    return np.arange(points) * height_a / points


def potential(
    z: Array, *, bottom_ev: float = 2.0, top_ev: float = 2.0, tail_ev: float = 13.0, field_ev_a: float = 0.0
) -> Array:
    """Two vacuum levels, exponential tails that reach `tail_ev` at the outermost atoms, wells at the atoms, and a
    dipole layer's step at the cell's boundary, smoothed over 0.5 Å on each side as GPAW does."""
    low, high = ATOMS_A.min(), ATOMS_A.max()
    v = np.where(z < (low + high) / 2, bottom_ev, top_ev).astype(float)
    v -= tail_ev * np.exp(-DECAY_1_A * np.maximum(low - z, 0)) * (z < (low + high) / 2)
    v -= tail_ev * np.exp(-DECAY_1_A * np.maximum(z - high, 0)) * (z >= (low + high) / 2)
    v += np.where((z > low) & (z < high), 3 * np.cos(2 * np.pi * (z - low) / (ATOMS_A[1] - ATOMS_A[0])), 0)
    half, x = (top_ev - bottom_ev) / 2, np.where(z < HEIGHT_A / 2, z, z - HEIGHT_A) / 0.5
    near = np.abs(x) < 1
    step = half - half * (1.5 * x - 0.5 * x**3)
    v += np.where(near, step - np.where(x < 0, 2 * half, 0) + 0 * x, 0)
    return np.asarray(v + field_ev_a * (z - HEIGHT_A / 2))


def plateaus(z: Array, v: Array, **options: float) -> tuple[float, float]:
    regions = vacuum_regions(ATOMS_A, HEIGHT_A)
    bottom, top = (find_plateau(z, v, regions[side], period_a=HEIGHT_A, **options) for side in ("bottom", "top"))
    return bottom.level_ev, top.level_ev


def test_the_step_is_where_the_cell_ends() -> None:
    """The test's own potential: both levels at the ends of the smoothed step, their mean in the middle of it."""
    z = np.array([0.0, 0.5, HEIGHT_A - 0.5])
    assert potential(z, bottom_ev=1.0, top_ev=3.0, tail_ev=0) == pytest.approx([2.0, 1.0, 3.0])


@pytest.mark.parametrize("spacing_a", [0.06, 0.124, 0.2, 0.3])
@pytest.mark.parametrize(("bottom_ev", "top_ev"), [(2.0, 2.0), (2.0, 2.9), (-1.1, -1.3), (4.0, 0.0)])
def test_both_levels_of_a_decaying_potential(bottom_ev: float, top_ev: float, spacing_a: float) -> None:
    """15 Å of vacuum: the tail leaves 13 eV · e^(−1.76·5.25) = 1.3 meV at the window's inner end, less on average."""
    z = grid(spacing_a)
    levels = plateaus(z, potential(z, bottom_ev=bottom_ev, top_ev=top_ev))
    assert levels == pytest.approx((bottom_ev, top_ev), abs=1 * MEV)
    assert all(level < wanted for level, wanted in zip(levels, (bottom_ev, top_ev), strict=True))


def test_the_window_is_far_from_the_slab_and_outside_the_dipole_layer() -> None:
    z = grid()
    v = potential(z, bottom_ev=2.0, top_ev=2.9)
    regions = vacuum_regions(ATOMS_A, HEIGHT_A)
    bottom = find_plateau(z, v, regions["bottom"], period_a=HEIGHT_A)
    top = find_plateau(z, v, regions["top"], period_a=HEIGHT_A)
    assert 0.75 <= bottom.z_from_a < bottom.z_to_a < ATOMS_A.min() - 4.5
    assert ATOMS_A.max() + 4.5 < top.z_from_a < top.z_to_a <= HEIGHT_A - 0.75
    assert bottom.z_to_a - bottom.z_from_a == pytest.approx(1.5, abs=0.13)
    assert bottom.slope_ev_a < 0 < top.slope_ev_a
    # max − min of the tail over the window, to the last digit
    tail = 13.0 * np.exp(-DECAY_1_A * (ATOMS_A.min() - np.array([bottom.z_to_a, bottom.z_from_a])))
    assert bottom.flatness_ev == pytest.approx(tail[0] - tail[1])


@pytest.mark.parametrize("seed", range(5))
def test_noise_averages_out(seed: int) -> None:
    z = grid()
    noise = np.random.default_rng(seed).normal(scale=2 * MEV, size=len(z))
    assert plateaus(z, potential(z, top_ev=2.5) + noise) == pytest.approx((2.0, 2.5), abs=2.5 * MEV)


def test_noise_above_the_tolerance_is_no_plateau() -> None:
    z = grid()
    with pytest.raises(NoPlateauError):
        plateaus(z, potential(z) + np.random.default_rng(1).normal(scale=30 * MEV, size=len(z)))


@pytest.mark.parametrize("field_ev_a", [0.008, -0.008, 0.02, -0.02, 0.5])
def test_a_tilt_is_no_plateau_although_it_is_flat_where_it_meets_the_tail(field_ev_a: float) -> None:
    """A slab with two different sides and no dipole layer. Each side alone finds its tilt, whichever way it goes."""
    z = grid()
    regions = vacuum_regions(ATOMS_A, HEIGHT_A)
    for side in ("bottom", "top"):
        with pytest.raises(NoPlateauError, match=f"(?s){side} side.*dipole layer") as refusal:
            find_plateau(z, potential(z, field_ev_a=field_ev_a), regions[side], period_a=HEIGHT_A, tolerance_ev=0.01)
        assert refusal.value.side == side
        assert refusal.value.tolerance_ev == 0.01


def test_thin_vacuum_is_no_plateau() -> None:
    """Vacuum of 10 Å: the tail of Na(110) is 100 meV over any window."""
    z = grid(height_a=28.0)
    atoms = ATOMS_A - 2.5
    v = 2.0 - 13.0 * np.exp(-DECAY_1_A * np.maximum(np.maximum(atoms.min() - z, z - atoms.max()), 0))
    for region in vacuum_regions(atoms, 28.0).values():
        with pytest.raises(NoPlateauError, match="more vacuum") as refusal:
            find_plateau(z, v, region, period_a=28.0)
        assert refusal.value.flatness_ev == pytest.approx(0.13, abs=0.03)
        # the same potential where a larger difference is asked for
        assert find_plateau(z, v, region, period_a=28.0, tolerance_ev=0.2).level_ev == pytest.approx(1.95, abs=0.03)


def test_no_vacuum_at_all() -> None:
    z = grid()
    regions = vacuum_regions([0.4, 16.0, 32.5], HEIGHT_A)
    with pytest.raises(NoPlateauError, match=r"only 0\.00 Å of vacuum") as refusal:
        find_plateau(z, potential(z), regions["bottom"])
    assert refusal.value.flatness_ev is None


def test_a_slab_across_the_boundary_of_its_cell() -> None:
    """Everything moved up by half a cell: the dipole layer is then in the middle, the top side below it."""
    z = grid()
    v = np.roll(potential(z, bottom_ev=1.0, top_ev=1.5), len(z) // 2)
    shift = z[len(z) // 2]
    atoms = np.mod(ATOMS_A + shift, HEIGHT_A)
    regions = vacuum_regions(atoms, HEIGHT_A, dipole_layer_z_a=shift)
    bottom = find_plateau(z, v, regions["bottom"], period_a=HEIGHT_A)
    top = find_plateau(z, v, regions["top"], period_a=HEIGHT_A)
    assert (bottom.level_ev, top.level_ev) == pytest.approx((1.0, 1.5), abs=1 * MEV)
    assert bottom.z_from_a > shift
    assert top.z_to_a < shift + HEIGHT_A
    # with the dipole layer taken to be at the boundary there is no vacuum on either side
    with pytest.raises(NoPlateauError, match="vacuum between"):
        find_plateau(z, v, vacuum_regions(atoms, HEIGHT_A)["bottom"], period_a=HEIGHT_A)


def test_a_plane_given_at_both_ends_of_the_cell_counts_once() -> None:
    """The dipole layer 2 Å above the boundary, so that the window of the top side lies across it."""
    z = grid()
    points = round(2 / z[1])
    v = np.roll(potential(z, top_ev=2.5), points)
    region = vacuum_regions(ATOMS_A + z[points], HEIGHT_A, dipole_layer_z_a=z[points])["top"]
    once = find_plateau(z, v, region, period_a=HEIGHT_A)
    assert once.z_from_a < HEIGHT_A < once.z_to_a
    assert once.level_ev == pytest.approx(2.5, abs=1 * MEV)
    assert find_plateau(np.append(z, HEIGHT_A), np.append(v, v[0]), region, period_a=HEIGHT_A) == once


@pytest.mark.parametrize("grid_of", ["without the wall", "with both ends", "shifted by half a point", "not periodic"])
def test_grids_of_other_programs(grid_of: str) -> None:
    """Real-space grids without a point at the wall, with the first plane repeated at the end, between the points."""
    z = grid()
    period: float | None = HEIGHT_A
    if grid_of == "without the wall":
        z = z[1:]
    elif grid_of == "with both ends":
        z = np.append(z, HEIGHT_A)
    elif grid_of == "shifted by half a point":
        z = z + z[1] / 2
    else:
        period = None
    v = potential(z, bottom_ev=2.0, top_ev=2.5)
    for side, wanted in (("bottom", 2.0), ("top", 2.5)):
        plateau = find_plateau(z, v, vacuum_regions(ATOMS_A, HEIGHT_A)[side], period_a=period)
        assert plateau.level_ev == pytest.approx(wanted, abs=1 * MEV)


@pytest.mark.parametrize(
    ("z", "v", "message"),
    [
        (grid(), np.zeros(3), "do not belong together"),
        (grid(), np.zeros((len(grid()), 2)), "do not belong together"),
        (np.zeros(0), np.zeros(0), "do not belong together"),
        (grid()[::-1], potential(grid()), "do not ascend"),
        (grid(), np.where(grid() > 30, np.nan, 2.0), "not a number on"),
        (grid(1.0), potential(grid(1.0)), "spacing below 0.38 Å"),
    ],
)
def test_what_is_no_potential(z: Array, v: Array, message: str) -> None:
    with pytest.raises(PlanarPotentialError, match=message) as refusal:
        find_plateau(z, v, VacuumRegion("top", 27.5, 32.25))
    assert not isinstance(refusal.value, NoPlateauError)
    assert refusal.value.remedy


def test_a_failure_survives_the_way_between_processes() -> None:
    failure = NoPlateauError("none", "more vacuum", side="top", flatness_ev=0.1, tolerance_ev=0.02)
    copy = pickle.loads(pickle.dumps(failure))
    assert (str(copy), copy.side, copy.flatness_ev, copy.tolerance_ev) == (str(failure), "top", 0.1, 0.02)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_planar_average(axis: int) -> None:
    shape = (3, 4, 5)
    along = np.arange(shape[axis], dtype=float)
    values = np.moveaxis(np.broadcast_to(along, (*np.delete(shape, axis), shape[axis])), -1, axis)
    ripple = np.cos(2 * np.pi * np.arange(shape[(axis + 1) % 3]) / shape[(axis + 1) % 3])
    values = values + np.moveaxis(
        np.broadcast_to(ripple, (*np.delete(shape, (axis + 1) % 3), len(ripple))), -1, (axis + 1) % 3
    )
    assert planar_average(values, axis) == pytest.approx(along)


def test_planar_average_needs_a_grid() -> None:
    with pytest.raises(PlanarPotentialError, match=r"shape \(2, 3\)"):
        planar_average(np.zeros((2, 3)))
