"""How much an atom, oxygen unless told otherwise, feels the grid of its density in plane waves.

    python benchmarks/plane_wave_grid.py [ELEMENT [CUTOFF_EV [SPACING_A ...]]]

The atom is alone in a periodic box: along the long axis on a point of the grid, and a quarter and a half of a spacing
off. Nothing but the grid tells the places apart: any force, and any difference of energies, is its error.
"""

from __future__ import annotations

import sys

import numpy as np
from ase import Atoms
from grid_ripple import with_gpaw

from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

SPACINGS_A = (0.20, 0.19, 0.18, 0.17)
BOX_A = (6.0, 6.0, 13.4)
BETWEEN = (0, 0.25, 0.5)


def placed(symbol: str, cutoff_ev: float, spacing_a: float | None, points: int, between: float) -> Atoms:
    """The atom in the middle, moved by a part of the distance between so many points."""
    middle = points // 2 + between
    atom = Atoms(symbol, positions=[(3.0, 3.0, BOX_A[2] * middle / points)], cell=BOX_A, pbc=True)
    settings = {"cutoff_ev": cutoff_ev, "grid_spacing_a": spacing_a, "smearing_width_ev": 0.2}
    return with_gpaw(Calculation.model_validate(settings), System.from_atoms(atom, f"{symbol} in a box"))


def main() -> None:
    """One line a spacing, GPAW's own first."""
    from gpaw.fftw import get_efficient_fft_size

    symbol, cutoff, *given = sys.argv[1:3] + ["O", "400"][len(sys.argv[1:3]) :] + sys.argv[3:]
    cutoff_ev = float(cutoff)
    own_a = np.pi / np.sqrt(4 * cutoff_ev / 27.2114) * 0.529177
    for spacing_a in (None, *(map(float, given) if given else SPACINGS_A)):
        points = int(get_efficient_fft_size(int(np.ceil(BOX_A[2] / (spacing_a or own_a)))))
        found = [placed(symbol, cutoff_ev, spacing_a, points, between) for between in BETWEEN]
        force_ev_a = max(abs(atom.get_forces()[0, 2]) for atom in found)
        energies_ev = [atom.get_potential_energy() for atom in found]
        name = f"{spacing_a:.2f} Å" if spacing_a else f"GPAW's own, {own_a:.3f} Å"
        print(
            f"{name} ({points} points): {force_ev_a:.3f} eV/Å, energies {1000 * np.ptp(energies_ev):.1f} meV apart",
            flush=True,
        )


if __name__ == "__main__":
    main()
