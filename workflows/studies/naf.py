"""Study `naf`: the crystals NaF and Na2O, as references for interfaces. One relaxation each → result document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.published import Comparison, compare
from natrium.structures.ionic_crystals import antifluorite, lattice_constant_of, nearest_distance, rock_salt
from natrium.structures.system import System
from natrium.workflows.makers import CalculationMaker
from natrium.workflows.result import CalculationResult, CalculationSummary, StudyResult
from natrium.workflows.study import Quantity, StudySettings

CRYSTALS: dict[str, Callable[[], System]] = {
    "naf": partial(rock_salt, "Na", "F"),
    "na2o": partial(antifluorite, "Na", "O"),
}
"""Both at their measured lattice constants."""


class NaFSettings(StudySettings):
    """The calculations have all the settings there are."""


class Crystal(BaseModel):
    """A relaxed ionic crystal."""

    model_config = ConfigDict(extra="forbid")

    formula: str
    lattice_constant_a: float = Field(description="Of the conventional cubic cell, Å")
    nearest_distance_a: float = Field(description="From a sodium atom to the nearest anion, Å")
    energy_ev: float = Field(description="Total energy of the primitive cell, eV")
    crystal: System = Field(description="The relaxed primitive cell")


class NaFResult(StudyResult):
    """What the study delivers."""

    naf: Crystal = Field(description="Rock salt")
    na2o: Crystal = Field(description="Antifluorite")
    comparisons: list[Comparison] = Field(description="Our numbers beside published ones")


class NaF:
    """Lattice constant and nearest distance of rock salt NaF and antifluorite Na2O."""

    name: ClassVar[str] = "naf"
    summary: ClassVar[str] = "NaF and Na2O crystals: lattice constants, Na–F and Na–O distances"
    settings: ClassVar[type[StudySettings]] = NaFSettings
    result: ClassVar[type[StudyResult]] = NaFResult
    presets: ClassVar[str] = "natrium.workflows.presets:naf.yaml"
    quantities: Mapping[str, Quantity] = {
        "lattice constant of NaF": Quantity("a(NaF)", "naf.lattice_constant_a", "Å"),
        "lattice constant of Na2O": Quantity("a(Na₂O)", "na2o.lattice_constant_a", "Å"),
        "Na–F distance": Quantity("d(Na–F)", "naf.nearest_distance_a", "Å"),
    }

    def systems(self, settings: NaFSettings) -> dict[str, System]:  # noqa: ARG002
        """Both crystals at their measured lattice constants."""
        return {name: crystal() for name, crystal in CRYSTALS.items()}

    def flow(self, settings: NaFSettings) -> Flow:
        """The jobs, joined."""
        relaxed = {
            name: CalculationMaker(name, settings.calculations[name].model_dump(), settings.engine).make(crystal())
            for name, crystal in CRYSTALS.items()
        }
        result = summarise({name: made.output for name, made in relaxed.items()}, settings)
        return Flow([*relaxed.values(), result], output=result.output, name=self.name)

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = NaFResult.model_validate(result)
        return (
            f"NaF: a = {found.naf.lattice_constant_a:.3f} Å, Na–F {found.naf.nearest_distance_a:.3f} Å;"
            f" Na2O: a = {found.na2o.lattice_constant_a:.3f} Å, Na–O {found.na2o.nearest_distance_a:.3f} Å"
        )

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """Both crystals."""
        from natrium.analysis.plot_structure import plot_structures

        found = NaFResult.model_validate(result)
        crystals = {part.formula: part.crystal for part in (found.naf, found.na2o)}
        plot_structures(path, crystals, overwrite=overwrite)


@job(name="result", output_schema=NaFResult)
def summarise(relaxed: dict[str, Any], settings: Any) -> NaFResult:
    """The result document, from the documents of the two relaxations."""
    documents = {name: CalculationResult.model_validate(document) for name, document in relaxed.items()}
    crystals = {
        name: Crystal(
            formula=document.system.formula,
            lattice_constant_a=lattice_constant_of(document.system),
            nearest_distance_a=nearest_distance(document.system),
            energy_ev=document.energy_ev,
            crystal=document.system,
        )
        for name, document in documents.items()
    }
    return NaFResult(
        **StudyResult.facts(NaFSettings.model_validate(settings), crystals["naf"].formula),
        calculations={name: CalculationSummary.of(document) for name, document in documents.items()},
        **crystals,
        comparisons=[
            compare(crystals["naf"].nearest_distance_a, "naf_crystal_distance"),
            compare(crystals["na2o"].lattice_constant_a, "na2o_a_pbe"),
        ],
    )
