"""The calculations of one molecule of the study `orbitals`, and of its complex: their systems and their jobs.

Each form (the molecule, its complex, both with one more electron) is relaxed, and gives statics at every level of
theory.
"""

from __future__ import annotations

from typing import Any

from jobflow import job

from natrium.structures.counterpoise import alone, counterpoise_parts
from natrium.structures.redox import reduced, rejoined
from natrium.structures.system import System
from natrium.workflows.makers import calculation_maker
from natrium.workflows.studies.ion_places import place_jobs
from natrium.workflows.studies.molecule_levels import evaluate
from natrium.workflows.studies.orbital_settings import (
    CONFORMER,
    ION,
    IONS,
    REDUCED,
    REJOINED,
    NamedMolecule,
    OrbitalsSettings,
    conformer_step,
    placed,
    step_name,
)


def molecule_systems(molecule: NamedMolecule, settings: OrbitalsSettings) -> list[tuple[str, str, System]]:
    """Step, section and system of every calculation of a molecule, at the starting geometry."""
    start, base, form = molecule.system, molecule.base, f"{molecule.base}-{ION}"
    found = _form_systems(base, start, settings, (REDUCED,))
    candidates = settings.candidates(molecule)
    if candidates:
        complexed = next(iter(candidates.values()))
        found += [(conformer_step(base, place), CONFORMER, one) for place, one in candidates.items()]
        found += _form_systems(form, complexed, settings, (REDUCED, REJOINED))
        parts = counterpoise_parts(complexed, start, settings.ion_alone)
        found += [
            (step_name(f"{form}-{part}", level), level, system)
            for part, system in parts.items()
            for level in settings.corrected_levels
        ]
    return found


def _form_systems(
    form: str, system: System, settings: OrbitalsSettings, ways: tuple[str, ...]
) -> list[tuple[str, str, System]]:
    """Of one form, and of those with one more electron, which are reached in these ways."""
    sections = (settings.geometry, *settings.levels)
    steps = [(form, section, system) for section in sections]
    if settings.reduction:
        electron = reduced(alone(system))
        steps += [(f"{form}-electron", level, electron) for level in settings.levels]
        steps += [(f"{form}-{way}", section, electron) for way in ways for section in sections]
    return [(step_name(name, section), section, which) for name, section, which in steps]


def molecule_jobs(molecule: NamedMolecule, ions: dict[str, Any], settings: OrbitalsSettings) -> list[Any]:
    """The jobs of a molecule; the last one evaluates the others.

    Args:
        molecule: Which.
        ions: Outputs of the ion alone by level of theory.
        settings: Of the study.
    """
    base, form = molecule.base, f"{molecule.base}-{ION}"
    jobs, documents = _form_jobs(base, placed(molecule.system, settings.box(settings.geometry)), settings)
    candidates = settings.candidates(molecule)
    ranking = None
    if candidates:
        places = place_jobs(molecule, candidates, settings)
        ranking = places[-1].output
        complexed, more = _form_jobs(form, ranking["system"], settings)
        jobs += [*places, *complexed]
        documents |= more
        if settings.reduction:
            opened = documents[step_name(f"{base}-{REDUCED}", settings.geometry)]
            start = rejoin(opened.system, settings.ion, settings.box(settings.geometry))
            start.name = f"{form}-rejoin"
            again, more, _ = _relaxed_jobs(f"{form}-{REJOINED}", start.output, settings)
            jobs += [start, *again]
            documents |= more
        if settings.corrected_levels:
            parts, more = _counterpoise_jobs(form, documents[step_name(form, settings.geometry)], molecule, settings)
            jobs += parts
            documents |= more
    alone_ev = {level: output.energy_ev for level, output in ions.items()}
    given = {name: getattr(settings, name) for name in ("ion", "levels", "geometry")}
    evaluated = evaluate(molecule, documents, alone_ev, ranking, given)
    evaluated.name = f"{base}-evaluation"
    return [*jobs, evaluated]


def _form_jobs(form: str, start: Any, settings: OrbitalsSettings) -> tuple[list[Any], dict[str, Any]]:
    """The jobs of a molecule or of its complex, with one more electron too, and outputs by step.

    Args:
        form: What its steps begin with.
        start: The geometry to relax, or a reference to it.
        settings: Of the study.
    """
    jobs, documents, forms = _relaxed_jobs(form, start, settings, electron=settings.reduction)
    if settings.reduction:
        vertical = [
            calculation_maker(settings, step_name(f"{form}-electron", level)).make(forms["reduced"][level])
            for level in settings.levels
        ]
        adiabatic, more, _ = _relaxed_jobs(f"{form}-{REDUCED}", forms["reduced"][settings.geometry], settings)
        jobs += [*vertical, *adiabatic]
        documents |= _outputs(vertical) | more
    return jobs, documents


def _relaxed_jobs(
    form: str, start: Any, settings: OrbitalsSettings, *, electron: bool = False
) -> tuple[list[Any], dict[str, Any], dict[str, dict[str, Any]]]:
    """A relaxation and, from where it ends, the statics at every level of theory.

    Returns:
        The jobs; the outputs of the calculations by step; the relaxed geometry as each level takes it, "as it is" and,
        if asked for, "reduced".
    """
    relaxed = calculation_maker(settings, step_name(form, settings.geometry)).make(start)
    boxes = {section: settings.box(section) for section in (*settings.levels, settings.geometry)}
    jobs: list[Any] = [relaxed]
    forms: dict[str, dict[str, Any]] = {"as it is": {}, "reduced": {}}
    # those without a box have a job of their own: on a ladder of boxes it stays the same, and all that rests on it
    for what, boxed in (("forms", False), ("boxes", True)):
        chosen = {section: box for section, box in boxes.items() if (box is not None) == boxed}
        if chosen:
            made = prepare(relaxed.output.system, chosen, electron)
            made.name = f"{form}-{what}"
            jobs.append(made)
            for name, each in forms.items():
                each |= {section: made.output[name][section] for section in chosen}
    statics = [
        calculation_maker(settings, step_name(form, level)).make(
            forms["as it is"][level], relaxed.output.provenance.folder
        )
        for level in settings.levels
    ]
    return [*jobs, *statics], _outputs([relaxed, *statics]), forms


def _counterpoise_jobs(
    form: str, relaxed: Any, molecule: NamedMolecule, settings: OrbitalsSettings
) -> tuple[list[Any], dict[str, Any]]:
    """The jobs of the counterpoise correction, and outputs by step."""
    parts = take_apart(relaxed.system, molecule.system, settings.ion_alone)
    parts.name = f"{form}-parts"
    calculations = [
        calculation_maker(settings, step_name(f"{form}-{part}", level)).make(parts.output[part])
        for level in settings.corrected_levels
        for part in ("deformed", "molecule", "ion")
    ]
    return [parts, *calculations], _outputs(calculations)


def _outputs(calculations: list[Any]) -> dict[str, Any]:
    return {made.name: made.output for made in calculations}


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


@job
def take_apart(complexed: Any, of: Any, ion: Any) -> dict[str, System]:
    """The molecule and the ion of a complex, for the counterpoise correction."""
    return counterpoise_parts(*(System.model_validate(one) for one in (complexed, of, ion)))
