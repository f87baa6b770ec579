"""Levels of a molecule near the gap, and which of them is meant by 'homo-1': the same for every engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError

Spin = Literal["both", "up", "down"]

NEAR_GAP = 10
"""Levels listed on each side of the gap."""


@dataclass(frozen=True, eq=False)
class SpinChannel:
    """The calculated levels of one spin, or of both where they are alike."""

    spin: Spin
    energies_ev: NDArray[np.float64]
    """Shape (levels,), eV, the lowest first."""
    occupations: NDArray[np.float64]
    """Electrons in each level, shape (levels,)."""

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which levels hold electrons, shape (levels,): rounding leaves 1e-16 of one in an empty level."""
        return np.asarray(self.occupations > 0.5)

    @property
    def occupied(self) -> int:
        """How many levels hold electrons."""
        return int(self.filled.sum())


def frontier_ev(channels: Sequence[SpinChannel]) -> tuple[float | None, float | None]:
    """Highest occupied and lowest empty level of both spins, eV; None where there is none."""
    occupied = np.concatenate([channel.energies_ev[channel.filled] for channel in channels])
    empty = np.concatenate([channel.energies_ev[~channel.filled] for channel in channels])
    return (float(occupied.max()) if occupied.size else None, float(empty.min()) if empty.size else None)


def levels(channels: Sequence[SpinChannel]) -> list[dict[str, Any]]:
    """Of each spin the ten highest occupied and the ten lowest empty levels, as `SpinLevels` wants them."""
    found = []
    for channel in channels:
        first = max(channel.occupied - NEAR_GAP, 0)
        near = slice(first, channel.occupied + NEAR_GAP)
        found.append(
            {
                "spin": channel.spin,
                "first": first + 1,
                "energies_ev": channel.energies_ev[near].tolist(),
                "occupations": channel.occupations[near].tolist(),
            }
        )
    return found


def levels_needed(names: Iterable[str]) -> tuple[int, int]:
    """How many occupied and how many empty levels these orbitals reach into: homo-1 and lumo need (2, 1)."""
    needed = {"homo": 0, "lumo": 0}
    for frontier, distance in map(_parsed, names):
        needed[frontier] = max(needed[frontier], distance + 1)
    return needed["homo"], needed["lumo"]


def find_orbital(channels: Sequence[SpinChannel], name: str) -> tuple[int, int]:
    """Index of the channel and of the level that a name means.

    Counted within one spin: the one whose frontier level is the nearest to the gap.

    Args:
        channels: All calculated levels of each spin.
        name: homo, homo-1, lumo, lumo+1 and so on.

    Raises:
        InputError: there is no such level.
    """
    frontier, distance = _parsed(name)
    candidates = []
    for spin, channel in enumerate(channels):
        edge, step, towards_gap = (
            (channel.occupied - 1, -distance, -1.0) if frontier == "homo" else (channel.occupied, distance, 1.0)
        )
        if 0 <= edge + step < len(channel.energies_ev) and 0 <= edge < len(channel.energies_ev):
            candidates.append((towards_gap * float(channel.energies_ev[edge]), spin, edge + step))
    if not candidates:
        raise InputError(
            f"there is no orbital {name}: the basis has too few functions or the system too few electrons",
            f"leave {name} out of keep_orbitals" + (", or use a larger basis" if frontier == "lumo" else ""),
        )
    _, spin, level = min(candidates)
    return spin, level


def _parsed(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(homo|lumo)(?:[-+](\d))?", name)
    assert match, name  # the Calculation has been checked
    return match[1], int(match[2] or 0)
