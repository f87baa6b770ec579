"""Long trajectories: the same result in any blocks, bounded memory, curves that keep their extremes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from synthetic_trajectories import OBLIQUE, REST_A, TIMES, bond, breaks, c_f, moving, noise

from natrium.analysis.reaction import Reaction, ReactionSettings
from natrium.analysis.reaction_analysis import analyse

NOISY = ("C", "O", "F", "H", "Na", "Na", "Na")


@pytest.mark.parametrize("cell", [np.diag([5.0, 5.0, 5.0]), OBLIQUE], ids=["box", "oblique"])
def test_blocks_make_no_difference(cell: np.ndarray) -> None:
    times, positions, cells = noise(NOISY, cell, 1500)
    if not np.tril(cell, -1).any():
        cells = np.broadcast_to(cell, cells.shape)
    settings = ReactionSettings(most_bins=64, at_fs=(80.0, 400.0), window_fs=30.0)

    def found(block: int, wrapped: bool = False) -> Reaction:
        trajectory = moving(
            NOISY, lambda t: positions[np.searchsorted(times, t)], times, cell=cells, pbc=(True,) * 3, block=block,
            wrapped=wrapped,
        )  # fmt: skip
        return analyse(trajectory, range(5), settings, reference=[(0, 1), (0, 2), (0, 3)])

    whole = found(len(times))
    assert {event.kind for event in whole.events} == {"broken", "healed", "formed", "lost"}
    assert len(whole.events) > 20
    for block in (1, 2, 7, 256):
        assert found(block).model_dump_json() == whole.model_dump_json()
    assert [event.name for event in found(256, wrapped=True).events] == [event.name for event in whole.events]


def test_thinning_keeps_the_extremes() -> None:
    def spikes(times: np.ndarray) -> np.ndarray:
        return np.asarray(REST_A + 0.5 * (times == 777) - 0.3 * (times == 4321))

    curves = c_f(spikes, np.arange(10000.0), settings={"most_bins": 100}).curves
    assert (curves.frames_per_bin, curves.times_fs.shape) == (128, (79,))
    assert curves.times_fs[1] == 128
    lowest, highest = int(curves.lowest_a[0].argmin()), int(curves.highest_a[0].argmax())
    assert (lowest, highest) == (4321 // 128, 777 // 128)
    assert (curves.lowest_a.min(), curves.highest_a.max()) == (pytest.approx(1.1), pytest.approx(1.9))
    whole = c_f(breaks).curves
    assert whole.frames_per_bin == 1
    assert np.array_equal(whole.lowest_a, whole.highest_a)
    assert whole.first_a[0] == pytest.approx(breaks(TIMES))


def test_memory_does_not_grow_with_the_frames() -> None:
    def peak_bytes(frames: int) -> int:
        # Swings over both thresholds, an event every 500 fs: more than are listed.
        trajectory = moving(
            ["C", "F", "Na"],
            lambda t: np.insert(bond(lambda s: 1.9 + 0.3 * np.sin(s * np.pi / 500))(t), 2, 3.0, axis=1),
            np.arange(float(frames)),
        )
        tracemalloc.start()
        reaction = analyse(trajectory, [0, 1], ReactionSettings(most_events=20, most_bins=512))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(reaction.covalent_events) == 20
        assert len(reaction.covalent_events) + reaction.bond_events_left_out >= frames // 500 - 1
        return peak

    # The times themselves are an array of the test's, 8 bytes a frame.
    short, long = peak_bytes(20_000), peak_bytes(200_000)
    assert long < short + 8 * 200_000 * 0.1
    assert long < 4_000_000
