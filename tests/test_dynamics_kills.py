"""What kills and crashes leave of molecular dynamics behind, and what goes on from there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ase.io import read
from moving_copper import SETTINGS, Watch, move, steps_of

from natrium.workflows import dynamics_record
from natrium.workflows.dynamics_record import SCALARS, STATE, TRAJECTORY, reached
from natrium.workflows.engine import EngineError


@pytest.mark.parametrize("ensemble", ["nve", "langevin", "nose-hoover"])
@pytest.mark.parametrize("cut", [1, 2, 7, 12])
def test_interrupted_and_continued_is_the_same_to_the_last_bit(ensemble: str, cut: int, tmp_path: Path) -> None:
    whole = move(tmp_path / "whole", ensemble=ensemble)
    with pytest.raises(InterruptedError):
        move(tmp_path / "cut", watch=Watch(cut), ensemble=ensemble)
    parts = move(tmp_path / "cut", ensemble=ensemble)
    assert (whole.positions == parts.positions).all()
    assert (whole.get_momenta() == parts.get_momenta()).all()
    assert steps_of(tmp_path / "cut") == (list(range(13)), list(range(13)))
    assert (tmp_path / "cut" / SCALARS).read_text() == (tmp_path / "whole" / SCALARS).read_text()


@pytest.mark.parametrize("ensemble", ["nve", "langevin", "nose-hoover"])
def test_segments_are_one_run(ensemble: str, tmp_path: Path) -> None:
    whole = move(tmp_path / "whole", ensemble=ensemble)
    move(tmp_path / "first", ensemble=ensemble, steps=5)
    second = move(tmp_path / "second", before=reached(tmp_path / "first"), ensemble=ensemble, steps=7)
    assert (whole.positions == second.positions).all()
    assert steps_of(tmp_path / "second") == (list(range(6, 13)), list(range(6, 13)))
    third = reached(tmp_path / "second")
    assert third is not None
    assert (third.step, third.first_step, third.time_fs) == (12, 5, 24.0)


def _torn_line(folder: Path) -> None:
    with (folder / SCALARS).open("a") as file:
        file.write("7,14.0,-3.")


def _no_last_line(folder: Path) -> None:
    lines = (folder / SCALARS).read_text().splitlines(keepends=True)
    (folder / SCALARS).write_text("".join(lines[:-1]))


def _no_last_frame(folder: Path) -> None:
    frames = read(folder / TRAJECTORY, ":")
    (folder / TRAJECTORY).unlink()
    from ase.io import write

    write(folder / TRAJECTORY, frames[:-1])


def _neither(folder: Path) -> None:
    _no_last_frame(folder)
    _no_last_line(folder)


@pytest.mark.parametrize("damage", [_torn_line, _no_last_line, _no_last_frame, _neither])
def test_what_a_kill_between_two_writes_leaves_is_completed(damage: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        move(tmp_path / "run", watch=Watch(7))
    damage(tmp_path / "run")
    move(tmp_path / "run")
    assert steps_of(tmp_path / "run") == (list(range(13)), list(range(13)))
    whole = move(tmp_path / "whole")
    assert read(tmp_path / "run" / TRAJECTORY, "6").positions == pytest.approx(
        read(tmp_path / "whole" / TRAJECTORY, "6").positions, abs=0
    )
    assert (read(tmp_path / "run" / TRAJECTORY).positions == whole.positions).all()


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:11])


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [Path.unlink, _nothing, _torn, _half])
@pytest.mark.parametrize("name", [SCALARS, TRAJECTORY])
def test_a_kill_while_the_first_step_is_written(name: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        move(tmp_path / "run", watch=Watch(1))
    damage(tmp_path / "run" / name)
    move(tmp_path / "run")
    assert steps_of(tmp_path / "run") == (list(range(13)), list(range(13)))
    assert (tmp_path / "run" / SCALARS).read_text().startswith("step,time_fs")


@pytest.mark.parametrize("damage", [Path.unlink, _nothing, _torn, _half])
def test_a_kill_while_the_first_step_of_a_later_segment_is_written(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    move(tmp_path / "first", steps=5)
    before = reached(tmp_path / "first")
    with pytest.raises(InterruptedError):
        move(tmp_path / "second", before=before, watch=Watch(7), steps=7)
    damage(tmp_path / "second" / TRAJECTORY)
    move(tmp_path / "second", steps=7)
    assert steps_of(tmp_path / "second") == (list(range(6, 13)), list(range(6, 13)))


def _no_last_frames(path: Path) -> None:
    frames = read(path, ":")
    path.unlink()
    from ase.io import write

    write(path, frames[:-2])


def _zeros(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500] + bytes(500))


def _no_last_lines(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))


@pytest.mark.parametrize(
    ("name", "damage"),
    [(TRAJECTORY, damage) for damage in (Path.unlink, _nothing, _torn, _half, _zeros, _no_last_frames)]
    + [(SCALARS, damage) for damage in (Path.unlink, _nothing, _torn, _no_last_lines)],
)
@pytest.mark.parametrize("stopped_before", [2, 9])
def test_what_a_crash_of_the_machine_lost_is_told_before_anything_moves(
    name: str, damage: Callable[[Path], None], stopped_before: int, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedError):
        move(tmp_path, watch=Watch(stopped_before))
    damage(tmp_path / name)
    with pytest.raises(EngineError, match=f"{name}.*{stopped_before - 1}"):
        move(tmp_path)
    last = reached(tmp_path)
    assert last is not None
    assert last.step == stopped_before - 1


def test_every_step_is_on_disk_before_the_next_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, synced = os.fsync, []

    def fsync(number: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        original(number)

    monkeypatch.setattr(os, "fsync", fsync)
    move(tmp_path)
    assert [Path(name).name for name in synced] == [f"{STATE}.part", TRAJECTORY, SCALARS] * (SETTINGS["steps"] + 1)


def test_a_kill_before_the_state_is_written_costs_that_step_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = dynamics_record.replace_text

    def die(path: Path, text: str) -> None:
        if path.name == STATE and json.loads(text)["step"] == 9:
            raise KeyboardInterrupt
        original(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(dynamics_record, "replace_text", die)
        with pytest.raises(KeyboardInterrupt):
            move(tmp_path / "run")
    assert steps_of(tmp_path / "run")[0] == list(range(9))
    move(tmp_path / "run")
    assert steps_of(tmp_path / "run") == (list(range(13)), list(range(13)))
