"""Study `orbitals`: frontier orbitals of molecules, alone and with an ion, at several levels of theory.

Each molecule: relaxation; the ion at each of its donors: relaxations, of which the lowest is relaxed further → statics
of both at every level of theory; the same with one more electron, before and after it relaxes, and of the reduced
molecule that the ion comes to → evaluation → result document.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import Field

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.published import Comparison
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary, StudyResult
from natrium.workflows.sections import section_of
from natrium.workflows.studies.level_tables import ranked, tables
from natrium.workflows.studies.molecule_levels import MoleculeLevels, ion_levels
from natrium.workflows.studies.molecule_steps import molecule_jobs, molecule_systems
from natrium.workflows.studies.orbital_settings import (
    ION,
    OrbitalsSettings,
    placed,
    step_name,
)
from natrium.workflows.studies.published_levels import comparisons
from natrium.workflows.study import Quantity, StudySettings


class OrbitalsResult(StudyResult):
    """What the study delivers."""

    ion: str | None = Field(description="The ion that the molecules are coordinated to")
    first: FrontierLevels | None = Field(description="The first molecule at the first level of theory")
    first_with_ion: FrontierLevels | None = Field(description="Its complex with the ion, at the first level of theory")
    levels: list[FrontierLevels] = Field(description="Every species at every level of theory")
    molecules: list[MoleculeLevels]
    missing: list[str] = Field(description="Molecules without a result")
    comparisons: list[Comparison] = Field(description="Our numbers beside published ones")


class Orbitals:
    """HOMO, LUMO, electron affinity, reduction and binding energies of molecules and their complexes with an ion."""

    name: ClassVar[str] = "orbitals"
    summary: ClassVar[str] = (
        "FEC (or any molecules) alone and with Na+: HOMO, LUMO, electron affinity, reduction and binding energies"
    )
    settings: ClassVar[type[StudySettings]] = OrbitalsSettings
    result: ClassVar[type[StudyResult]] = OrbitalsResult
    presets: ClassVar[str] = "natrium.workflows.presets:orbitals.yaml"
    chosen_by: str = "molecules"
    quantities: Mapping[str, Quantity] = {
        "LUMO": Quantity("LUMO", "first.lumo_ev", "eV"),
        "HOMO": Quantity("HOMO", "first.homo_ev", "eV"),
        "LUMO with the ion": Quantity("LUMO(ion)", "first_with_ion.lumo_ev", "eV"),
        "HOMO with the ion": Quantity("HOMO(ion)", "first_with_ion.homo_ev", "eV"),
        "binding energy of the ion": Quantity("E_b", "first_with_ion.binding_ev", "eV"),
        "electron affinity": Quantity("EA", "first.electron_affinity_ev", "eV"),
        "reduction energy": Quantity("E_red", "first.reduction_ev", "eV"),
        "electron affinity with the ion": Quantity("EA(ion)", "first_with_ion.electron_affinity_ev", "eV"),
        "reduction energy with the ion": Quantity("E_red(ion)", "first_with_ion.reduction_ev", "eV"),
    }

    def systems(self, settings: OrbitalsSettings) -> dict[str, System]:
        """The system of every step at the starting geometry, where the relaxed one is not known yet.

        Raises:
            InputError: two steps would have one name, or one the name of another level of theory.
        """
        settings.check_molecules()
        each = [one for molecule in settings.molecules for one in molecule_systems(molecule, settings)]
        if any(settings.candidates(molecule) for molecule in settings.molecules):
            each += [(step_name(ION, level), level, settings.ion_alone) for level in settings.levels]
        systems: dict[str, System] = {}
        for step, section, system in each:
            if step in systems or section_of(settings, step) != section:
                raise InputError(
                    f"molecules: {system.label} would have the step {step}, which is another one's name",
                    "call the molecule differently: {name: …, source: …}",
                )
            systems[step] = placed(system, settings.box(section))
        # a run is called after the last one: the first molecule that was asked for
        first = step_name(settings.molecules[0].base, settings.levels[0])
        return {**systems, first: systems.pop(first)}

    def flow(self, settings: OrbitalsSettings) -> Flow:
        """The jobs, joined."""
        jobs: list[Any] = []
        ions = {}
        if any(settings.candidates(molecule) for molecule in settings.molecules):
            for level in settings.levels:
                made = calculation_maker(settings, step_name(ION, level)).make(
                    placed(settings.ion_alone, settings.box(level))
                )
                ions[level] = made.output
                jobs.append(made)
        evaluations = {}
        for molecule in settings.molecules:
            own = molecule_jobs(molecule, ions, settings)
            evaluations[molecule.name] = own[-1].output
            jobs += own
        result = summarise(evaluations, ions, settings)
        return Flow([*jobs, result], output=result.output, name=self.name)

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = OrbitalsResult.model_validate(result)
        missing = [f"missing: {', '.join(found.missing)}"] if found.missing else []
        if len(found.molecules) > 1:
            return "; ".join(ranked(found.levels) + missing)
        told = []
        for one in found.levels:
            if one.molecule is not None and one.lumo_ev is not None:
                homo = "" if one.homo_ev is None else f"HOMO {one.homo_ev:.2f}, "
                told.append(f"{one.species} ({one.level}): {homo}LUMO {one.lumo_ev:.2f} eV")
        return "; ".join(told + missing)

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """The levels, those of several molecules with the lowest LUMO first; the places of the ion; what is missing."""
        found = OrbitalsResult.model_validate(result)
        return tables(found.levels, found.molecules)

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """The levels of every species on one energy scale."""
        from natrium.analysis.plot_levels import plot_levels

        found = OrbitalsResult.model_validate(result)
        plot_levels(path, found.levels, title=f"{found.formula}, preset {found.preset}", overwrite=overwrite)


@job(name="result", output_schema=OrbitalsResult, config=JobConfig(on_missing_references=OnMissing.NONE))
def summarise(evaluations: dict[str, Any], ions: dict[str, Any], settings: Any) -> OrbitalsResult:
    """The result document, from what the evaluations gave; molecules without one are named."""
    settings = OrbitalsSettings.model_validate(settings)
    found = {name: one and MoleculeLevels.model_validate(one) for name, one in evaluations.items()}
    if not any(found.values()):
        require("the result", dict.fromkeys(found))
    molecules = [one for one in found.values() if one]
    alone_ev = {level: one and CalculationResult.model_validate(one) for level, one in ions.items()}
    calculations = {step_name(ION, level): CalculationSummary.of(one) for level, one in alone_ev.items() if one}
    for one in molecules:
        calculations |= one.calculations
    levels = [level for one in molecules for level in one.levels]
    levels += [ion_levels(settings.ion, level, one) for level, one in alone_ev.items() if one and settings.ion]
    first, level = settings.molecules[0].name, settings.levels[0]
    by_species = {row.species: row for row in levels if (row.molecule, row.level) == (first, level)}
    return OrbitalsResult(
        **StudyResult.facts(settings, molecules[0].system.formula),
        calculations=calculations,
        ion=settings.ion,
        first=by_species.get(first),
        first_with_ion=by_species.get(f"{first}–{settings.ion}"),
        levels=levels,
        molecules=molecules,
        missing=[name for name, one in found.items() if not one],
        comparisons=comparisons(molecules, settings.calculations, settings.calculations[settings.geometry]),
    )
