"""What plane waves and atomic orbitals make of the forces of molecular dynamics, and what an SCF iteration takes.

    python benchmarks/dynamics_methods.py

FEC on sodium where the preview of the study na-fec-md begins. Forces on the molecule are compared with those of plane
waves to 700 eV, and times with those of the preset `standard`; all in one run, one after another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from grid_ripple import calculated

from natrium.structures.interface_contacts import molecule_atoms
from natrium.workflows.calculation import Calculation
from natrium.workflows.study import settle, study

FINE = {"potential_grid": "fine"}
ORBITALS = FINE | {"mode": "lcao", "basis": "dzp", "cutoff_ev": None}
METHODS: dict[str, dict[str, Any]] = {
    "plane waves, 700 eV": FINE | {"cutoff_ev": 700.0},
    "plane waves, 350 eV (standard)": {},
    "the same, fine potential": FINE,
    "plane waves, 500 eV": {"cutoff_ev": 500.0},
    "atomic orbitals, 0.20 Å": ORBITALS | {"grid_spacing_a": 0.20},
    "atomic orbitals, 0.25 Å (preview)": ORBITALS | {"grid_spacing_a": 0.25},
}
"""What differs from the preset standard."""
REFERENCE, TIMED = "plane waves, 700 eV", "plane waves, 350 eV (standard)"


def main() -> None:
    """One line a method."""
    subject = study("na-fec-md")
    system = subject.systems(settle(subject, "preview", {"species": ["fec"]}))["fec-1-md"]
    section = settle(subject, "standard", {}).calculations["md"].model_dump() | {"energy_ev": 1e-4, "density_e": 1e-4}
    found = {
        name: calculated(Calculation.model_validate(section | changes), system) for name, changes in METHODS.items()
    }
    molecule = list(molecule_atoms(system))
    print(f"{system.label}, {len(system.symbols)} atoms; forces on the molecule")
    for name, one in found.items():
        off_ev_a = (one.forces_ev_a - found[REFERENCE].forces_ev_a)[molecule]
        print(
            f"{name:40s} off by {np.sqrt((off_ev_a**2).mean()):.3f} eV/Å rms, {np.abs(off_ev_a).max():.3f} at the most;"
            f" an SCF iteration {one.iteration_s / found[TIMED].iteration_s:.2f} of the time"
        )


if __name__ == "__main__":
    main()
