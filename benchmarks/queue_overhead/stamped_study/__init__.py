"""The trivial jobs as a study of natrium."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import stamped
from jobflow import Flow, job
from pydantic import Field, PositiveInt

from natrium.workflows.result import StudyResult
from natrium.workflows.study import StudySettings


class StampedSettings(StudySettings):
    """How many jobs, in which order, and where they leave their times."""

    shape: Literal["chain", "fan"] = Field(description="Each after the other, or all at once")
    jobs: PositiveInt = Field(description="Number of jobs")
    journal: str = Field(description="File for their times")


class StampedResult(StudyResult):
    """Nothing but what every result has."""


@job(name="result", output_schema=StampedResult)
def result(outputs: list[int], settings: Any) -> StampedResult:  # noqa: ARG001
    """The document."""
    return StampedResult(**StudyResult.facts(StampedSettings.model_validate(settings), "Na"), calculations={})


class Stamped:
    """stamp-1 … stamp-N, then the result."""

    name: ClassVar[str] = "stamped"
    summary: ClassVar[str] = "trivial jobs that write down their times"
    settings: ClassVar[type[StudySettings]] = StampedSettings
    result: ClassVar[type[StudyResult]] = StampedResult
    presets: ClassVar[str] = "stamped_study:presets.yaml"

    def systems(self, settings: Any) -> dict[str, Any]:  # noqa: ARG002
        """Something with a formula."""
        from natrium.structures.crystals import bulk_metal  # FireWorks imports this module in every job

        return {"bulk": bulk_metal("Na")}

    def flow(self, settings: Any) -> Flow:
        """The jobs, each with a request, so that it becomes a SLURM job."""
        request = {"resources": {"time_s": 600, "memory_mb": 500}, "basis": "a benchmark"}
        jobs = stamped.stamps(settings.shape, settings.jobs, settings.journal)
        for step in jobs:
            step.update_config({"manager_config": {"_queueadapter": {}, "natrium_request": request}})
        return Flow([*jobs, result([step.output for step in jobs], settings)])

    def headline(self, result: Any) -> str:
        """Nothing to say."""
        return f"preset {result['preset']}"

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:  # noqa: ARG002
        """Nothing to see."""
        path.write_text("stamped")
