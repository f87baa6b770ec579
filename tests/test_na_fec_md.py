"""The study na-fec-md: its plan, what it refuses, and what is said of its trajectories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from short_trajectories import OPTIONS
from synthetic import calculated
from synthetic_segments import HOT_K, OPENS_FS, SETTINGS, STUDY, decided, segment, still

from natrium.structures.errors import InputError
from natrium.structures.interface_contacts import molecule_atoms
from natrium.structures.ionic_crystals import rock_salt
from natrium.workflows.plan import plan
from natrium.workflows.pooling import pooled
from natrium.workflows.studies.na_fec_md import NaFecMdResult, spreads, summarise
from natrium.workflows.study import settle

if TYPE_CHECKING:
    from conftest import CommandLine

STANDARD = settle(STUDY, "standard", {})


def test_the_plan_has_a_branch_for_each_species_and_seed() -> None:
    flow = plan(STUDY, STANDARD, "na-fec-md-test")
    names = [job.name for job, _ in flow.iterflow()]
    assert {f"{species}-{seed}-md" for species in ("fec", "fec-na") for seed in (1, 2, 3)} < set(names)
    seeds = {
        job.name: job.function_args[0]["seed"]
        for job, _ in flow.iterflow()
        if job.name.endswith("-md") and job.function_args
    }
    assert seeds == {f"{species}-{seed}-md": seed for species in ("fec", "fec-na") for seed in (1, 2, 3)}


@pytest.mark.parametrize(("crystal", "measured"), [(["Na", "F"], True), (["Na", "O"], False)])
def test_trajectories_get_the_relaxed_crystal_where_it_is_theirs(crystal: list[str], measured: bool) -> None:
    flow = plan(STUDY, settle(STUDY, "preview", {"reaction": {"crystal": crystal}}), "na-fec-md-test")
    jobs = {job.name: job for job, _ in flow.iterflow()}
    *_, criteria, given = jobs["fec-1-events"].function_args
    assert jobs["naf"].uuid not in jobs["fec-1-course"].input_uuids, "a failed crystal would cost the trajectory"
    assert criteria == {"crystal": tuple(crystal)}
    assert (given == jobs["naf"].output.system) if measured else given is None


@pytest.mark.parametrize("preset", ["preview", "standard", "published"])
def test_systems(preset: str) -> None:
    systems = STUDY.systems(settle(STUDY, preset, {}))
    fec, complexed = systems["fec-1-md"], systems["fec-na-1-md"]
    assert (fec.charge, complexed.charge) == (0, 0)
    assert complexed.symbols.count("Na") == fec.symbols.count("Na") + 1
    assert "neutral" in complexed.label
    assert len(molecule_atoms(fec)) == 10
    assert len(molecule_atoms(complexed)) == 11
    assert systems["fec-na-relax"].charge == 1
    if preset == "standard":
        assert len(fec.symbols) == 34


FLAT = {"fec": {"orientation": "flat", "height_a": 2.5}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [1, 1]}, "twice"),
        ({"seeds": []}, "seeds"),
        ({"species": ["ec"]}, "species"),
        ({"starts": FLAT}, "no start for fec-na"),
        ({"coordination": "nowhere"}, "no place 'nowhere'"),
        ({"starts": {"fec": {"orientation": "sideways", "height_a": 2.5}}, "species": ["fec"]}, "sideways"),
        ({"starts": {"fec": {"orientation": "flat"}}, "species": ["fec"]}, "height_a"),
        ({"starts": {"fec": {"orientation": "flat", "contact_a": 1.2}}, "species": ["fec"]}, "Å"),
        ({"size": [2, 3]}, "rectangular"),
        ({"vacuum_a": 12.0}, "vacuum"),
        ({"vacuum_a": 12.9, "species": ["fec"], "starts": FLAT}, "for a dipole layer"),
        ({"seeds": [-1]}, "greater than or equal to 0"),
        ({"md.kind": "relax"}, "md.kind=relax"),
        ({"stop_after": "explosion"}, "stop_after"),
        ({"time_step_fs": 3.0}, "too long"),
    ],
)
def test_refused_before_anything_runs(changes: dict[str, Any], words: str) -> None:
    from natrium.workflows.plan import check

    with pytest.raises(InputError, match=words):
        check(STUDY, settle(STUDY, "preview", changes))


@pytest.mark.parametrize("event", ["C-F cleavage", "C–F cleavage"])
def test_an_event_is_named_as_keyboards_have_it(event: str) -> None:
    assert settle(STUDY, "preview", {"stop_after": event}).stop_after == "C–F cleavage"


@pytest.mark.parametrize("preset", ["preview", "standard", "published"])
def test_no_start_decides_what_breaks_first(preset: str) -> None:
    """Fluorine that begins nearer to sodium than in NaF is pressed to leave."""
    settings = settle(STUDY, preset, {})
    assert settings.calculations["md"].dipole_layer
    for name, system in STUDY.systems(settings).items():
        if name.endswith("-md"):
            fluorine = system.symbols.index("F")
            sodium = [number for number, symbol in enumerate(system.symbols) if symbol == "Na"]
            assert system.atoms().get_distances(fluorine, sodium, mic=True).min() > 2.8, name


@pytest.mark.parametrize("at_fs", [(40.0, 80.0), (80.0,), (40.0,)])
def test_the_published_distance_is_compared_at_its_own_time(at_fs: tuple[float, ...], tmp_path: Path) -> None:
    one = decided([], segment(tmp_path, 0, 200), steps=200, species="fec-na", criteria={"at_fs": at_fs})
    result = summarise.original(None, {"fec-na-1": one.model_dump()}, SETTINGS.model_dump())
    windows = one.reaction.crystal_contacts[0].at
    assert [told.ours for told in result.comparisons] == [window.mean_a for window in windows if window.at_fs == 80]


def test_result_with_a_missing_trajectory(tmp_path: Path) -> None:
    one = decided([], segment(tmp_path, 0, 60), steps=60)
    naf = calculated(rock_salt("Na", "F"), SETTINGS.calculations["naf"], -9.0)
    found = {"fec-1": one.model_dump(), "fec-na-1": None}
    result = summarise.original(naf, found, SETTINGS.model_dump())
    assert isinstance(result, NaFecMdResult)
    assert result.missing == ["fec-na-1"]
    assert result.naf_distance_a == pytest.approx(2.317, abs=0.001)
    told = {one.quantity: one.ours for one in result.comparisons}
    assert told["AIMD of FEC on Na: ring opening, fec-1"] == pytest.approx(OPENS_FS, abs=0.3)
    assert STUDY.headline(result).startswith("fec: ring opening in 1 of 1, at 8 fs; fec: C–F cleavage in 1 of 1")
    assert "missing: fec-na-1" in STUDY.headline(result)
    rows, events = STUDY.tables(result)
    assert rows[0]["trajectory"] == "fec-1"
    assert [row["event"] for row in events][:2] == ["ring opening C–O", "C–F cleavage"]


def test_spread_of_times(tmp_path: Path) -> None:
    """A trajectory that ended early says less than one that went on: each says how long it was looked at."""
    one = decided([], segment(tmp_path, 0, 60), steps=60)
    ends = [one.reaction.model_copy(update={"end_fs": end_fs}) for end_fs in (150.0, 150.0, 25.0)]
    own = [
        one.model_copy(update={"cf_cleavage_fs": time, "ring_opening_fs": None, "reaction": reaction})
        for time, reaction in zip([80.0, 90.0, None], ends, strict=True)
    ]
    opening, cleavage = spreads(own)
    assert (opening.happened, opening.of, opening.mean_fs, opening.spread_fs) == (0, 3, None, None)
    assert opening.without_fs == [25.0, 150.0, 150.0]
    assert (cleavage.happened, cleavage.of, cleavage.mean_fs) == (2, 3, 85.0)
    assert cleavage.spread_fs == pytest.approx(50**0.5)
    assert cleavage.without_fs == [25.0]
    result = summarise.original(None, {one.name: one for one in own[:1]}, SETTINGS.model_dump())
    told = STUDY.headline(result.model_copy(update={"spreads": [opening, cleavage]}))
    assert told == (
        "fec: ring opening in 0 of 3, not within 25, 150, 150 fs;"
        " fec: C–F cleavage in 2 of 3, at 85 fs ± 7, not within 25 fs"
    )


def test_trajectories_of_several_runs_are_told_as_one(tmp_path: Path) -> None:
    """Lengths and seeds of segments are a trajectory's own; its method is not."""
    naf = calculated(rock_salt("Na", "F"), SETTINGS.calculations["naf"], -9.0)
    first = decided([], segment(tmp_path, 0, 60), steps=60)
    second = first.model_copy(update={"name": "fec-2"})
    results = [
        summarise.original(naf.model_dump(), {one.name: one.model_dump()}, SETTINGS.model_dump())
        for one in (first, second)
    ]
    found = pooled(STUDY, results)
    assert isinstance(found, NaFecMdResult)
    assert [one.name for one in found.trajectories] == ["fec-1", "fec-2"]
    assert [(one.happened, one.of) for one in found.spreads] == [(2, 2), (2, 2)]
    coarse = {
        name: one.model_copy(update={"calculation": one.calculation.model_copy(update={"grid_spacing_a": 0.3})})
        for name, one in results[1].calculations.items()
        if name != "naf"
    }
    with pytest.raises(InputError, match=r"grid_spacing_a of md is 0\.25 and 0\.3"):
        pooled(STUDY, [results[0], results[1].model_copy(update={"calculations": coarse})])


@pytest.mark.parametrize("orientation", ["fluorine-down", "random"])
def test_a_seed_gives_velocities_and_a_random_orientation(orientation: str) -> None:
    start = {"orientation": orientation, "contact_a": 2.3}
    changes = {"species": ["fec"], "seeds": [1, 2], "starts": {"fec": start}, "size": [3, 4]}
    settings = settle(STUDY, "preview", changes)
    first, second = (STUDY.systems(settings)[f"fec-{seed}-md"] for seed in (1, 2))
    assert (first == second) == (orientation != "random")
    built = [
        job.function_args[:2]
        for job, _ in plan(STUDY, settings, "na-fec-md-test").iterflow()
        if job.name.endswith("-interface")
    ]
    assert built == [("fec", 1), ("fec", 2)]


def test_a_trajectory_is_judged_over_all_its_segments(tmp_path: Path) -> None:
    """A segment of 300 fs is too short to tell that a thermostat of 100 fs fails; two are not."""
    first, second = segment(tmp_path, 0, 600, moves=still), segment(tmp_path, 600, 1200, moves=still)
    assert first.dynamics is not None
    assert not first.dynamics.quality.warnings
    ended = decided([first], second, steps=1200)
    assert (ended.quality.steps, ended.quality.time_fs, ended.quality.temperature_k) == (1200, 600.0, HOT_K)
    assert "mean temperature is 450 K" in ended.quality.warnings[0]
    naf = calculated(rock_salt("Na", "F"), SETTINGS.calculations["naf"], -9.0)
    result = summarise.original(naf, {"fec-1": ended.model_dump()}, SETTINGS.model_dump())
    assert STUDY.tables(result)[-1] == [{"trajectory": "fec-1", "in doubt": ended.quality.warnings[0]}]


@pytest.mark.gpaw
def test_a_run_of_several_segments(natrium: CommandLine) -> None:
    out = natrium("run", "na-fec-md", *OPTIONS).stdout
    assert "fec: C–F cleavage in 0 of 1" in out
    name = natrium.the_run().name
    output = natrium.json("show", name)["output"]
    (trajectory,) = output["trajectories"]
    assert trajectory["steps"] == 3
    assert trajectory["reaction"]["frames"] == 4
    assert len(trajectory["calculations"]) == 3
    assert natrium.json("show", f"{name}/fec-1-md-2")["output"]["dynamics"]["first_step"] == 1
    natrium("movie", name, "fec-1", "-o", "fec.gif", "-o", "fec.png")
    assert natrium("plot", name, "-o", "curves.png").stdout
