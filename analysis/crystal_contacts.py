"""The nearest metal atom of another one over time, measured by the distance in their crystal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.reaction import CrystalContact, ReactionSettings, WindowMean


class NearestMetal:
    """Follows one atom through blocks of frames."""

    def __init__(
        self, atom: int, name: str, columns: NDArray[np.int_], metals: Sequence[str], settings: ReactionSettings
    ) -> None:
        """At the start.

        Args:
            atom: Its index.
            name: Its element and index.
            columns: Where its distances to the metal atoms stand among all followed ones.
            metals: Elements and indices of these metal atoms.
            settings: The crystal, and the times to report.
        """
        self.atom = atom
        self._name, self._columns, self._metals, self._settings = name, columns, metals, settings
        self._shortest = (np.inf, np.nan)
        self._first_below_fs: float | None = None
        self._last: tuple[float, float] | None = None
        self._neighbours = 0
        self._windows = [_Window(at_fs, len(metals)) for at_fs in settings.at_fs]

    def advance(self, times_fs: NDArray[np.float64], lengths_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """The distance to the nearest metal atom in each frame, shape (frames,), Å.

        Args:
            times_fs: Shape (frames,).
            lengths_a: Of all followed pairs, shape (frames, pairs), Å.
        """
        own_a = lengths_a[:, self._columns]
        nearest_a = own_a.min(axis=1)
        shell_a = self._settings.crystal_shell * self._settings.crystal_distance_a
        lowest = int(nearest_a.argmin())
        if nearest_a[lowest] < self._shortest[0]:
            self._shortest = (float(nearest_a[lowest]), float(times_fs[lowest]))
        if self._first_below_fs is None:
            self._first_below_fs = self._crossing(times_fs, nearest_a)
        for window in self._windows:
            inside = np.abs(times_fs - window.at_fs) <= self._settings.window_fs + 1e-6
            for frame in np.flatnonzero(inside):
                window.add(own_a[frame], shell_a)
        self._neighbours = int((own_a[-1] < shell_a).sum())
        self._last = (float(times_fs[-1]), float(nearest_a[-1]))
        return np.asarray(nearest_a)

    def result(self) -> CrystalContact:
        """What was found so far."""
        return CrystalContact(
            atom=self.atom,
            name=self._name,
            shortest_a=self._shortest[0],
            shortest_fs=self._shortest[1],
            first_below_fs=self._first_below_fs,
            at=tuple(window.mean(self._metals) for window in self._windows),
            neighbours_end=self._neighbours,
        )

    def _crossing(self, times_fs: NDArray[np.float64], nearest_a: NDArray[np.float64]) -> float | None:
        threshold_a = self._settings.crystal_distance_a
        below = np.flatnonzero(nearest_a < threshold_a)
        if not len(below):
            return None
        frame = int(below[0])
        after_fs, after_a = float(times_fs[frame]), float(nearest_a[frame])
        if frame == 0 and self._last is None:
            return after_fs
        before_fs, before_a = (
            self._last if frame == 0 and self._last else (float(times_fs[frame - 1]), float(nearest_a[frame - 1]))
        )
        return before_fs + (after_fs - before_fs) * (threshold_a - before_a) / (after_a - before_a)


class _Window:
    """Sums over the frames around a time, added one by one: their last digits must not depend on the blocks."""

    def __init__(self, at_fs: float, metals: int) -> None:
        self.at_fs = at_fs
        self._frames, self._sum_a, self._neighbours = 0, 0.0, 0
        self._nearest = np.zeros(metals, dtype=np.int64)

    def add(self, distances_a: NDArray[np.float64], shell_a: float) -> None:
        self._frames += 1
        self._sum_a += float(distances_a.min())
        self._neighbours += int((distances_a < shell_a).sum())
        self._nearest[distances_a.argmin()] += 1

    def mean(self, metals: Sequence[str]) -> WindowMean:
        frames = self._frames
        return WindowMean(
            at_fs=self.at_fs,
            frames=frames,
            mean_a=self._sum_a / frames if frames else None,
            neighbours=self._neighbours / frames if frames else None,
            nearest=metals[int(self._nearest.argmax())] if frames else None,
        )
