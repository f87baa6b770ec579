"""From the frames of a file, as its reader finds them, to a trajectory: times given, atoms and numbers checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from math import isclose, isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.trajectory import FRAMES_PER_BLOCK, Block, Trajectory
from natrium.structures.errors import InputError

PRINTED_TIME_FS = 2e-3
"""Times in files are rounded: CP2K prints three decimals."""

ONE_RUN = (
    "a run that was started again and appended to its file looks like this: "
    "cut the frames out that are there twice, or read the file of each run by itself"
)


class TrajectoryWarning(UserWarning):
    """A file was read in part: the message says how many frames, and why no more."""


class CutError(Exception):
    """The file ends within a frame, as a killed run leaves it; its text adds what the file says of its length."""


class Frame(NamedTuple):
    """One frame as its file has it."""

    symbols: tuple[str, ...]
    pbc: tuple[bool, bool, bool]
    cell_a: NDArray[np.float64]
    """Lattice vectors in rows, shape (3, 3), Å; zero vectors where there is no cell."""
    positions_a: NDArray[np.float64]
    """Shape (atoms, 3), Å."""
    step: int | None = None
    """The number that the file gives to it, counted from 0; None: the file does not number its frames."""
    time_fs: float | None = None
    """None: the file does not know."""


Frames = Generator[Frame, None, None]


@dataclass(frozen=True)
class FrameFile:
    """A file and how to read its frames from the first one on, as often as wanted."""

    path: Path
    frames: Callable[[], Frames]
    time_step_fs: float | None
    every: int

    def trajectory(self) -> Trajectory:
        """The trajectory; the first two frames are read now, so that most errors come early.

        Raises:
            InputError: see `open_trajectory`.
        """
        # closed at once: the file must not stay open until someone collects the generators
        with closing(self._timed()) as timed:
            (_, first), *_ = islice(timed, 2)
        return Trajectory(str(self.path), first.symbols, first.pbc, self._blocks)

    def _blocks(self) -> Iterator[Block]:
        with closing(self._timed()) as timed:
            wanted = islice(timed, 0, None, self.every)
            while frames := list(islice(wanted, FRAMES_PER_BLOCK)):
                yield Block(
                    np.array([time_fs for time_fs, _ in frames]),
                    np.stack([frame.positions_a for _, frame in frames]),
                    np.stack([frame.cell_a for _, frame in frames]),
                )

    def _timed(self) -> Generator[tuple[float, Frame], None, None]:
        first = last = None
        last_fs = 0.0
        with closing(self._whole()) as frames:
            for number, frame in enumerate(frames, 1):
                first = first or frame
                self._check_atoms(number, frame, first)
                time_fs = self._time_fs(number, frame)
                if last is not None:
                    self._check_order(number, frame, time_fs, last, last_fs)
                yield time_fs, frame
                last, last_fs = frame, time_fs

    def _whole(self) -> Frames:
        """The frames, until the file ends or breaks off."""
        count = 0
        with closing(self.frames()) as frames:
            try:
                for frame in frames:
                    yield frame
                    count += 1
            except CutError as cut:
                known = f" ({cut})" if str(cut) else ""
                if count:
                    warnings.warn(
                        f"{self.path} breaks off after frame {count}{known}: what is behind it is no whole frame and "
                        "is left out. Was the run killed, or does it still write?",
                        TrajectoryWarning,
                        stacklevel=2,
                    )
                    return
                raise InputError(
                    f"{self.path} breaks off before its first frame is whole{known}",
                    "the run wrote too little, or the copy is cut",
                ) from None
        if not count:
            raise InputError(f"{self.path} has no frame", "is it the right file?")

    def _check_atoms(self, number: int, frame: Frame, first: Frame) -> None:
        where = f"frame {number} of {self.path}"
        if len(frame.symbols) != len(frame.positions_a):
            raise InputError(
                f"{where} has {len(frame.positions_a)} positions for {len(frame.symbols)} atoms", "cut the file there"
            )
        if len(frame.positions_a) != len(first.positions_a):
            raise InputError(
                f"{where} has {len(frame.positions_a)} atoms, the first {len(first.positions_a)}",
                "atoms stay the same within a trajectory: split the file where they change",
            )
        # most readers give the same tuple again, which compares at once
        if frame.symbols != first.symbols:
            at = next(i for i, (a, b) in enumerate(zip(frame.symbols, first.symbols, strict=True)) if a != b)
            raise InputError(
                f"atom {at} of {where} is {frame.symbols[at]}, in the first frame {first.symbols[at]}",
                "atoms keep their order and element within a trajectory: split the file where they change",
            )
        if frame.pbc != first.pbc:
            raise InputError(f"{where} is periodic along {frame.pbc}, the first {first.pbc}", "split the file there")
        if not (np.isfinite(frame.positions_a).all() and np.isfinite(frame.cell_a).all()):
            raise InputError(
                f"{where} has positions or a cell that are no numbers (NaN or infinite)",
                "the run went wrong there: cut the file before this frame and look at the step before it",
            )

    def _time_fs(self, number: int, frame: Frame) -> float:
        if frame.time_fs is not None:
            if not isfinite(frame.time_fs):
                raise InputError(f"frame {number} of {self.path} is at {frame.time_fs} fs", "correct the time there")
            return frame.time_fs
        if self.time_step_fs is None:
            raise InputError(
                f"frame {number} of {self.path} does not say its time",
                "give the time step: --time-step-fs, the time in fs from one "
                + ("frame to the next" if frame.step is None else "step to the next, as the file numbers them"),
            )
        return (number - 1 if frame.step is None else frame.step) * self.time_step_fs

    def _check_order(self, number: int, frame: Frame, time_fs: float, last: Frame, last_fs: float) -> None:
        where = f"frame {number} of {self.path}"
        if (frame.time_fs is None) != (last.time_fs is None):
            raise InputError(
                f"{where} {'does not say its time' if frame.time_fs is None else 'says its time'}, unlike frame "
                f"{number - 1}",
                "give every frame a time, or none",
            )
        if time_fs <= last_fs:
            does = "is at the time of" if time_fs == last_fs else "goes back in time behind"
            raise InputError(f"{where} ({time_fs:g} fs) {does} frame {number - 1} ({last_fs:g} fs)", ONE_RUN)
        if frame.step is None and frame.time_fs is None and np.array_equal(frame.positions_a, last.positions_a):
            # nothing but the positions can tell; in a run they never stand still to the last digit
            raise InputError(f"{where} repeats the positions of frame {number - 1}", ONE_RUN)
        if frame.time_fs is None or self.time_step_fs is None:
            return
        steps = 1 if frame.step is None or last.step is None else frame.step - last.step
        given_fs = steps * self.time_step_fs
        if not isclose(time_fs - last_fs, given_fs, rel_tol=1e-3, abs_tol=PRINTED_TIME_FS):
            raise InputError(
                f"{where} is {time_fs - last_fs:g} fs after frame {number - 1} by the file itself, {given_fs:g} fs by "
                "the time step given",
                "leave --time-step-fs out (time_step_fs=None): the file knows its times",
            )


def element_symbols(labels: Iterable[str], where: str) -> tuple[str, ...]:
    """Element symbols from symbols or atomic numbers, in any case of letters.

    Raises:
        InputError: a label is no element.
    """
    from ase.data import atomic_numbers, chemical_symbols

    known = {symbol: symbol for symbol in atomic_numbers} | {str(z): s for z, s in enumerate(chemical_symbols) if z}
    try:
        return tuple(known.get(label) or known[label.capitalize()] for label in labels)
    except KeyError as error:
        raise InputError(
            f"{where}: {error.args[0]} is no element", "name atoms by element symbols in the file"
        ) from None
