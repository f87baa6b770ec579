"""A trajectory as one extended xyz file, for other programs and for the data that comes with a paper."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from natrium.analysis.figure_file import checked_path
from natrium.analysis.trajectory import Trajectory

SUFFIXES = (".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz")
"""Those of the files that can be written."""


def write_xyz(path: Path | str, trajectory: Trajectory, *, overwrite: bool = False) -> Path:
    """Write every frame with its time, cell and positions, in Å to six decimals; as a stream.

    Args:
        path: fec.xyz, fec.extxyz or fec.xyz.gz.
        trajectory: What moves; joined segments are one file.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        InputError: an unknown suffix, no such folder, or a file that exists and may not be replaced.
    """
    path = checked_path(path, SUFFIXES, overwrite=overwrite)
    pbc = " ".join("T" if periodic else "F" for periodic in trajectory.pbc)
    written = path.with_name(f"{path.name}.part")
    with ExitStack() as stack:
        plain = stack.enter_context(written.open("wb"))
        file: IO[bytes] | gzip.GzipFile = plain
        if path.suffix == ".gz":
            # without name and time, so that the same frames make the same file
            file = stack.enter_context(gzip.GzipFile(filename="", fileobj=plain, mode="wb", mtime=0))
        for block in trajectory.blocks():
            for time_fs, positions_a, cell_a in zip(*block, strict=True):
                lattice = f'Lattice="{" ".join(f"{one:.6f}" for one in cell_a.flat)}" ' if np.any(cell_a) else ""
                lines = [
                    str(len(trajectory.symbols)),
                    f'{lattice}Properties=species:S:1:pos:R:3 pbc="{pbc}" time_fs={time_fs:.10g}',
                    *(
                        f"{symbol:2s} {x:13.6f} {y:13.6f} {z:13.6f}"
                        for symbol, (x, y, z) in zip(trajectory.symbols, positions_a, strict=True)
                    ),
                ]
                file.write(("\n".join(lines) + "\n").encode("ascii"))
    written.replace(path)
    return path
