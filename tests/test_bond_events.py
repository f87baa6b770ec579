"""Bonds of two atoms at known times: crossings, dwell, hysteresis, cells, uneven frames, cutoffs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from synthetic_trajectories import (
    NO_CELL,
    OBLIQUE,
    RATE,
    REST_A,
    TIMES,
    bond,
    breaks,
    c_f,
    crossing,
    events,
    exactly,
    moving,
    ramp,
)

from natrium.analysis.reaction_analysis import analyse
from natrium.structures.errors import InputError

Length = Callable[[np.ndarray], np.ndarray]


def rattles(lasting_fs: float) -> Length:
    """Beyond 2.0 Å from 42.01 fs, for so long."""
    return lambda times: np.where((times > 42.01) & (times < 42.01 + lasting_fs), 2.1, REST_A)


def breaks_and_heals(times: np.ndarray) -> np.ndarray:
    return np.asarray(REST_A + ramp(times, 20.2, 50.2) - ramp(times, 70.2, 100.2))


def test_bond_that_breaks() -> None:
    reaction = c_f(breaks)
    # Dwell counts from the first frame beyond, 42.5 fs, so it has lasted at 52.5 fs.
    assert events(reaction) == exactly(("broken", crossing(30.2), 52.5))
    (event,) = reaction.events
    assert (event.atoms, event.symbols, event.name) == ((0, 1), ("C", "F"), "C0–F1")
    assert (event.process, event.title, event.contact) == ("cleavage", "C–F cleavage", False)
    assert reaction.first("cleavage", ("F", "C")) == event
    assert reaction.first("ring opening") is None
    assert not reaction.pending


@pytest.mark.parametrize(("lasting_fs", "broken"), [(3.0, 0), (9.9, 0), (10.6, 1)])
def test_excursion_counts_from_the_dwell_time_on(lasting_fs: float, broken: int) -> None:
    reaction = c_f(rattles(lasting_fs))
    assert [event.kind for event in reaction.events] == ["broken", "healed"][: 2 * broken]
    assert not reaction.pending


def test_many_short_excursions_do_not_add_up() -> None:
    reaction = c_f(lambda times: np.where(times % 10 < 9, 2.1, 1.9))
    assert events(reaction) == []


def test_between_the_thresholds_nothing_changes() -> None:
    reaction = c_f(lambda times: np.where(times < 30, REST_A, np.where(times < 60, 2.1, 1.9)))
    assert [event.kind for event in reaction.events] == ["broken"]


def test_bond_that_breaks_and_heals() -> None:
    back = 70.2 + (2.9 - 1.8) / RATE
    assert events(c_f(breaks_and_heals)) == exactly(("broken", crossing(20.2), 42.5), ("healed", back, 102.5))


def test_two_events_within_a_block_and_the_same_with_no_dwell() -> None:
    reaction = c_f(breaks_and_heals, settings={"dwell_fs": 0})
    assert events(reaction) == exactly(("broken", 32.2, 32.5), ("healed", 92.2, 92.5))


CELLS = {
    "no cell": (NO_CELL, (False, False, False)),
    "box": (np.diag([4.0, 5.0, 6.0]), (True, True, True)),
    "oblique": (OBLIQUE, (True, True, True)),
    "oblique slab": (np.add(OBLIQUE, [[0, 0, 0], [0, 0, 0], [0, 0, 14.5]]), (True, True, False)),
}


@pytest.mark.parametrize(("name", "wrapped"), [*((name, False) for name in CELLS), ("box", True), ("oblique", True)])
def test_bond_that_breaks_in_any_cell(name: str, wrapped: bool) -> None:
    cell, pbc = CELLS[name]

    # Up to 2.2 Å, less than half of the shortest lattice vector: further away the next image is nearer.
    def stops(times: np.ndarray) -> np.ndarray:
        return np.asarray(REST_A + ramp(times, 30.2, 46.2))

    assert events(c_f(stops, cell=cell, pbc=pbc, wrapped=wrapped)) == exactly(("broken", 42.2, 52.5))


@pytest.mark.parametrize("name", ["box", "oblique", "oblique slab"])
def test_bond_that_crosses_a_boundary_does_not_break(name: str) -> None:
    cell, pbc = CELLS[name]

    def drifts(times: np.ndarray) -> np.ndarray:
        along = 0.07 * times[:, None] * (cell[0] + 0.6 * cell[1]) / 5
        return np.asarray(bond(lambda t: np.full(len(t), REST_A), (1, 1, 0))(times) + along[:, None])

    trajectory = moving(["C", "F"], drifts, TIMES, cell=cell, pbc=pbc, wrapped=True)
    (block,) = trajectory.blocks()
    assert np.linalg.norm(np.diff(block.positions_a, axis=1), axis=-1).max() > 3
    reaction = analyse(trajectory, [0, 1])
    assert reaction.reference_bonds == ("C0–F1",)
    assert not reaction.events
    assert reaction.curves.highest_a.max() == pytest.approx(REST_A)


def test_images_across_the_vacuum_do_not_count() -> None:
    def leaves(times: np.ndarray) -> np.ndarray:
        return np.asarray(REST_A + ramp(times, 10, 90))

    cell = np.diag([20.0, 20.0, 6.0])
    periodic, vacuum = (c_f(leaves, cell=cell, pbc=(True, True, last)) for last in (True, False))
    # 5.4 Å apart in a period of 6 Å: 0.6 Å from the image.
    assert [event.kind for event in periodic.events] == ["broken", "healed"]
    assert [event.kind for event in vacuum.events] == ["broken"]


def test_cell_that_grows_along_the_trajectory() -> None:
    # Bonded through the boundary and fixed in the cell's coordinates: the bond has 0.35 of the growing cell.
    coordinates = np.array([[0.1, 0.1, 0.1], [0.1, 0.1, 0.75]])
    cells = np.eye(3) * (4 + TIMES / 30)[:, None, None]

    def grows(times: np.ndarray) -> np.ndarray:
        return np.asarray(coordinates * (4 + times / 30)[:, None, None])

    reaction = analyse(moving(["C", "F"], grows, TIMES, cell=cells, pbc=(True,) * 3), [0, 1])
    (event,) = reaction.events
    assert (event.kind, event.crossing_fs) == ("broken", pytest.approx(30 * (2.0 / 0.35 - 4)))


def test_uneven_frames_are_judged_by_time() -> None:
    times = np.array([0, 10, 41, 43, 43.5, 44, 47, 52.9, 53.0, 60, 80])
    assert events(c_f(breaks, times)) == exactly(("broken", 42.2, 53.0))
    # Seven frames beyond, in 7 fs only.
    dense = np.concatenate([np.arange(0, 42, 2.0), np.arange(43, 50.5, 1.0)])
    reaction = c_f(breaks, dense)
    assert not reaction.events
    assert [one.kind for one in reaction.pending] == ["broken"]


def test_one_frame_never_suffices() -> None:
    sparse = np.arange(0, 200, 20.0)
    reaction = c_f(lambda times: np.where(times == 60, 2.5, REST_A), sparse)
    assert not reaction.events
    assert reaction.longest_gap_fs == 20
    assert [event.confirmed_fs for event in c_f(lambda t: np.where(t >= 60, 2.5, REST_A), sparse).events] == [80]


def test_pending_at_the_end() -> None:
    reaction = c_f(breaks, np.arange(0, 50, 0.5))
    assert not reaction.events
    (pending,) = reaction.pending
    assert (pending.kind, pending.name) == ("broken", "C0–F1")
    assert (pending.crossing_fs, pending.lasted_fs) == (pytest.approx(42.2), pytest.approx(7.3))
    assert reaction.fragments[-1].names == ("CF",)


def test_hydrogen_breaks_earlier() -> None:
    def grows(times: np.ndarray) -> np.ndarray:
        return np.asarray(1.1 + ramp(times, 20.2, 34.2))

    reaction = analyse(moving(["C", "H"], bond(grows), TIMES), [0, 1])
    assert events(reaction) == exactly(("broken", crossing(20.2, 1.6, 1.1), 40.5))
    assert events(analyse(moving(["C", "F"], bond(grows), TIMES), [0, 1])) == []


def test_heavier_atoms_break_later() -> None:
    # A C–S bond rests at 1.83 Å: 2.05 Å is a vibration of it.
    reaction = analyse(moving(["S", "C"], bond(lambda times: np.where(times < 50, 1.83, 2.05)), TIMES), [0, 1])
    assert reaction.reference_bonds == ("C1–S0",)
    assert not reaction.events
    assert reaction.first_breaks[1].threshold_a == pytest.approx(2.0 * (1.05 + 0.76) / (2 * 0.76))


def test_cutoffs_are_compared_in_one_pass() -> None:
    reaction = c_f(breaks)
    found = {one.cutoff_a: (one.crossing_fs, one.confirmed_fs) for one in reaction.first_breaks}
    assert found == {
        1.8: (pytest.approx(38.2), pytest.approx(48.5)),
        2.0: (pytest.approx(42.2), pytest.approx(52.5)),
        2.2: (pytest.approx(46.2), pytest.approx(56.5)),
    }
    short = c_f(lambda times: REST_A + ramp(times, 30, 43))
    assert {one.cutoff_a: one.confirmed_fs is not None for one in short.first_breaks} == {
        1.8: True, 2.0: True, 2.2: False,
    }  # fmt: skip


def test_first_break_at_a_cutoff_stays_the_first() -> None:
    reaction = c_f(lambda times: np.where((times + 20) % 40 < 20, REST_A, 2.1))
    assert [event.kind for event in reaction.events] == ["broken", "healed"] * 3
    assert [event.confirmed_fs for event in reaction.events][::2] == [10, 50, 90]
    assert reaction.first_breaks[1].confirmed_fs == 10
    assert reaction.first("cleavage") == reaction.events[0]


def test_time_that_repeats_between_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="the time 2 fs"):
        c_f(breaks, [0.0, 2.0, 2.0, 3.0], block=2)
