"""Joining and parting against the definition, one frame after the other."""

from __future__ import annotations

import numpy as np
import pytest

from natrium.analysis.hysteresis import Change, Hysteresis


def frame_by_frame(
    times: np.ndarray, lengths: np.ndarray, joins_a: float, parts_a: float, dwell_fs: float
) -> tuple[list[Change], Change | None]:
    """The definition, read aloud: one pair, one frame after the other."""
    joined, since, crossing_fs, changes = True, None, 0.0, []
    for frame, (time, length) in enumerate(zip(times, lengths, strict=True)):
        threshold = parts_a if joined else joins_a
        if (length > threshold) if joined else (length < threshold):
            if since is None:
                since = crossing_fs = time
                if frame:
                    slope = (length - lengths[frame - 1]) / (time - times[frame - 1])
                    crossing_fs = times[frame - 1] + (threshold - lengths[frame - 1]) / slope
            if time - since >= dwell_fs:
                joined, since = not joined, None
                changes.append(Change(0, joined, crossing_fs, time))
        else:
            since = None
    return changes, None if since is None else Change(0, not joined, crossing_fs, times[-1])


@pytest.mark.parametrize("dwell_fs", [0.0, 1.7, 5.0])
@pytest.mark.parametrize("block", [1, 3, 50, 2000])
def test_agrees_with_the_definition_on_noise(block: int, dwell_fs: float) -> None:
    rng = np.random.default_rng(block)
    times = np.cumsum(rng.uniform(0.1, 1.5, 2000))
    # Slow waves of different height and noise: some excursions last, most do not.
    waves = 0.5 * np.sin(times[:, None] / rng.uniform(4, 15, 8) + rng.uniform(0, 6, 8))
    lengths = 1.9 + waves + rng.normal(0, 0.15, (2000, 8))
    pairs = Hysteresis(np.full(8, 1.8), np.full(8, 2.0), np.full(8, True), dwell_fs)
    found = [
        change
        for at in range(0, 2000, block)
        for change in pairs.advance(times[at : at + block], lengths[at : at + block])
    ]
    assert found == sorted(found, key=lambda change: change.until_fs)
    for pair in range(8):
        changes, pending = frame_by_frame(times, lengths[:, pair], 1.8, 2.0, dwell_fs)
        assert len(changes) > 4
        mine = [change for change in found if change.pair == pair] + [
            one for one in pairs.pending() if one.pair == pair
        ]
        expected = changes + ([pending] if pending else [])
        assert [(one.joined, one.until_fs) for one in mine] == [(one.joined, one.until_fs) for one in expected]
        assert [one.crossing_fs for one in mine] == pytest.approx([one.crossing_fs for one in expected])
