"""A study as far as a report asks for one, its results, and its convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from natrium.analysis.convergence import Measured as Rung
from natrium.analysis.convergence import with_error_bar
from natrium.analysis.published import Comparison
from natrium.workflows.convergence import ConvergenceResult
from natrium.workflows.reproduction import Executed, Measured, Source, reproduction
from natrium.workflows.result import StudyResult
from natrium.workflows.study import Quantity

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Site(BaseModel):
    start: str
    level_ev: float
    moment: float | None = None


class SlabResult(StudyResult):
    top_ev: float
    sites: list[Site]
    comparisons: list[Comparison]
    missing: list[str]


class Slab:
    """As much of a study as a report asks for."""

    name = "slab"
    result = SlabResult
    parts = ("structures",)
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "top": Quantity("Φ", "top_ev", "eV"),
        "level": Quantity("E", "sites.0.level_ev", "eV"),
        "moment": Quantity("m", "sites.0.moment", "μB"),
    }

    def tables(self, result: SlabResult) -> list[list[dict[str, str]]]:
        return [[{"site": site.start, "|E|": f"{site.level_ev}", "never": ""} for site in result.sites]]

    def part_names(self, result: SlabResult) -> list[str]:
        return [site.start for site in result.sites]

    def pool(self, results: Sequence[SlabResult]) -> SlabResult:
        return results[0].model_copy(update={"sites": [site for result in results for site in result.sites]})


FACTS: dict[str, Any] = {
    "study": "slab",
    "formula": "Na",
    "engine": "gpaw",
    "preset": "standard",
    "quality": "converged",
    "calculations": {},
}


def slab(**changed: Any) -> SlabResult:
    sites = [Site(start="hollow", level_ev=-1.0), Site(start="on-top", level_ev=-0.5)]
    return SlabResult(**(FACTS | {"top_ev": 2.8, "sites": sites, "comparisons": [], "missing": []} | changed))


def measured(
    name: str, errors: dict[str, float], value: float | None = 0.0, structure: str = "", **changed: Any
) -> ConvergenceResult:
    """A convergence result whose ladders end at the reference, go to and fro and have this spread."""
    heights = ((1, 0), (2, 1), (3, 0))  # a rung, and where it is in the spread
    ladders = {
        knob: ("", [Rung(f"{n}", n, value and value + at * error, 1.0, n == 3) for n, at in heights])
        for knob, error in errors.items()
    }
    quantity = with_error_bar(name, "X", "eV", value, ladders).model_copy(update={"structure": structure})
    return ConvergenceResult(**(FACTS | {"study": "converge-slab"} | changed), quantities=[quantity], missing=[])


def reported(result: SlabResult, *convergences: ConvergenceResult, executed: list[Executed] | None = None) -> Any:
    found = [Measured(f"converge-slab-{number}", one) for number, one in enumerate(convergences)]
    return reproduction(Slab(), [Source("slab-1", NOON, result, executed or [])], found)  # type: ignore[arg-type]
