"""Which section of the settings a step takes, and that every study with every preset can be planned."""

from __future__ import annotations

import re
from typing import Any

import pytest

from natrium.structures.errors import InputError
from natrium.workflows.calculation import Calculation
from natrium.workflows.makers import calculation_maker
from natrium.workflows.plan import check, in_order, plan
from natrium.workflows.sections import planned, section_of
from natrium.workflows.study import StudySettings, presets, settle, studies, study

EACH = [
    (name, preset)
    for name, chosen in studies().items()
    if type(chosen).__module__.startswith("natrium.")
    for preset in presets(chosen)
]

CUTOFFS_EV = {"relax": 100, "slab_relax": 200, "slab_static": 300, "host": 400, "smaller": 500, "oxygen": 600}


def settings() -> StudySettings:
    """Sections that differ in their cutoffs."""
    calculations = {name: Calculation(cutoff_ev=cutoff_ev) for name, cutoff_ev in CUTOFFS_EV.items()}
    return StudySettings(study="toy", preset="toy", about="", quality="rough", calculations=calculations)


@pytest.mark.parametrize(
    ("step", "cutoff_ev"),
    [
        ("relax", 100),
        ("slab-relax", 200),  # its own section, not that of relax
        ("slab_relax", 200),
        ("slab-static", 300),
        ("hollow-upright-relax", 100),
        ("hollow-flat-001-relax", 100),
        ("first-slab-relax", 200),
        ("host", 400),
        ("host-smaller", 500),  # the end of the name counts, not its beginning
        ("octahedral-smaller", 500),
        ("embedded-o2-octahedral-upright-oxygen", 600),
        ("oxygen-evaluation", None),
        ("prerelax", None),
        ("static", None),
        ("", None),
    ],
)
def test_the_section_of_a_step(step: str, cutoff_ev: float | None) -> None:
    section = section_of(settings(), step)
    assert (section and settings().calculations[section].cutoff_ev) == cutoff_ev


def test_a_step_without_a_section_has_no_maker() -> None:
    assert calculation_maker(settings(), "on-top-relax").calculation["cutoff_ev"] == 100
    with pytest.raises(KeyError, match="cells"):
        calculation_maker(settings(), "cells")


@pytest.mark.parametrize(("name", "count"), [("na110-o2", 2), ("na-bulk-o", 1)])
def test_other_settings_of_a_section_reach_all_its_steps(name: str, count: int) -> None:
    chosen = study(name)
    settled = settle(chosen, "preview", {"relax.force_ev_a": 0.123})
    forces = {step: each.calculation.force_ev_a for step, each in planned(chosen, settled).items()}
    reached = {step for step, force in forces.items() if force == 0.123}
    assert len(reached) == count
    assert all(step.endswith("-relax") for step in reached)
    assert "slab-relax" not in reached
    # and the jobs are made of the same
    jobs: dict[str, Any] = {job.name: job for job, _ in in_order(chosen.flow(settled))}
    made = {step: jobs[step].function_args[0]["force_ev_a"] for step in forces}
    assert made == forces


@pytest.mark.parametrize(("name", "preset"), EACH)
def test_every_preset_of_every_study_can_be_planned(name: str, preset: str) -> None:
    chosen = study(name)
    settled = settle(chosen, preset, {})
    check(chosen, settled)
    jobs = [job for job, _ in in_order(plan(chosen, settled, f"{name}-000000"))]
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    # folders, SLURM's job names and addresses are made of them
    assert [each for each in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each)] == []
    calculations = {job.name for job in jobs if job.metadata["natrium"]["kind"] == "calculation"}
    assert calculations == set(planned(chosen, settled))
    assert jobs[-1].metadata["natrium"]["kind"] == "study"
    assert names[-1] == "result"


@pytest.mark.parametrize(("name", "preset"), EACH)
def test_every_job_comes_after_those_it_waits_for(name: str, preset: str) -> None:
    chosen = study(name)
    come: set[str] = set()
    for job, parents in in_order(chosen.flow(settle(chosen, preset, {}))):
        assert come.issuperset(parents)
        assert come.issuperset(job.input_uuids)
        come.add(job.uuid)


def test_one_structure_is_finished_before_the_next_begins() -> None:
    names = ["hollow-upright", "on-top-upright"]
    chosen = study("na110-o2")
    steps = [job.name for job, _ in in_order(chosen.flow(settle(chosen, "standard", {"structures": names})))]
    assert steps.index("hollow-upright-evaluation") < steps.index("on-top-upright-relax")


@pytest.mark.parametrize(("name", "preset"), EACH)
def test_every_section_is_that_of_a_step(name: str, preset: str) -> None:
    chosen = study(name)
    settled = settle(chosen, preset, {})
    taken = []
    for overrides in _to_choose_from(settled):
        taken += [each.calculation for each in planned(chosen, settle(chosen, preset, overrides)).values()]
    assert [section for section, each in settled.calculations.items() if each not in taken] == []


def _to_choose_from(settled: StudySettings) -> list[dict[str, Any]]:
    """Overrides that take every section once: `orbitals` has more levels of theory and geometries than a run takes."""
    if settled.study != "orbitals":
        return [{}]
    kinds = {section: calculation.kind for section, calculation in settled.calculations.items()}
    levels = [section for section, kind in kinds.items() if kind == "static"]
    geometries = [section for section, kind in kinds.items() if kind == "relax" and section != "conformer"]
    return [{"levels": levels, "geometry": geometry, "ion": "Na+"} for geometry in geometries]


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("na110-o2", {"structures": []}, "at least 1 item"),
        ("na-bulk-o", {"voids": ["octahedral", "octahedral"]}, "named twice"),
        ("converge-na110-o2", {"over": {"layers": [3, 4]}}, "one structure at a time"),
        ("converge-na-bulk-o", {"over": {"cutoff": [300]}}, "one structure at a time"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        settle(study(name), "standard", overrides)


def test_one_structure_is_converged() -> None:
    settings = settle(
        study("converge-na110-o2"), "preview", {"structures": ["hollow-upright"], "over": {"layers": [4]}}
    )
    assert {rung.label for rung in settings.rungs} == {"3", "4"}
