"""From a study's result document, what it rests on, and measured error bars to its place beside published values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, Field

from natrium.analysis.published import Comparison
from natrium.analysis.reproduction import ErrorBar, Origin, Reproduction, ReproductionRow
from natrium.workflows.convergence import ConvergenceResult
from natrium.workflows.result import Attempt, Provenance, StudyResult
from natrium.workflows.study import Convergeable, Quantity, Study, Tabulated


class Executed(BaseModel):
    """What of a calculation's result document says how it was done; the rest is not looked at."""

    wall_time_s: float = Field(description="Over all attempts, s")
    attempts: list[Attempt]
    provenance: Provenance


class Measured(NamedTuple):
    """A convergence result and its address."""

    address: str
    result: ConvergenceResult


def reproduction(
    chosen: Study,
    address: str,
    completed_at: datetime,
    result: StudyResult,
    executed: Sequence[Executed],
    measured: Sequence[Measured],
) -> Reproduction:
    """A result beside what is published.

    Rows are the comparisons that the result document holds, and after them the study's quantities that are in none of
    them, as not published.

    Args:
        chosen: The study.
        address: Of the result.
        completed_at: When it was done, with a time zone.
        result: The result document.
        executed: All calculations of the run.
        measured: Convergence results of the study, the newest first; those with other settings are passed over.
    """
    bars = error_bars(result, measured)
    tables = chosen.tables(result) if isinstance(chosen, Tabulated) else []
    return Reproduction(
        address=address,
        study=result.study,
        preset=result.preset,
        quality=result.quality,
        rows=tuple(_rows(result, chosen.quantities if isinstance(chosen, Convergeable) else {}, bars)),
        tables=tuple(map(tuple, tables)),
        missing=tuple(getattr(result, "missing", ())),
        assumptions=tuple(result.assumptions),
        origin=_origin(completed_at, result, executed),
    )


def command(result: StudyResult) -> str:
    """The command that asks for a result again, quoted for a shell."""
    words = ["natrium", "run", result.study, "--preset", result.preset]
    for name, value in result.overrides.items():
        told = yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")
        words += ["--set", f"{name}={told}"]
    if result.engine != "gpaw":
        words += ["--engine", result.engine]
    return shlex.join(words)


def error_bars(result: StudyResult, measured: Sequence[Measured]) -> dict[str, ErrorBar]:
    """By the name of a quantity the newest error bar that was measured with the settings of this result.

    Args:
        result: A study's result.
        measured: Convergence results of the study, the newest first.
    """
    found: dict[str, ErrorBar] = {}
    for address, convergence in measured:
        own = {name: value for name, value in convergence.overrides.items() if name != "over"}
        if (convergence.preset, convergence.engine, own) != (result.preset, result.engine, result.overrides):
            continue
        for quantity in convergence.quantities:
            if quantity.error is not None:
                knobs = {knob.knob: knob.error for knob in quantity.knobs if knob.error is not None}
                drifts = any(knob.rule == "drifts" for knob in quantity.knobs)
                bar = ErrorBar(error=quantity.error, knobs=knobs, lower_bound=drifts, address=address)
                found.setdefault(quantity.name, bar)
    return found


def number_at(document: Any, path: str) -> tuple[float | None, str]:
    """The number at a path in a result document, and the names of the list items on the way to it.

    Args:
        document: A result document.
        path: Fields and positions in lists: "interstitials.0.formation_energy.energy_ev".

    Returns:
        The number, None where something on the way is none or not there; and for each list the item's first field.
    """
    items = []
    for step in path.split("."):
        if isinstance(document, list | tuple):
            document = document[int(step)] if int(step) < len(document) else None
            if isinstance(document, BaseModel):
                items.append(str(getattr(document, next(iter(type(document).model_fields)))))
        else:
            document = getattr(document, step, None)
    return (None if document is None else float(document)), ", ".join(items)


def _rows(
    result: StudyResult, quantities: Mapping[str, Quantity], bars: Mapping[str, ErrorBar]
) -> list[ReproductionRow]:
    comparisons: list[Comparison] = getattr(result, "comparisons", [])
    numbers = {name: number_at(result, quantity.path) for name, quantity in quantities.items()}
    # A comparison repeats a number of the same document: the very same one is the same quantity.
    of_number = {number: name for name, (number, _) in numbers.items() if number is not None}
    rows = [
        ReproductionRow(**comparison.model_dump(), error_bar=bars.get(of_number.get(comparison.ours, "")))
        for comparison in comparisons
    ]
    compared = {comparison.ours for comparison in comparisons}
    for name, (number, items) in numbers.items():
        if number is not None and number not in compared:
            told = f"{name}, {items}" if items else name
            rows.append(
                ReproductionRow(quantity=told, ours=number, unit=quantities[name].unit, error_bar=bars.get(name))
            )
    return rows


def _origin(completed_at: datetime, result: StudyResult, executed: Sequence[Executed]) -> Origin:
    provenances = [one.provenance for one in executed]
    datasets = {dataset.partition(" ")[0] for one in provenances for dataset in one.datasets.values()}
    engines = {f"{one.engine} {one.engine_version}" for one in provenances} or {result.engine}
    return Origin(
        command=command(result),
        wall_time_s=sum(one.wall_time_s for one in executed),
        ranks=tuple(sorted({attempt.ranks for one in executed for attempt in one.attempts})),
        engine=tuple(sorted(engines)),
        datasets=tuple(sorted(datasets)),
        natrium=tuple(sorted({one.natrium for one in provenances})),
        completed_at=completed_at,
    )
