"""The electrons between two steps of molecular dynamics, on disk to the last bit. Runs on every MPI rank.

A .gpw file serves any number of ranks, but holds its arrays in other units than GPAW calculates with. So each rank
keeps its own arrays beside it, as they are in memory: with as many ranks as before a run goes on as if nothing had
happened.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.workflows.gpaw.prediction import DensityPrediction

_NAMES = ("electrons-0", "electrons-1")
"""In turns, so that those of the last finished step are whole whenever a kill comes."""


def save(calc: Any, prediction: DensityPrediction, folder: Path, step: int) -> str:
    """Write the electrons of a step.

    Returns:
        The name of the files.
    """
    from gpaw.mpi import world

    name = _NAMES[step % len(_NAMES)]
    calc.write(str(folder / f"{name}.gpw"), mode="all")
    with (folder / f"{name}.{world.rank}.npz").open("wb") as file:
        arrays: dict[str, Any] = {"ranks": np.array(world.size)} | _arrays(calc.dft) | prediction.arrays()
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    if world.rank == 0:
        with (folder / f"{name}.gpw").open("rb") as file:
            os.fsync(file.fileno())
    world.barrier()
    return name


def restore(calc: Any, prediction: DensityPrediction, folder: Path, name: str) -> None:
    """Give a calculator, read from the .gpw file of this name, the very arrays that were in memory.

    With another number of ranks, or where the arrays are not whole, it is left as it was read.
    """
    from gpaw.mpi import world

    path = folder / f"{name}.{world.rank}.npz"
    try:
        with np.load(path) as file:
            kept = dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        kept = {}
    memory = _arrays(calc.dft)
    fits = int(kept.get("ranks", 0)) == world.size and all(
        key in kept and kept[key].shape == array.shape and kept[key].dtype == array.dtype
        for key, array in memory.items()
    )
    if not world.min_scalar(int(fits)):
        return
    for key, array in memory.items():
        array[...] = kept[key]
    prediction.restore(kept)


def _arrays(dft: Any) -> dict[str, NDArray[Any]]:
    """The arrays in memory that the next SCF cycle begins with, by name."""
    dft.ibzwfs.make_sure_wfs_are_read_from_gpw_file()
    arrays = {
        "density": dft.density.nt_sR.data,
        "atomic-density": dft.density.D_asii.data,
        "potential": dft.potential.vt_sR.data,
        "atomic-potential": dft.potential.dH_asii.data,
        "fermi-levels": dft.ibzwfs.fermi_levels,
    }
    if dft.potential.vHt_x is not None:
        arrays["electrostatic-potential"] = dft.potential.vHt_x.data
    for number, wfs in enumerate(dft.ibzwfs):
        orbitals = wfs.C_nM if hasattr(wfs, "C_nM") else wfs.psit_nX
        arrays |= {f"orbitals-{number}": orbitals.data, f"occupations-{number}": wfs.occ_n}
    return arrays
