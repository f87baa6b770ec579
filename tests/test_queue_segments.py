"""Jobs that are decided on while a run goes on, on a real cluster: the segments of a trajectory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from short_trajectories import OPTIONS


@pytest.mark.gpaw
def test_later_segments_ask_for_what_the_first_one_got(on_lab_in: Any, short_folder: Path) -> None:
    """Also if whoever adds the second one is killed, and the next one finds it half added."""
    # the jobs cannot reach the database, so that only the turns taken here move the run
    with on_lab_in(short_folder, still={"database": "unreachable"}) as lab:
        asked = "--resources=fec-1-md:time_s=37m,memory_mb=900"
        address = lab.submit("na-fec-md", "--cluster", "still", asked, *OPTIONS)
        deadline = time.monotonic() + lab.patience_s
        while not lab.dies_at("after natrium.analysis.runs:Runs.add_step", address):
            assert time.monotonic() < deadline, lab.status(address)
        watch = lab.natrium.start("watch", "--interval", "0.5")
        try:
            ended = lab.end(address)
        finally:
            watch.terminate()
            watch.communicate(timeout=30)
        assert ended["state"] == "completed"
        steps = {step["name"]: step for step in ended["steps"]}
        segments = [steps[f"fec-1-md{which}"] for which in ("", "-2", "-3")]
        assert [step["limit_s"] for step in segments] == [37 * 60] * 3
        memory = lab.slurm("sacct", "-n", "-X", "-P", "-o", "JobName,ReqMem")
        asked_mb = [line.split("|")[1] for line in memory.splitlines() if f"{address}/fec-1-md" in line]
        assert asked_mb == ["900M"] * 3
