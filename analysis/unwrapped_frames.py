"""Frames of a trajectory in which nothing jumps: molecules whole, the slab around them, all paths continuous."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from natrium.analysis.trajectory import Block, Trajectory
from natrium.structures.bonds import IONIC
from natrium.structures.errors import InputError

Floats = NDArray[np.float64]


class Frame(NamedTuple):
    """One moment."""

    time_fs: float
    positions_a: Floats
    """Shape (atoms, 3), Å; continuous, so in general not in the cell."""
    cell_a: Floats
    """Lattice vectors in rows, shape (3, 3), Å."""


def unwrapped(trajectory: Trajectory) -> Iterator[Block]:
    """The trajectory with every atom at that periodic image which is nearest to where the atom was a frame before.

    In the first frame each molecule is made whole, a slab that was cut by the cell's boundary along its normal too, and
    the metal is placed around the molecules, half a cell to each side.

    Raises:
        InputError: positions or cells that are not numbers.
    """
    periodic = list(np.flatnonzero(trajectory.pbc))
    last: Floats | None = None
    counts: NDArray[np.float64] | None = None
    for block in trajectory.blocks():
        if not (np.isfinite(block.positions_a).all() and np.isfinite(block.cells_a).all()):
            raise InputError(
                f"{trajectory.source}: positions or cells that are not numbers between {block.times_fs[0]:g} and"
                f" {block.times_fs[-1]:g} fs",
                "cut the trajectory before them",
            )
        # Along the periodic vectors only: how a vacuum direction is tilted has no influence.
        vectors = block.cells_a[:, periodic]
        fractional = block.positions_a @ np.linalg.pinv(vectors)
        if last is None or counts is None:
            first = whole(block.positions_a[0], block.cells_a[0], trajectory.pbc, trajectory.symbols)
            counts = np.rint((first - block.positions_a[0]) @ np.linalg.pinv(vectors[0]))
            last = fractional[0]
        # How many cells each atom has jumped over from frame to frame, and since the start.
        jumps = -np.rint(np.diff(fractional, axis=0, prepend=last[None]))
        total = counts + np.cumsum(jumps, axis=0)
        last, counts = fractional[-1], total[-1]
        yield Block(block.times_fs, block.positions_a + total @ vectors, block.cells_a)


def whole(positions_a: ArrayLike, cell_a: ArrayLike, pbc: Sequence[bool], symbols: Sequence[str]) -> Floats:
    """Positions of one frame, atoms moved by lattice vectors only, so that what belongs together is together.

    Args:
        positions_a: Shape (atoms, 3), Å.
        cell_a: Lattice vectors in rows, shape (3, 3), Å.
        pbc: Periodic along each lattice vector.
        symbols: Elements: alkali and alkaline earth metals are the slab, all others the molecules.
    """
    placed, cell = np.array(positions_a, dtype=np.float64), np.asarray(cell_a, dtype=np.float64)
    if pbc[2]:
        _close_slab(placed, cell, pbc)
    molecules = np.array([symbol not in IONIC for symbol in symbols])
    vectors = cell[np.flatnonzero(pbc)]
    if molecules.any():
        placed[molecules] = _joined(placed[molecules], vectors)
        # Along the normal everything is in its place.
        in_plane = cell[[axis for axis in (0, 1) if pbc[axis]]]
        centre = placed[molecules].mean(axis=0)
        placed[~molecules] = centre + _nearest(placed[~molecules] - centre, in_plane)
    return placed


def _close_slab(positions_a: Floats, cell_a: Floats, pbc: Sequence[bool]) -> None:
    """Move atoms by the third lattice vector, in place: the greatest gap between heights becomes the vacuum."""
    vectors = cell_a[np.flatnonzero(pbc)]
    heights = (positions_a @ np.linalg.pinv(vectors))[:, -1] % 1
    ordered = np.sort(heights)
    gaps = np.diff(ordered, append=ordered[0] + 1)
    above_gap = ordered[(int(gaps.argmax()) + 1) % len(ordered)]
    lowered = (heights - above_gap) % 1 + above_gap
    positions_a += (lowered - (positions_a @ np.linalg.pinv(vectors))[:, -1])[:, None] * vectors[-1]


def _joined(positions_a: Floats, vectors: Floats) -> Floats:
    """Atom by atom the one that is nearest to those already placed, at its nearest image (Prim's spanning tree)."""
    placed = positions_a.copy()
    from_placed = _nearest(placed - placed[0], vectors)
    nearest = np.zeros(len(placed), dtype=np.int64)
    waiting = np.ones(len(placed), dtype=bool)
    waiting[0] = False
    while waiting.any():
        distances = np.where(waiting, np.linalg.norm(from_placed, axis=1), np.inf)
        atom = int(distances.argmin())
        placed[atom] = placed[nearest[atom]] + from_placed[atom]
        waiting[atom] = False
        from_atom = _nearest(positions_a - placed[atom], vectors)
        nearer = np.linalg.norm(from_atom, axis=1) < np.linalg.norm(from_placed, axis=1)
        nearest[nearer], from_placed[nearer] = atom, from_atom[nearer]
    return placed


def _nearest(apart_a: Floats, vectors: Floats) -> Floats:
    """Displacements, shape (n, 3), less whole lattice vectors: the shortest up to half the cell's smallest height."""
    return np.asarray(apart_a - np.rint(apart_a @ np.linalg.pinv(vectors)) @ vectors)


def nearest_image(apart_a: Floats, cell_a: Floats, pbc: Sequence[bool]) -> Floats:
    """Displacements, shape (n, 3), to the nearest images, as long as these are nearer than half the cell is wide."""
    return _nearest(apart_a, cell_a[np.flatnonzero(pbc)])


def picked(trajectory: Trajectory, frames: Sequence[int]) -> Iterator[Frame]:
    """Some frames of the unwrapped trajectory, by their ascending numbers, one at a time."""
    wanted, begin = np.asarray(frames, dtype=np.int64), 0
    for block in unwrapped(trajectory):
        end = begin + len(block.times_fs)
        for number in wanted[(wanted >= begin) & (wanted < end)] - begin:
            yield Frame(float(block.times_fs[number]), block.positions_a[number], block.cells_a[number])
        begin = end
        if not (wanted >= end).any():
            return


def nearest_frames(times_fs: Floats, wanted_fs: ArrayLike) -> NDArray[np.int64]:
    """For each wanted time the number of the frame that is nearest to it; the times of the frames rise."""
    wanted = np.asarray(wanted_fs, dtype=np.float64)
    after = np.clip(np.searchsorted(times_fs, wanted), 1, max(len(times_fs) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(times_fs) - 1)
    return np.where(wanted - times_fs[before] <= times_fs[after] - wanted, before, after).astype(np.int64)


def evenly_spaced(times_fs: Floats, frames: int) -> NDArray[np.int64]:
    """Numbers of at most so many frames, evenly spaced in time, the first and the last among them; ascending."""
    return np.unique(nearest_frames(times_fs, np.linspace(times_fs[0], times_fs[-1], frames)))
