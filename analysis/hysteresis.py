"""Pairs that join and part: two thresholds, and a time for which a change must last before it counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDING_FS = 1e-6
"""Times that were added up in a file miss the dwell time by rounding."""


class Change(NamedTuple):
    """A pair that joined or parted, or is about to."""

    pair: int
    """Which of the pairs."""
    joined: bool
    """What it is after the change."""
    crossing_fs: float
    """When it passed the threshold, interpolated linearly between two frames."""
    until_fs: float
    """The frame at which the change had lasted; of an unfinished one, the last frame."""


class Hysteresis:
    """Follows pairs through blocks of frames.

    A joined pair parts when it is longer than `parts_a` in every frame for the dwell time, and a parted one joins when
    it is shorter than `joins_a` for as long; one frame on the other side ends the excursion. The dwell time counts from
    the first frame that was seen beyond the threshold, not from the interpolated crossing: a single frame never
    suffices, however far apart frames are. What happens between both thresholds changes nothing.
    """

    def __init__(
        self,
        joins_a: NDArray[np.float64],
        parts_a: NDArray[np.float64],
        joined: NDArray[np.bool_],
        dwell_fs: float,
    ) -> None:
        """Pairs at their start.

        Args:
            joins_a: Threshold of each pair, Å.
            parts_a: The greater threshold of each pair, Å.
            joined: Whether each pair is joined at the start.
            dwell_fs: How long a change must last, fs.
        """
        self._joins_a, self._parts_a, self._dwell_fs = joins_a, parts_a, dwell_fs
        self.joined = joined.copy()
        """Whether each pair is joined now, unfinished excursions not counted."""
        self._since_fs = np.full(len(joined), np.nan)
        self._crossing_fs = np.full(len(joined), np.nan)
        self._last: tuple[float, NDArray[np.float64]] | None = None

    def advance(self, times_fs: NDArray[np.float64], lengths_a: NDArray[np.float64]) -> list[Change]:
        """What changed for good in a block of frames, in the order of time, then of the crossing, then of the pairs.

        Args:
            times_fs: Shape (frames,), rising.
            lengths_a: Shape (frames, pairs), Å.
        """
        beyond = np.where(self.joined, lengths_a.max(axis=0) > self._parts_a, lengths_a.min(axis=0) < self._joins_a)
        changes: list[Change] = []
        for pair in np.flatnonzero(beyond | ~np.isnan(self._since_fs)).tolist():
            self._follow(pair, times_fs, lengths_a[:, pair], changes)
        self._last = (float(times_fs[-1]), lengths_a[-1].copy())
        return sorted(changes, key=lambda change: (change.until_fs, change.crossing_fs, change.pair))

    def pending(self) -> list[Change]:
        """Excursions that have not lasted the dwell time when the trajectory ends."""
        if self._last is None:
            return []
        return [
            Change(pair, not self.joined[pair], float(self._crossing_fs[pair]), self._last[0])
            for pair in np.flatnonzero(~np.isnan(self._since_fs)).tolist()
        ]

    def _follow(
        self, pair: int, times_fs: NDArray[np.float64], lengths_a: NDArray[np.float64], changes: list[Change]
    ) -> None:
        begin = 0
        while begin < len(times_fs):
            joined = bool(self.joined[pair])
            threshold_a = float((self._parts_a if joined else self._joins_a)[pair])
            beyond = lengths_a[begin:] > threshold_a if joined else lengths_a[begin:] < threshold_a
            edges = np.flatnonzero(np.diff(beyond, prepend=False, append=False))
            starts, ends = begin + edges[::2], begin + edges[1::2]
            since_fs = times_fs[starts]
            going_on = begin == 0 and not np.isnan(self._since_fs[pair]) and bool(beyond[0])
            if going_on:
                since_fs[0] = self._since_fs[pair]
            lasted = times_fs[ends - 1] - since_fs >= self._dwell_fs - ROUNDING_FS
            run = int(lasted.argmax()) if lasted.any() else len(starts) - 1
            unfinished = not lasted.any() and len(starts) > 0 and ends[-1] == len(times_fs)
            if not lasted.any() and not unfinished:
                self._since_fs[pair] = np.nan
                return
            if not (going_on and run == 0):
                self._crossing_fs[pair] = self._crossing(pair, int(starts[run]), threshold_a, times_fs, lengths_a)
            if unfinished:
                self._since_fs[pair] = since_fs[-1]
                return
            enough_fs = since_fs[run] + self._dwell_fs - ROUNDING_FS
            begin = max(int(np.searchsorted(times_fs, enough_fs)), int(starts[run]))
            self.joined[pair], self._since_fs[pair] = not joined, np.nan
            changes.append(Change(pair, not joined, float(self._crossing_fs[pair]), float(times_fs[begin])))

    def _crossing(
        self,
        pair: int,
        frame: int,
        threshold_a: float,
        times_fs: NDArray[np.float64],
        lengths_a: NDArray[np.float64],
    ) -> float:
        """When the pair passed the threshold before the frame; an excursion from the very start begins with it."""
        after_fs, after_a = float(times_fs[frame]), float(lengths_a[frame])
        if frame:
            before_fs, before_a = float(times_fs[frame - 1]), float(lengths_a[frame - 1])
        elif self._last is not None:
            before_fs, before_a = self._last[0], float(self._last[1][pair])
        else:
            return after_fs
        return before_fs + (after_fs - before_fs) * (threshold_a - before_a) / (after_a - before_a)
