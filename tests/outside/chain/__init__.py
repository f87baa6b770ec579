"""A study for tests of queues: links that wait for each other, each a SLURM job that takes a few ticks and can fail.

A link leaves one line per tick in ticks.txt and goes on from there when it is started again, as a calculation goes on
from its checkpoint. Its fate is said by the setting `fate`: "2 memory 900" (link 2 takes 900 MB), "1 exit 7",
"1 fail", "1 crash", "1 deaf" (it ignores signals).
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, job
from pydantic import Field, PositiveFloat, PositiveInt

from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.workflows.result import StudyResult
from natrium.workflows.study import StudySettings


class ChainSettings(StudySettings):
    """How long, how slow, how unlucky."""

    links: PositiveInt = Field(description="Links")
    strands: PositiveInt = Field(description="Strands: all but the chain itself are single links beside it")
    ticks: PositiveInt = Field(description="Ticks of each link")
    tick_s: PositiveFloat = Field(description="Time of one tick, s")
    fate: str = Field(description="What happens to a link")
    time_s: PositiveFloat = Field(description="Wall time to ask for, s")
    memory_mb: PositiveInt = Field(description="Memory to ask for, MB")


class ChainResult(StudyResult):
    """One number that says whether every link did its work, once, in order."""

    word_e: str = Field(description="Digest of all links")


@job(name="link")
def link(number: int, before: str, ticks: int, tick_s: float, fate: str) -> str:
    """Ticks, then a digest of what came before and of the number."""
    victim, _, what = fate.partition(" ")
    what, _, amount = what.partition(" ") if victim == str(number) else ("", "", "")
    with Path("starts.txt").open("a") as starts:
        starts.write(f"{os.environ.get('SLURM_JOB_ID')}\n")
    if what == "deaf":
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if what == "fail":
        raise InputError("the link is rotten", "forge another")
    if what == "crash":
        raise ZeroDivisionError("nobody thought of this")
    if what == "exit":
        os._exit(int(amount))
    weight = bytearray(int(amount) * 1024**2) if what == "memory" else bytearray()
    weight[::4096] = b"x" * len(weight[::4096])
    journal = Path("ticks.txt")
    while (len(journal.read_text().splitlines()) if journal.exists() else 0) < ticks:
        time.sleep(tick_s)
        with journal.open("a") as lines:
            lines.write("tick\n")
    return hashlib.sha256(f"{before} {number}".encode()).hexdigest()


@job(name="result", output_schema=ChainResult)
def result(word: str, settings: Any) -> ChainResult:
    """The document."""
    facts = StudyResult.facts(ChainSettings.model_validate(settings), "Na")
    return ChainResult(**facts, calculations={}, word_e=word)


class Chain:
    """link-1 → link-2 → … → result."""

    name: ClassVar[str] = "chain"
    summary: ClassVar[str] = "links that wait for each other"
    settings: ClassVar[type[StudySettings]] = ChainSettings
    result: ClassVar[type[StudyResult]] = ChainResult
    presets: ClassVar[str] = "chain:chain.yaml"

    def systems(self, settings: Any) -> dict[str, Any]:  # noqa: ARG002
        """Something with a formula."""
        return {"bulk": bulk_metal("Na")}

    def flow(self, settings: Any) -> Flow:
        """The jobs."""
        asked = {"time_s": settings.time_s, "memory_mb": settings.memory_mb}
        request = {"resources": asked, "basis": "a test"}

        def made(name: str, number: int, before: Any) -> Any:
            step = link(number, before, settings.ticks, settings.tick_s, settings.fate)
            step.name = name
            step.update_config({"manager_config": {"_queueadapter": {}, "natrium_request": request}})
            return step

        jobs, word = [], ""
        for number in range(1, settings.links + 1):
            jobs.append(made(f"link-{number}", number, word))
            word = jobs[-1].output
        beside = [made(f"strand-{number}", 100 + number, "") for number in range(2, settings.strands + 1)]
        return Flow([*jobs, *beside, result(word, settings)])

    def headline(self, result: Any) -> str:
        """The digest."""
        return f"word {ChainResult.model_validate(result).word_e[:8]}"

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:  # noqa: ARG002
        """As simple as it gets."""
        path.write_text("a chain")
