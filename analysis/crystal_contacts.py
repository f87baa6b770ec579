"""The nearest metal atom of another one over time, measured by the distance in their crystal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.followed_pairs import FollowedAtoms
from natrium.analysis.hysteresis import ROUNDING_FS
from natrium.analysis.reaction import CrystalContact, ReactionSettings, WindowMean
from natrium.analysis.trajectory import Block


class NearestMetal:
    """Follows one atom through blocks of frames."""

    def __init__(
        self,
        atom: int,
        metals: Sequence[int],
        columns: Sequence[int],
        atoms: FollowedAtoms,
        pbc: tuple[bool, bool, bool],
        settings: ReactionSettings,
    ) -> None:
        """At the start.

        Args:
            atom: Its index.
            metals: Indices of the metal atoms.
            columns: Where its distances to these stand among all followed ones.
            atoms: What is followed.
            pbc: Periodic along each lattice vector.
            settings: The crystal, and the times to report.
        """
        self.atom, self.name = atom, atoms.atom_name(atom)
        self._metals, self._columns, self._pbc, self._settings = list(metals), np.array(columns), pbc, settings
        self._metal_names = [atoms.atom_name(metal) for metal in metals]
        self._begin_fs, self._end_fs = np.inf, -np.inf
        self._cell_a, self._planes = np.full((3, 3), np.nan), [0]
        self._shortest = (np.inf, np.nan)
        self._first_below_fs: float | None = None
        self._last: tuple[float, float] | None = None
        self._neighbours = 0
        self._windows = [_Window(at_fs, len(metals)) for at_fs in settings.at_fs]

    def advance(self, block: Block, lengths_a: NDArray[np.float64]) -> NDArray[np.float64]:
        """The distance to the nearest metal atom in each frame, shape (frames,), Å.

        Args:
            block: The frames.
            lengths_a: Of all followed pairs, shape (frames, pairs), Å.
        """
        times_fs = block.times_fs
        own_a = lengths_a[:, self._columns]
        nearest_a = own_a.min(axis=1)
        neighbours = self._in_shell(block, own_a)
        lowest = int(nearest_a.argmin())
        if nearest_a[lowest] < self._shortest[0]:
            self._shortest = (float(nearest_a[lowest]), float(times_fs[lowest]))
        if self._first_below_fs is None:
            self._first_below_fs = self._crossing(times_fs, nearest_a)
        for window in self._windows:
            inside = np.abs(times_fs - window.at_fs) <= self._settings.window_fs + ROUNDING_FS
            for frame in np.flatnonzero(inside):
                window.add(own_a[frame], int(neighbours[frame]))
        self._neighbours = int(neighbours[-1])
        self._begin_fs, self._end_fs = min(self._begin_fs, float(times_fs[0])), float(times_fs[-1])
        self._last = (float(times_fs[-1]), float(nearest_a[-1]))
        return np.asarray(nearest_a)

    def result(self) -> CrystalContact:
        """What was found so far."""
        return CrystalContact(
            atom=self.atom,
            name=self.name,
            shortest_a=self._shortest[0],
            shortest_fs=self._shortest[1],
            first_below_fs=self._first_below_fs,
            at=tuple(self._mean(window) for window in self._windows),
            neighbours_end=self._neighbours,
        )

    def _mean(self, window: _Window) -> WindowMean:
        """There is none of a time that the trajectory does not reach, even where frames are near."""
        if self._begin_fs - ROUNDING_FS <= window.at_fs <= self._end_fs + ROUNDING_FS:
            return window.mean(self._metal_names)
        return WindowMean(at_fs=window.at_fs, frames=0, mean_a=None, neighbours=None, nearest=None)

    def _in_shell(self, block: Block, nearest_image_a: NDArray[np.float64]) -> NDArray[np.int_]:
        """How many metal atoms are in the crystal's shell in each frame, shape (frames,); each image is one."""
        shell_a = self._settings.crystal_shell * self._settings.crystal_distance_a
        if not (block.cells_a == self._cell_a).all():
            self._cell_a, self._planes = block.cells_a[-1].copy(), _planes(block.cells_a[:, self._pbc], shell_a)
        if not any(self._planes):
            return np.asarray((nearest_image_a < shell_a).sum(axis=1))
        vectors = block.cells_a[:, self._pbc]
        apart_a = block.positions_a[:, self._metals] - block.positions_a[:, [self.atom]]
        apart_a = apart_a - np.rint(apart_a @ np.linalg.pinv(vectors)) @ vectors
        images = [np.array(steps) @ vectors for steps in product(*(range(-most, most + 1) for most in self._planes))]
        return np.asarray(
            sum((np.linalg.norm(apart_a + image[:, None], axis=2) < shell_a).sum(axis=1) for image in images)
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


def _planes(vectors: NDArray[np.float64], reach_a: float) -> list[int]:
    """So many lattice planes away, along each vector, images are within reach: none where the cell is wide."""
    # the distance of two planes is one over the length of the dual vector; rounding leaves up to half of it
    per_plane = np.linalg.norm(np.linalg.pinv(vectors), axis=1).max(axis=0)
    return [int(reach_a * each + 0.5) for each in per_plane]


class _Window:
    """Sums over the frames around a time, added one by one: their last digits must not depend on the blocks."""

    def __init__(self, at_fs: float, metals: int) -> None:
        self.at_fs = at_fs
        self._frames, self._sum_a, self._neighbours = 0, 0.0, 0
        self._nearest = np.zeros(metals, dtype=np.int64)

    def add(self, distances_a: NDArray[np.float64], neighbours: int) -> None:
        self._frames += 1
        self._sum_a += float(distances_a.min())
        self._neighbours += neighbours
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
