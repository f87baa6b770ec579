"""Trajectories with known ends: every bond length is a function of time that the test chose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from natrium.analysis.reaction import Reaction, ReactionSettings
from natrium.analysis.reaction_analysis import analyse
from natrium.analysis.trajectory import Block, Trajectory
from natrium.structures.molecule_library import library_molecule
from natrium.structures.slabs import metal_slab

Array = NDArray[np.float64]
Motion = Callable[[Array], Array]
"""From times, shape (frames,), to positions, shape (frames, atoms, 3)."""

FEC = library_molecule("FEC")
"""O=C(O–CH2)(O–CHF): O0 = C1, C1–O2, O2–C3H2, C3–C4, C4–F5, C4–O6, O6–C1, H7 and H8 on C3, H9 on C4."""
NO_CELL = np.zeros((3, 3))
OBLIQUE = np.array([[5.0, 0, 0], [9.0, 4.5, 0], [-7.0, 6.0, 5.5]])
"""Its shortest lattice vectors are sums of these."""
TIMES = np.arange(0, 120, 0.5)
REST_A = 1.4
RATE = 0.05
"""Of all ramps, Å/fs."""


def moving(
    symbols: Sequence[str],
    motion: Motion,
    times_fs: ArrayLike,
    *,
    cell: ArrayLike = NO_CELL,
    pbc: tuple[bool, bool, bool] = (False, False, False),
    block: int = 256,
    wrapped: bool = False,
) -> Trajectory:
    """A trajectory whose positions are calculated as they are read. The cell is one, or one a frame."""
    times, cells = np.asarray(times_fs, dtype=float), np.asarray(cell, dtype=float)

    def blocks() -> Iterator[Block]:
        for start in range(0, len(times), block):
            chosen = slice(start, start + block)
            here = times[chosen]
            lattice = cells[chosen] if cells.ndim == 3 else np.broadcast_to(cells, (len(here), 3, 3))
            positions = motion(here)
            yield Block(here, wrap(positions, lattice, pbc) if wrapped else positions, lattice)

    return Trajectory("synthetic", tuple(symbols), pbc, blocks)


def wrap(positions: Array, cells: Array, pbc: tuple[bool, bool, bool]) -> Array:
    """Into the cell along the periodic directions."""
    coordinates = positions @ np.linalg.inv(cells)
    coordinates[..., list(pbc)] %= 1
    return np.asarray(coordinates @ cells)


def ramp(times: Array, begin_fs: float, end_fs: float = np.inf) -> Array:
    """Å: zero until the beginning, then `RATE` until the end, then constant."""
    return np.asarray(RATE * (np.clip(times, begin_fs, end_fs) - begin_fs))


def bond(length_a: Callable[[Array], Array], direction: ArrayLike = (0, 0, 1)) -> Motion:
    """Two atoms at a distance that is a function of time, the first at the origin."""
    unit = np.asarray(direction, dtype=float) / np.linalg.norm(direction)

    def positions(times: Array) -> Array:
        return np.stack([np.zeros((len(times), 3)), length_a(times)[:, None] * unit], axis=1)

    return positions


def breaks(times: Array) -> Array:
    """A length that crosses 2.0 Å at 42.2 fs, between two frames, and ends at 3.4 Å."""
    return REST_A + ramp(times, 30.2, 70.2)


def c_f(length_a: Callable[[Array], Array], times_fs: Any = TIMES, *, settings: Any = (), **options: Any) -> Reaction:
    """What is found of one C–F bond of that length; the options are those of `moving`."""
    trajectory = moving(["C", "F"], bond(length_a), times_fs, **options)
    return analyse(trajectory, [0, 1], ReactionSettings(**dict(settings)), reference=[(0, 1)])


def crossing(begin_fs: float, threshold_a: float = 2.0, rest_a: float = REST_A) -> float:
    """When a ramp that begins then reaches the threshold."""
    return begin_fs + (threshold_a - rest_a) / RATE


def events(reaction: Reaction) -> list[tuple[str, float, float]]:
    """Kind, crossing and confirmation of each."""
    return [(event.kind, event.crossing_fs, event.confirmed_fs) for event in reaction.events]


def exactly(*expected: tuple[str, float, float]) -> list[tuple[str, Any, Any]]:
    """Such events, up to rounding."""
    return [
        (kind, pytest.approx(crossing_fs, abs=1e-6), pytest.approx(confirmed_fs))
        for kind, crossing_fs, confirmed_fs in expected
    ]


def fec_on_sodium(height_a: float = 6.0) -> tuple[tuple[str, ...], Array, Array]:
    """Symbols, positions and cell: 45 Na in the oblique surface cell, then FEC, too high to touch them."""
    slab = metal_slab("Na", layers=5, size=(3, 3), vacuum_a=30.0)
    slab_a, molecule = np.array(slab.positions_a), np.array(FEC.positions_a)
    molecule += slab_a.mean(axis=0) - molecule.mean(axis=0)
    molecule[:, 2] += slab_a[:, 2].max() + height_a - molecule[:, 2].min()
    return (*slab.symbols, *FEC.symbols), np.concatenate([slab_a, molecule]), np.array(slab.cell_a)


def ring_opened(positions: Array, stretch_a: Array, first: int = 0) -> Array:
    """FEC with its bond C1–O2 longer by so much in each frame; the other four ring bonds share the strain.

    Args:
        positions: Of all atoms, shape (atoms, 3).
        stretch_a: Shape (frames,).
        first: Index of FEC's first atom.
    """
    # Along the chain from C1 the long way round to O2, each atom moves by a quarter more; what hangs on it, with it.
    share = {1: 0.0, 0: 0.0, 6: 0.25, 4: 0.5, 5: 0.5, 9: 0.5, 3: 0.75, 7: 0.75, 8: 0.75, 2: 1.0}
    along = positions[first + 2] - positions[first + 1]
    along = along / np.linalg.norm(along)
    moved = np.repeat(positions[None], len(stretch_a), axis=0)
    for atom, part in share.items():
        moved[:, first + atom] += part * stretch_a[:, None] * along
    return moved


def noise(symbols: Sequence[str], cell: ArrayLike, frames: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """Times, positions and cells of atoms that wander around in a cell that breathes: events without end."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.2, 1.8, frames))
    start = rng.uniform(0, 1, (len(symbols), 3)) @ np.asarray(cell)
    positions = start + np.cumsum(rng.normal(0, 0.12, (frames, len(symbols), 3)), axis=0)
    cells = np.asarray(cell) * (1 + 0.02 * np.sin(times / 50))[:, None, None]
    return times, positions, cells + rng.normal(0, 0.01, cells.shape)
