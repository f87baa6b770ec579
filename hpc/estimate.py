"""What a calculation will cost, before it is started, and what the estimate rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers

from natrium.analysis.results_store import ResultsStore
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

# Fitted to the presets of na110 on one core of a 2 to 3 GHz server that did nothing else: see tests/test_estimate.py.
_SECONDS_PER_UNIT = 7.0e-9
_START_S = 2.2
_ITERATIONS = 14
_RELAXATION_STEPS = 4
_RY_BOHR = 3.80998  # ħ²/2m, eV Å²


@dataclass(frozen=True)
class Estimate:
    """Wall time and memory of one calculation."""

    step: str
    wall_time_s: float
    memory_per_rank_mb: float
    kpoints: int
    plane_waves: int
    bands: int
    basis: str


def estimate(
    step: str, calculation: Calculation, system: System, ranks: int, finished: ResultsStore | None
) -> Estimate:
    """Estimate one calculation: from a finished run of the same settings if there is one, else from a model.

    The model counts FFTs and orthogonalisation:
    irreducible k-points × iterations × (bands × plane waves × log + bands² × plane waves).
    """
    volume_a3 = abs(float(np.linalg.det(np.array(system.cell_a)))) or 1000.0
    cutoff_ev = calculation.cutoff_ev or 9.42 / (calculation.grid_spacing_a or 0.2) ** 2
    wave_number = np.sqrt(cutoff_ev / _RY_BOHR)
    plane_waves = int(volume_a3 * wave_number**3 / (6 * np.pi**2))
    electrons = sum(calculation.valence_electrons.get(symbol, _valence(symbol)) for symbol in system.symbols)
    bands = int(1.2 * electrons / 2) + 4
    kpoints = irreducible_kpoints(calculation, system)
    memory_mb = 160 + kpoints / min(kpoints, ranks) * bands * plane_waves * 16 * 3 / 1024**2
    facts = {"kpoints": kpoints, "plane_waves": plane_waves, "bands": bands, "memory_per_rank_mb": round(memory_mb)}
    measured = _measured(step, calculation, len(system.symbols), finished)
    if measured is not None:
        wall_time_s, address = measured
        return Estimate(step=step, wall_time_s=wall_time_s, basis=address, **facts)
    cycles = _RELAXATION_STEPS if calculation.kind == "relax" else 1
    spin = 2 if system.multiplicity not in (None, 1) or calculation.spin_polarised else 1
    work = kpoints * spin * (bands * plane_waves * np.log2(plane_waves + 2) + bands**2 * plane_waves / 4)
    seconds = _START_S + _SECONDS_PER_UNIT * work * _ITERATIONS * cycles * 8 / ranks
    return Estimate(step=step, wall_time_s=float(seconds), basis="a model", **facts)


def irreducible_kpoints(calculation: Calculation, system: System) -> int:
    """Number of k-points that symmetry and time reversal leave over."""
    if calculation.kpoints == (1, 1, 1):
        return 1
    import spglib

    cell = np.array(system.cell_a)
    for axis in np.flatnonzero(~np.array(system.pbc)):
        if not cell[axis].any():
            return int(np.ceil(np.prod(calculation.kpoints) / 2))
    positions = np.linalg.solve(cell.T, np.array(system.positions_a).T).T
    numbers = [atomic_numbers[symbol] for symbol in system.symbols]
    shift = [int(not calculation.gamma_centred and points % 2 == 0) for points in calculation.kpoints]
    mapping, _ = spglib.get_ir_reciprocal_mesh(
        calculation.kpoints, (cell.tolist(), positions.tolist(), numbers), is_shift=shift
    )
    return int(np.unique(mapping).size)


def _valence(symbol: str) -> int:
    """Electrons outside the last noble gas, with the semicore shell of alkali and alkaline earth metals."""
    number = int(atomic_numbers[symbol])
    core = max((noble for noble in (0, 2, 10, 18, 36, 54, 86) if noble < number), default=0)
    outside = number - core
    return outside + 6 if outside <= 2 and core > 2 else outside


def _measured(
    step: str, calculation: Calculation, atoms: int, finished: ResultsStore | None
) -> tuple[float, str] | None:
    if finished is None:
        return None
    wanted = calculation.model_dump(mode="json")
    for row in finished.find(kind="calculation", limit=200):
        output = row.output
        if (
            isinstance(output, dict)
            and row.address.endswith("/" + step)
            and output["calculation"] == wanted
            and len(output["system"]["symbols"]) == atoms
            and len(output["attempts"]) == 1
        ):
            return float(output["wall_time_s"]), row.address
    return None
