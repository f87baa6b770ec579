"""One trajectory of the study na-fec-md: when it goes on, when it ends, and what is said to have happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobflow import Response
from synthetic_segments import CLEAVES_FS, OPENS_FS, START, decided, segment, still
from synthetic_trajectories import ring_opened

from natrium.analysis.density_difference import MissingPartnerError
from natrium.analysis.reaction import BondEvent
from natrium.structures.interface_contacts import molecule_atoms
from natrium.structures.ionic_crystals import rock_salt
from natrium.structures.system import System
from natrium.workflows.studies.reaction_trajectory import EVENTS, ReactionTrajectory


def next_steps(response: Any) -> int:
    assert isinstance(response, Response)
    following, again = response.replace.jobs
    assert (following.name, again.name) == ("fec-1-md", "fec-1-course")
    return int(following.function_args[0]["steps"])


def test_goes_on_until_its_length(tmp_path: Path) -> None:
    first, second = segment(tmp_path, 0, 30, moves=still), segment(tmp_path, 30, 60, moves=still)
    assert next_steps(decided([], first)) == 30
    assert next_steps(decided([first], second)) == 20
    ended = decided([first, second], segment(tmp_path, 60, 80, moves=still))
    assert isinstance(ended, ReactionTrajectory)
    assert (ended.steps, ended.ended) == (80, "it reached its length")
    assert ended.ring_opening_fs is None
    assert ended.cf_cleavage_fs is None
    assert ended.fragments == ["FEC"]
    assert ended.reaction.frames == 81


@pytest.mark.parametrize(
    ("stop_after", "delay_fs", "until_step", "left"),
    [
        pytest.param("ring opening", 5.0, 40, 7, id="confirmed at 18.5 fs, so until 23.5"),
        pytest.param("C–F cleavage", 5.0, 50, 9, id="confirmed at 24.5 fs, so until 29.5"),
        pytest.param("C–F cleavage", 5.0, 40, 30, id="not confirmed yet"),
        pytest.param("C–F cleavage", 40.0, 50, 30, id="not beyond its length"),
    ],
)
def test_stops_after_an_event(stop_after: str, delay_fs: float, until_step: int, left: int, tmp_path: Path) -> None:
    response = decided([], segment(tmp_path, 0, until_step), stop_after=stop_after, stop_delay_fs=delay_fs)
    assert next_steps(response) == left


def test_stops_at_once_when_the_event_is_long_over(tmp_path: Path) -> None:
    ended = decided([], segment(tmp_path, 0, 60), stop_after="ring opening")
    assert isinstance(ended, ReactionTrajectory)
    assert ended.ended == "5 fs after ring opening C–O"


def test_events_of_a_trajectory_in_segments(tmp_path: Path) -> None:
    first, second = segment(tmp_path, 0, 30), segment(tmp_path, 30, 60)
    ended = decided([first], second, steps=60)
    assert ended.ring_opening_fs == pytest.approx(OPENS_FS, abs=0.3)
    assert ended.cf_cleavage_fs == pytest.approx(CLEAVES_FS, abs=0.3)
    assert ended.fragments[0] != "FEC"
    assert ended.trajectories == [first.dynamics.trajectory, second.dynamics.trajectory]  # type: ignore[union-attr]
    assert list(ended.calculations) == ["fec-1-md", "fec-1-md-2"]


def closing_again(times: np.ndarray) -> np.ndarray:
    """The ring is open from 5 to 19 fs, and again from 40 fs on."""
    first = molecule_atoms(START)[0]
    open_a = np.where(((times > 5) & (times < 19)) | (times > 40), 1.2, 0.0)
    return ring_opened(np.array(START.positions_a), open_a, first)


@pytest.mark.parametrize(
    ("until_step", "opening_fs", "ended"),
    [
        pytest.param(36, 5.3, "2 fs after ring opening C–O", id="open so far"),
        pytest.param(76, None, "it reached its length", id="closed again"),
        pytest.param(120, 40.3, "2 fs after ring opening C–O", id="open for good"),
    ],
)
def test_a_ring_that_closed_again_is_not_open(
    until_step: int, opening_fs: float | None, ended: str, tmp_path: Path
) -> None:
    last = segment(tmp_path, 0, until_step, moves=closing_again)
    found = decided([], last, steps=until_step, stop_after="ring opening", stop_delay_fs=2.0)
    assert found.ring_opening_fs == (opening_fs and pytest.approx(opening_fs, abs=0.3))
    assert found.ended == ended


@pytest.mark.parametrize(
    ("crystal", "criteria", "distance_a"),
    [
        (rock_salt("Na", "F", 4.7), {}, 2.35),
        (rock_salt("Na", "F", 4.7), {"crystal_distance_a": 2.4}, 2.4),
        pytest.param(None, {}, 2.317, id="the crystal failed: the measured one"),
    ],
)
def test_fluorine_is_measured_by_the_crystal_of_the_same_run(
    crystal: System | None, criteria: dict[str, Any], distance_a: float, tmp_path: Path
) -> None:
    ended = decided([], segment(tmp_path, 0, 30, moves=still), steps=30, criteria=criteria, crystal=crystal)
    assert ended.reaction.settings.crystal_distance_a == pytest.approx(distance_a)


def test_a_failed_segment_leaves_what_was_before(tmp_path: Path) -> None:
    first = segment(tmp_path, 0, 40)
    ended = decided([first], None)
    assert isinstance(ended, ReactionTrajectory)
    assert ended.steps == 40
    assert "segment 2 failed" in ended.ended
    with pytest.raises(MissingPartnerError, match="fec-1-md gave no result"):
        decided([], None)


def _event(kind: str, process: str, symbols: tuple[str, str], atoms: tuple[int, int]) -> BondEvent:
    return BondEvent(
        kind=kind, process=process, symbols=symbols, atoms=atoms, contact=False, crossing_fs=1, confirmed_fs=11
    )


IN_RING, ELSEWHERE = (9, 10), (12, 13)


@pytest.mark.parametrize(
    ("kind", "process", "symbols", "atoms", "which"),
    [
        pytest.param("lost", "ring opening", ("C", "O"), ELSEWHERE, None, id="of a ring that was not there at first"),
        ("broken", "ring opening", ("C", "O"), IN_RING, "ring opening"),
        pytest.param("broken", "cleavage", ("C", "O"), IN_RING, "ring opening", id="the second bond of an open ring"),
        ("broken", "cleavage", ("C", "F"), ELSEWHERE, "C–F cleavage"),
        pytest.param(
            "broken", "ring opening", ("C", "F"), ELSEWHERE, "C–F cleavage", id="F touches another atom before it goes"
        ),
        ("broken", "cleavage", ("C", "O"), ELSEWHERE, None),
        ("formed", "bond formation", ("C", "F"), ELSEWHERE, None),
        ("healed", "ring closure", ("C", "O"), IN_RING, None),
    ],
)
def test_what_counts_as_which_event(
    kind: str, process: str, symbols: tuple[str, str], atoms: tuple[int, int], which: str | None, tmp_path: Path
) -> None:
    reaction = decided([], segment(tmp_path, 0, 2, moves=still), steps=2).reaction
    assert IN_RING in reaction.ring_bonds
    assert ELSEWHERE not in reaction.ring_bonds
    event = _event(kind, process, symbols, atoms)
    assert [name for name, accept in EVENTS.items() if accept(reaction, event)] == ([which] if which else [])
