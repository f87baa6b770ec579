"""Trajectories as streams: atoms that stay the same, positions that come in blocks of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError

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


def joined(parts: Sequence[Trajectory]) -> Trajectory:
    """Trajectories that continue one another, as one.

    Raises:
        InputError: of different atoms; or, while reading, times that do not go on.
    """
    first, *others = parts
    for other in others:
        if (other.symbols, other.pbc) != (first.symbols, first.pbc):
            raise InputError(
                f"{other.source} has other atoms, or another periodicity, than {first.source}",
                "join the segments of one run",
            )

    def blocks() -> Iterator[Block]:
        last_fs = -np.inf
        for part in parts:
            for block in part.blocks():
                if block.times_fs[0] <= last_fs:
                    raise InputError(
                        f"{part.source} begins at {block.times_fs[0]:g} fs, when {last_fs:g} fs were over",
                        "join segments in their order, each once",
                    )
                last_fs = float(block.times_fs[-1])
                yield block

    return Trajectory(", ".join(part.source for part in parts), first.symbols, first.pbc, blocks)
