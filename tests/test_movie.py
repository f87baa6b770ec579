"""Movies of trajectories: which frames, what is seen on them, how large the file is, and what is refused."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from leaving_fluorine import BOX, IN_PLANE, fluorine_leaves, leaving, leaving_analysed
from PIL import Image
from synthetic_trajectories import FEC, TIMES, Array, bond, breaks, fec_on_sodium, moving, ramp

from natrium.analysis.movie import event_titles, movie
from natrium.analysis.movie_file import write_gif
from natrium.analysis.reaction import Reaction
from natrium.analysis.side_view import survey
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.unwrapped_frames import picked
from natrium.structures.errors import InputError


@pytest.fixture(scope="module")
def reaction() -> Reaction:
    return leaving_analysed()


def pictures(path: Path) -> tuple[list[Array], list[float]]:
    """RGB of each picture, and how long it lasts, s."""
    found, durations = [], []
    with Image.open(path) as film:
        for number in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(number)
            found.append(np.asarray(film.convert("RGB"), dtype=float))
            durations.append(film.info["duration"] / 1000)
    return found, durations


@pytest.mark.parametrize(
    ("frames", "frames_per_s", "shown"), [(30, 15.0, 30), (7, 8.0, 7), (1, 15.0, 1), (999, 50.0, 40)]
)
def test_pictures_and_duration(frames: int, frames_per_s: float, shown: int, tmp_path: Path) -> None:
    path = movie(tmp_path / "film.gif", leaving(TIMES[:40]), frames=frames, frames_per_s=frames_per_s)
    found, durations = pictures(path)
    assert len(found) == shown
    # Hundredths of a second, and no drift.
    assert sum(durations) == pytest.approx(shown / frames_per_s, abs=0.006)
    assert found[0].shape[1] == 480


def test_the_event_is_seen(reaction: Reaction, tmp_path: Path) -> None:
    """The bond is there until it is confirmed to be broken, 52.5 fs; the title from then on for two seconds."""
    trajectory = leaving(TIMES[60:150])
    found, _ = pictures(movie(tmp_path / "film.gif", trajectory, reaction=reaction, frames=90, frames_per_s=20))
    times, camera = survey(trajectory)
    assert len(found) == len(times)
    shown = {time: found[int(np.searchsorted(times, time))] for time in (31.0, 52.0, 52.5, 72.0, 72.5)}

    def title(time: float) -> bool:
        return bool((shown[time][:28, :240] < 128).any())

    assert [title(time) for time in shown] == [False, False, True, True, False]

    def bonded(time: float) -> bool:
        (frame,) = picked(trajectory, [int(np.searchsorted(times, time))])
        right, up, _ = camera.seen(frame.positions_a[:2].mean(axis=0)) - camera.low_a
        per_a = 480 / camera.size_a[0]
        row = 28 + round((camera.size_a[1] - up) * per_a)
        return bool(shown[time][row, round(right * per_a)].max() < 200)

    assert [bonded(time) for time in shown] == [True, True, False, False, False]
    # Nothing but the letters has changed between the last two, where F has come to rest at 70.2 fs.
    assert np.array_equal(shown[72.0][28:], shown[72.5][28:])
    assert not np.array_equal(shown[52.0][28:], shown[52.5][28:])


def test_metal_alone(tmp_path: Path) -> None:
    trajectory = moving(["Na", "Na"], bond(lambda times: 3.7 + 0.01 * times), TIMES[:10])
    found, _ = pictures(movie(tmp_path / "film.gif", trajectory, frames=5))
    assert len(found) == 5
    assert not np.array_equal(found[0], found[-1])


def test_titles(reaction: Reaction) -> None:
    (event,) = reaction.covalent_events
    later = event.model_copy(update={"confirmed_fs": 55.0, "crossing_fs": 44.6})
    times = np.array([50.0, 52.0, 53.0, 54.0, 55.0, 56.0, 57.0])
    first, second = "C–F cleavage, 42 fs", "C–F cleavage, 45 fs"
    assert event_titles(reaction, times, 3) == ["", "", first, first, first, "", ""]
    both = reaction.model_copy(update={"events": (event, later)})
    assert event_titles(both, times, 2) == ["", "", first, first, second, second, ""]
    assert event_titles(both, times, 4) == ["", "", first, first, second, second, second]
    assert event_titles(None, times, 4) == [""] * 7


def fec_vibrating() -> Trajectory:
    """55 atoms that all move by 0.1 Å and more, each to its own rhythm."""
    symbols, positions, cell = fec_on_sodium(3.0)
    rng = np.random.default_rng(0)
    rates, phases = rng.uniform(0.02, 0.15, positions.shape), rng.uniform(0, 6.28, positions.shape)
    return moving(
        symbols, lambda t: positions + 0.12 * np.sin(rates * t[:, None, None] + phases), np.arange(0, 200, 0.5),
        cell=cell, pbc=IN_PLANE, wrapped=True,
    )  # fmt: skip


def test_size_of_a_movie(tmp_path: Path) -> None:
    path = movie(tmp_path / "film.GIF", fec_vibrating())
    assert 100_000 < path.stat().st_size < 3_000_000
    with Image.open(path) as film:
        assert (film.n_frames, film.width) == (100, 480)  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == [path]


def test_memory_does_not_grow_with_the_pictures(tmp_path: Path) -> None:
    def peak_bytes(count: int) -> int:
        rng = np.random.default_rng(0)
        drawn: Iterator[Any] = (rng.integers(0, 256, (100, 150, 3), dtype=np.uint8) for _ in range(count))
        tracemalloc.start()
        write_gif(tmp_path / "film.gif", drawn, 15)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(2)
    assert peak_bytes(40) < peak_bytes(4) + 50_000


def test_colours_of_a_gif(tmp_path: Path) -> None:
    """Black, white and unchanged pixels come back as they were, small changes do not, and white leaves no trace."""
    first = np.full((20, 20, 3), 255, dtype=np.uint8)
    first[:10] = 100, 150, 200
    second, third = first.copy(), first.copy()
    second[0], second[5], second[12] = 0, (102, 151, 200), (100, 150, 200)
    third[12] = 252
    write_gif(tmp_path / "film.gif", [first, second, third], 10)
    found, durations = pictures(tmp_path / "film.gif")
    assert durations == [0.1, 0.1, 0.1]
    second[5] = first[5]
    third[12] = 255
    for one, expected in zip(found, [first, second, third], strict=True):
        assert np.abs(one - expected).max() <= 2
        assert (one[expected == 255] == 255).all()


FFMPEG = """#!{python}
import pathlib, sys
data = sys.stdin.buffer.read()
pathlib.Path(sys.argv[-1]).write_text(f"{{len(data)}} {{' '.join(sys.argv[1:-1])}}")
"""
NO_FFMPEG = """#!{python}
import sys
print("Unknown encoder", file=sys.stderr)
sys.exit(3)
"""


def program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    if text:
        (folder / "ffmpeg").write_text(text.format(python=sys.executable))
        (folder / "ffmpeg").chmod(0o755)


def test_mp4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ffmpeg is told the size and the speed, and gets every picture."""
    program(tmp_path / "bin", FFMPEG, monkeypatch)
    size, *words = movie(tmp_path / "film.mp4", leaving(), frames=12, frames_per_s=24).read_text().split()
    width, height = (int(side) for side in words[words.index("-s") + 1].split("x"))
    assert (width, height % 2, words[words.index("-r") + 1]) == (480, 0, "24")
    assert int(size) == 12 * width * height * 3


@pytest.mark.parametrize(
    ("text", "problem"), [("", "no ffmpeg on the PATH"), (NO_FFMPEG, r"exit 3\): Unknown encoder")]
)
def test_mp4_that_fails(text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", text, monkeypatch)
    mine = tmp_path / "film.mp4"
    mine.write_bytes(b"mine")
    with pytest.raises(InputError, match=problem):
        movie(mine, leaving(), frames=12, overwrite=True)
    assert mine.read_bytes() == b"mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bin", "film.mp4"]


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("taken.gif", {}, "exists"),
        ("film.avi", {}, "cannot write a .avi"),
        ("film", {}, "file without a suffix"),
        ("missing/film.gif", {}, "does not exist"),
        ("film.gif", {"frames": 0}, "0 frames"),
        ("film.gif", {"frames_per_s": 0}, "0 frames a second"),
        ("film.gif", {"frames_per_s": 51}, "51 frames a second"),
        ("film.gif", {"frames_per_s": float("nan")}, "nan frames a second"),
    ],
)
def test_movies_that_are_refused(name: str, options: dict[str, Any], problem: str, tmp_path: Path) -> None:
    (tmp_path / "taken.gif").write_bytes(b"mine")
    with pytest.raises(InputError, match=problem):
        movie(tmp_path / name, leaving(), **options)
    assert [one.name for one in tmp_path.iterdir()] == ["taken.gif"]
    assert (tmp_path / "taken.gif").read_bytes() == b"mine"
    movie(tmp_path / "taken.gif", leaving(), frames=1, overwrite=True)
    assert (tmp_path / "taken.gif").read_bytes().startswith(b"GIF89a")


def test_trajectories_that_are_refused(reaction: Reaction, tmp_path: Path) -> None:
    def broken(times: Array) -> Array:
        return np.asarray(np.where(times > 100, np.nan, 1.4))

    other = moving(["C", "O", "Na"], fluorine_leaves, TIMES, cell=BOX, pbc=IN_PLANE)
    for trajectory, options, problem in (
        (other, {"reaction": reaction}, "is not one of the atoms"),
        (moving(["C", "F"], bond(breaks), TIMES), {"reaction": reaction}, "is not one of the atoms"),
        (moving(["C", "F"], bond(broken), TIMES), {}, "not numbers"),
        (moving(["C", "F"], bond(breaks), []), {}, "no frames"),
        (moving(["C", "F"], bond(breaks), TIMES, pbc=IN_PLANE), {}, "span no surface"),
    ):
        with pytest.raises(InputError, match=problem):
            movie(tmp_path / "film.gif", trajectory, frames=3, **options)
        assert not list(tmp_path.iterdir())


def test_a_molecule_without_a_cell(tmp_path: Path) -> None:
    positions = np.array(FEC.positions_a)
    free = moving(FEC.symbols, lambda t: positions + ramp(t, 0)[:, None, None], [0.0, 10.0, 20.0])
    found, _ = pictures(movie(tmp_path / "film.gif", free))
    assert len(found) == 3
    assert all((one[60:-30] < 200).any() for one in found)
