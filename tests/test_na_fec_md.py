"""The study na-fec-md: its plan, when a trajectory goes on, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ase.io.trajectory import Trajectory as Writer
from jobflow import Response
from short_trajectories import OPTIONS
from synthetic import calculated
from synthetic_trajectories import ring_opened

from natrium.analysis.density_difference import MissingPartnerError
from natrium.analysis.reaction import BondEvent, ReactionSettings
from natrium.analysis.volumetric import file_sha256
from natrium.structures.errors import InputError
from natrium.structures.interface_contacts import molecule_atoms
from natrium.structures.ionic_crystals import rock_salt
from natrium.workflows.dynamics_document import Dynamics
from natrium.workflows.dynamics_result import judged
from natrium.workflows.plan import plan
from natrium.workflows.result import CalculationResult
from natrium.workflows.studies.na_fec_md import NaFecMd, NaFecMdResult, spreads, summarise
from natrium.workflows.studies.reaction_trajectory import EVENTS, Goal, ReactionTrajectory, Segment, go_on
from natrium.workflows.study import settle

if TYPE_CHECKING:
    from conftest import CommandLine

STUDY = NaFecMd()
SETTINGS = settle(STUDY, "preview", {})
STANDARD = settle(STUDY, "standard", {})
MD = SETTINGS.calculations["md"]
START = STUDY.systems(SETTINGS)["fec-1-md"]
MAKER = {"name": "fec-1-md", "calculation": MD.model_dump(), "engine": "gpaw"}
OPENS_FS, CLEAVES_FS = 8.0, 14.0
HOT_K = 900.0


def motion(times: np.ndarray) -> np.ndarray:
    """The ring opens at 0.2 Å/fs from 5 fs on, and fluorine leaves from 11 fs on."""
    first = molecule_atoms(START)[0]
    positions = ring_opened(np.array(START.positions_a), np.clip((times - 5) * 0.2, 0, 4), first)
    carbon, fluorine = positions[:, first + 4], positions[:, first + 5]
    away = (fluorine - carbon) / np.linalg.norm(fluorine - carbon, axis=-1, keepdims=True)
    positions[:, first + 5] += away * np.clip((times - 11) * 0.2, 0, 4)[:, None]
    return positions


def segment(folder: Path, first_step: int, last_step: int, *, still: bool = False) -> CalculationResult:
    """A segment of dynamics that was written down and never calculated."""
    steps = np.arange(first_step + (first_step > 0), last_step + 1)
    times = 0.5 * steps
    positions = motion(0 * times if still else times)
    path = folder / f"{first_step}-{last_step}.traj"
    with Writer(str(path), "w") as trajectory:
        for step, time_fs, place in zip(steps, times, positions, strict=True):
            frame = START.moved(place).atoms()
            frame.info = {"step": int(step), "time_fs": float(time_fs)}
            trajectory.write(frame)
    table = path.with_suffix(".csv")
    rows = [f"{step},{time_fs},-80.0,{HOT_K}" for step, time_fs in zip(steps, times, strict=True)]
    table.write_text("\n".join(["step,time_fs,conserved_ev,temperature_k", *rows]) + "\n")
    dynamics = Dynamics(
        first_step=first_step,
        last_step=last_step,
        time_step_fs=0.5,
        trajectory=str(path),
        sha256=file_sha256(path),
        scalars=str(table),
        quality=judged([table], MD, START),
    )
    return calculated(START.moved(positions[-1]), MD, -80.0, dynamics=dynamics)


def decided(before: list[CalculationResult], last: CalculationResult | None, **goal: Any) -> Any:
    wanted = Goal(**({"steps": 80, "segment_steps": 30, "stop_after": None, "stop_delay_fs": 5.0} | goal))
    criteria = ReactionSettings().model_dump()
    known = [Segment.of(one).model_dump(mode="json") for one in before]
    return go_on.original("fec-1", START, known, last, MAKER, wanted.model_dump(), criteria)


def next_steps(response: Any) -> int:
    assert isinstance(response, Response)
    following, again = response.replace.jobs
    assert (following.name, again.name) == ("fec-1-md", "fec-1-events")
    return int(following.function_args[0]["steps"])


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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [1, 1]}, "twice"),
        ({"seeds": []}, "seeds"),
        ({"species": ["ec"]}, "species"),
        ({"starts": {"fec": {"orientation": "flat", "height_a": 2.5}}}, "no start for fec-na"),
        ({"coordination": "nowhere"}, "no place 'nowhere'"),
        ({"starts": {"fec": {"orientation": "sideways", "height_a": 2.5}}, "species": ["fec"]}, "sideways"),
        ({"starts": {"fec": {"orientation": "flat"}}, "species": ["fec"]}, "height_a"),
        ({"starts": {"fec": {"orientation": "flat", "contact_a": 1.2}}, "species": ["fec"]}, "Å"),
        ({"size": [2, 3]}, "rectangular"),
        ({"vacuum_a": 12.0}, "vacuum"),
        ({"stop_after": "explosion"}, "stop_after"),
        ({"time_step_fs": 3.0}, "too long"),
    ],
)
def test_refused_before_anything_runs(changes: dict[str, Any], words: str) -> None:
    from natrium.workflows.plan import check

    with pytest.raises(InputError, match=words):
        check(STUDY, settle(STUDY, "preview", changes))


def test_goes_on_until_its_length(tmp_path: Path) -> None:
    first, second = segment(tmp_path, 0, 30, still=True), segment(tmp_path, 30, 60, still=True)
    assert next_steps(decided([], first)) == 30
    assert next_steps(decided([first], second)) == 20
    ended = decided([first, second], segment(tmp_path, 60, 80, still=True))
    assert isinstance(ended, ReactionTrajectory)
    assert (ended.steps, ended.ended) == (80, "it reached its length")
    assert ended.ring_opening_fs is None
    assert ended.cf_cleavage_fs is None
    assert ended.fragments == ["FEC"]
    assert ended.reaction.frames == 81


@pytest.mark.parametrize(
    ("stop_after", "delay_fs", "until_step", "left"),
    [
        pytest.param("ring opening", 5.0, 40, 7, id="confirmed at 18.5 fs, so until 23.5"),
        pytest.param("C–F cleavage", 5.0, 50, 9, id="confirmed at 24.5 fs, so until 29.5"),
        pytest.param("C–F cleavage", 5.0, 40, 30, id="not confirmed yet"),
        pytest.param("C–F cleavage", 40.0, 50, 30, id="not beyond its length"),
    ],
)
def test_stops_after_an_event(stop_after: str, delay_fs: float, until_step: int, left: int, tmp_path: Path) -> None:
    response = decided([], segment(tmp_path, 0, until_step), stop_after=stop_after, stop_delay_fs=delay_fs)
    assert next_steps(response) == left


def test_stops_at_once_when_the_event_is_long_over(tmp_path: Path) -> None:
    ended = decided([], segment(tmp_path, 0, 60), stop_after="ring opening")
    assert isinstance(ended, ReactionTrajectory)
    assert ended.ended == "5 fs after ring opening C–O"


def test_events_of_a_trajectory_in_segments(tmp_path: Path) -> None:
    first, second = segment(tmp_path, 0, 30), segment(tmp_path, 30, 60)
    ended = decided([first], second, steps=60)
    assert ended.ring_opening_fs == pytest.approx(OPENS_FS, abs=0.3)
    assert ended.cf_cleavage_fs == pytest.approx(CLEAVES_FS, abs=0.3)
    assert ended.fragments[0] != "FEC"
    assert ended.trajectories == [first.dynamics.trajectory, second.dynamics.trajectory]  # type: ignore[union-attr]
    assert list(ended.calculations) == ["fec-1-md", "fec-1-md-2"]


def test_a_failed_segment_leaves_what_was_before(tmp_path: Path) -> None:
    first = segment(tmp_path, 0, 40)
    ended = decided([first], None)
    assert isinstance(ended, ReactionTrajectory)
    assert ended.steps == 40
    assert "segment 2 failed" in ended.ended
    with pytest.raises(MissingPartnerError, match="fec-1-md gave no result"):
        decided([], None)


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
    one = decided([], segment(tmp_path, 0, 60), steps=60)
    times = [80.0, 90.0, None]
    own = [one.model_copy(update={"cf_cleavage_fs": time, "ring_opening_fs": None}) for time in times]
    opening, cleavage = spreads(own)
    assert (opening.happened, opening.of, opening.mean_fs, opening.spread_fs) == (0, 3, None, None)
    assert (cleavage.happened, cleavage.of, cleavage.mean_fs) == (2, 3, 85.0)
    assert cleavage.spread_fs == pytest.approx(50**0.5)


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
    first, second = segment(tmp_path, 0, 600, still=True), segment(tmp_path, 600, 1200, still=True)
    assert first.dynamics is not None
    assert not first.dynamics.quality.warnings
    ended = decided([first], second, steps=1200)
    assert (ended.quality.steps, ended.quality.time_fs, ended.quality.temperature_k) == (1200, 600.0, HOT_K)
    assert "mean temperature is 900 K" in ended.quality.warnings[0]
    naf = calculated(rock_salt("Na", "F"), SETTINGS.calculations["naf"], -9.0)
    result = summarise.original(naf, {"fec-1": ended.model_dump()}, SETTINGS.model_dump())
    assert STUDY.tables(result)[-1] == [{"trajectory": "fec-1", "in doubt": ended.quality.warnings[0]}]


def _event(kind: str, process: str, symbols: tuple[str, str]) -> BondEvent:
    return BondEvent(
        kind=kind, process=process, symbols=symbols, atoms=(1, 2), contact=False, crossing_fs=1, confirmed_fs=11
    )


@pytest.mark.parametrize(
    ("kind", "process", "symbols", "which"),
    [
        ("broken", "ring opening", ("C", "O"), "ring opening"),
        ("broken", "cleavage", ("C", "F"), "C–F cleavage"),
        pytest.param(
            "broken", "ring opening", ("C", "F"), "C–F cleavage", id="F touches another atom before it leaves"
        ),
        ("broken", "cleavage", ("C", "O"), None),
        ("formed", "bond formation", ("C", "F"), None),
        ("healed", "ring closure", ("C", "O"), None),
    ],
)
def test_what_counts_as_which_event(kind: str, process: str, symbols: tuple[str, str], which: str | None) -> None:
    event = _event(kind, process, symbols)
    assert [name for name, accept in EVENTS.items() if accept(event)] == ([which] if which else [])


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
