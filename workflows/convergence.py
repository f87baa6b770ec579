"""Study `converge-…`: another study on ladders of its settings, and an error bar on its numbers.

Every rung is the whole study with one setting changed. Calculations that are the same on several rungs (the bulk
crystal, when the slab grows) are done once. A rung that fails does not stop the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, job
from pydantic import Field

from natrium.analysis.convergence import Measured, QuantityConvergence, decimals, told, with_error_bar
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.ladders import KNOBS, Rung, chosen_ladders
from natrium.workflows.plan import PART, in_order
from natrium.workflows.result import StudyResult
from natrium.workflows.sections import planned
from natrium.workflows.shared_jobs import merged
from natrium.workflows.study import (
    CONVERGE,
    Changeable,
    Convergeable,
    ConvergedSingly,
    Quantity,
    Study,
    StudySettings,
    number_at,
    settle,
    study,
)

REFERENCE = "reference"
"""Name of the rung on which all ladders meet: the settings as they were given."""


class ConvergenceSettings(StudySettings):
    """The settings of every rung. A person gives those of the study itself, and `over`."""

    over: dict[str, list[float]] = Field(
        description="Knobs (layers, kpoints, cutoff, vacuum, grid) and their values: {layers: [5, 7], cutoff: null};"
        " null takes the study's own ladder, and without `over` all of them are climbed"
    )
    rungs: list[Rung] = Field(
        description="What follows from `over`: which repetition of the study stands on which rung"
    )
    parts: dict[str, dict[str, Any]] = Field(description="What follows from `over`: the settings of each repetition")


class ConvergenceResult(StudyResult):
    """What the study delivers. `calculations` are those with the settings as given; the others are steps of the run."""

    quantities: list[QuantityConvergence] = Field(description="The study's numbers, each with its error bar")
    missing: list[str] = Field(description="Repetitions of the study that failed, or became another structure")


class Convergence:
    """Another study, repeated on ladders of its settings.

    Args:
        base: The study whose numbers are converged.
    """

    settings: type[StudySettings] = ConvergenceSettings
    result: type[StudyResult] = ConvergenceResult

    def __init__(self, base: Study) -> None:
        if not isinstance(base, Convergeable):
            raise InputError(
                f"{base.name} does not say which of its numbers could be converged",
                "add a class attribute `quantities` to the study: see docs/convergence.md",
            )
        self.base = base
        self.quantities_of_base = base.quantities
        self.name = CONVERGE + base.name
        self.summary = f"error bars on the numbers of {base.name}"
        self.presets = base.presets

    def settle(self, preset: str, overrides: Mapping[str, Any], engine: str) -> ConvergenceSettings:
        """The settings of a run: see `natrium.workflows.study.settle`, which calls this."""
        own = {name: value for name, value in overrides.items() if name != "over"}
        reference = settle(self.base, preset, own, engine)
        self._check_one_structure(reference)
        ladders = chosen_ladders(self.base.name, reference, overrides.get("over"))
        parts, rungs = {REFERENCE: reference}, []
        for name, values in ladders.items():
            knob = KNOBS[name]
            climbed: list[str] = []
            for value in values:
                changed = settle(self.base, preset, own | knob.changes(reference, value), engine)
                same = _same(reference, changed)
                part = REFERENCE if same else f"{name}-{value:g}"
                if not any(_same(changed, parts[known]) for known in climbed):
                    parts.setdefault(part, changed)
                    climbed.append(part)
                    at = knob.reference(reference) if same else value
                    rungs.append(
                        Rung(knob=name, value=at, label=knob.label(reference, at or value), unit=knob.unit, part=part)
                    )
        jobs, _ = merged(self._jobs(parts))
        steps = {job.name for job in jobs}
        every = {
            _section(part, step): own
            for part, settings in parts.items()
            for step, own in planned(self.base, settings).items()
            if f"{part}-{step}" in steps
        }
        common = {name: getattr(reference, name) for name in ("preset", "engine", "about", "quality", "assumptions")}
        return ConvergenceSettings(
            **common,
            study=self.name,
            overrides=dict(overrides),
            calculations={section: own.calculation for section, own in every.items()},
            engines={section: own.engine for section, own in every.items() if own.engine != reference.engine},
            over=ladders,
            rungs=rungs,
            parts={part: settings.model_dump(mode="json") for part, settings in parts.items()},
        )

    def _check_one_structure(self, reference: StudySettings) -> None:
        if not isinstance(self.base, ConvergedSingly):
            return
        setting = self.base.chosen_by
        chosen = getattr(reference, setting)
        if chosen is None or len(chosen) != 1:
            raise InputError(
                f"{self.base.name}: its numbers are converged for one structure at a time",
                f"name one: --set '{setting}=[{chosen[0] if chosen else 'hollow-flat-001'}]'",
            )

    def systems(self, settings: ConvergenceSettings) -> dict[str, System]:
        """The systems of every rung that are calculated for it; the reference's last, after which a run is called."""
        parts = self._parts(settings)
        parts[REFERENCE] = parts.pop(REFERENCE)
        return {
            f"{part}-{step}": found.system
            for part, own in parts.items()
            for step, found in planned(self.base, own).items()
            if _section(part, step) in settings.calculations
        } | {REFERENCE: list(self.base.systems(parts[REFERENCE]).values())[-1]}

    def flow(self, settings: ConvergenceSettings) -> Flow:
        """The jobs of every rung, those that are alike once, and the one that judges."""
        repeated = self._jobs(self._parts(settings))
        jobs, standing_for = merged(repeated)
        by_uuid = {job.uuid: job for job in jobs}
        outputs = [
            [part, by_uuid[standing_for[job.uuid]].output]
            for part in settings.parts
            for job in repeated
            if _is_result(job) and job.name.startswith(f"{part}-")
        ]
        formula = list(self.systems(settings).values())[-1].formula
        judged = judge(
            outputs,
            [rung.model_dump(mode="json") for rung in settings.rungs],
            StudyResult.facts(settings, formula),
            self.base.name,
        )
        return Flow([*jobs, judged], output=judged.output, name=self.name)

    def headline(self, result: Any) -> str:
        """The study's first number with its error bar."""
        found = ConvergenceResult.model_validate(result)
        missing = f"; without {', '.join(found.missing)}" if found.missing else ""
        return told(found.quantities[0]) + missing

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """The error bars, and the numbers on every rung."""
        found = ConvergenceResult.model_validate(result)
        return [_error_bars(found), _ladders(found)]

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """Each number against each knob, with its error bar as a band."""
        from natrium.analysis.plot_convergence import plot_convergence

        found = ConvergenceResult.model_validate(result)
        title = f"{self.base.name}, preset {found.preset}"
        plot_convergence(path, found.quantities, title=title, overwrite=overwrite)

    def _parts(self, settings: ConvergenceSettings) -> dict[str, StudySettings]:
        return {part: self.base.settings.model_validate(own) for part, own in settings.parts.items()}

    def _jobs(self, parts: Mapping[str, StudySettings]) -> list[Job]:
        """The jobs of all repetitions, each named after its own."""
        jobs = []
        for part, settings in parts.items():
            formula = list(self.base.systems(settings).values())[-1].formula
            for made, _ in in_order(self.base.flow(settings)):
                # a result within this run is not the run's own
                facts = {"kind": PART, "study": self.base.name} if _is_result(made) else {}
                own = made.metadata.get("natrium", {})
                made.update_metadata({"natrium": {"formula": formula, **facts, **own}}, dynamic=False)
                made.name = f"{part}-{made.name}"
                jobs.append(made)
        return jobs


def _section(part: str, step: str) -> str:
    """Name of the section of a step's calculation."""
    return f"{part}-{step}".replace("-", "_")


def _same(one: StudySettings, other: StudySettings) -> bool:
    """Whether two settings mean the same, however they were given."""
    return one.model_copy(update={"overrides": {}}) == other.model_copy(update={"overrides": {}})


def _is_result(job: Job) -> bool:
    return job.output_schema is not None and issubclass(job.output_schema, StudyResult)


@job(name="result", output_schema=ConvergenceResult, config=JobConfig(on_missing_references=OnMissing.NONE))
def judge(outputs: list[list[Any]], rungs: list[Any], facts: dict[str, Any], base: str) -> ConvergenceResult:
    """The result document, from the result documents of the repetitions that came to an end.

    Args:
        outputs: Name and result document of each repetition; None where it failed.
        rungs: Which of them stands where.
        facts: The fields that every result document has.
        base: Name of the study.

    Raises:
        InputError: none of them came to an end.
    """
    convergence = study(CONVERGE + base)
    assert isinstance(convergence, Convergence)
    results = {
        part: convergence.base.result.model_validate(document) for part, document in outputs if document is not None
    }
    missing = [part for part, _ in outputs if part not in results]
    if not results:
        raise InputError("no repetition of the study came to an end", "see why each failed, and run it again")
    missing += _others(convergence.base, results)
    times_s = {part: sum(own.wall_time_s for own in result.calculations.values()) for part, result in results.items()}
    ladders: dict[str, list[Rung]] = {}
    for rung in map(Rung.model_validate, rungs):
        ladders.setdefault(rung.knob, []).append(rung)

    reference = results.get(REFERENCE)

    def measured(rung: Rung, path: str) -> Measured:
        value = number_at(results.get(rung.part), path)[0]
        return Measured(rung.label, rung.value, value, times_s.get(rung.part), rung.part == REFERENCE)

    def is_there(path: str) -> bool:
        """Settings may leave a quantity out, on all rungs alike."""
        return any(number_at(one, path)[0] is not None for one in results.values())

    def converged(name: str, quantity: Quantity) -> QuantityConvergence:
        value, structure = number_at(reference, quantity.path)
        ladder_of = {
            knob: (ladder[0].unit, [measured(rung, quantity.path) for rung in ladder])
            for knob, ladder in ladders.items()
        }
        found = with_error_bar(name, quantity.symbol, quantity.unit, value, ladder_of)
        return found.model_copy(update={"structure": structure})

    return ConvergenceResult(
        **facts,
        calculations={f"{REFERENCE}-{name}": own for name, own in reference.calculations.items()} if reference else {},
        quantities=[
            converged(name, quantity)
            for name, quantity in convergence.quantities_of_base.items()
            if is_there(quantity.path)
        ],
        missing=missing,
    )


def _others(base: Study, results: dict[str, Any]) -> list[str]:
    """Take away the repetitions whose structure became another one than the reference's; say which they are."""
    if not isinstance(base, Changeable) or REFERENCE not in results:
        return []
    names = {part: base.became(result) for part, result in results.items()}
    others = [part for part, name in names.items() if name != names[REFERENCE]]
    for part in others:
        del results[part]
    return [f"{part} (became {names[part]}, the reference {names[REFERENCE]})" for part in others]


def _error_bars(found: ConvergenceResult) -> list[dict[str, str]]:
    rows = []
    for quantity in found.quantities:
        digits = decimals(quantity.error)
        rows.append(
            {
                "quantity": quantity.name,
                "value": f"{_told(quantity.value, digits)} {quantity.unit}",
                "± (root of squares)": _told(quantity.error, digits),
                "± (sum)": _told(quantity.error_sum, digits),
            }
            | {
                f"± {knob.knob}": _told(knob.error, digits) + ("" if knob.error is None else f" {knob.rule}")
                for knob in quantity.knobs
            }
        )
    return rows


def _ladders(found: ConvergenceResult) -> list[dict[str, str]]:
    """One row a rung; differences are to the most demanding rung of the ladder."""
    rows = []
    for position, knob in enumerate(found.quantities[0].knobs):
        for number, rung in enumerate(knob.rungs):
            row = {"knob": knob.knob, "rung": rung.label + (" *" if rung.is_reference else "")}
            for quantity in found.quantities:
                here = quantity.knobs[position].rungs[number]
                unit = f", {quantity.unit}" if quantity.unit else ""
                row |= {
                    f"{quantity.symbol}{unit}": _told(here.value, 4),
                    f"Δ{quantity.symbol}": "–" if here.difference is None else f"{here.difference:+.4f}",
                }
            time = "–" if rung.wall_time_s is None else f"{rung.wall_time_s:.0f} s"
            rows.append(row | {"wall time": time})
    return rows


def _told(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
