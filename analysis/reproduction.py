"""Our numbers beside published ones, with their error bars and where they come from, as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.convergence import decimals

_UNITS = {"A": "Å", "e/Bohr^3": "e/Bohr³"}
"""Units as published.json writes them, for people."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorBar(_Document):
    """What a number may be off by, measured on ladders of its settings."""

    error: float = Field(description="Root of the sum of the squares of the knobs' errors, in the number's unit")
    knobs: dict[str, float] = Field(description="Error along each ladder, in the number's unit")
    lower_bound: bool = Field(description="Whether a ladder drifts, so that the error is larger")
    address: str = Field(description="The convergence result that it is from")


class ReproductionRow(_Document):
    """One number, beside a published one where there is one."""

    quantity: str
    ours: float = Field(description="In `unit`")
    unit: str
    published: float | None = Field(None, description="In `unit`; none where nobody has published it")
    source: str = Field("", description="Where the published value is from, and by which method")
    kind: str = Field("", description="paper, database, experiment or computed")
    agrees: bool | None = Field(None, description="Within the tolerance; none where there is nothing to judge by")
    error_bar: ErrorBar | None = Field(None, description="None where it was not measured")


class Origin(_Document):
    """What gave the numbers of a result."""

    address: str
    command: str = Field(description="The command that asks for the same again")
    wall_time_s: float = Field(description="Of all calculations of the run, one after another, s")
    ranks: tuple[int, ...] = Field(description="MPI processes, as many as different numbers were used")
    engine: tuple[str, ...] = Field(description="Engine with its version; several where it changed during the run")
    datasets: tuple[str, ...] = Field(description="PAW datasets")
    natrium: tuple[str, ...] = Field(description="Version and commit; several where it changed during the run")
    completed_at: datetime = Field(description="With a time zone")


class Reproduction(_Document):
    """A study's result beside what is published."""

    study: str
    preset: str
    quality: str = Field(description="What the preset promises: rough, exploratory, converged, as published")
    rows: tuple[ReproductionRow, ...]
    tables: tuple[tuple[dict[str, str], ...], ...] = Field(description="The study's own tables, row by row")
    missing: tuple[str, ...] = Field(description="What has no result, and why")
    assumptions: tuple[str, ...] = Field(description="What was decided where the source is silent")
    origins: tuple[Origin, ...] = Field(description="The result, or those whose parts these are")


def to_markdown(found: Reproduction) -> str:
    """The tables of a result: comparisons, the study's own tables, what is missing or assumed, and the origin."""
    sources = list(dict.fromkeys(row.source for row in found.rows if row.source))
    parts = [markdown_table([_compared(row, found, sources) for row in found.rows])]
    if sources:
        kinds = {row.source: row.kind for row in found.rows}
        parts.append("\n".join(f"{n}. {source} ({kinds[source]})" for n, source in enumerate(sources, 1)))
    parts += [markdown_table(rows) for rows in found.tables if rows]
    parts += [_listed("Missing", found.missing), _listed("Assumed", found.assumptions)]
    parts.append(markdown_table([_origin(origin) for origin in found.origins]))
    return "\n\n".join(filter(None, parts))


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as a Markdown table; the columns are the keys of the first row, without those that are empty everywhere."""
    columns = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    if not columns:
        return ""
    lines = [columns, ["---"] * len(columns), *([row[name] for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(map(_cell, cells))} |" for cells in lines)


def _compared(row: ReproductionRow, found: Reproduction, sources: Sequence[str]) -> dict[str, str]:
    unit = _UNITS.get(row.unit, row.unit)
    digits = decimals(None if row.error_bar is None else row.error_bar.error)
    published, difference, agrees = "not published", "–", "–"
    if row.published is not None:
        published = f"{row.published:g} {unit}".rstrip() + (f" [{sources.index(row.source) + 1}]" if row.source else "")
        apart = round(row.ours - row.published, digits)
        difference = f"{apart:+.{digits}f}" if apart else f"{0:.{digits}f}"
        agrees = {True: "yes", False: "no", None: "not judged"}[row.agrees]
    return {
        "quantity": row.quantity,
        "published": published,
        # "converged" is what the error bar says, or nothing does
        f"ours, preset {found.preset}" + (f" ({found.quality})" if found.quality in ("rough", "exploratory") else ""): (
            f"{row.ours:.{digits}f} {unit}".rstrip()
        ),
        "error bar": "not measured" if row.error_bar is None else _error_bar(row.error_bar, digits),
        "difference": difference,
        "agrees?": agrees,
    }


def _error_bar(bar: ErrorBar, digits: int) -> str:
    knobs = ", ".join(f"{name} {error:.{digits}f}" for name, error in bar.knobs.items())
    return f"± {bar.error:.{digits}f}{' at least' if bar.lower_bound else ''} ({knobs}; `{bar.address}`)"


def _origin(origin: Origin) -> dict[str, str]:
    ranks = " or ".join(map(str, origin.ranks))
    processes = f" on {ranks} process{'' if ranks == '1' else 'es'}" if ranks else ""
    return {
        "result": f"`{origin.address}`",
        "command": f"`{origin.command}`",
        "calculations took": _duration(origin.wall_time_s) + processes,
        "engine": ", ".join(origin.engine),
        "datasets": ", ".join(origin.datasets),
        "completed": f"{origin.completed_at:%Y-%m-%d}",
        "natrium": ", ".join(origin.natrium),
    }


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _listed(title: str, items: Sequence[str]) -> str:
    return f"{title}:\n\n" + "\n".join(f"- {item}" for item in items) if items else ""


def _cell(text: str) -> str:
    """A text that cannot end its cell or its row."""
    return " ".join(text.split()).replace("|", "\\|")
