"""A study for tests of convergence: its number is a formula, 2 + 2^(-layers) + 0.01·(vacuum − 10)² eV.

The variable PLANK names a step that fails: PLANK=layers-6-saw.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, job
from pydantic import Field, PositiveFloat, PositiveInt

from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.workflows.result import StudyResult
from natrium.workflows.study import Quantity, StudySettings


class PlankSettings(StudySettings):
    """Two settings."""

    layers: PositiveInt = Field(description="Layers of the plank")
    vacuum_a: PositiveFloat = Field(description="Empty height, Å")


class PlankResult(StudyResult):
    """Two numbers, one of which is not always there."""

    level_ev: float = Field(description="Level of the plank, eV")
    knots: int | None = Field(description="Knots; none in a thin plank")


@job(name="tree")
def tree() -> int:
    """What every plank is made of, whatever its size."""
    return 2


@job(name="saw")
def saw(tree: int, layers: int) -> float:
    """Layers from a tree."""
    if Path.cwd().name.partition("-")[2] == os.environ.get("PLANK"):
        raise InputError("the saw is blunt", "sharpen it")
    return tree + 2.0**-layers


@job(name="result", output_schema=PlankResult)
def result(level_ev: float, settings: Any) -> PlankResult:
    """The document."""
    settings = PlankSettings.model_validate(settings)
    return PlankResult(
        **StudyResult.facts(settings, "Na"),
        calculations={},
        level_ev=level_ev + 0.01 * (settings.vacuum_a - 10) ** 2,
        knots=settings.layers if settings.layers > 4 else None,
    )


class Plank:
    """tree → saw → result."""

    name: ClassVar[str] = "plank"
    summary: ClassVar[str] = "the level of a plank"
    settings: ClassVar[type[StudySettings]] = PlankSettings
    result: ClassVar[type[StudyResult]] = PlankResult
    presets: ClassVar[str] = "plank:plank.yaml"
    quantities: Mapping[str, Quantity] = {
        "level": Quantity("E", "level_ev", "eV"),
        "knots": Quantity("k", "knots", ""),
    }

    def systems(self, settings: Any) -> dict[str, Any]:  # noqa: ARG002
        """Something with a formula."""
        return {"bulk": bulk_metal("Na")}

    def flow(self, settings: Any) -> Flow:
        """The jobs."""
        grown = tree()
        sawn = saw(grown.output, settings.layers)
        return Flow([grown, sawn, result(sawn.output, settings)])

    def headline(self, result: Any) -> str:
        """The level."""
        return f"level {PlankResult.model_validate(result).level_ev:.3f} eV"

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:  # noqa: ARG002
        """As simple as it gets."""
        path.write_text("a plank")
