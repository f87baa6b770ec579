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
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

Certainty = Literal["measured", "corrected", "model"]
"""The same calculation again; a model that finished calculations corrected; a model alone."""

_LOOKED_AT = 200
_MOST, _FEWEST = 50, 3
_THE_SAME = 1.2
"""What was measured on other processes or in another cell counts as measured up to this factor of wall time."""


@dataclass(frozen=True)
class Estimate:
    """Wall time and memory of one calculation."""

    step: str
    wall_time_s: float
    memory_per_rank_mb: float
    kpoints: int
    plane_waves: int
    bands: int
    certainty: Certainty
    basis: str


@dataclass(frozen=True)
class _Known:
    """A finished calculation beside what the model says of it."""

    cost: Cost
    calculation: Calculation
    size: Size

    @property
    def times(self) -> float:
        """Wall time measured over wall time modelled."""
        return self.cost.wall_time_s / self.size.wall_time_s(self.cost.ranks)

    @property
    def times_memory(self) -> float:
        """Memory measured over memory modelled."""
        return self.cost.peak_memory_mb / self.size.memory_per_rank_mb(self.cost.ranks)


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
       model where the number of processes, the cell or the symmetry differ.
    2. The model (`natrium.hpc.cost_model`), times the median of measured/model of the newest 3 to 50 finished
       calculations of the same engine and mode.
    3. The model.

    Args:
        step: Name of the step, for the estimate itself.
        calculation: What is to be calculated.
        system: On what.
        ranks: MPI processes.
        finished: Results to learn from; None: learn nothing.
        engine: The engine that will calculate.

    Raises:
        DatabaseError: the database stopped to answer.
    """
    kpoints = irreducible_kpoints(calculation, system)
    polarised = calculation.is_polarised(system.multiplicity, system.magnetic_moments is not None)
    size = Size.of(calculation, system.symbols, system.cell_a, polarised, kpoints)
    known = _known(finished.costs(engine, _LOOKED_AT)) if finished is not None else []
    time_factor, memory_factor, certainty, basis = _learnt(calculation, system, size, ranks, known)
    return Estimate(
        step=step,
        wall_time_s=size.wall_time_s(ranks) * time_factor,
        memory_per_rank_mb=round(size.memory_per_rank_mb(ranks) * memory_factor, 1),
        kpoints=kpoints,
        plane_waves=size.plane_waves,
        bands=size.bands,
        certainty=certainty,
        basis=basis,
    )


def _learnt(
    calculation: Calculation, system: System, size: Size, ranks: int, known: Sequence[_Known]
) -> tuple[float, float, Certainty, str]:
    """Factors on the model's wall time and memory, how certain they are, and what they rest on."""
    same = [one for one in known if one.calculation == calculation and _is_composed_alike(one.cost, system)]
    if same:
        # of several the one that needs the least scaling, of those the newest
        best = min(same, key=lambda one: abs(one.cost.ranks - ranks))
        scale = size.wall_time_s(ranks) / best.size.wall_time_s(best.cost.ranks)
        certainty: Certainty = "measured" if 1 / _THE_SAME < scale < _THE_SAME else "corrected"
        scaled = "" if best.cost.ranks == ranks else f" with {_processes(best.cost.ranks)}, scaled to {ranks}"
        return best.times, best.times_memory, certainty, best.cost.address + scaled
    alike = [one for one in known if one.calculation.mode == calculation.mode][:_MOST]
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
        except ValidationError:
            continue
        polarised = calculation.is_polarised(cost.multiplicity, cost.open_spin)
        size = Size.of(calculation, cost.symbols, cost.cell_a, polarised, cost.kpoints)
        known.append(_Known(cost, calculation, size))
    return known


def _is_composed_alike(cost: Cost, system: System) -> bool:
    facts = (sorted(cost.symbols), cost.charge, cost.multiplicity, cost.open_spin)
    return facts == (sorted(system.symbols), system.charge, system.multiplicity, system.magnetic_moments is not None)


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"
