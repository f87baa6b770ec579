"""Jobs that are decided on while a run goes on, on a real cluster: the segments of a trajectory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from short_trajectories import OPTIONS


@pytest.mark.gpaw
def test_later_segments_ask_for_what_the_first_one_got(on_lab_in: Any, short_folder: Path) -> None:
    with on_lab_in(short_folder) as lab:
        asked = "--resources=fec-1-md:time_s=37m,memory_mb=900"
        address = lab.submit("na-fec-md", asked, *OPTIONS)
        lab.natrium("watch", "--once")
        ended = lab.until(address, lambda run: run["state"] not in ("waiting", "queued", "running"), patience_s=500)
        assert ended["state"] == "completed"
        steps = {step["name"]: step for step in lab.status(address)["steps"]}
        segments = [steps[f"fec-1-md{which}"] for which in ("", "-2", "-3")]
        assert [step["limit_s"] for step in segments] == [37 * 60] * 3
        memory = lab.slurm("sacct", "-n", "-X", "-P", "-o", "JobName,ReqMem")
        asked_mb = [line.split("|")[1] for line in memory.splitlines() if f"{address}/fec-1-md" in line]
        assert asked_mb == ["900M"] * 3
        assert lab.natrium.json("show", address)["output"]["trajectories"][0]["reaction"]["frames"] == 4
