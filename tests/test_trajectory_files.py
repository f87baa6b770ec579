"""What was written by others is read back: whole, in parts, in constant memory, or up to where it was cut."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import trajectory_samples as samples
from ase.io import write
from numpy.typing import NDArray
from trajectory_samples import FRAMES, STEP_FS, SYMBOLS, TIME_STEP_FS, WRITERS

from natrium.analysis import trajectory_frames
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.trajectory_files import FORMATS, open_trajectory
from natrium.analysis.trajectory_frames import TrajectoryWarning
from natrium.structures.errors import InputError

TEXT = [name for name in WRITERS if name != "run.traj"]


class Whole(NamedTuple):
    times_fs: NDArray[np.float64]
    positions_a: NDArray[np.float64]
    cells_a: NDArray[np.float64]


def whole(trajectory: Trajectory) -> Whole:
    return Whole(*(np.concatenate(parts) for parts in zip(*trajectory.blocks(), strict=True)))


def written(folder: Path, name: str) -> Path:
    WRITERS[name](folder / name)
    return folder / name


def opened(path: Path, name: str, every: int = 1) -> Trajectory:
    return open_trajectory(path, time_step_fs=TIME_STEP_FS.get(name), every=every)


@pytest.mark.parametrize(
    ("name", "pbc", "cells_a", "origin_a", "tolerance_a"),
    [
        ("run.traj", samples.SLAB, samples.CELLS_A, 0.0, 1e-12),
        ("run.xyz", samples.SLAB, samples.CELLS_A, 0.0, 1e-8),
        ("plain.xyz", samples.NOWHERE, None, 0.0, 1e-8),
        ("XDATCAR", samples.PERIODIC, np.broadcast_to(samples.CELL_A, (FRAMES, 3, 3)), 0.0, 1e-6),
        ("XDATCAR.npt", samples.PERIODIC, samples.CELLS_A, 0.0, 1e-6),
        ("vasprun.xml", samples.PERIODIC, samples.CELLS_A, 0.0, 1e-6),
        ("run.lammpstrj", samples.SLAB, samples.CELLS_A, samples.ORIGIN_A, 1e-8),
    ],
)
def test_round_trip(
    tmp_path: Path,
    name: str,
    pbc: tuple[bool, bool, bool],
    cells_a: NDArray[np.float64] | None,
    origin_a: float | NDArray[np.float64],
    tolerance_a: float,
) -> None:
    trajectory = opened(written(tmp_path, name), name)
    assert trajectory.symbols == SYMBOLS
    assert trajectory.pbc == pbc
    assert trajectory.source.endswith(name)
    found = whole(trajectory)
    assert found.times_fs == pytest.approx(samples.TIMES_FS, abs=1e-9)
    known_a = samples.positions_a(samples.CELLS_A if cells_a is None else cells_a) + origin_a
    assert found.positions_a.shape == (FRAMES, len(SYMBOLS), 3)
    assert found.positions_a == pytest.approx(known_a, abs=tolerance_a)
    assert found.cells_a == pytest.approx(np.zeros((FRAMES, 3, 3)) if cells_a is None else cells_a, abs=tolerance_a)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(("frames_per_block", "every"), [(1, 1), (7, 1), (FRAMES, 4), (4, 7)])
def test_blocks_of_any_size_and_every_nth_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, frames_per_block: int, every: int
) -> None:
    path = written(tmp_path, name)
    all_at_once = whole(opened(path, name))
    monkeypatch.setattr(trajectory_frames, "FRAMES_PER_BLOCK", frames_per_block)
    trajectory = opened(path, name, every)
    sizes = [len(block.times_fs) for block in trajectory.blocks()]
    assert sizes[:-1] == [frames_per_block] * (len(sizes) - 1)
    assert sum(sizes) == -(-FRAMES // every)
    # a second reading begins at the first frame again
    for found, known in zip(whole(trajectory), all_at_once, strict=True):
        assert np.array_equal(found, known[::every])


@pytest.mark.parametrize("name", TEXT)
def test_gzipped_files_are_read_whatever_their_name(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    plain = whole(opened(path, name))
    path.write_bytes(gzip.compress(path.read_bytes()))
    for found, known in zip(whole(opened(path, name)), plain, strict=True):
        assert np.array_equal(found, known)


def test_gzipped_ase_trajectories_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "run.traj")
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="gunzip"):
        open_trajectory(path)


def read_in_part(path: Path, name: str, known: Whole) -> tuple[int, set[str]]:
    """How many frames were found, each as in the whole file, and what was said about the rest."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = whole(opened(path, name))
    count = len(found.times_fs)
    for part, all_of_it in zip(found, known, strict=True):
        assert np.array_equal(part, all_of_it[:count])  # never a number of which the last digits are gone
    return count, {str(warning.message) for warning in caught if warning.category is TrajectoryWarning}


@pytest.mark.parametrize("name", WRITERS)
def test_a_cut_file_gives_its_whole_frames_and_a_warning(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    known = whole(opened(path, name))
    content = path.read_bytes()
    counts = []
    for size in np.linspace(len(content) // 3, len(content) - 2, 25).astype(int):
        path.write_bytes(content[:size])
        count, notes = read_in_part(path, name, known)
        between_frames = name != "vasprun.xml" and content[:size].endswith(b"\n")
        assert between_frames or [f"{path} breaks off after frame {count}" in note for note in notes] == [True], size
        counts.append(count)
    assert counts == sorted(counts)
    assert 1 <= counts[0] < FRAMES / 2
    # behind the last positions of a vasprun.xml there is more
    assert counts[-1] == (FRAMES if name == "vasprun.xml" else FRAMES - 1)


@pytest.mark.parametrize("name", TEXT)
def test_a_cut_gzipped_file_too(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    known = whole(opened(path, name))
    content = gzip.compress(path.read_bytes())
    for size in (len(content) * 3 // 4, len(content) * 9 // 10):
        path.write_bytes(content[:size])
        count, notes = read_in_part(path, name, known)
        assert FRAMES / 4 < count <= FRAMES
        assert [f"{path} breaks off after frame {count}" in note for note in notes] == [True]


def test_a_cut_vasprun_says_how_many_steps_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(samples.vasprun()[:-4000])
    with pytest.warns(TrajectoryWarning, match=r"breaks off after frame \d+ \(NSW = 1000\)"):
        whole(open_trajectory(path))


@pytest.mark.parametrize("step", [3, 700, 1200])
def test_the_damage_of_a_vasprun_is_told_by_its_step(step: int, tmp_path: Path) -> None:
    """As where a run wrote over its own file: a second head in it. The file is read in pieces of hundreds of steps."""
    path = tmp_path / "vasprun.xml"
    steps = samples.vasprun(1500).split(" <calculation>")
    path.write_text(" <calculation>".join(steps[: step + 1]) + '<?xml version="1.0"?>' + "".join(steps[step + 1 :]))
    with pytest.raises(InputError, match=rf"damaged behind step {step}:"):
        whole(open_trajectory(path))


def test_a_frame_that_ase_did_not_finish_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, "run.traj")
    with path.open("ab") as file:  # positions are written first; the count of frames last
        file.write(bytes(8 * 3 * len(SYMBOLS)))
    with pytest.warns(TrajectoryWarning, match=f"breaks off after frame {FRAMES}"):
        assert len(whole(open_trajectory(path)).times_fs) == FRAMES


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_whole_is_an_error(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    head = {"vasprun.xml": 1500, "XDATCAR": 350, "XDATCAR.npt": 250}.get(name, 200)
    path.write_bytes(path.read_bytes()[:head])
    with pytest.raises(InputError, match=r"before its first frame is whole|is damaged|breaks off"):
        opened(path, name)


def repeated(name: str, times: int) -> bytes:
    """The sample's frames again and again, with times or step numbers that rise."""
    text = {
        "XDATCAR": lambda: "".join(
            f"Direct configuration={number:6d}\n" + "0.1 0.2 0.3\n" * len(SYMBOLS) for number in range(1, times + 1)
        ),
        "run.xyz": lambda: "".join(
            f'{len(SYMBOLS)}\nLattice="6 0 0 0 6 0 0 0 6" time_fs={number}\n'
            + "".join(f"{symbol} 0.1 0.2 0.3\n" for symbol in SYMBOLS)
            for number in range(times)
        ),
        "run.lammpstrj": lambda: "".join(
            f"ITEM: TIMESTEP\n{number}\nITEM: NUMBER OF ATOMS\n{len(SYMBOLS)}\nITEM: BOX BOUNDS pp pp pp\n"
            + "0 6\n0 6\n0 6\nITEM: ATOMS id element x y z\n"
            + "".join(f"{atom} {symbol} 0.1 0.2 0.3\n" for atom, symbol in enumerate(SYMBOLS))
            for number in range(times)
        ),
        "vasprun.xml": lambda: samples.vasprun(times),
    }[name]()
    header = "cell\n1\n6 0 0\n0 6 0\n0 0 6\nNa O C F Na\n2 1 1 1 1\n" if name == "XDATCAR" else ""
    return (header + text).encode()


@pytest.mark.parametrize("name", ["XDATCAR", "run.xyz", "run.lammpstrj", "vasprun.xml"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    peaks = []
    for frames in (600, 2400):
        path = tmp_path / name
        path.write_bytes(repeated(name, frames))
        tracemalloc.start()
        count = sum(
            len(block.times_fs) for block in open_trajectory(path, time_step_fs=TIME_STEP_FS.get(name, None)).blocks()
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == frames
    # 1800 more frames would take 600 kB
    assert peaks[1] < peaks[0] + 200_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_tree_of_a_vasprun_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "vasprun.xml"
    path.write_text(samples.vasprun(8000))  # its tree takes some 25 MB, which tracemalloc does not see
    blocks = open_trajectory(path).blocks()
    next(blocks)
    before = resident_bytes()
    assert sum(len(block.times_fs) for block in blocks) == 8000 - trajectory_frames.FRAMES_PER_BLOCK
    assert resident_bytes() - before < 8e6


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("run.traj", "ase"),
        ("run.xyz", "xyz"),
        ("XDATCAR", "xdatcar"),
        ("vasprun.xml", "vasprun"),
        ("run.lammpstrj", "lammps"),
    ],
)
def test_content_tells_the_format_and_a_named_one_is_believed(tmp_path: Path, name: str, format: str) -> None:
    path = written(tmp_path, name)
    head = path.read_bytes()[:4096].decode("latin-1")
    assert [known for known, form in FORMATS.items() if form.begins(head)] == [format]
    named = open_trajectory(path, time_step_fs=TIME_STEP_FS.get(name), format=format)
    assert len(whole(named).times_fs) == FRAMES
    for other in FORMATS.keys() - {format}:
        with pytest.raises(InputError):
            open_trajectory(path, time_step_fs=STEP_FS, format=other)


def test_ase_times_are_optional(tmp_path: Path) -> None:
    write(tmp_path / "run.traj", samples.images(timed=False))
    with pytest.raises(InputError, match="--time-step-fs"):
        open_trajectory(tmp_path / "run.traj")
    (block,) = open_trajectory(tmp_path / "run.traj", time_step_fs=2.0).blocks()
    assert block.times_fs.tolist() == [2.0 * frame for frame in range(samples.FRAMES)]


@pytest.mark.parametrize(
    "spoil", [lambda packed: packed[:40] + b"0000" + packed[44:], lambda packed: packed[:2] + b"junk" * 5]
)
def test_damaged_gzip(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "run.xyz.gz"
    path.write_bytes(spoil(gzip.compress(repeated("run.xyz", 99))))
    with pytest.raises(InputError, match="copy it again"):
        list(open_trajectory(path).blocks())


def test_other_atoms_in_an_ase_trajectory(tmp_path: Path) -> None:
    changed = samples.images()
    changed[20].symbols[3] = "N"
    write(tmp_path / "run.traj", changed)
    with pytest.raises(InputError, match=r"atom 3 of frame 21 .* is N, in the first frame C"):
        list(open_trajectory(tmp_path / "run.traj").blocks())
    write(tmp_path / "appended.traj", samples.images()[:9] + samples.images()[8:])
    with pytest.raises(InputError, match=r"frame 10 .* at the time of frame 9"):
        list(open_trajectory(tmp_path / "appended.traj").blocks())
    write(tmp_path / "appended.traj", samples.images(timed=False)[:9] + samples.images(timed=False)[8:])
    with pytest.raises(InputError, match=r"frame 10 .* repeats the positions of frame 9"):
        list(open_trajectory(tmp_path / "appended.traj", time_step_fs=0.5).blocks())
