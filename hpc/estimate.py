"""What a calculation will cost, before it is started, learnt from what has finished, and what the estimate rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pydantic import ValidationError

from natrium.analysis.cost import Cost
from natrium.analysis.results_store import ResultsStore
from natrium.hpc.cost_model import Size, irreducible_kpoints
from natrium.hpc.gto_cost import GaussianSize
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

Certainty = Literal["measured", "corrected", "model"]
"""The same calculation again; a model that finished calculations corrected; a model alone."""

_LOOKED_AT = 200
_MOST, _FEWEST = 50, 3
_NOT_COMPARED = {"steps": 1, "seed": None}
"""Settings that change what molecular dynamics costs as the model says, or not at all."""
_THE_SAME = 1.2
"""What was measured on other processes or in another cell counts as measured up to this factor of wall time."""


@dataclass(frozen=True)
class Estimate:
    """Wall time and memory of one calculation.

    Attributes:
        step: Name of the step.
        wall_time_s: Wall time, s.
        memory_per_rank_mb: Of one MPI process, or the share of one thread in the only process, MB.
        kpoints: Irreducible k-points.
        size: What the cost depends on most, in words: '24797 plane waves', '80×80×72 grid', '104 functions'.
        bands: Bands, or orbitals of a molecule.
        certainty: How well it is known.
        basis: What it rests on.
        one_process: Whether it is a single process, whose threads cannot be on several nodes.
    """

    step: str
    wall_time_s: float
    memory_per_rank_mb: float
    kpoints: int
    size: str
    bands: int
    certainty: Certainty
    basis: str
    one_process: bool = False


@dataclass(frozen=True)
class _Known:
    """A finished calculation beside what the model says of it."""

    cost: Cost
    calculation: Calculation
    size: Size | GaussianSize

    @property
    def times(self) -> float:
        """Wall time measured over wall time modelled."""
        return self.cost.wall_time_s / self.size.wall_time_s(self.cost.ranks)

    @property
    def times_memory(self) -> float:
        """Memory measured over memory modelled."""
        measured_mb = self.cost.peak_memory_mb * self.size.processes(self.cost.ranks) / self.cost.ranks
        return measured_mb / self.size.memory_per_rank_mb(self.cost.ranks)


def estimate(
    step: str,
    calculation: Calculation,
    system: System,
    ranks: int,
    finished: ResultsStore | None,
    engine: str = "gpaw",
) -> Estimate:
    """Estimate one calculation, from the best that is known.

    1. The newest finished calculation with the same settings on the same composition: what it took, scaled by the
       model where the number of processes, of time steps, the cell or the symmetry differ.
    2. The model (`natrium.hpc.cost_model`, `natrium.hpc.gto_cost`), times the median of measured/model of the newest 3
       to 50 finished calculations of the same engine, mode and kind; with fewer, of any kind.
    3. The model.

    Args:
        step: Name of the step, for the estimate itself.
        calculation: What is to be calculated.
        system: On what.
        ranks: MPI processes, or threads of an engine that uses those.
        finished: Results to learn from; None: learn nothing.
        engine: The engine that will calculate.

    Raises:
        DatabaseError: the database stopped to answer.
        InputError: a basis that PySCF has not.
    """
    kpoints = irreducible_kpoints(calculation, system)
    polarised = calculation.is_polarised(system.multiplicity, system.magnetic_moments is not None)
    symbols = (*system.symbols, *(symbol for symbol, _ in system.ghosts))
    size = _sizes(calculation).of(calculation, symbols, system.cell_a, polarised, kpoints)
    known = _known(finished.costs(engine, _LOOKED_AT)) if finished is not None else []
    time_factor, memory_factor, certainty, basis = _learnt(calculation, system, size, ranks, known)
    return Estimate(
        step=step,
        wall_time_s=size.wall_time_s(ranks) * time_factor,
        memory_per_rank_mb=round(size.memory_per_rank_mb(ranks) * memory_factor, 1),
        kpoints=kpoints,
        size=size.words,
        bands=size.bands,
        certainty=certainty,
        basis=basis,
        one_process=size.processes(2) == 1,
    )


def _sizes(calculation: Calculation) -> type[Size | GaussianSize]:
    return GaussianSize if calculation.mode == "gto" else Size


def _learnt(
    calculation: Calculation, system: System, size: Size | GaussianSize, ranks: int, known: Sequence[_Known]
) -> tuple[float, float, Certainty, str]:
    """Factors on the model's wall time and memory, how certain they are, and what they rest on."""
    wanted = calculation.model_copy(update=_NOT_COMPARED)
    same = [
        one
        for one in known
        if one.calculation.model_copy(update=_NOT_COMPARED) == wanted and _is_composed_alike(one.cost, system)
    ]
    if same:
        # of several the one that needs the least scaling, of those the newest
        best = min(same, key=lambda one: abs(one.cost.ranks - ranks))
        scale = size.wall_time_s(ranks) / best.size.wall_time_s(best.cost.ranks)
        certainty: Certainty = "measured" if 1 / _THE_SAME < scale < _THE_SAME else "corrected"
        scaled = "" if best.cost.ranks == ranks else f" with {_cores(best.cost.ranks, size.core)}, scaled to {ranks}"
        return best.times, best.times_memory, certainty, best.cost.address + scaled
    of_mode = [one for one in known if one.calculation.mode == calculation.mode]
    of_kind = [one for one in of_mode if one.calculation.kind == calculation.kind]
    alike = (of_kind if len(of_kind) >= _FEWEST else of_mode)[:_MOST]
    if len(alike) >= _FEWEST:
        factor = median(one.times for one in alike)
        basis = f"a model, corrected by {len(alike)} finished calculations (×{factor:.2g})"
        return factor, median(one.times_memory for one in alike), "corrected", basis
    return 1.0, 1.0, "model", "a model"


def _known(costs: Sequence[Cost]) -> list[_Known]:
    """Costs with their sizes; what another version of natrium stored and this one cannot read is left out."""
    known = []
    for cost in costs:
        try:
            calculation = Calculation.model_validate(cost.calculation)
            polarised = calculation.is_polarised(cost.multiplicity, cost.open_spin)
            symbols = (*cost.symbols, *cost.ghosts)
            size = _sizes(calculation).of(calculation, symbols, cost.cell_a, polarised, cost.kpoints)
        except (ValidationError, InputError):
            continue
        known.append(_Known(cost, calculation, size))
    return known


def _is_composed_alike(cost: Cost, system: System) -> bool:
    facts = (sorted(cost.symbols), sorted(cost.ghosts), cost.charge, cost.multiplicity, cost.open_spin)
    ghosts = sorted(symbol for symbol, _ in system.ghosts)
    has_moments = system.magnetic_moments is not None
    return facts == (sorted(system.symbols), ghosts, system.charge, system.multiplicity, has_moments)


def _cores(number: int, core: str) -> str:
    """Processes or threads: '1 process', '4 threads'."""
    return f"1 {core}" if number == 1 else f"{number} {core}{'es' if core.endswith('s') else 's'}"
