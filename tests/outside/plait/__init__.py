"""A study for tests of failing branches: two strands, whose knots and whose result do without what failed.

A step fails while a file rotten-STEP lies beside natrium-runs, the folder of the runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import Field

from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.workflows.partners import require
from natrium.workflows.result import StudyResult
from natrium.workflows.study import StudySettings

STRANDS = ("left", "right")
_LENIENT = JobConfig(on_missing_references=OnMissing.NONE)
_IN_SLURM = {
    "manager_config": {
        "_queueadapter": {},
        "natrium_request": {"resources": {"time_s": 600, "memory_mb": 500}, "basis": "a test"},
    }
}


class PlaitSettings(StudySettings):
    """None of its own."""


class PlaitResult(StudyResult):
    """What each strand gave."""

    strands: dict[str, str] = Field(description="Each strand, and its dye where there is one")
    missing: list[str] = Field(description="Strands that are not there")


@job
def spin(name: str, of: str = "") -> str:
    """Thread of something."""
    if (Path.cwd().parents[2] / f"rotten-{name}").exists():
        raise InputError(f"{name} is rotten", "throw it away")
    return f"{name} of {of}" if of else name


@job(config=_LENIENT)
def knot(strand: str, thread: str | None, dye: str | None) -> str:
    """A strand: never without its thread, but pale without its dye."""
    require(strand, {f"{strand}-thread": thread})
    return f"{thread}, {'pale' if dye is None else 'dyed'}"


@job(name="result", output_schema=PlaitResult, config=_LENIENT)
def result(knots: dict[str, str | None], settings: Any) -> PlaitResult:
    """The document."""
    require("the plait", {"every strand": next((one for one in knots.values() if one), None)})
    return PlaitResult(
        **StudyResult.facts(PlaitSettings.model_validate(settings), "Na"),
        calculations={},
        strands={name: one for name, one in knots.items() if one},
        missing=[name for name, one in knots.items() if not one],
    )


class Plait:
    """For each strand: fibre → thread, and dye → knot; then the result."""

    name: ClassVar[str] = "plait"
    summary: ClassVar[str] = "two strands"
    settings: ClassVar[type[StudySettings]] = PlaitSettings
    result: ClassVar[type[StudyResult]] = PlaitResult
    presets: ClassVar[str] = "plait:plait.yaml"

    def systems(self, settings: Any) -> dict[str, Any]:  # noqa: ARG002
        """Something with a formula."""
        return {"bulk": bulk_metal("Na")}

    def flow(self, settings: Any) -> Flow:
        """The jobs."""
        jobs, knots = [], {}
        for strand in STRANDS:

            def named(made: Any, name: str, strand: str = strand) -> Any:
                made.name = f"{strand}-{name}"
                jobs.append(made)
                return made

            fibre = named(spin(f"{strand}-fibre"), "fibre")
            fibre.update_config(_IN_SLURM)
            thread = named(spin(f"{strand}-thread", fibre.output), "thread")
            dye = named(spin(f"{strand}-dye"), "dye")
            knots[strand] = named(knot(strand, thread.output, dye.output), "knot").output
        return Flow([*jobs, result(knots, settings)])

    def headline(self, result: Any) -> str:
        """Its strands."""
        found = PlaitResult.model_validate(result)
        told = [f"{name}: {strand}" for name, strand in found.strands.items()]
        return "; ".join(told + [f"missing: {', '.join(found.missing)}"] * bool(found.missing))

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:  # noqa: ARG002
        """As simple as it gets."""
        path.write_text("a plait")
