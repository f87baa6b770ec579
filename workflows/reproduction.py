"""From a study's result document, what it rests on, and measured error bars to its place beside published values."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, Field

from natrium.analysis.published import Comparison
from natrium.analysis.reproduction import ErrorBar, Origin, Reproduction, ReproductionRow
from natrium.workflows.convergence import REFERENCE, ConvergenceResult
from natrium.workflows.pooling import pooled
from natrium.workflows.result import Attempt, Provenance, StudyResult
from natrium.workflows.study import Convergeable, Poolable, Quantity, Study, Tabulated, number_at


class Executed(BaseModel):
    """What of a calculation's result document says how it was done; the rest is not looked at."""

    wall_time_s: float = Field(description="Over all attempts, s")
    attempts: list[Attempt]
    provenance: Provenance


class Source(NamedTuple):
    """A result and what it rests on.

    Attributes:
        address: Of the result.
        completed_at: When it was done, with a time zone.
        result: The result document.
        executed: The calculations of its run.
    """

    address: str
    completed_at: datetime
    result: StudyResult
    executed: Sequence[Executed]


class Measured(NamedTuple):
    """A convergence result and its address."""

    address: str
    result: ConvergenceResult


def reproduction(chosen: Study, sources: Sequence[Source], measured: Sequence[Measured]) -> Reproduction:
    """A result beside what is published.

    Rows are the comparisons that the result document holds, and after them the study's quantities that are in none of
    them, as not published.

    Args:
        chosen: The study.
        sources: The result; or several of different parts of the study, told as one.
        measured: Convergence results of the study, the newest first; those with other settings are passed over.

    Raises:
        InputError: several results that are not of different parts, by one method.
    """
    result = pooled(chosen, [source.result for source in sources])
    quantities = chosen.quantities if isinstance(chosen, Convergeable) else {}
    bars = error_bars(chosen, result, measured)
    tables = chosen.tables(result) if isinstance(chosen, Tabulated) else []
    return Reproduction(
        study=result.study,
        preset=result.preset,
        quality=result.quality,
        rows=tuple(_rows(result, quantities, bars)),
        tables=tuple(map(tuple, tables)),
        missing=tuple(getattr(result, "missing", ())),
        assumptions=tuple(result.assumptions),
        origins=tuple(_origin(source) for source in sources),
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


def error_bars(chosen: Study, result: StudyResult, measured: Sequence[Measured]) -> dict[tuple[str, str], ErrorBar]:
    """The newest error bars that were measured with the settings and methods of this result.

    Args:
        chosen: The study.
        result: Its result.
        measured: Convergence results of the study, the newest first.

    Returns:
        By the name of the quantity and that of the structure ("" where the quantity is of no structure).
    """
    quantities = chosen.quantities if isinstance(chosen, Convergeable) else {}
    parts = chosen.parts if isinstance(chosen, Poolable) else ()
    found: dict[tuple[str, str], ErrorBar] = {}
    for address, convergence in measured:
        if _method(convergence, parts) != _method(result, parts) or not _calculated_alike(convergence, result):
            continue
        for quantity in convergence.quantities:
            if quantity.error is None or quantity.name not in quantities:
                continue
            knobs = {knob.knob: knob.error for knob in quantity.knobs if knob.error is not None}
            drifts = any(knob.rule == "drifts" for knob in quantity.knobs)
            bar = ErrorBar(error=quantity.error, knobs=knobs, lower_bound=drifts, address=address)
            found.setdefault((quantity.name, quantity.structure), bar)
    return found


def _method(result: StudyResult, parts: Sequence[str]) -> tuple[object, ...]:
    """What must be the same for an error bar to hold."""
    changed = {name: value for name, value in result.overrides.items() if name not in ("over", *parts)}
    return result.preset, result.engine, changed


def _calculated_alike(convergence: ConvergenceResult, result: StudyResult) -> bool:
    """Whether the calculations that both have are by one method: a preset of the same name may have changed since."""
    pairs = (
        (convergence.calculations[f"{REFERENCE}-{name}"].calculation, own.calculation)
        for name, own in result.calculations.items()
        if f"{REFERENCE}-{name}" in convergence.calculations
    )
    return all(
        one.method == other.method and (one.kpoints, one.gamma_centred) == (other.kpoints, other.gamma_centred)
        for one, other in pairs
    )


def _rows(
    result: StudyResult, quantities: Mapping[str, Quantity], bars: Mapping[tuple[str, str], ErrorBar]
) -> list[ReproductionRow]:
    """The comparisons; then the quantities in none of them, of the first structure and of those with an error bar."""
    comparisons: list[Comparison] = getattr(result, "comparisons", [])
    numbers: dict[tuple[str, str], float] = {}
    first = set()
    for name, quantity in quantities.items():
        every = list(_everywhere(result, quantity.path))
        numbers |= {(name, structure): number for number, structure in every if number is not None}
        first |= {(name, structure) for _, structure in every[:1]}
    # A comparison repeats a number of the same document: the very same one is the same quantity.
    of_number = {number: key for key, number in reversed(numbers.items())}
    rows = [
        ReproductionRow(**comparison.model_dump(), error_bar=bars.get(of_number.get(comparison.ours, ("", ""))))
        for comparison in comparisons
    ]
    compared = {comparison.ours for comparison in comparisons}
    rows += [
        ReproductionRow(
            quantity=f"{key[0]}, {key[1]}" if key[1] else key[0],
            ours=number,
            unit=quantities[key[0]].unit,
            error_bar=bars.get(key),
        )
        for key, number in numbers.items()
        if number not in compared and (key in first or key in bars)
    ]
    return rows


def _everywhere(document: Any, path: str) -> Iterator[tuple[float | None, str]]:
    """The number at a path, for every item of the list on the way."""
    before, position, after = _at_list(path)
    if not position:
        yield number_at(document, path)
        return
    items = getattr(document, before, None) or ()
    for index in range(int(position), len(items)):
        yield number_at(document, f"{before}.{index}.{after}")


def _at_list(path: str) -> tuple[str, str, str]:
    """A path taken apart where it goes through a list: what is before it, the position, what is behind it."""
    steps = path.split(".")
    at = next((index for index, step in enumerate(steps) if step.isdigit()), len(steps))
    return ".".join(steps[:at]), "".join(steps[at : at + 1]), ".".join(steps[at + 1 :])


def _origin(source: Source) -> Origin:
    provenances = [one.provenance for one in source.executed]
    datasets = {
        dataset.partition(" ")[0].removesuffix(".gz") for one in provenances for dataset in one.datasets.values()
    }
    engines = {f"{one.engine} {one.engine_version}" for one in provenances} or {source.result.engine}
    return Origin(
        address=source.address,
        command=command(source.result),
        wall_time_s=sum(one.wall_time_s for one in source.executed),
        ranks=tuple(sorted({attempt.ranks for one in source.executed for attempt in one.attempts})),
        engine=tuple(sorted(engines)),
        datasets=tuple(sorted(datasets)),
        natrium=tuple(sorted({one.natrium for one in provenances})),
        completed_at=source.completed_at,
    )
