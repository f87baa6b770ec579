"""Whoever brings a run up to date may be killed anywhere: the next one finds out how far he came."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

POINTS = [
    "before natrium.hpc.queue.settle:store_result",
    "after natrium.hpc.queue.settle:store_result",
    "after natrium.hpc.queue.settle:complete",
    "before fireworks:LaunchPad._update_wf",
    "after fireworks:LaunchPad._update_wf",
    "after fireworks:LaunchPad._upsert_fws",
    "after fireworks:LaunchPad.complete_launch",
    "after natrium.hpc.queue.submission:Submissions.update",
    "after fireworks:LaunchPad.reserve_fw",
    "before natrium.hpc.queue.submission:Submissions.insert",
    "after natrium.hpc.queue.submission:Submissions.insert",
    "before natrium.hpc.slurm.commands:Slurm.submit",
    "after natrium.hpc.slurm.commands:Slurm.submit",
    "before natrium.hpc.queue.launch:accept",
    "after natrium.hpc.queue.launch:accept",
]
DYNAMIC = [
    ("before natrium.analysis.runs:Runs.add_step", 1),
    ("after natrium.analysis.runs:Runs.add_step", 2),
    ("after natrium.hpc.queue.settle:store_result", 2),
    ("before fireworks:LaunchPad.complete_launch", 2),
    ("after fireworks:LaunchPad.complete_launch", 2),
]


def test_a_killed_turn_is_continued(tmp_path_factory: pytest.TempPathFactory, on_lab_in: Any) -> None:
    # the jobs cannot reach the database, so that only the turns taken here move the runs
    with on_lab_in(
        tmp_path_factory.mktemp("crashes"), still={"database": "unreachable", "node": {"cores": 2, "memory_mb": 4000}}
    ) as on_lab:
        runs = {
            point: on_lab.submit("chain", "--cluster", "still", "--set", "links=2", "--set", "ticks=1", "--again")
            for point in POINTS
        }
        folders = {point: on_lab.natrium.folder / "natrium-runs" / run for point, run in runs.items()}
        deadline = time.monotonic() + on_lab.patience_s
        while not all((folder / "01-link-1" / "job-1" / "ended.json").exists() for folder in folders.values()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        for point, run in runs.items():
            assert on_lab.dies_at(point, run), point
        watch = on_lab.natrium.start("watch", "--interval", "0.5")
        try:
            for point, run in runs.items():
                assert on_lab.end(run)["state"] == "completed", point
        finally:
            watch.terminate()
            out, err = watch.communicate(timeout=30)
        assert watch.returncode == 0, err
        said = ""
        for number in (1, 2):
            said = hashlib.sha256(f"{said} {number}".encode()).hexdigest()
        rows = [row["address"] for row in on_lab.natrium.json("results", "--limit", "500")]
        for point, run in runs.items():
            assert on_lab.natrium.json("show", run)["output"]["word_e"] == said, point
            assert rows.count(run) == 1, point
            for step in ("01-link-1", "02-link-2"):
                starts = (folders[point] / step / "starts.txt").read_text().splitlines()
                assert len(starts) == 1, f"{point}: {step} ran {len(starts)} times\n{out}"


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        *DYNAMIC,
        # everywhere in FireWorks' own writing, one document after the other
        *(
            pytest.param(f"after fireworks:LaunchPad.{name}", nth, marks=pytest.mark.slow)
            for name, times in (("_upsert_fws", 22), ("_update_wf", 14))
            for nth in range(2 if name == "_upsert_fws" else 1, times)  # the first one is that of the submission
        ),
    ],
)
def test_a_killed_turn_adds_no_job_twice(tmp_path: Path, on_lab_in: Any, point: str, nth: int) -> None:
    with on_lab_in(tmp_path) as on_lab:
        # its steps of plain Python run where the run is brought up to date: one turn would do them all
        assert on_lab.dies_at(point, "submit ladder --set rungs=2", nth)
        (run,) = on_lab.natrium.json("status", "--all")
        on_lab.natrium("watch", "--once")
        ended = on_lab.status(run["address"])
        assert ended["state"] == "completed", on_lab.natrium("status", run["address"]).stdout
        names = [step["name"] for step in ended["steps"]]
        assert sorted(names) == sorted(["first", "climb", "rung", "rung-2", "result", "aside", "rung-3", "rung-4"])
        document = on_lab.natrium.json("show", run["address"])
        assert document["output"]["height_a"] == 2
