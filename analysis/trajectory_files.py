"""Trajectories of other programs, opened by one function whatever their format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path

from natrium.analysis.trajectory import Trajectory
from natrium.analysis.trajectory_ase import ase_frames, is_ase_trajectory
from natrium.analysis.trajectory_frames import FrameFile, Frames
from natrium.analysis.trajectory_lammps import is_lammps_dump, lammps_frames
from natrium.analysis.trajectory_lines import read_head
from natrium.analysis.trajectory_vasprun import is_vasprun, vasprun_frames
from natrium.analysis.trajectory_xdatcar import is_xdatcar, xdatcar_frames
from natrium.analysis.trajectory_xyz import is_xyz, xyz_frames
from natrium.structures.errors import InputError


@dataclass(frozen=True)
class Format:
    """A format: how it is recognised, by its first bytes as text, and how it is read."""

    what: str
    begins: Callable[[str], bool]
    frames: Callable[..., Frames]
    numbers_types: bool = False
    """Atoms may be of numbered types only, so that the caller can name them."""


FORMATS = {
    "ase": Format("ASE .traj", is_ase_trajectory, ase_frames),
    "vasprun": Format("VASP vasprun.xml", is_vasprun, vasprun_frames),
    "lammps": Format("LAMMPS dump, text", is_lammps_dump, lammps_frames, numbers_types=True),
    "xdatcar": Format("VASP XDATCAR", is_xdatcar, xdatcar_frames),
    "xyz": Format("xyz, plain or extended", is_xyz, xyz_frames),
}
"""In the order in which they are tried."""


def open_trajectory(
    path: Path | str,
    *,
    time_step_fs: float | None = None,
    format: str | None = None,
    symbols: Sequence[str] | None = None,
    every: int = 1,
) -> Trajectory:
    """A trajectory from a file, plain or gzip'd (not ASE's), read as a stream in constant memory.

    A file that ends within a frame, as a killed run leaves it, is read up to there, and a TrajectoryWarning says so
    when the blocks come to its end. Positions are in Å as the file has them, wrapped or not; times in fs:

    | format | times |
    |---|---|
    | ase | atoms.info["time_fs"], or frames from 0 × time_step_fs |
    | xyz | time_fs or time of the comment line, in fs, or frames from 0 × time_step_fs |
    | xdatcar | (configuration number - 1) × time_step_fs |
    | vasprun | ionic steps from 0 × POTIM of the file |
    | lammps | TIMESTEP × time_step_fs, or TIME where the dump names its units |

    Args:
        path: The file.
        time_step_fs: The time from one step to the next (from one frame to the next where frames have no numbers),
            fs. Needed where the file does not know; must agree with the file where it does.
        format: A name in FORMATS; None: told from the content.
        symbols: Elements of LAMMPS's types 1, 2, …, for dumps that do not name them.
        every: Take every n-th frame, from the first on; all are checked.

    Raises:
        InputError: no such file, an empty one, an unknown format, no time step or a contradicting one; also while
            the blocks are read: times that do not rise, other atoms than in the first frame, numbers that are none.
    """
    path = Path(path)
    if time_step_fs is not None and not (isfinite(time_step_fs) and time_step_fs > 0):
        raise InputError(f"the time step is {time_step_fs} fs", "give --time-step-fs a number above 0")
    if every < 1:
        raise InputError(f"every {every}th frame cannot be taken", "give 1 for all frames, 2 for every other, …")
    found = FORMATS[_format_of(path, format)]
    if symbols is not None and not found.numbers_types:
        raise InputError(
            f"symbols were given, but {path} ({found.what}) names its elements itself",
            "leave symbols out: they are for LAMMPS dumps",
        )
    frames = partial(found.frames, path, symbols) if found.numbers_types else partial(found.frames, path)
    return FrameFile(path, frames, time_step_fs, every).trajectory()


def _format_of(path: Path, format: str | None) -> str:
    known = "; ".join(f"{name} ({form.what})" for name, form in FORMATS.items())
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "give the file of a trajectory")
    if format is not None and format not in FORMATS:
        raise InputError(f"no trajectory format is called {format!r}", f"choose one of: {known}")
    head = read_head(path)
    if not head.strip():
        raise InputError(f"{path} is empty", "has the run written anything yet?")
    name = format or next((name for name, form in FORMATS.items() if form.begins(head)), None)
    if name is None:
        raise InputError(f"{path} is no trajectory of a known format", f"known are: {known}; format= names one")
    return name
