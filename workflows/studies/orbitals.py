"""Study `orbitals`: frontier orbitals of molecules, alone and with an ion, at several levels of theory.

Each molecule: relaxation; the ion at each of its donors: relaxations, of which the lowest is relaxed further → statics
of both at every level of theory; the same with one more electron, before and after it relaxes → evaluation → result
document.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator, model_validator

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.published import Comparison
from natrium.structures.boxes import boxed
from natrium.structures.conformers import distinct
from natrium.structures.counterpoise import alone, counterpoise_parts
from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import ION_RADII_A, NoDonorError, ion_complexes
from natrium.structures.molecule_library import library_names, molecule
from natrium.structures.redox import reduced
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary, StudyResult
from natrium.workflows.studies.molecule_levels import (
    MoleculeLevels,
    comparisons,
    evaluate,
    ion_levels,
    ranked,
    table_row,
)
from natrium.workflows.study import Quantity, StudySettings

IONS = {f"{element}{charge if charge > 1 else ''}+": (element, charge) for element, charge in ION_RADII_A}
"""Ions that can be placed at a molecule, by name: Na+, Mg2+."""

ION = "ion"
"""What the steps of the ion alone begin with."""


class NamedMolecule(BaseModel):
    """A molecule and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    source: str = Field(description="A name of the library, 'smiles:' and a SMILES, or the path of an xyz file")

    def __str__(self) -> str:
        return self.name


class Box(NamedTuple):
    """A box with zero potential outside.

    Attributes:
        vacuum_a: Empty length between any atom and the walls, Å.
        multiple_a: Its edges are multiples of this, Å: then every molecule has the same grid spacing.
    """

    vacuum_a: float
    multiple_a: float


def placed(system: System, box: Box | None) -> System:
    """A molecule in its box, or alone."""
    if box is None:
        return alone(system)
    vacuum_a, multiple_a = box  # a job gets it as a list
    return boxed(system, vacuum_a, multiple_a=multiple_a)


class OrbitalsSettings(StudySettings):
    """Which molecules, with which ion, at which levels of theory; the calculations have their own."""

    molecules: tuple[NamedMolecule, ...] = Field(
        min_length=1, description="Names of the library, smiles:…, paths of xyz files, or {name: …, source: …}"
    )
    ion: str | None = Field(description="Ion that each molecule is coordinated to: Na+; null leaves it out")
    coordination: tuple[str, ...] | None = Field(
        min_length=1, description="Places of the ion to try: carbonyl-o, ring-o-1, …; null tries all of them"
    )
    levels: tuple[str, ...] = Field(min_length=1, description="Levels of theory: sections of `calculations`")
    geometry: str = Field(description="Section of the relaxation that all levels of theory take their geometry from")
    reduction: bool = Field(description="Whether one more electron is calculated too")
    counterpoise: bool = Field(
        description="Whether binding energies in Gaussian bases are corrected too, in the gas phase"
    )
    vacuum_a: PositiveFloat = Field(description="Empty length between any atom and the walls of its box, Å (fd, lcao)")

    @field_validator("molecules", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        each = [given] if isinstance(given, str) else given
        return [_named_after_its_source(one) if isinstance(one, str) else one for one in each]

    @field_validator("levels", "geometry")
    @classmethod
    def _as_sections(cls, given: Any) -> Any:
        return given.replace("-", "_") if isinstance(given, str) else tuple(name.replace("-", "_") for name in given)

    @model_validator(mode="after")
    def _is_possible(self) -> OrbitalsSettings:
        slugs = [slug(one.name) for one in self.molecules]
        twice = sorted({name for name in slugs if slugs.count(name) > 1})
        if twice or ION in slugs:
            raise InputError(
                f"molecules: steps would have one name for two: {', '.join(twice) or ION}",
                "give each molecule a name of its own: {name: my-molecule, source: 'smiles:CCO'}",
            )
        if self.ion is not None and self.ion not in IONS:
            raise InputError(f"ion={self.ion}: natrium cannot place it", f"use one of {', '.join(IONS)}, or null")
        for section in (*self.levels, self.geometry):
            if section not in self.calculations:
                raise InputError(
                    f"there is no level of theory {section!r}", f"choose among {', '.join(sorted(self.calculations))}"
                )
        for section in {*self.levels, self.geometry, CONFORMER} & self.calculations.keys():
            calculation = self.calculations[section]
            wanted = "static" if section in self.levels else "relax"
            if calculation.kind != wanted:
                raise InputError(f"{section} is a {calculation.kind} calculation", f"choose one with kind={wanted}")
            if calculation.mode == "pw":
                raise InputError(
                    f"{section}: plane waves repeat the molecule, and an ion with them, in every direction: there is no"
                    " vacuum level to count from",
                    "use mode=fd or lcao, or gto with engine pyscf",
                )
        return self

    def candidates(self, of: NamedMolecule) -> dict[str, System]:
        """The ion at the molecule's donors; empty without an ion, or where it finds none."""
        if self.ion is None:
            return {}
        try:
            found = ion_complexes(_molecule(of), *IONS[self.ion])
        except NoDonorError:
            return {}
        if self.coordination is None:
            return found
        chosen = {name: system for name, system in found.items() if name in self.coordination}
        if not chosen:
            raise InputError(
                f"{of.name} has no place {', '.join(self.coordination)} for {self.ion}",
                f"choose among {', '.join(found)}",
            )
        return chosen

    def box(self, section: str) -> Box | None:
        """The box that a calculation wants its molecules in; None for Gaussian bases, which need none."""
        calculation = self.calculations[section]
        if calculation.mode == "gto":
            return None
        # where the ion goes is found in a box that is not part of the numbers, and stays the same on every ladder
        vacuum_a = _VACUUM_OF_CONFORMERS_A if section == CONFORMER else self.vacuum_a
        return Box(vacuum_a, 4 * (calculation.grid_spacing_a or _DEFAULT_SPACING_A))


CONFORMER = "conformer"
"""The section of the relaxations that find the best place for the ion."""

_DEFAULT_SPACING_A = 0.2
_VACUUM_OF_CONFORMERS_A = 6.0
"""An ion on its way may come 2 Å nearer to a wall. GPAW's basis of Na reaches 8.4 Å, and what the walls cut off lowers
the energy: of FEC–Na+ at F by 0.15, 0.05, 0.03 eV with 4, 6, 7 Å against 9 Å, at the carbonyl O by 0.04, 0.01, 0.01."""


def slug(name: str) -> str:
    """A name as part of the name of a step: Na+ → na-plus, 'Vinylene carbonate' → vinylene-carbonate.

    >>> slug("4-F-benzyl (a)")
    '4-f-benzyl-a'
    """
    plain = name.lower().replace("+", "-plus")
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in plain).split()) or "molecule"


def _named_after_its_source(source: str) -> dict[str, str]:
    if source.endswith((".xyz", ".extxyz")):
        return {"name": Path(source).stem, "source": str(Path(source).absolute())}
    return {"name": source.removeprefix("smiles:"), "source": source}


@lru_cache(maxsize=1024)
def _molecule(named: NamedMolecule) -> System:
    """The molecule, called by its name."""
    try:
        return molecule(named.source).model_copy(update={"label": named.name})
    except InputError as error:
        if named.source in library_names():
            raise
        raise InputError(f"molecule {named.name}: {error.problem}", error.remedy) from None


class OrbitalsResult(StudyResult):
    """What the study delivers."""

    ion: str | None = Field(description="The ion that the molecules are coordinated to")
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
        "LUMO": Quantity("LUMO", "levels.0.lumo_ev", "eV"),
        "HOMO": Quantity("HOMO", "levels.0.homo_ev", "eV"),
        "LUMO with the ion": Quantity("LUMO(ion)", "levels.1.lumo_ev", "eV"),
        "HOMO with the ion": Quantity("HOMO(ion)", "levels.1.homo_ev", "eV"),
        "binding energy of the ion": Quantity("E_b", "levels.1.binding_ev", "eV"),
    }

    def systems(self, settings: OrbitalsSettings) -> dict[str, System]:
        """The system of every step at the starting geometry, where the relaxed one is not known yet."""
        systems: dict[str, System] = {}
        for each in settings.molecules:
            start, base = _molecule(each), slug(each.name)
            candidates = settings.candidates(each)
            forms = {base: start}
            if candidates:
                conformers = {f"{base}-{slug(place)}-{CONFORMER}": system for place, system in candidates.items()}
                systems |= {step: placed(system, settings.box(CONFORMER)) for step, system in conformers.items()}
                forms[f"{base}-{ION}"] = next(iter(candidates.values()))
            for form, system in forms.items():
                systems |= _form_systems(form, system, settings)
            if candidates:
                parts = counterpoise_parts(forms[f"{base}-{ION}"], start, _ion(settings))
                for level in _corrected(settings):
                    systems |= {f"{base}-{ION}-{part}-{level}": system for part, system in parts.items()}
        if any(settings.candidates(each) for each in settings.molecules):
            systems |= {f"{ION}-{level}": placed(_ion(settings), settings.box(level)) for level in settings.levels}
        # a run is called after the last one: the first molecule that was asked for
        first = f"{slug(settings.molecules[0].name)}-{settings.levels[0]}"
        return {**systems, first: systems.pop(first)}

    def flow(self, settings: OrbitalsSettings) -> Flow:
        """The jobs, joined."""
        jobs: list[Any] = []
        ions = {}
        if any(settings.candidates(each) for each in settings.molecules):
            for level in settings.levels:
                made = calculation_maker(settings, _step(ION, level)).make(placed(_ion(settings), settings.box(level)))
                ions[level] = made.output
                jobs.append(made)
        evaluations = {}
        for each in settings.molecules:
            own = self._molecule_jobs(each, ions, settings)
            evaluations[each.name] = own[-1].output
            jobs += own
        result = summarise(evaluations, ions, settings)
        return Flow([*jobs, result], output=result.output, name=self.name)

    def _molecule_jobs(self, each: NamedMolecule, ions: dict[str, Any], settings: OrbitalsSettings) -> list[Any]:
        """The jobs of one molecule; the last one evaluates the others."""
        base, start = slug(each.name), _molecule(each)
        jobs, documents = _form_jobs(base, start, settings)
        ranking = None
        candidates = settings.candidates(each)
        if candidates:
            tried = {
                place: calculation_maker(settings, f"{base}-{slug(place)}-{CONFORMER}").make(
                    placed(system, settings.box(CONFORMER))
                )
                for place, system in candidates.items()
            }
            ranking = rank(
                {place: made.output for place, made in tried.items()}, each.name, settings.box(settings.geometry)
            )
            ranking.name = f"{base}-{ION}-places"
            complex_jobs, of_complex = _form_jobs(
                f"{base}-{ION}", next(iter(candidates.values())), settings, ranking.output["system"]
            )
            jobs += [*tried.values(), ranking, *complex_jobs]
            documents |= of_complex
            if _corrected(settings):
                parts = take_apart(of_complex[f"{base}-{ION}-{settings.geometry}"].system, start, _ion(settings))
                parts.name = f"{base}-{ION}-parts"
                made = {
                    f"{base}-{ION}-{part}-{level}": calculation_maker(
                        settings, _step(f"{base}-{ION}-{part}", level)
                    ).make(parts.output[part])
                    for level in _corrected(settings)
                    for part in PARTS
                }
                jobs += [parts, *made.values()]
                documents |= {step: one.output for step, one in made.items()}
        evaluated = evaluate(
            each.name,
            each.source,
            base,
            documents,
            {level: output.energy_ev for level, output in ions.items()},
            None if ranking is None else ranking.output,
            settings.ion,
            list(settings.levels),
            settings.geometry,
        )
        evaluated.name = f"{base}-evaluation"
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
        """One row for each species at each level of theory; of several molecules those with the lowest LUMO first."""
        found = OrbitalsResult.model_validate(result)
        rows = found.levels
        if len(found.molecules) > 1:
            order = {level: position for position, level in enumerate(dict.fromkeys(row.level for row in rows))}
            rows = sorted(
                rows, key=lambda row: (order[row.level], row.lumo_ev is None, row.lumo_ev or 0.0, row.species)
            )
        return [[table_row(row) for row in rows]]

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """The levels of every species on one energy scale."""
        from natrium.analysis.plot_levels import plot_levels

        found = OrbitalsResult.model_validate(result)
        plot_levels(path, found.levels, title=f"{found.formula}, preset {found.preset}", overwrite=overwrite)


PARTS = ("deformed", "molecule", "ion")
"""What the counterpoise correction takes a complex apart into: see `counterpoise_parts`."""


def _step(form: str, section: str) -> str:
    """Name of a step: fec-ion-b3lyp-pcm."""
    return f"{form}-{section}".replace("_", "-")


def _ion(settings: OrbitalsSettings) -> System:
    """The ion alone, a closed shell."""
    assert settings.ion is not None
    element, charge = IONS[settings.ion]
    return System(
        label=settings.ion,
        symbols=(element,),
        positions_a=((0.0, 0.0, 0.0),),
        cell_a=((0.0,) * 3,) * 3,
        pbc=(False,) * 3,
        charge=charge,
        multiplicity=1,
    )


def _corrected(settings: OrbitalsSettings) -> list[str]:
    """The levels of theory at which the counterpoise correction is calculated."""

    def has_functions(calculation: Calculation) -> bool:
        return calculation.mode == "gto" and calculation.solvent is None

    wanted = settings.counterpoise and settings.ion is not None
    return [level for level in settings.levels if wanted and has_functions(settings.calculations[level])]


def _form_systems(form: str, system: System, settings: OrbitalsSettings) -> dict[str, System]:
    """The systems of the steps of a molecule, or of its complex."""
    steps = [(form, settings.geometry, system), *((form, level, system) for level in settings.levels)]
    if settings.reduction:
        electron = reduced(alone(system))
        steps.append((f"{form}-reduced", settings.geometry, electron))
        steps += [(f"{form}-{how}", level, electron) for how in ("electron", "reduced") for level in settings.levels]
    return {f"{name}-{section}": placed(which, settings.box(section)) for name, section, which in steps}


def _form_jobs(
    form: str, start: System, settings: OrbitalsSettings, found: Any = None
) -> tuple[list[Any], dict[str, Any]]:
    """The jobs of a molecule or of its complex, and the outputs of its calculations by step.

    Args:
        form: What its steps begin with.
        start: Where it starts; of a complex one of several places.
        settings: Of the study.
        found: Reference to the place that was found to be the best.
    """
    jobs: list[Any] = []
    documents: dict[str, Any] = {}
    boxes = {section: settings.box(section) for section in (*settings.levels, settings.geometry)}

    def calculate(name: str, section: str, system: Any, continue_from: Any = None) -> Any:
        made = calculation_maker(settings, _step(name, section)).make(system, continue_from)
        documents[f"{name}-{section}"] = made.output
        jobs.append(made)
        return made.output

    def forms_of(name: str, relaxed: Any, *, electron: bool) -> Any:
        made = prepare(relaxed, boxes, electron)
        made.name = f"{name}-forms"
        jobs.append(made)
        return made.output

    begin = found if found is not None else placed(start, settings.box(settings.geometry))
    relaxed = calculate(form, settings.geometry, begin)
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


@job
def prepare(relaxed: Any, boxes: dict[str, Any], electron: bool) -> dict[str, dict[str, System]]:
    """A relaxed molecule as each level of theory wants it; and, if asked for, with one more electron."""
    system = alone(System.model_validate(relaxed))
    wanted = {"as it is": system} | ({"reduced": reduced(system)} if electron else {})
    return {name: {each: placed(one, box) for each, box in boxes.items()} for name, one in wanted.items()}


@job(config=JobConfig(on_missing_references=OnMissing.NONE))
def rank(places: dict[str, Any], name: str, box: Any) -> dict[str, Any]:
    """The complexes that the relaxations from each place ended in, the lowest first, and which failed."""
    found = {place: one and CalculationResult.model_validate(one) for place, one in places.items()}
    relaxed = {place: one for place, one in found.items() if one}
    if not relaxed:
        require(f"{name} with the ion", {f"{place}-{CONFORMER}": None for place in places})
    ranking = distinct(
        {place: one.system for place, one in relaxed.items()}, {place: one.energy_ev for place, one in relaxed.items()}
    )
    return {
        "system": placed(ranking[0].system, box),
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
        require("the result", {f"{slug(name)}-evaluation": None for name in found})
    molecules = [one for one in found.values() if one]
    alone_ev = {level: one and CalculationResult.model_validate(one) for level, one in ions.items()}
    calculations = {_step(ION, level): CalculationSummary.of(one) for level, one in alone_ev.items() if one}
    for one in molecules:
        calculations |= one.calculations
    levels = [level for one in molecules for level in one.levels]
    levels += [ion_levels(settings.ion, level, one) for level, one in alone_ev.items() if one and settings.ion]
    return OrbitalsResult(
        **StudyResult.facts(settings, molecules[0].system.formula),
        calculations=calculations,
        ion=settings.ion,
        levels=levels,
        molecules=molecules,
        missing=[name for name, one in found.items() if not one],
        comparisons=comparisons(levels),
    )
