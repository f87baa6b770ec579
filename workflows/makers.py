"""Makers of single calculations: the jobs that studies are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobflow import Job, Maker, job

from natrium.analysis.charges import atomic_charges
from natrium.analysis.stored_array import PAYLOAD
from natrium.structures.errors import NatriumError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import engine, supervisor
from natrium.workflows.result import CalculationResult
from natrium.workflows.sections import section_of
from natrium.workflows.study import StudySettings


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
        formula = {"formula": system.formula} if isinstance(system, System) else {}
        made.update_metadata({"natrium": {"engine": self.engine} | formula})
        return made


def calculation_maker(settings: StudySettings, step: str) -> CalculationMaker:
    """The maker of a study's step, with the settings of its section: see `natrium.workflows.sections.section_of`.

    Raises:
        KeyError: the study has no section for such a step.
    """
    section = section_of(settings, step)
    if section is None:
        raise KeyError(step)
    return CalculationMaker(step, settings.calculations[section].model_dump(), settings.engine_of(section))


@job(data=PAYLOAD, output_schema=CalculationResult)
def calculate(
    calculation: dict[str, Any], system: System | dict[str, Any], engine_name: str, continue_from: str | None = None
) -> CalculationResult:
    """Carry out one calculation in the current folder. Runs wherever the job runs."""
    asked = Calculation.model_validate(calculation)
    result = supervisor()(
        engine(engine_name),
        asked,
        System.model_validate(system),
        Path.cwd(),
        Path(continue_from) if continue_from else None,
    )
    return with_charges(result) if asked.charges else result


def with_charges(result: CalculationResult) -> CalculationResult:
    """A result with the charges of its atoms, from the density that it kept; without any it says why.

    A density that cannot be partitioned takes nothing from the rest of a calculation of hours.
    """
    charges, because = None, None
    if result.density is None or result.free_atoms is None:
        because = f"{result.provenance.folder}: no density was kept"
    else:
        try:
            charges = atomic_charges(result.density.load(), result.system, result.free_atoms)
        except NatriumError as error:
            because = error.problem
    return result.model_copy(update={"charges": charges, "no_charges_because": because, "free_atoms": None})
