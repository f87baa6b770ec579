"""Trajectories as streams: atoms that stay the same, positions that come in blocks of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_BLOCK = 256
"""Enough that numpy's overhead a call no longer counts, and 60 atoms still take less than a megabyte."""


class Block(NamedTuple):
    """Consecutive frames."""

    times_fs: NDArray[np.float64]
    """Shape (frames,)."""
    positions_a: NDArray[np.float64]
    """Shape (frames, atoms, 3), Å; wrapped into the cell or not."""
    cells_a: NDArray[np.float64]
    """Lattice vectors in rows, shape (frames, 3, 3), Å; zero vectors where there is no cell."""


@dataclass(frozen=True)
class Trajectory:
    """What moves, and how to read the motion, as often as wanted and never all of it at once."""

    source: str
    """For messages: the file."""
    symbols: tuple[str, ...]
    pbc: tuple[bool, bool, bool]
    blocks: Callable[[], Iterator[Block]]
    """Begins at the first frame in every call; the times rise strictly."""
