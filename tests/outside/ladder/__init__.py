"""A study for tests, installed like anybody's: seconds instead of hours, and jobs that decide on further jobs.

Every job writes a line to calls.txt in its folder, so that repetitions can be counted. What should happen to a job is
said by the variable LADDER: "kill rung", "fail first", "crash climb", "pause aside", "kill-storing rung-2",
"kill-stored climb". Who pauses goes on when there is a file called go.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, JobStore, Response, job
from pydantic import Field, PositiveInt

from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.workflows.result import StudyResult
from natrium.workflows.study import StudySettings

_FATE, _, _VICTIM = os.environ.get("LADDER", "").partition(" ")


def note() -> None:
    """Leave a trace, then meet one's fate."""
    with Path("calls.txt").open("a") as calls:
        calls.write("called\n")
    if Path.cwd().name.partition("-")[2] != _VICTIM:
        return
    if _FATE == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if _FATE == "fail":
        raise InputError("the rung is rotten", "take another ladder")
    if _FATE == "crash":
        raise ZeroDivisionError("nobody thought of this")
    if _FATE == "pause":
        while not Path("../../../go").exists():  # where natrium was started
            time.sleep(0.05)


_update = JobStore.update


def _update_and_die(self: Any, docs: Any, *arguments: Any, **options: Any) -> None:
    victim = Path.cwd().name.partition("-")[2] == _VICTIM
    if victim and _FATE == "kill-storing":
        os.kill(os.getpid(), signal.SIGKILL)
    _update(self, docs, *arguments, **options)
    if victim and _FATE == "kill-stored":
        os.kill(os.getpid(), signal.SIGKILL)


JobStore.update = _update_and_die


class LadderSettings(StudySettings):
    """One setting."""

    rungs: PositiveInt = Field(description="Rungs of the ladder")


class LadderResult(StudyResult):
    """One number."""

    height_a: float = Field(description="Height of the ladder, Å")


@job(name="first")
def first() -> int:
    """The ground."""
    note()
    return 0


@job(name="climb")
def climb(height: int, rungs: int) -> Response:
    """Replaces itself by as many jobs as there are rungs."""
    note()
    steps = [rung(height)]
    while len(steps) < rungs:
        steps.append(rung(steps[-1].output))
    return Response(replace=Flow(steps, output=steps[-1].output))


@job(name="rung")
def rung(height: int) -> int:
    """One up."""
    note()
    return height + 1


@job(name="aside")
def aside(height: int) -> Response:
    """Decides on two more jobs, and is independent of the ladder."""
    note()
    return Response(output=height, detour=rung(10), addition=rung(20))


@job(name="result", output_schema=LadderResult)
def result(height: int, settings: Any) -> LadderResult:
    """The document."""
    note()
    return LadderResult(
        **StudyResult.facts(LadderSettings.model_validate(settings), "Na"), calculations={}, height_a=height
    )


class Ladder:
    """first → climb (replaced by its rungs) → result; aside stands beside it."""

    name: ClassVar[str] = "ladder"
    summary: ClassVar[str] = "the height of a ladder"
    settings: ClassVar[type[StudySettings]] = LadderSettings
    result: ClassVar[type[StudyResult]] = LadderResult
    presets: ClassVar[str] = "ladder:ladder.yaml"

    def systems(self, settings: Any) -> dict[str, Any]:  # noqa: ARG002
        """Something with a formula."""
        return {"bulk": bulk_metal("Na")}

    def flow(self, settings: Any) -> Flow:
        """The jobs."""
        ground = first()
        up = climb(ground.output, settings.rungs)
        return Flow([ground, up, result(up.output, settings), aside(7)])

    def headline(self, result: Any) -> str:
        """The height."""
        return f"height {LadderResult.model_validate(result).height_a:.1f} Å"

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:  # noqa: ARG002
        """As simple as it gets."""
        path.write_text("a ladder")
