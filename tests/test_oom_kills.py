"""The kernel's count of out-of-memory kills, and what is made of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from natrium.hpc import engine_job, oom_kills
from natrium.hpc.attempts import read_attempts
from natrium.hpc.engine_job import EngineJob, Launch
from natrium.hpc.gpaw_handlers import FewerRanks
from natrium.hpc.outcome import Finding, Outcome
from natrium.workflows.engine import Parallelism

GROUPS = {
    "v2": ("0::/user/job_7\n", "user/job_7/memory.events", "low 0\noom 4\noom_kill 3\n"),
    "v1": ("5:memory:/job_7\n3:cpu:/job_7\n", "memory/job_7/memory.oom_control", "under_oom 0\noom_kill 3\n"),
}


@pytest.mark.parametrize("version", GROUPS)
@pytest.mark.parametrize(("there", "count"), [(True, 3), (False, 0)])
def test_the_count_of_this_group(
    version: str, there: bool, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_process, counter, text = GROUPS[version]
    if there:
        (tmp_path / counter).parent.mkdir(parents=True)
        (tmp_path / counter).write_text(text)
    real = Path.read_text

    def read(path: Path, *arguments: Any, **options: Any) -> str:
        return of_process if str(path) == "/proc/self/cgroup" else real(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr(oom_kills, "_ROOT", tmp_path)
    assert oom_kills.oom_kills() == count


class Program:
    """A program that is killed; stands for an engine, whose own ways are not needed."""

    name = "gpaw"
    parallelism: Parallelism = "processes"

    def progress(self, folder: Path) -> dict[str, Any]:  # noqa: ARG002
        return {"step": 3}

    def command(self, *_: object) -> list[str]:
        return [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]

    def checkpoint(self, folder: Path) -> None: ...

    def withdraw_stop(self, folder: Path) -> None: ...


@pytest.mark.parametrize(("counts", "outcome"), [((3, 4), "out of memory"), ((3, 3), "killed by signal 9")])
def test_a_kill_is_the_kernels_where_its_count_went_up(
    counts: tuple[int, int], outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remaining = iter(counts)
    monkeypatch.setattr(engine_job, "oom_kills", lambda: next(remaining, counts[-1]))
    killed = EngineJob(Program(), Launch(ranks=1), lambda *_: Finding(Outcome.KILLED, "signal 9"))  # type: ignore[arg-type]
    killed.run(str(tmp_path))
    assert [(attempt.outcome, attempt.reached) for attempt in read_attempts(tmp_path)] == [(outcome, 3)]


@pytest.mark.parametrize(("ranks", "queued", "changes"), [(4, False, {"ranks": 2}), (1, False, None), (4, True, None)])
def test_a_queue_gives_memory_instead_of_taking_processes(
    ranks: int, queued: bool, changes: dict[str, int] | None, tmp_path: Path
) -> None:
    assert FewerRanks(Launch(ranks=ranks, queued=queued)).changes(tmp_path) == changes
