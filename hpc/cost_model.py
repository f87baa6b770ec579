"""A model of what a plane-wave or grid calculation costs, and of how its k-points are shared by MPI processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from ase.data import atomic_numbers

from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

# Fitted to the presets of na110 on one core of a 2 to 3 GHz server that did nothing else: see tests/test_estimate.py.
_SECONDS_PER_UNIT = 7.0e-9
_CYCLES_PER_UNIT = 8
_START_S = 2.2
_START_MB = 160
_ITERATIONS = 14
_RELAXATION_STEPS = {1: 4, 2: 20}
"""By the number of elements: sodium is cut from sodium, but oxygen looks for its place in it."""
_ARRAYS = 3  # wave functions, their residuals, and what is preconditioned
_RY_BOHR = 3.80998  # ħ²/2m, eV Å²
_KPOINTS_FIRST = 1.4
"""GPAW's own weight (kptprioritypower of gpaw.mpi.Parallelization): k-points share work better than domains do."""


@dataclass(frozen=True)
class Size:
    """What the cost of a calculation depends on."""

    kpoints: int
    plane_waves: int
    bands: int
    spins: int
    geometries: int

    @classmethod
    def of(
        cls,
        calculation: Calculation,
        symbols: Sequence[str],
        cell_a: Sequence[Sequence[float]],
        polarised: bool,
        kpoints: int,
    ) -> Size:
        """The size of a calculation with so many irreducible k-points, with one or both spins."""
        volume_a3 = abs(float(np.linalg.det(np.array(cell_a)))) or 1000.0
        cutoff_ev = calculation.cutoff_ev or 9.42 / (calculation.grid_spacing_a or 0.2) ** 2
        wave_number = np.sqrt(cutoff_ev / _RY_BOHR)
        electrons = sum(calculation.valence_electrons.get(symbol, _valence(symbol)) for symbol in symbols)
        return cls(
            kpoints=kpoints,
            plane_waves=int(volume_a3 * wave_number**3 / (6 * np.pi**2)),
            bands=int(1.2 * electrons / 2) + 4,
            spins=2 if polarised else 1,
            geometries=_RELAXATION_STEPS[min(len(set(symbols)), 2)] if calculation.kind == "relax" else 1,
        )

    def wall_time_s(self, ranks: int) -> float:
        """Wall time with so many processes, s.

        The model counts FFTs and orthogonalisation: irreducible k-points × spins × geometries × iterations ×
        (bands × plane waves × log + bands² × plane waves).
        """
        waves, bands = self.plane_waves, self.bands
        work = self.kpoints * self.spins * (bands * waves * np.log2(waves + 2) + bands**2 * waves / 4)
        alone_s = _SECONDS_PER_UNIT * _CYCLES_PER_UNIT * work * _ITERATIONS * self.geometries
        return float(_START_S + alone_s / speed_up(self.kpoints, ranks))

    def memory_per_rank_mb(self, ranks: int) -> float:
        """Resident size of one of so many processes, MB: the program, and its share of the wave functions."""
        groups = kpoint_groups(self.kpoints, ranks)
        share = -(-self.kpoints // groups) / (ranks // groups)
        return _START_MB + share * self.bands * self.plane_waves * 16 * _ARRAYS / 1024**2


@lru_cache(maxsize=4096)
def kpoint_groups(kpoints: int, ranks: int) -> int:
    """In how many groups GPAW divides its processes, each with k-points of its own.

    The number divides that of the processes; the processes of a group divide the domain of each k-point.
    """

    def worth(groups: int) -> float:
        busy = kpoints / (-(-kpoints // groups) * groups)
        return float((ranks // groups * groups**_KPOINTS_FIRST) ** busy)

    possible = [groups for groups in range(min(kpoints, ranks), 0, -1) if ranks % groups == 0]
    return max(possible, key=worth)


def speed_up(kpoints: int, ranks: int) -> float:
    """How much faster so many processes are than one.

    Groups of processes wait for the one with the most k-points; within a group the speed grows with the number of
    processes to the power 1/1.4, the price that GPAW itself puts on dividing a domain.
    """
    groups = kpoint_groups(kpoints, ranks)
    return float(kpoints / -(-kpoints // groups) * (ranks // groups) ** (1 / _KPOINTS_FIRST))


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
