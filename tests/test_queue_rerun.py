"""Which steps other settings reach: those are calculated anew, with what depends on them, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from monty.json import jsanitize

from natrium.analysis.runs import Run, RunStep
from natrium.hpc.queue.rerun import _changed_inputs
from natrium.structures.errors import InputError
from natrium.workflows.plan import in_order, plan
from natrium.workflows.study import settle, study


@pytest.fixture(scope="module")
def submitted() -> tuple[Run, dict[str, dict[str, Any]]]:
    """A run of na110 as FireWorks has it."""
    chosen = study("na110")
    jobs = [job for job, _ in in_order(plan(chosen, settle(chosen, "preview", {}), "na110-abcdef"))]
    fireworks = {job.name: {"spec": {"_tasks": [{"job": jsanitize(job.as_dict())}]}} for job in jobs}
    run = Run(
        address="na110-abcdef",
        study="na110",
        preset="preview",
        folder="/scratch/na110-abcdef",
        host="login1",
        created=datetime.now(UTC),
        cluster="helix",
        steps=[RunStep(name=job.name, uuid=job.uuid) for job in jobs],
    )
    return run, fireworks


@pytest.mark.parametrize(
    ("overrides", "reached"),
    [
        ({"slab_static.energy_ev": 1e-4}, {"slab-static"}),
        ({"slab_relax.force_ev_a": 0.05}, {"slab-relax"}),
        ({"bulk.force_ev_a": 0.02}, {"bulk"}),
        ({"layers": 6}, {"slab"}),
        ({"vacuum_a": 30.0}, {"slab"}),
        ({"cutoff_ev": 260}, {"bulk", "slab-relax", "slab-static"}),
    ],
)
def test_other_settings_reach(
    submitted: tuple[Run, dict[str, dict[str, Any]]], overrides: dict[str, Any], reached: set[str]
) -> None:
    run, fireworks = submitted
    changed = _changed_inputs(run, settle(study("na110"), "preview", overrides), fireworks)
    assert changed.keys() == reached | {"result"}  # which records the settings


def test_the_same_settings_change_nothing(submitted: tuple[Run, dict[str, dict[str, Any]]]) -> None:
    run, fireworks = submitted
    with pytest.raises(InputError, match="change nothing"):
        _changed_inputs(run, settle(study("na110"), "preview", {}), fireworks)
