"""From a converged PySCF calculation to plain numbers."""

from __future__ import annotations

import hashlib
import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from ase.units import Bohr, Hartree

from natrium.structures.system import System
from natrium.workflows.frontier_orbitals import frontier_ev, levels
from natrium.workflows.provenance import installed_versions
from natrium.workflows.pyscf.calculator import CAVITY_SCALE, GRID_LEVEL, PCM_MODELS
from natrium.workflows.pyscf.molecule import expected_electrons
from natrium.workflows.pyscf.orbitals import keep_orbitals, spin_channels


def harvest(mean_field: Any, atoms: Any, system: System, task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Everything that the result document needs, as JSON types in eV, Å, e.

    Args:
        mean_field: PySCF's converged object.
        atoms: Atoms at the final geometry; their calculator includes the dispersion.
        system: The System as it was given.
        task: input.json.
        folder: Where orbitals are written.
    """
    import pyscf

    mol = mean_field.mol
    forces = np.asarray(atoms.get_forces(apply_constraint=False))
    free = np.ones(len(atoms), bool)
    free[list(system.fixed)] = False
    electronic_ev, energy_ev = float(mean_field.e_tot) * Hartree, float(atoms.get_potential_energy())
    density = np.asarray(mean_field.make_rdm1())
    channels = spin_channels(mean_field)
    homo, lumo = frontier_ev(channels)
    square, _ = mean_field.spin_square()
    return {
        "positions_a": atoms.positions.tolist(),
        "energy_ev": energy_ev,
        "free_energy_ev": energy_ev,
        "dispersion_ev": energy_ev - electronic_ev if task["dispersion"] else None,
        "forces_ev_a": forces.tolist(),
        "max_force_ev_a": float(np.linalg.norm(forces[free], axis=1).max()) if free.any() else 0.0,
        "homo_ev": homo,
        "lumo_ev": lumo,
        "levels": levels(channels),
        "electrons": float((density * mean_field.get_ovlp()).sum()),
        "expected_electrons": float(expected_electrons(mol, system)),
        "magnetic_moment": float(system.multiplicity or 1) - 1,
        # of an ion it depends on the origin: that of the coordinates
        "dipole_ea": (np.asarray(mean_field.dip_moment(unit="AU", verbose=0)) * Bohr).tolist(),
        "scf_iterations": int(task["cycles"]),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "implementation": f"{type(mean_field).__module__}.{type(mean_field).__name__}",
        "engine_version": pyscf.__version__,
        "versions": installed_versions(("ase", "numpy", "scipy", "h5py", "dftd3")),
        "datasets": basis_sets(mol, task["pyscf"]["basis"]),
        "orbitals": keep_orbitals(mean_field, task["keep_orbitals"], folder),
        "raw": {
            "functional": task["pyscf"]["xc"],
            "grid_level": GRID_LEVEL,
            "threads": int(pyscf.lib.num_threads()),
            "basis_functions": int(mol.nao),
            "spin_square": float(square),
            "solvent": solvent(mean_field, task["pyscf"]),
        },
    }


def solvent(mean_field: Any, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The solvent model with the radii of its cavity, Å, its energy, eV, and the points on each sphere."""
    model = settings["solvent"]
    if model is None:
        return None
    from pyscf.dft.gen_grid import LEBEDEV_ORDER

    continuum = mean_field.with_solvent
    symbols = sorted(set(_symbols(mean_field.mol)))
    return {
        "model": PCM_MODELS.get(model, "ddCOSMO"),
        "epsilon": float(continuum.eps),
        "radii_a": {symbol: float(continuum.radii_table[atomic_numbers[symbol]]) * Bohr for symbol in symbols},
        "radii": f"{CAVITY_SCALE} × Bondi, hydrogen 1.1 Å" if model in PCM_MODELS else "1.1 × UFF",
        "points_a_sphere": LEBEDEV_ORDER[continuum.lebedev_order],
        "energy_ev": float(continuum.e) * Hartree,
    }


def basis_sets(mol: Any, basis: str) -> dict[str, str]:
    """The basis of each element: its name, and the SHA-256 of exponents, coefficients and pseudopotential."""
    found = {}
    for symbol in sorted(set(_symbols(mol))):
        numbers = json.dumps([mol._basis[symbol], mol._ecp.get(symbol)], default=float)
        found[symbol] = f"{basis} sha256:{hashlib.sha256(numbers.encode()).hexdigest()}"
    return found


def _symbols(mol: Any) -> list[str]:
    return [mol.atom_pure_symbol(index) for index in range(mol.natm)]
