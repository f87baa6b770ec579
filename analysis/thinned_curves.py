"""Curves of a whole trajectory in bounded memory: bins of frames that double whenever they become too many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.stored_array import StoredArray


class LengthCurves(BaseModel):
    """Distances over time. Extremes survive the thinning; what a bin holds between its first frame and them is lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(description="Of the curves: 'C46–F50'")
    frames_per_bin: int = Field(description="1: every frame was kept")
    times_fs: StoredArray = Field(description="Time of the first frame of each bin, shape (bins,), fs")
    first_a: StoredArray = Field(description="Distance in the first frame of each bin, shape (curves, bins), Å")
    lowest_a: StoredArray = Field(description="Shortest distance in each bin, shape (curves, bins), Å")
    highest_a: StoredArray = Field(description="Longest distance in each bin, shape (curves, bins), Å")


class Thinning:
    """Collects curves block by block.

    When the bins are used up, each two neighbours become one. No means are kept: a sum's last digits would depend on
    the blocks.
    """

    def __init__(self, curves: int, most_bins: int) -> None:
        """Empty bins.

        Args:
            curves: How many.
            most_bins: Even; between half as many bins and all of them are in use once the frames outnumber them.
        """
        self._times_fs = np.zeros(most_bins)
        self._first, self._lowest, self._highest = np.zeros((3, most_bins, curves), dtype=np.float32)
        self._frames, self._stride = 0, 1

    def add(self, times_fs: NDArray[np.float64], lengths_a: NDArray[np.float64]) -> None:
        """The next frames: shapes (frames,) and (frames, curves)."""
        while len(times_fs):
            if self._frames == self._stride * len(self._times_fs):
                self._halve()
            room = self._stride * len(self._times_fs) - self._frames
            self._fill(times_fs[:room], lengths_a[:room].astype(np.float32))
            times_fs, lengths_a = times_fs[room:], lengths_a[room:]

    def curves(self, names: Sequence[str]) -> LengthCurves:
        """What was collected."""
        used = -(-self._frames // self._stride)
        return LengthCurves(
            names=tuple(names),
            frames_per_bin=self._stride,
            times_fs=self._times_fs[:used].copy(),
            first_a=self._first[:used].T.copy(),
            lowest_a=self._lowest[:used].T.copy(),
            highest_a=self._highest[:used].T.copy(),
        )

    def _fill(self, times_fs: NDArray[np.float64], lengths_a: NDArray[np.float32]) -> None:
        numbers = self._frames + np.arange(len(times_fs))
        bins = numbers // self._stride
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        lowest = np.minimum.reduceat(lengths_a, starts, axis=0)
        highest = np.maximum.reduceat(lengths_a, starts, axis=0)
        if numbers[0] % self._stride:
            lowest[0] = np.minimum(lowest[0], self._lowest[bins[0]])
            highest[0] = np.maximum(highest[0], self._highest[bins[0]])
        self._lowest[bins[starts]], self._highest[bins[starts]] = lowest, highest
        begins = starts[numbers[starts] % self._stride == 0]
        self._times_fs[bins[begins]], self._first[bins[begins]] = times_fs[begins], lengths_a[begins]
        self._frames += len(times_fs)

    def _halve(self) -> None:
        half = len(self._times_fs) // 2
        self._times_fs[:half], self._first[:half] = self._times_fs[::2], self._first[::2]
        self._lowest[:half] = np.minimum(self._lowest[::2], self._lowest[1::2])
        self._highest[:half] = np.maximum(self._highest[::2], self._highest[1::2])
        self._stride *= 2
