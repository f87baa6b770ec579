"""`natrium analyse-trajectory`: files of any program in, tables or a document out, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import trajectory_samples as samples
from ase import Atoms
from ase.io import read, write
from synthetic_trajectories import bond, fec_on_sodium, moving, noise, ramp, ring_opened

from natrium.analysis.reaction import Reaction, ReactionSettings
from natrium.analysis.reaction_analysis import analyse
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.trajectory_files import open_trajectory
from natrium.commands.analyse_trajectory import MOST_ROWS

UP = np.array([0, 0, 1])


class Told(NamedTuple):
    exit_code: int
    out: str
    err: str

    def section(self, title: str) -> list[list[str]]:
        """Rows of the table under a title, as columns."""
        (part,) = [part for part in self.out.split("\n\n") if part.startswith(title)]
        _, _, *rows = part.strip().split("\n")
        return [[column.strip() for column in row.split("  ") if column.strip()] for row in rows]


@pytest.fixture
def natrium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Natrium:
    monkeypatch.chdir(tmp_path)
    return Natrium(monkeypatch, capsys)


class Natrium:
    """The command in this process, with its exit code and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str | Path) -> Told:
        from natrium.__main__ import main

        self._monkeypatch.setattr(sys, "argv", ["natrium", "analyse-trajectory", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Told(int(ended.value.code or 0), *self._capsys.readouterr())


def written(trajectory: Trajectory, name: str) -> Path:
    """As a file of ASE's."""
    (block, *none_more) = list(trajectory.blocks())
    assert not none_more
    frames = [
        Atoms(trajectory.symbols, positions, cell=cell, pbc=trajectory.pbc, info={"time_fs": float(time)})
        for time, positions, cell in zip(*block, strict=True)
    ]
    write(name, frames)
    return Path(name)


def reacting() -> Trajectory:
    """FEC whose ring opens, and whose F then moves away and down to 2.3 Å above a Na atom; wrapped into the cell."""
    symbols, start, cell = fec_on_sodium(3.0)
    top = start[start[:45, 2].argmax()]
    away = start[50] - start[49]

    def motion(times: np.ndarray) -> np.ndarray:
        moved = ring_opened(start, ramp(times, 20, 45), first=45)
        out = start[50] + away / np.linalg.norm(away) * 2.5
        first, second = np.clip((times - 50) / 30, 0, 1), np.clip((times - 80) / 30, 0, 1)
        path = start[50] + first[:, None] * (out - start[50]) + second[:, None] * (top + 2.3 * UP - out)
        moved[:, 50] = np.where((times >= 50)[:, None], path, moved[:, 50])
        return moved

    times = np.arange(0, 125, 0.5)
    return moving(symbols, motion, times, cell=cell, pbc=(True, True, False), wrapped=True)


def test_a_reaction_in_tables(natrium: Natrium) -> None:
    told = natrium(written(reacting(), "fec.traj"), "--at-fs", "10,120,500")
    assert (told.exit_code, told.err) == (0, "")
    assert "250 frames of 55 atoms, 0 to 124.5 fs, at most 0.5 fs apart; periodic along a, b\n" in told.out
    assert (
        "10 atoms, 45-54 (counted from 0), every atom that is not an alkali or alkaline earth metal: FEC\n" in told.out
    )
    assert "the metal: 45 Na\n" in told.out
    found = analyse(reacting(), range(45, 55))
    opening, cleavage = found.first("ring opening"), found.first("cleavage", ("C", "F"))
    assert opening is not None
    assert cleavage is not None
    events = told.section("bonds that broke and formed")
    for event in (opening, cleavage):
        assert [f"{event.crossing_fs:.1f}", f"{event.confirmed_fs:.1f}", event.title, event.name] in events
    assert len(events) == len(found.covalent_events)
    sensitivity = {row[0]: row[1:] for row in told.section("first crossing at these cutoffs")}
    for cutoff, time in zip((1.8, 2.0, 2.2), sensitivity["any of the ring"], strict=True):
        assert float(time) == pytest.approx(found.ring_opening_fs(cutoff) or np.nan, abs=0.06)
    assert sensitivity["C46–O47"] == sensitivity["any of the ring"]
    fragments = told.section("fragments")
    assert fragments[0][:3] == ["0.0", "start", "FEC"]
    assert fragments[-1][1:] == ["end", "FEC without F, C(=O)–OCH2 open, F bound to 1 Na"]
    ((atom, early, late, never, shortest, below, neighbours),) = told.section("nearest Na–F, 2.317 Å in the crystal")
    (fluorine,) = found.crystal_contacts
    assert (atom, never, neighbours) == ("F50", "–", "1")
    assert float(early.split()[0]) > 4
    assert late.startswith("2.300 to Na")
    assert shortest == "2.300 at 110.0 fs"
    assert below == f"{fluorine.first_below_fs:.1f}"
    contacts = {row[0]: row[1:] for row in told.section("contacts with metal since the start")}
    assert int(contacts["Na–F"][2]) - int(contacts["Na–F"][3]) == 1, "formed and not lost"


def test_the_document_is_the_analysis(natrium: Natrium) -> None:
    told = natrium(written(reacting(), "fec.traj"), "--json", "--figure", "fec.svg", "--dwell-fs", "8")
    assert (told.exit_code, told.err) == (0, "fec.svg\n")
    assert "C46–O47" in Path("fec.svg").read_text()
    expected = analyse(reacting(), range(45, 55), ReactionSettings(dwell_fs=8))
    found = Reaction.model_validate_json(told.out)
    assert found.model_dump(exclude={"source", "curves", "events", "crystal_contacts", "first_breaks"}) == (
        expected.model_dump(exclude={"source", "curves", "events", "crystal_contacts", "first_breaks"})
    )
    for ours, theirs in zip(found.events, expected.events, strict=True):
        assert (ours.kind, ours.name) == (theirs.kind, theirs.name)
        assert ours.crossing_fs == pytest.approx(theirs.crossing_fs, abs=1e-6)
    assert np.array(found.curves.first_a) == pytest.approx(np.array(expected.curves.first_a), abs=1e-5)


def test_segments_are_one_trajectory(natrium: Natrium) -> None:
    whole = read(written(reacting(), "whole.traj"), ":")
    write("1.traj", whole[:80])
    write("2.traj", whole[80:])
    assert natrium("1.traj", "2.traj").out.splitlines()[1:] == natrium("whole.traj").out.splitlines()[1:]
    told = natrium("2.traj", "1.traj")
    assert told.exit_code == 2
    assert "1.traj begins at 0 fs, when 124.5 fs were over" in told.err


@pytest.mark.parametrize("name", samples.WRITERS)
def test_every_format(name: str, natrium: Natrium) -> None:
    samples.WRITERS[name](Path(name))
    step = samples.TIME_STEP_FS.get(name)
    options = ["--json", "--every", "2"] + (["--time-step-fs", str(step)] if step else [])
    told = natrium(name, *options)
    assert told.exit_code == 0, told.err
    found = Reaction.model_validate_json(told.out)
    assert (found.molecule, found.metals) == ((2, 3, 4), (0, 1, 5))
    assert (found.frames, found.begin_fs) == (samples.FRAMES / 2, 0)
    assert (found.longest_gap_fs, found.end_fs) == (pytest.approx(1.0), pytest.approx(14.0))
    if name != "plain.xyz":  # which has no cell
        assert [one.name for one in found.crystal_contacts] == ["F4"]


def test_types_of_lammps_are_named_by_the_user(natrium: Natrium) -> None:
    Path("dump").write_text(samples.lammps(elements=False))
    elements = ",".join(sorted(set(samples.SYMBOLS)))
    assert natrium("dump", "--time-step-fs", "0.05").exit_code == 2
    told = natrium("dump", "--time-step-fs", "0.05", "--symbols", elements, "--format", "lammps")
    assert told.exit_code == 0
    assert "the metal: 3 Na" in told.out


def water(times: np.ndarray) -> np.ndarray:
    return np.repeat(np.array([[[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]]), len(times), axis=0)


def test_nothing_reacts_without_metal_and_without_fluorine(natrium: Natrium) -> None:
    path = written(moving(["O", "H", "H"], water, np.arange(0, 20, 0.5)), "water.xyz")
    told = natrium(path, "--figure", "water.png")
    assert (told.exit_code, told.err) == (0, "")
    for line in (
        "not periodic",
        "the metal: none",
        "bonds that broke and formed: none",
        "no bond broke at 1.8, 2, 2.2 Å",
        "water.png",
    ):
        assert line in told.out
    assert [row[1:] for row in told.section("fragments")] == [["start", "H2O"], ["end", "H2O"]]
    for absent in ("contacts", "crystal", "changed at the end"):
        assert absent not in told.out
    assert Path("water.png").read_bytes().startswith(b"\x89PNG")


def test_the_end_cuts_a_break_off_and_one_frame_is_enough(natrium: Natrium) -> None:
    def length(times: np.ndarray) -> np.ndarray:
        return np.asarray(1.4 + ramp(times, 10))

    path = written(moving(["C", "F"], bond(length), np.arange(0, 28, 0.5)), "cut.xyz")
    told = natrium(path)
    assert told.section("bonds that had changed at the end") == [["22.0", "5.5", "broken", "C0–F1"]]
    assert "bonds that broke and formed: none" in told.out
    alone = natrium(written(moving(["C", "F"], bond(length), [0.0]), "one.xyz"), "--figure", "one.png")
    assert (alone.exit_code, alone.err) == (0, "")
    assert "1 frames of 2 atoms, 0 to 0 fs" in alone.out


def test_warnings_are_on_standard_error_once(natrium: Natrium) -> None:
    path = written(moving(["O", "H", "H"], water, np.arange(0, 300, 15.0)), "water.xyz")
    path.write_text(path.read_text()[:-20])
    told = natrium(path, "--molecule", "H2O")
    assert told.exit_code == 0
    assert told.err.count("breaks off after frame 19") == 1
    assert "frames are up to 15 fs apart, longer than --dwell-fs 10" in told.err
    assert "warning" not in told.out
    assert told.out.count("19 frames") == 1


def test_long_tables_end_and_say_so(natrium: Natrium) -> None:
    symbols = ["C", "C", "O", "F", "N", "Na", "Na"]
    times, positions, cells = noise(symbols, np.eye(3) * 5, 250)
    trajectory = moving(symbols, lambda _: positions, times, cell=cells, pbc=(True, True, True))
    told = natrium(written(trajectory, "noise.traj"), "--dwell-fs", "0")
    expected = analyse(open_trajectory("noise.traj"), range(5), ReactionSettings(dwell_fs=0))
    further = len(expected.covalent_events) - MOST_ROWS
    assert further > 0
    assert f"… {further} more: --json has all" in told.out
    assert len(told.section("bonds that broke and formed")) == MOST_ROWS + 1
    assert len(told.section("contacts with metal")) <= 4, "a row for each two elements"


def test_options_begin_with_the_defaults_of_the_analysis(natrium: Natrium) -> None:
    path = written(moving(["O", "H", "H"], water, [0.0, 1.0]), "water.xyz")
    assert Reaction.model_validate_json(natrium(path, "--json").out).settings == ReactionSettings()
    options = ("--broken-a", "2.1", "--healed-a", "1.7", "--dwell-fs", "5", "--cutoffs", "1.9, 2.5", "--at-fs", "")
    options += ("--crystal-distance-a", "2.336")
    changed = ReactionSettings(
        broken_a=2.1, healed_a=1.7, dwell_fs=5, cutoffs_a=(1.9, 2.5), at_fs=(), crystal_distance_a=2.336
    )
    assert Reaction.model_validate_json(natrium(path, "--json", *options).out).settings == changed


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        ("none.xyz", "none.xyz is not there", "give the file"),
        ("water.xyz --time-step-fs 0", "the time step is 0", "--time-step-fs"),
        ("untimed.xyz", "does not say its time", "--time-step-fs"),
        ("water.xyz --format cif", "no trajectory format is called 'cif'", "xdatcar"),
        ("water.xyz --symbols O,H", "symbols were given", "LAMMPS"),
        ("water.xyz --every 0", "every 0th frame", "1 for all frames"),
        ("water.xyz --molecule 0-3", "there are no atoms 0-3", "counted from 0: give a range within 0-2"),
        ("water.xyz --molecule 2-0", "there are no atoms 2-0", "the smaller one first"),
        ("water.xyz --molecule 0-1 --molecule 1", "atoms [1] of the molecule appear twice", "once"),
        ("water.xyz --molecule FEC", "no molecule 'FEC' in the first frame", "there is: 1 H2O"),
        ("water.xyz --molecule C3H3FO3", "no molecule 'C3H3FO3'", "there is: 1 H2O"),
        ("sodium.xyz", "no atom but metal", "give the indices"),
        ("sodium.xyz --molecule H2O", "no molecule 'H2O'", "nothing but metal"),
        ("water.xyz --broken-a 1.7", "healed_a = 1.8 is not below broken_a = 1.7", "lower healed_a"),
        ("water.xyz --dwell-fs -1", "--dwell-fs -1.0", "lasted for this time"),
        ("water.xyz --broken-a nan", "--broken-a nan", "longer than this"),
        ("water.xyz --cutoffs 1.8;2", "--cutoffs 1.8;2", "separate numbers by commas"),
        ("water.xyz --cutoffs 0", "cutoffs_a = (0.0,)", "above zero"),
        ("water.xyz --at-fs inf", "--at-fs inf", "separate numbers by commas"),
        ("water.xyz --figure a.gif", "a.gif: no such format", ".png, .pdf, .svg"),
        ("water.xyz --figure none/a.png", "the folder none does not exist", "create it"),
        ("none.xyz --figure there.png", "there.png exists", "--force"),
        ("aluminium.xyz --molecule 1", "nothing to follow: one atom", "the other atoms"),
    ],
)
def test_what_is_refused(arguments: str, problem: str, remedy: str, natrium: Natrium) -> None:
    written(moving(["O", "H", "H"], water, [0.0, 1.0]), "water.xyz")
    written(moving(["Na", "Na"], bond(lambda times: 3 + 0 * times), [0.0, 1.0]), "sodium.xyz")
    written(moving(["Al", "Al"], bond(lambda times: 3 + 0 * times), [0.0, 1.0]), "aluminium.xyz")
    samples.write_plain_xyz(Path("untimed.xyz"))
    Path("there.png").write_text("mine")
    before = sorted(Path().iterdir())
    told = natrium(*arguments.split())
    assert (told.exit_code, told.out) == (2, "")
    assert problem in told.err
    assert remedy in told.err.partition("what to do:")[2]
    assert sorted(Path().iterdir()) == before
    assert Path("there.png").read_text() == "mine"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_cannot_be_drawn_is_told_all_the_same(options: list[str], natrium: Natrium) -> None:
    path = written(moving(["O", "Na"], bond(lambda times: 3 + 0 * times), [0.0, 1.0]), "atom.xyz")
    alone = natrium(path, *options)
    told = natrium(path, "--figure", "a.png", *options)
    assert (alone.exit_code, told.exit_code) == (0, 2)
    assert told.out == alone.out
    assert "neither bonds nor distances" in told.err
    assert not Path("a.png").exists()


def test_a_figure_is_replaced_when_told(natrium: Natrium) -> None:
    path = written(moving(["O", "H", "H"], water, [0.0, 1.0]), "water.xyz")
    Path("there.png").write_text("mine")
    assert natrium(path, "--figure", "there.png", "--force").exit_code == 0
    assert Path("there.png").read_bytes().startswith(b"\x89PNG")
