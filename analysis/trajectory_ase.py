"""ASE's .traj files, frame by frame, without building the atoms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np

from natrium.analysis.trajectory_frames import CutError, Frame, Frames
from natrium.analysis.trajectory_lines import GZIP
from natrium.structures.errors import InputError


def is_ase_trajectory(head: str) -> bool:
    """Whether a file begins as an ASE trajectory."""
    return head.startswith("- of UlmASE-Trajectory")


def ase_frames(path: Path) -> Frames:
    """The frames, at the times of atoms.info["time_fs"] where that was written.

    Raises:
        InputError: the file is gzip'd (frames are found by seeking), or damaged.
        CutError: the file ends within a frame, or there is something behind the last one.
    """
    from ase.data import chemical_symbols
    from ase.io import ulm

    with path.open("rb") as file:
        if file.read(len(GZIP)) == GZIP:
            raise InputError(f"{path} is gzip'd, and ASE trajectories are read by seeking", "unpack it: gunzip")
        try:
            reader = ulm.Reader(file)
        except (ulm.InvalidULMFileError, ValueError) as error:
            raise InputError(f"{path} is damaged: {error}", "copy it again from where the run was") from None
        size = file.seek(0, 2)
        numbers: list[int] = []
        symbols: tuple[str, ...] = ()
        pbc = (False, False, False)
        end = 0
        for index in range(len(reader)):
            end = _end(file, int(reader._offsets[index]))
            if end > size:
                raise CutError(f"of {len(reader)}")
            item = reader[index]
            if "numbers" in item:  # in the first frame, and again only where numbers or periodicity change
                if (found := item.numbers.tolist()) != numbers:
                    numbers, symbols = found, tuple(chemical_symbols[z] for z in found)
                pbc = (bool(item.pbc[0]), bool(item.pbc[1]), bool(item.pbc[2]))
            time_fs = item.get("info", {}).get("time_fs")
            yield Frame(
                symbols, pbc, np.array(item.cell), item.positions, None, None if time_fs is None else float(time_fs)
            )
        # the table of frames grows by a factor at a time, and what is behind the last frame may be that table
        table = 1
        while table < len(reader):
            table *= ulm.N1
        if size > max(end, reader._pos0 + 8 * table):
            raise CutError


def _end(file: BinaryIO, offset: int) -> int:
    """Where a frame ends: its description, of which the length comes first, is behind its arrays."""
    file.seek(offset)
    length = file.read(8)
    return offset + 8 + int.from_bytes(length, sys.byteorder) if len(length) == 8 else sys.maxsize
