"""Makers of single calculations: the jobs that studies are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobflow import Job, Maker, job

from natrium.analysis.stored_array import PAYLOAD
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import engine, supervisor
from natrium.workflows.result import CalculationResult


@dataclass
class CalculationMaker(Maker):
    """A job that carries out one calculation on one system with one engine.

    >>> maker = CalculationMaker(name="bulk", calculation={"cutoff_ev": 250, "kpoints": (12, 12, 12)})
    >>> relaxed = maker.make(sodium)                  # sodium: a System, or a reference to another job's output
    >>> static = maker.make(relaxed.output.system, continue_from=relaxed.output.provenance.folder)

    Args:
        name: The step's name within its study; also the name of its folder.
        calculation: Fields of a `Calculation`. Kept as plain data, so that the job survives every serialisation.
        engine: Name of the engine.
    """

    name: str = "calculation"
    calculation: dict[str, Any] = field(default_factory=dict)
    engine: str = "gpaw"

    def make(self, system: Any, continue_from: Any = None) -> Job:
        """The job.

        Args:
            system: A `System`, or a reference to one.
            continue_from: Folder of a finished calculation whose density may serve as the start, or a reference to it.
        """
        made = calculate(self.calculation, system, self.engine, continue_from)
        made.name = self.name
        if isinstance(system, System):
            made.update_metadata({"natrium": {"formula": system.formula}})
        return made


@job(data=PAYLOAD, output_schema=CalculationResult)
def calculate(
    calculation: dict[str, Any], system: System | dict[str, Any], engine_name: str, continue_from: str | None = None
) -> CalculationResult:
    """Carry out one calculation in the current folder. Runs wherever the job runs."""
    return supervisor()(
        engine(engine_name),
        Calculation.model_validate(calculation),
        System.model_validate(system),
        Path.cwd(),
        Path(continue_from) if continue_from else None,
    )
