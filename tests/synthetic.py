"""Documents of calculations that nobody carried out: with the energies, potentials and densities that a test gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.bader import BaderCharges
from natrium.analysis.charges import AtomicCharges
from natrium.analysis.volumetric import VolumetricData, VolumetricFile
from natrium.structures.slab_geometry import cell_height_a, heights_a
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.result import Attempt, CalculationResult, PlanarPotential, Provenance


def calculated(system: System, calculation: Calculation, energy_ev: float, **fields: Any) -> CalculationResult:
    """A calculation on this system with this energy; other fields by their names."""
    attempt = Attempt(
        number=1, started=datetime(2026, 1, 1, tzinfo=UTC), wall_time_s=60.0, ranks=1, outcome="finished", host="here"
    )
    provenance = Provenance(
        natrium="0",
        engine="gpaw",
        engine_version="0",
        implementation="none",
        versions={},
        datasets={},
        inputs_sha256={},
        host="here",
        folder="/nowhere",
    )
    given = {
        "free_energy_ev": energy_ev,
        "forces_ev_a": [(0.0, 0.0, 0.0)] * len(system.symbols),
        "max_force_ev_a": 0.0,
        "electrons": float(system.electrons),
        "magnetic_moment": sum(system.magnetic_moments or (0.0,)),
        "dipole_ea": (0.0, 0.0, 0.0),
        "scf_iterations": 10,
        "kpoints_irreducible": 1,
        "grid": (4, 4, 8),
        "wall_time_s": 60.0,
        "peak_memory_mb": 100.0,
        "attempts": [attempt],
        "provenance": provenance,
    } | fields
    return CalculationResult(system=system, calculation=calculation, energy_ev=energy_ev, **given)


def potential(slab: System, bottom_ev: float, top_ev: float) -> PlanarPotential:
    """Levels below and above a slab, with a short tail; the step lies at the boundary of the cell."""
    height_a, atoms_a = cell_height_a(slab), heights_a(slab)
    z_a = np.arange(256) * height_a / 256
    below = z_a < atoms_a.mean()
    outside_a = np.where(below, atoms_a.min() - z_a, z_a - atoms_a.max())
    level_ev = np.where(below, bottom_ev, top_ev) - 13.0 * np.exp(-4.0 * np.maximum(outside_a, 0))
    return PlanarPotential(z_a=z_a.tolist(), potential_ev=level_ev.tolist())


def charged(system: System, of_element_e: Mapping[str, float]) -> AtomicCharges:
    """Every atom of an element with this Bader charge and with half of it by Hirshfeld."""
    bader_e = tuple(of_element_e[symbol] for symbol in system.symbols)
    bader = BaderCharges(
        symbols=system.symbols,
        charges_e=bader_e,
        electrons=(0.0,) * len(bader_e),
        volumes_a3=(0.0,) * len(bader_e),
        vacuum_electrons=0.0,
        vacuum_volume_a3=0.0,
        non_nuclear_electrons=0.0,
        expected_electrons=0.0,
        total_electrons=0.0,
        partitioned="",
        integrated="",
        grid=(4, 4, 8),
    )
    return AtomicCharges(
        symbols=system.symbols, bader_e=bader_e, hirshfeld_e=tuple(e / 2 for e in bader_e), bader=bader
    )


def density_file(folder: Path, name: str, system: System, values_e_a3: NDArray[np.float64]) -> VolumetricFile:
    """A file with a density of this system's cell."""
    data = VolumetricData(values_e_a3, np.array(system.cell_a), name, 400.0)
    return VolumetricFile.written(folder / f"{name}.npy", data, "density")


def whole_and_parts(
    folder: Path, system: System, moved_e: float = 0.5, part_shape: tuple[int, int, int] = (4, 4, 8)
) -> dict[str, VolumetricFile]:
    """Densities of a structure, its sodium and its oxygen; so much charge went from the lower half to the upper one."""
    sodium, oxygen = np.full((4, 4, 8), 0.02), np.full((4, 4, 8), 0.01)
    e_a3 = 2 * moved_e / abs(float(np.linalg.det(np.array(system.cell_a))))
    step = np.where(np.arange(8) < 4, -e_a3, e_a3)
    parts = {"sodium": np.full(part_shape, 0.02), "oxygen": oxygen, "whole": sodium + oxygen + step}
    return {name: density_file(folder, name, system, values) for name, values in parts.items()}
