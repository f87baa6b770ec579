"""`natrium movie`: a trajectory of a result as a film, as snapshots and as one file, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from ase.io.trajectory import Trajectory as Writer
from leaving_fluorine import BOX, IN_PLANE, fluorine_leaves, leaving_analysed
from synthetic_trajectories import TIMES

from natrium.__main__ import app
from natrium.analysis.reaction_analysis import analyse
from natrium.analysis.trajectory_files import open_trajectory
from natrium.commands import results
from natrium.structures.errors import InputError

RUN = "na-fec-md-3f9c2a"


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A result with one trajectory of two segments, and one whose file is gone."""
    halves = np.array_split(np.arange(len(TIMES)), 2)
    files = [str(tmp_path / f"{number}.traj") for number in (1, 2)]
    for path, chosen in zip(files, halves, strict=True):
        with Writer(path, "w") as trajectory:
            for time_fs, positions in zip(TIMES[chosen], fluorine_leaves(TIMES[chosen]), strict=True):
                frame = Atoms("CFNa", positions=positions, cell=BOX, pbc=IN_PLANE)
                frame.info = {"time_fs": float(time_fs)}
                trajectory.write(frame)
    reaction = leaving_analysed().model_dump(mode="json")
    there = {"name": "fec-1", "trajectories": files, "reaction": reaction}
    found = {
        RUN: {"trajectories": [there, there | {"name": "fec-2", "trajectories": [str(tmp_path / "gone.traj")]}]},
        "na110-222222": {"clean": 2.8},
    }

    class Store:
        def get(self, address: str) -> dict[str, Any]:
            return {"output": found[address]}

    @contextlib.contextmanager
    def open_store() -> Iterator[Store]:
        yield Store()

    monkeypatch.setattr(results, "open_store", open_store)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return found


def natrium(*arguments: str) -> None:
    app(args=["movie", *arguments], standalone_mode=False)


@pytest.mark.usefixtures("documents")
def test_film_and_snapshots_of_all_segments(capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    natrium(RUN, "-o", "fec.gif", "-o", "fec.png")
    assert capsys.readouterr().out.split() == ["fec.gif", "fec.png"]
    with Image.open("fec.gif") as film:
        assert film.n_frames == 100  # type: ignore[attr-defined]
    assert Path("fec.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("documents")
@pytest.mark.parametrize("name", ["fec.xyz", "fec.extxyz", "fec.xyz.gz"])
def test_all_frames_in_one_file_that_others_read(name: str) -> None:
    """ASE reads it, and so does natrium; the same frames make the same bytes."""
    natrium(RUN, "-o", name)
    first = Path(name).read_bytes()
    natrium(RUN, "-o", name, "--force")
    assert Path(name).read_bytes() == first
    frames = read(name, ":", format="extxyz")
    assert [frame.info["time_fs"] for frame in frames] == TIMES.tolist()
    assert np.array([frame.positions for frame in frames]) == pytest.approx(fluorine_leaves(TIMES), abs=1e-6)
    assert (str(frames[0].symbols), tuple(frames[0].pbc)) == ("CFNa", IN_PLANE)
    assert np.array(frames[0].cell) == pytest.approx(BOX)
    again = open_trajectory(name)
    assert (again.symbols, again.pbc) == (("C", "F", "Na"), IN_PLANE)
    crossings_fs = [event.crossing_fs for event in leaving_analysed().events]
    assert [event.crossing_fs for event in analyse(again, [0, 1]).events] == pytest.approx(crossings_fs)


@pytest.mark.usefixtures("documents")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((RUN, "ec-1", "-o", "a.gif"), "has no trajectory 'ec-1'"),
        ((RUN, "fec-2", "-o", "a.gif"), "gone.traj"),
        (("na110-222222", "-o", "a.gif"), "has no trajectories"),
        ((RUN, "-o", "a.avi"), "no such format"),
        ((RUN, "-o", "a.gif.gz"), "no such format"),
        ((RUN, "-o", "nowhere/a.xyz"), "does not exist"),
    ],
)
def test_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        natrium(*arguments)
    assert not list(Path().iterdir())
