"""How forces and energies of molecular dynamics in atomic orbitals depend on where the atoms are between grid points.

    python benchmarks/grid_ripple.py [SPACING_A ...]

FEC in a periodic box, calculated as the preview of the study na-fec-md calculates it, but for a smaller SCF error, at
one place and half a grid spacing along each axis away from it. Nothing but the grid tells the places apart: all
differences are its errors.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from natrium.structures.molecule_library import library_molecule
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import engine
from natrium.workflows.study import settle, study

SPACINGS_A = (0.30, 0.25, 0.22, 0.18)
BOX_A = 10.5
MULTIPLE = 4
"""GPAW makes grids of so many points, or a multiple: the box must have one for the spacing to be what it is called."""


def boxed(spacing_a: float, shift: float) -> System:
    """FEC in the middle of a periodic box, moved by a part of the grid spacing along each axis."""
    edge_a = round(BOX_A / spacing_a / MULTIPLE) * MULTIPLE * spacing_a
    atoms = library_molecule("FEC").atoms()
    atoms.set_cell([edge_a] * 3)
    atoms.center()
    atoms.positions += shift * spacing_a
    atoms.pbc = True
    return System.from_atoms(atoms, "FEC in a box")


class Calculated(NamedTuple):
    """Of one single point."""

    energy_ev: float
    forces_ev_a: NDArray[np.float64]
    iteration_s: float


def with_gpaw(calculation: Calculation, system: System) -> Atoms:
    """The atoms with the calculator that the engine would give them."""
    from gpaw.dft import GPAW

    with tempfile.TemporaryDirectory() as folder:
        engine("gpaw").write_inputs(calculation, system, Path(folder))
        keywords = json.loads((Path(folder) / "input.json").read_text())["gpaw"]
    atoms = system.atoms()
    atoms.calc = GPAW(**keywords, txt=None, legacy_gpaw=False)
    return atoms


def calculated(calculation: Calculation, system: System) -> Calculated:
    """Energy and forces as the engine would calculate them, and the time of an SCF iteration."""
    atoms = with_gpaw(calculation, system)
    energy_ev, forces_ev_a = float(atoms.get_potential_energy()), atoms.get_forces()
    atoms.positions[-1, 0] += 0.02  # the next step of dynamics: what comes before the first step does not count
    begin = time.perf_counter()
    atoms.get_potential_energy()
    return Calculated(energy_ev, forces_ev_a, (time.perf_counter() - begin) / atoms.calc.dft.scf_loop.niter)


def main() -> None:
    """One line a spacing."""
    section = settle(study("na-fec-md"), "preview", {}).calculations["md"].model_dump()
    alone = {"kind": "static", "dipole_layer": False, "valence_electrons": {}, "energy_ev": 1e-4}
    for spacing_a in map(float, sys.argv[1:] or SPACINGS_A):
        one = Calculation.model_validate(section | alone | {"grid_spacing_a": spacing_a})
        here, moved = (calculated(one, boxed(spacing_a, each)) for each in (0, 0.5))
        apart_ev_a = np.abs(moved.forces_ev_a - here.forces_ev_a)
        symbol = library_molecule("FEC").symbols[int(apart_ev_a.max(axis=1).argmax())]
        apart_mev = 1000 * abs(moved.energy_ev - here.energy_ev)
        print(
            f"{spacing_a:.2f} Å: forces {apart_ev_a.max():.2f} eV/Å apart at the most (on {symbol}),"
            f" {np.sqrt((apart_ev_a**2).mean()):.2f} eV/Å rms; energies {apart_mev:.0f} meV"
        )


if __name__ == "__main__":
    main()
