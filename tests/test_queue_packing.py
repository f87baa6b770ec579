"""Which jobs share one allocation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from natrium.hpc.cluster import Packing, Resources
from natrium.hpc.queue.job_files import PAYLOAD
from natrium.hpc.queue.packing import shared_allocations
from natrium.hpc.queue.submission import Submission


def prepared(folder: Path, steps: str) -> list[Submission]:
    """Submissions from words such as a:gpaw:100, name, engine and wall time in seconds."""
    found = []
    for number, (step, engine, time_s) in enumerate((word.split(":") for word in steps.split()), 1):
        submission = Submission(
            id=f"orbitals-1/{step}#1",
            run="orbitals-1",
            step=step,
            number=1,
            uuid=step,
            index=1,
            fw_id=number,
            launch_id=number,
            cluster="lab",
            folder=str(folder / step),
            resources=Resources(nodes=1, tasks=1, memory_mb=1000, time_s=float(time_s)),
            basis="a model",
            prepared=datetime(2026, 5, 1, tzinfo=UTC),
            job_name=f"orbitals-1/{step}#1",
        )
        submission.job_folder.mkdir(parents=True)
        (submission.job_folder / PAYLOAD).write_text(json.dumps({"engine": engine}))
        found.append(submission)
    return found


@pytest.mark.parametrize(
    ("jobs", "steps", "groups"),
    [
        (1, "a:gpaw:100 b:gpaw:100", "a b"),
        (4, "a:gpaw:100 b:gpaw:100 c:gpaw:300", "abc"),
        (2, "a:gpaw:100 b:gpaw:100 c:gpaw:100", "ab c"),
        (4, "a:gpaw:100 b:gpaw:900 c:gpaw:100", "ac b"),  # a long one has its own
        (4, "a:gpaw:100 b:pyscf:100 c:gpaw:100 d:pyscf:100", "ac bd"),  # a script sets up one environment
        (2, "a:gpaw:100 b:pyscf:100 c:gpaw:100 d:gpaw:100", "ac b d"),
    ],
)
def test_groups(jobs: int, steps: str, groups: str, tmp_path: Path) -> None:
    found = shared_allocations(prepared(tmp_path, steps), Packing(jobs=jobs, shorter_than_s=300))
    assert ["".join(one.step for one in group) for group in found] == groups.split()
