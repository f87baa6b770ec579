"""From a converged GPAW calculator to plain numbers. Runs on every MPI rank; the same on all of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from ase.units import Hartree

from natrium.workflows.frontier_orbitals import frontier_ev, levels
from natrium.workflows.gpaw.density import all_electron_density, free_atom_density
from natrium.workflows.gpaw.orbitals import keep_orbitals, spin_channels
from natrium.workflows.provenance import installed_versions

POTENTIAL = "electrostatic-potential.npy"
DENSITY = "all-electron-density.npy"


def harvest(calc: Any, atoms: Any, system: Any, task: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Everything that the result document needs, as JSON types in eV, Å, e.

    Args:
        calc: GPAW's own calculator, converged.
        atoms: Atoms at the final geometry; their calculator includes the dispersion.
        system: The System as it was given.
        task: input.json.
        folder: Where large arrays are written.
    """
    import gpaw
    from gpaw.mpi import world
    from gpaw.utilities.memory import maxrss

    dft = calc.dft
    forces = np.asarray(atoms.get_forces(apply_constraint=False))
    free = np.ones(len(atoms), bool)
    free[list(system.fixed)] = False
    # GPAW's own numbers; `energy_ev` and the forces include the dispersion
    electronic_ev = float(calc.get_potential_energy())
    energy_ev = float(atoms.get_potential_energy())
    relaxed_cell = task["kind"] == "relax" and task["relax"]["cell"] != "fixed"
    # levels of a sharp occupation only; an empty band is converged only where that was asked for
    sharp = task["gpaw"]["occupations"]["width"] == 0
    mode = task["gpaw"]["mode"]["name"]
    channels = spin_channels(dft, mode, task["gpaw"]["convergence"].get("bands")) if sharp else []
    homo, lumo = frontier_ev(channels) if sharp else (None, None)
    # only a potential that is zero far away gives levels from the vacuum level
    isolated = mode != "pw" and not any(system.pbc)
    # a moment that is held fixed has a Fermi level for each spin
    fermi_levels_ev = [float(level) * Hartree for level in dft.ibzwfs.fermi_levels]
    memory = np.array([maxrss() / 1024**2])
    world.max(memory)
    grid = [int(n) for n in calc.get_number_of_grid_points()]
    if task.get("keep_density"):
        keep_density(dft, folder)
    return {
        "positions_a": atoms.positions.tolist(),
        "cell_a": atoms.cell.array.tolist(),
        "energy_ev": energy_ev,
        "free_energy_ev": float(dft.results["free_energy"]) * Hartree + energy_ev - electronic_ev,
        "dispersion_ev": energy_ev - electronic_ev if task["dispersion"] else None,
        "forces_ev_a": forces.tolist(),
        "max_force_ev_a": float(np.linalg.norm(forces[free], axis=1).max()) if free.any() else 0.0,
        "stress_ev_a3": np.asarray(atoms.get_stress()).tolist() if relaxed_cell else None,
        "fermi_level_ev": finite(fermi_levels_ev[0]) if len(fermi_levels_ev) == 1 else None,
        "homo_ev": homo,
        "lumo_ev": lumo,
        "levels": levels(channels) if sharp and isolated else None,
        "orbitals": keep_orbitals(calc, channels, task.get("keep_orbitals", []), folder),
        "electrons": float(calc.get_number_of_electrons()),
        "expected_electrons": float(sum(setup.Z - setup.Nc for setup in dft.setups) - system.charge),
        "magnetic_moment": float(calc.get_magnetic_moment()),
        "dipole_ea": np.asarray(calc.get_dipole_moment()).tolist(),
        "planar_potential": planar_potential(calc, atoms, folder) if system.is_slab and task["kind"] != "md" else None,
        "scf_iterations": int(calc.get_number_of_iterations()),
        "kpoints_irreducible": len(calc.get_ibz_k_points()),
        "grid": grid,
        "peak_memory_mb": float(memory[0]),
        "implementation": type(calc).__module__,
        "engine_version": gpaw.__version__,
        "versions": installed_versions(("ase", "gpaw-data", "numpy", "scipy", "dftd3")),
        "datasets": datasets(dft.setups),
        "free_atoms": {setup.symbol: free_atom_density(setup) for setup in dft.setups}
        if task.get("keep_density")
        else None,
        "gpaw_work_functions_ev": gpaw_work_functions(dft),
    }


def finite(value: Any) -> float | None:
    """A number, or None where GPAW has no such level."""
    return float(value) if value is not None and np.isfinite(value) else None


def planar_potential(calc: Any, atoms: Any, folder: Path) -> dict[str, list[float]] | None:
    """Electrostatic (pseudo) potential averaged over planes parallel to the surface, eV, and their heights, Å.

    The potential on the whole grid goes to a file. None on all ranks but the first, which speaks for all.
    """
    from gpaw.core import UGArray

    # the calculator's own getter pads real-space grids with zeros at the wall and calculates the potential once more
    potential = calc.dft.potential.vHt_x.gather()
    if potential is None:
        return None
    if not isinstance(potential, UGArray):  # plane-wave coefficients
        potential = potential.ifft(grid=potential.desc.minimal_uniform_grid())
    first = int(potential.desc.zerobc_c[2])  # real-space grids have no point at the wall z = 0
    values_ev = potential.data * Hartree
    from gpaw.mpi import world

    if world.rank == 0:  # ranks that share the k-points have it all
        np.save(folder / POTENTIAL, values_ev)
    average_ev = values_ev.mean(axis=(0, 1))
    height_a = float(atoms.cell[2, 2])
    z_a = (first + np.arange(len(average_ev))) * height_a / potential.desc.size_c[2]
    return {"z_a": z_a.tolist(), "potential_ev": average_ev.tolist()}


def keep_density(dft: Any, folder: Path) -> None:
    """The density of all electrons on a refined grid, e/Å³, to a file; the first rank writes."""
    density = all_electron_density(dft)
    if density is not None:
        np.save(folder / DENSITY, density)


def gpaw_work_functions(dft: Any) -> list[float] | None:
    """GPAW's own work functions, top and bottom: an independent check of our plateaus.

    None without a dipole layer, and where the potential came from a checkpoint without a new SCF cycle: the Poisson
    solver does not know its dipole correction then.
    """
    from gpaw.new.calculation import NonsenseError

    try:
        both_ev = [float(value) for value in dft.workfunctions()]
    except (NonsenseError, AttributeError, TypeError):
        return None
    return both_ev if np.isfinite(both_ev).all() else None


def datasets(setups: Any) -> dict[str, str]:
    """PAW dataset of each element: file name and SHA-256."""
    found = {}
    for setup in setups:
        path = Path(setup.filename)
        found[setup.symbol] = f"{path.name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found
