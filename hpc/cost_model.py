"""A model of what a plane-wave or grid calculation costs, and of how its k-points are shared by MPI processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from natrium.structures.system import System
from natrium.workflows.calculation import Calculation


@dataclass(frozen=True)
class _Weights:
    """What a mode's calculations take.

    Attributes:
        seconds: For each unit of work of an iteration, s.
        band_bytes: For each band at each point, of plane waves for each wave.
        point_bytes: For each point of the grid without spin: densities, potentials, the basis functions of atoms.
    """

    seconds: float
    band_bytes: float
    point_bytes: float


# On one core of a 2 to 3 GHz server: plane waves fitted to the presets of na110, grids to H2O and FEC in boxes, spacing
# 0.2 and 0.25 Å (see tests/test_estimate.py). The memory that plane waves take on their grid:
# fitted to na110-o2 and its ladders.
_WEIGHTS = {
    "pw": _Weights(seconds=5.6e-8, band_bytes=48, point_bytes=1400),
    "fd": _Weights(seconds=1.6e-8, band_bytes=90, point_bytes=400),
    "lcao": _Weights(seconds=5.2e-9, band_bytes=27, point_bytes=1200),
}
_START_S = 2.2
_START_MB = 160
_ITERATIONS = 14
_RELAXATION_STEPS = {1: 4, 2: 20}
_TIME_STEP = 0.4
"""Of a calculation from nothing: the density is predicted."""
"""By the number of elements: sodium is cut from sodium, but oxygen looks for its place in it."""
_SPACING_A = 0.2
"""GPAW's own, where none is given."""
_RY_BOHR = 3.80998  # ħ²/2m, eV Å²
_KPOINTS_FIRST = 1.4
"""GPAW's own weight (kptprioritypower of gpaw.mpi.Parallelization): k-points share work better than domains do."""


@dataclass(frozen=True)
class Size:
    """What the cost of a calculation with plane waves or on a grid depends on."""

    mode: str
    kpoints: int
    points: int
    """Plane waves, or points of the grid."""
    grid_points: int
    """Of the grid that holds density and potential."""
    words: str
    """The points as people say it."""
    bands: int
    spins: int
    geometries: float
    """Calculations from nothing that it takes as long as."""

    core: ClassVar[str] = "process"
    """What runs on one core."""

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
        electrons = sum(calculation.valence_electrons.get(symbol, _valence(symbol)) for symbol in symbols)
        cell = np.array(cell_a) if np.linalg.det(cell_a) else 10 * np.eye(3)
        points, grid_points, words = _points(calculation, cell)
        return cls(
            mode=calculation.mode,
            kpoints=kpoints,
            points=points,
            grid_points=grid_points,
            words=words,
            bands=int(1.2 * electrons / 2) + 4,
            spins=2 if polarised else 1,
            geometries=_geometries(calculation, symbols),
        )

    def wall_time_s(self, ranks: int) -> float:
        """Wall time with so many processes, s.

        The model counts FFTs (or what a grid has instead) and orthogonalisation: irreducible k-points × spins ×
        geometries × iterations × (bands × points × log + bands² × points), with a constant of the mode. In lcao the
        matrix of basis functions grows as the second term does.
        """
        points, bands = self.points, self.bands
        work = self.kpoints * self.spins * (bands * points * np.log2(points + 2) + bands**2 * points / 4)
        alone_s = _WEIGHTS[self.mode].seconds * work * _ITERATIONS * self.geometries
        return float(_START_S + alone_s / speed_up(self.kpoints, ranks))

    def processes(self, ranks: int) -> int:
        """How many processes so many cores hold."""
        return ranks

    def memory_per_rank_mb(self, ranks: int) -> float:
        """Resident size of one of so many processes, MB: the program, and its share of wave functions and grids."""
        weights = _WEIGHTS[self.mode]
        groups = kpoint_groups(self.kpoints, ranks)
        bands = -(-self.kpoints // groups) * self.spins * self.bands
        waves = self.points * bands * weights.band_bytes
        grids = self.grid_points * weights.point_bytes * (1 + self.spins) / 2
        return _START_MB + (waves + grids) / (ranks // groups) / 1024**2


def _geometries(calculation: Calculation, symbols: Sequence[str]) -> float:
    if calculation.kind == "md":
        return 1 + _TIME_STEP * calculation.steps
    return _RELAXATION_STEPS[min(len(set(symbols)), 2)] if calculation.kind == "relax" else 1


def _points(calculation: Calculation, cell: NDArray[np.float64]) -> tuple[int, int, str]:
    """Plane waves or grid points of a cell, Å; points of the grid of its density; and the first in words."""
    if calculation.mode == "pw" and calculation.cutoff_ev is not None:
        wave_number = np.sqrt(calculation.cutoff_ev / _RY_BOHR)
        waves = int(abs(np.linalg.det(cell)) * wave_number**3 / (6 * np.pi**2))
        spacing_a = calculation.grid_spacing_a or np.pi / np.sqrt(2) / wave_number
        # along the edges, so that a skewed cell has more of them than its volume says
        return waves, int(np.ceil(np.linalg.norm(cell, axis=1) / spacing_a).prod()), f"{waves} plane waves"
    # GPAW divides the height over each face of the cell, into a multiple of four for its coarser grids
    heights_a = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    grid = np.maximum(4, 4 * np.floor(heights_a / (calculation.grid_spacing_a or _SPACING_A) / 4 + 0.5)).astype(int)
    return int(grid.prod()), int(grid.prod()), "×".join(map(str, grid)) + " grid"


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
