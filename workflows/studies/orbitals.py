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
from natrium.structures.conformers import distinct
from natrium.structures.counterpoise import alone, counterpoise_parts
from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import coordination
from natrium.structures.redox import reduced, rejoined
from natrium.structures.system import System
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary, StudyResult
from natrium.workflows.sections import section_of
from natrium.workflows.studies.molecule_levels import MoleculeLevels, evaluate, ion_levels, ranked, tables
from natrium.workflows.studies.orbital_settings import (
    CONFORMER,
    ION,
    IONS,
    REJOINED,
    NamedMolecule,
    OrbitalsSettings,
    conformer_step,
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
        each: list[tuple[str, str, System]] = []
        for molecule in settings.molecules:
            start, base = molecule.system, molecule.base
            candidates = settings.candidates(molecule)
            each += _form_systems(base, start, settings)
            if candidates:
                complexed = next(iter(candidates.values()))
                each += [(conformer_step(base, place), CONFORMER, one) for place, one in candidates.items()]
                form = f"{base}-{ION}"
                each += _form_systems(form, complexed, settings)
                each += _rejoined_systems(form, complexed, settings)
                for part, system in counterpoise_parts(complexed, start, settings.ion_alone).items():
                    names = {level: step_name(f"{form}-{part}", level) for level in settings.corrected_levels}
                    each += [(name, level, system) for level, name in names.items()]
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
            own = self._molecule_jobs(molecule, ions, settings)
            evaluations[molecule.name] = own[-1].output
            jobs += own
        result = summarise(evaluations, ions, settings)
        return Flow([*jobs, result], output=result.output, name=self.name)

    def _molecule_jobs(self, molecule: NamedMolecule, ions: dict[str, Any], settings: OrbitalsSettings) -> list[Any]:
        """The jobs of one molecule; the last one evaluates the others."""
        jobs, documents = _form_jobs(molecule.base, placed(molecule.system, settings.box(settings.geometry)), settings)
        candidates = settings.candidates(molecule)
        ranking = None
        if candidates:
            places = _place_jobs(molecule, candidates, settings)
            ranking = places[-1].output
            with_ion, more = _complex_jobs(molecule, ranking["system"], settings)
            jobs += [*places, *with_ion]
            if settings.reduction:
                own = documents[step_name(f"{molecule.base}-reduced", settings.geometry)]
                joined, again = _rejoined_jobs(f"{molecule.base}-{ION}", own.system, settings)
                jobs += joined
                more |= again
            documents |= more
        alone_ev = {level: output.energy_ev for level, output in ions.items()}
        given = {name: getattr(settings, name) for name in ("ion", "levels", "geometry")}
        evaluated = evaluate(molecule, documents, alone_ev, ranking, given)
        evaluated.name = f"{molecule.base}-evaluation"
        return [*jobs, evaluated]

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


def _form_systems(form: str, system: System, settings: OrbitalsSettings) -> list[tuple[str, str, System]]:
    """Step, section and system of the calculations of a molecule, or of its complex."""
    steps = [(form, settings.geometry, system), *((form, level, system) for level in settings.levels)]
    if settings.reduction:
        electron = reduced(alone(system))
        steps.append((f"{form}-reduced", settings.geometry, electron))
        steps += [(f"{form}-{how}", level, electron) for how in ("electron", "reduced") for level in settings.levels]
    return [(step_name(name, section), section, which) for name, section, which in steps]


def _rejoined_systems(form: str, complexed: System, settings: OrbitalsSettings) -> list[tuple[str, str, System]]:
    """The same of the reduced molecule that the ion comes to, which has the atoms of the reduced complex."""
    sections = (settings.geometry, *settings.levels) if settings.reduction else ()
    return [(step_name(f"{form}-{REJOINED}", section), section, reduced(alone(complexed))) for section in sections]


def _form_jobs(form: str, start: Any, settings: OrbitalsSettings) -> tuple[list[Any], dict[str, Any]]:
    """The jobs of a molecule or of its complex, and the outputs of its calculations by step.

    Args:
        form: What its steps begin with.
        start: The geometry to relax, or a reference to it.
        settings: Of the study.
    """
    jobs: list[Any] = []
    documents: dict[str, Any] = {}

    def calculate(name: str, section: str, system: Any, continue_from: Any = None) -> Any:
        made = calculation_maker(settings, step_name(name, section)).make(system, continue_from)
        documents[made.name] = made.output
        jobs.append(made)
        return made.output

    def forms_of(name: str, relaxed: Any, *, electron: bool) -> dict[str, dict[str, Any]]:
        made, forms = _forms(name, relaxed, settings, electron=electron)
        jobs.extend(made)
        return forms

    relaxed = calculate(form, settings.geometry, start)
    forms = forms_of(form, relaxed.system, electron=settings.reduction)
    for level in settings.levels:
        calculate(form, level, forms["as it is"][level], relaxed.provenance.folder)
    if settings.reduction:
        for level in settings.levels:
            calculate(f"{form}-electron", level, forms["reduced"][level])
        with_electron = calculate(f"{form}-reduced", settings.geometry, forms["reduced"][settings.geometry])
        relaxed_forms = forms_of(f"{form}-reduced", with_electron.system, electron=False)
        for level in settings.levels:
            calculate(f"{form}-reduced", level, relaxed_forms["as it is"][level], with_electron.provenance.folder)
    return jobs, documents


def _rejoined_jobs(form: str, molecule: Any, settings: OrbitalsSettings) -> tuple[list[Any], dict[str, Any]]:
    """The jobs of a complex that begins as the relaxed reduced molecule with the ion, and outputs by step.

    Args:
        form: What the steps of the complex begin with.
        molecule: The relaxed reduced molecule, by reference.
        settings: Of the study.
    """
    start = rejoin(molecule, settings.ion, settings.box(settings.geometry))
    start.name = f"{form}-rejoin"
    relaxed = calculation_maker(settings, step_name(f"{form}-{REJOINED}", settings.geometry)).make(start.output)
    prepared, forms = _forms(f"{form}-{REJOINED}", relaxed.output.system, settings, electron=False)
    statics = [
        calculation_maker(settings, step_name(f"{form}-{REJOINED}", level)).make(
            forms["as it is"][level], relaxed.output.provenance.folder
        )
        for level in settings.levels
    ]
    return [start, relaxed, *prepared, *statics], {made.name: made.output for made in (relaxed, *statics)}


def _place_jobs(molecule: NamedMolecule, candidates: Mapping[str, System], settings: OrbitalsSettings) -> list[Any]:
    """Relaxations of the complex from every place of the ion; the last job ranks what came out."""
    tried = {
        place: calculation_maker(settings, conformer_step(molecule.base, place)).make(
            placed(system, settings.box(CONFORMER))
        )
        for place, system in candidates.items()
    }
    outputs = {place: made.output for place, made in tried.items()}
    ranking = rank(outputs, molecule.name, settings.box(settings.geometry))
    ranking.name = f"{molecule.base}-{ION}-places"
    return [*tried.values(), ranking]


def _complex_jobs(molecule: NamedMolecule, start: Any, settings: OrbitalsSettings) -> tuple[list[Any], dict[str, Any]]:
    """The jobs of a molecule's complex, those of the counterpoise correction among them, and outputs by step."""
    form = f"{molecule.base}-{ION}"
    jobs, documents = _form_jobs(form, start, settings)
    if settings.corrected_levels:
        relaxed = documents[step_name(form, settings.geometry)]
        parts = take_apart(relaxed.system, molecule.system, settings.ion_alone)
        parts.name = f"{form}-parts"
        jobs.append(parts)
        for level in settings.corrected_levels:
            for part in ("deformed", "molecule", "ion"):
                made = calculation_maker(settings, step_name(f"{form}-{part}", level)).make(parts.output[part])
                documents[made.name] = made.output
                jobs.append(made)
    return jobs, documents


def _forms(
    name: str, relaxed: Any, settings: OrbitalsSettings, *, electron: bool
) -> tuple[list[Any], dict[str, dict[str, Any]]]:
    """The jobs that prepare a relaxed molecule for every level of theory, and what each level takes.

    Those without a box have a job of their own: on a ladder of boxes it stays the same, and all that rests on it.
    """
    boxes = {section: settings.box(section) for section in (*settings.levels, settings.geometry)}
    jobs: list[Any] = []
    forms: dict[str, dict[str, Any]] = {"as it is": {}, "reduced": {}}
    for what, chosen in (
        ("forms", {section: box for section, box in boxes.items() if box is None}),
        ("boxes", {section: box for section, box in boxes.items() if box is not None}),
    ):
        if chosen:
            made = prepare(relaxed, chosen, electron)
            made.name = f"{name}-{what}"
            jobs.append(made)
            for form, each in forms.items():
                each |= {section: made.output[form][section] for section in chosen}
    return jobs, forms


@job
def prepare(relaxed: Any, boxes: dict[str, Any], electron: bool) -> dict[str, dict[str, System]]:
    """A relaxed molecule as each level of theory wants it; and, if asked for, with one more electron."""
    system = alone(System.model_validate(relaxed))
    wanted = {"as it is": system} | ({"reduced": reduced(system)} if electron else {})
    return {name: {each: placed(one, box) for each, box in boxes.items()} for name, one in wanted.items()}


@job
def rejoin(molecule: Any, ion: str, box: Any) -> System:
    """The relaxed reduced molecule with the ion."""
    return placed(rejoined(alone(System.model_validate(molecule)), *IONS[ion]), box)


@job(config=JobConfig(on_missing_references=OnMissing.NONE))
def rank(places: dict[str, Any], name: str, box: Any) -> dict[str, Any]:
    """The complexes that the relaxations from each place ended in, the lowest first, and which failed."""
    found = {place: one and CalculationResult.model_validate(one) for place, one in places.items()}
    relaxed = {place: one for place, one in found.items() if one}
    if not relaxed:
        require(f"{name} with the ion", dict.fromkeys(places))
    ranking = distinct(
        {place: one.system for place, one in relaxed.items()}, {place: one.energy_ev for place, one in relaxed.items()}
    )
    best = ranking[0].system
    label = f"{best.label.rpartition(', ')[0]}, {coordination(best)}"
    return {
        "system": placed(best.model_copy(update={"label": label}), box),
        "ranking": ranking,
        "missing": [place for place, one in found.items() if not one],
        "calculations": {place: CalculationSummary.of(one) for place, one in relaxed.items()},
    }


@job
def take_apart(complexed: Any, of: Any, ion: Any) -> dict[str, System]:
    """The molecule and the ion of a complex, for the counterpoise correction."""
    return counterpoise_parts(*(System.model_validate(one) for one in (complexed, of, ion)))


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
