"""One trajectory, known to the last digit, in every format that others write."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write
from numpy.typing import NDArray
from pymatgen.core.trajectory import Trajectory as PymatgenTrajectory

FRAMES = 30
STEP_FS = 0.5
SYMBOLS = ("Na", "Na", "O", "C", "F", "Na")
PERIODIC = (True, True, True)
SLAB = (True, True, False)
NOWHERE = (False, False, False)

_rng = np.random.default_rng(110)
CELL_A = np.array([[6.0, 0.0, 0.0], [-1.5, 5.5, 0.0], [0.7, -0.9, 9.0]])
CELLS_A = CELL_A * (1 + 1e-3 * np.arange(FRAMES))[:, None, None]
FRACTIONS = _rng.uniform(0.02, 0.98, (1, len(SYMBOLS), 3)) + _rng.normal(scale=2e-3, size=(FRAMES, len(SYMBOLS), 3))
FRACTIONS %= 1.0
TIMES_FS = STEP_FS * np.arange(FRAMES)


def positions_a(cells_a: NDArray[np.float64]) -> NDArray[np.float64]:
    return FRACTIONS @ cells_a


def images(cells_a: NDArray[np.float64] = CELLS_A, *, timed: bool = True) -> list[Atoms]:
    return [
        Atoms(SYMBOLS, scaled_positions=x, cell=cell, pbc=SLAB, info={"time_fs": float(time)} if timed else {})
        for x, cell, time in zip(FRACTIONS, cells_a, TIMES_FS, strict=True)
    ]


def write_ase(path: Path) -> None:
    write(path, images(), format="traj")


def write_extxyz(path: Path) -> None:
    write(path, images(), format="extxyz")


def write_plain_xyz(path: Path) -> None:
    write(path, images(timed=False), format="xyz", fmt="%15.8f")


def write_xdatcar(path: Path) -> None:
    write(path, images(np.broadcast_to(CELL_A, CELLS_A.shape)), format="vasp-xdatcar")


def write_xdatcar_npt(path: Path) -> None:
    PymatgenTrajectory(list(SYMBOLS), FRACTIONS, lattice=CELLS_A, constant_lattice=False).write_Xdatcar(
        str(path), system="Na F", significant_figures=8
    )


def vasprun(frames: int = FRAMES, **settings: object) -> str:
    """The parts of a vasprun.xml that a molecular dynamics run writes first, as VASP 6 lays them out."""
    tags: dict[str, object] = {"IBRION": 0, "NSW": 1000, "POTIM": STEP_FS} | settings
    rows = "".join(f"<rc><c>{symbol:2}</c><c>   1</c></rc>\n" for symbol in SYMBOLS)
    steps = "".join(
        " <calculation>\n  <scstep><energy><i name='e_fr_energy'>-1.0</i></energy></scstep>\n"
        + _structure("", CELLS_A[step % FRAMES], FRACTIONS[step % FRAMES])
        + "  <varray name='forces' ><v> 0.0 0.0 0.0 </v></varray>\n </calculation>\n"
        for step in range(frames)
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <parameters><separator name="ionic" >\n'
        + "".join(f'  <i name="{tag}">  {value} </i>\n' for tag, value in tags.items())
        + f" </separator></parameters>\n <atominfo><atoms> {len(SYMBOLS)} </atoms>\n"
        + f'  <array name="atoms" ><set>\n{rows}</set></array>\n </atominfo>\n'
        + _structure(' name="initialpos"', CELLS_A[0], FRACTIONS[0])
        + steps
        + _structure(' name="finalpos"', CELLS_A[-1], FRACTIONS[-1])
        + "</modeling>\n"
    )


def _structure(name: str, cell_a: NDArray[np.float64], fractions: NDArray[np.float64]) -> str:
    def vectors(array: NDArray[np.float64]) -> str:
        return "".join("   <v> {:16.8f} {:16.8f} {:16.8f} </v>\n".format(*row) for row in array)

    return (
        f"  <structure{name}>\n"
        f'   <crystal>\n    <varray name="basis" >\n{vectors(cell_a)}    </varray>\n   </crystal>\n'
        f'   <varray name="positions" >\n{vectors(fractions)}   </varray>\n  </structure>\n'
    )


def write_vasprun(path: Path) -> None:
    path.write_text(vasprun(), encoding="latin-1")


ORIGIN_A = np.array([-3.0, 2.0, -1.0])


def lammps_box(cell_a: NDArray[np.float64]) -> str:
    """The bounds of the corners of a tilted box, and its tilts."""
    corners = ORIGIN_A + np.array(list(product((0, 1), repeat=3))) @ cell_a
    bounds = zip(corners.min(axis=0), corners.max(axis=0), (cell_a[1, 0], cell_a[2, 0], cell_a[2, 1]), strict=True)
    return "xy xz yz pp pp ff\n" + "".join("{:.16e} {:.16e} {:.16e}\n".format(*bound) for bound in bounds)


def lammps(columns: str = "x y z", elements: bool = True, seed: int = 7) -> str:
    """A dump with rows in another order in every snapshot; the box stands at ORIGIN_A."""
    rng = np.random.default_rng(seed)
    types = sorted(set(SYMBOLS))
    text = ""
    for step, (cell_a, fractions) in enumerate(zip(CELLS_A, FRACTIONS, strict=True)):
        text += f"ITEM: TIMESTEP\n{step * 10}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\n"
        text += f"ITEM: BOX BOUNDS {lammps_box(cell_a)}"
        text += f"ITEM: ATOMS type id {'element ' if elements else ''}{columns} vx \n"
        values = fractions if "s" in columns else ORIGIN_A + fractions @ cell_a
        for atom in rng.permutation(len(SYMBOLS)):
            element = f"{SYMBOLS[atom]} " if elements else ""
            xyz = "{:.10f} {:.10f} {:.10f}".format(*values[atom])
            text += f"{types.index(SYMBOLS[atom]) + 1} {10 * atom + 3} {element}{xyz} 0.1 \n"
    return text


def write_lammps(path: Path) -> None:
    path.write_text(lammps())


WRITERS: dict[str, Callable[[Path], None]] = {
    "run.traj": write_ase,
    "run.xyz": write_extxyz,
    "plain.xyz": write_plain_xyz,
    "XDATCAR": write_xdatcar,
    "XDATCAR.npt": write_xdatcar_npt,
    "vasprun.xml": write_vasprun,
    "run.lammpstrj": write_lammps,
}
TIME_STEP_FS = {"plain.xyz": STEP_FS, "XDATCAR": STEP_FS, "XDATCAR.npt": STEP_FS, "run.lammpstrj": STEP_FS / 10}
"""Where the file does not know; LAMMPS wrote every tenth step."""
