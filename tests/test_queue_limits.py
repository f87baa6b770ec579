"""Ends that take their time: wall time limits count in minutes, and a dead node is noticed after half of one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import OnLab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory, on_lab_in: Any) -> Iterator[tuple[OnLab, dict[str, str]]]:
    """Runs that outlast their limits, lose their node or the database; all seen through by `natrium watch`."""
    one = ("--set", "links=1", "--set", "tick_s=1", "--set", "time_s=60")
    with on_lab_in(tmp_path_factory.mktemp("limits")) as on_lab:
        on_lab.patience_s = 900
        runs = {
            "undisturbed": on_lab.submit("chain", "--set", "links=1"),
            "stopped": on_lab.submit("chain", *one, "--set", "ticks=100"),
            "killed": on_lab.submit("chain", *one, "--set", "ticks=240", "--set", "fate=1 deaf"),
            "node": on_lab.submit("chain", "--set", "links=1", "--set", "tick_s=1", "--set", "ticks=15"),
        }
        watch = on_lab.natrium.start("watch", "--interval", "1")
        try:
            on_lab.until(runs["node"], lambda run: run["steps"][0]["slurm_state"] == "RUNNING")
            node = on_lab.step(runs["node"], "link-1")["nodes"]
            on_lab.lab.kill_node(node)
            os.kill(on_lab.natrium.json("db", "status")["pid"], signal.SIGKILL)
            on_lab.until(runs["node"], lambda run: run["steps"][0]["submissions"] > 1)
            on_lab.lab.start_node(node)
            for address in runs.values():
                on_lab.until(address, lambda run: run["state"] == "completed")
        finally:
            watch.terminate()
            out, err = watch.communicate(timeout=60)
        print(out, err)
        assert watch.returncode == 0, err
        yield on_lab, runs


@pytest.mark.parametrize("kind", ["stopped", "killed", "node"])
def test_the_number_does_not_depend_on_it(struck: tuple[OnLab, dict[str, str]], kind: str) -> None:
    on_lab, runs = struck
    words = {name: on_lab.natrium.json("show", runs[name])["output"]["word_e"] for name in ("undisturbed", kind)}
    assert words[kind] == words["undisturbed"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("stopped", "stopped with a checkpoint (the job's own word: the time limit is near) → again"),
        ("killed", "2 min instead of 1"),
        ("killed", "4 min instead of 2"),
        ("node", "again with another node than"),
    ],
)
def test_what_happened_is_told(struck: tuple[OnLab, dict[str, str]], kind: str, told: str) -> None:
    on_lab, runs = struck
    assert any(told in line for line in on_lab.step(runs[kind], "link-1")["history"])


@pytest.mark.parametrize(("kind", "ticks"), [("stopped", 100), ("killed", 240)])
def test_no_tick_is_lost_or_done_twice(struck: tuple[OnLab, dict[str, str]], kind: str, ticks: int) -> None:
    on_lab, runs = struck
    folder = Path(on_lab.step(runs[kind], "link-1")["folder"])
    assert len((folder / "ticks.txt").read_text().splitlines()) == ticks
    assert len((folder / "starts.txt").read_text().splitlines()) >= 3
