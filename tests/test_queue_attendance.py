"""Who sees to a run's end: a watch that is there, or the job itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from natrium.hpc.queue.attendance import answered, attend, is_attended, leave, ring


def just_written(folder: Path) -> Path:
    path = folder / "ended.json"
    path.write_text("{}")
    return path


def test_a_watch_that_is_there_hears_each_run_once(tmp_path: Path) -> None:
    attend([tmp_path], 5.0, "db")
    assert is_attended(tmp_path, just_written(tmp_path), "db")
    for run in ("na110-2", "na110-1", "na110-2"):
        assert ring(tmp_path, run)
    assert list(answered([tmp_path])) == ["na110-1", "na110-2"]
    assert list(answered([tmp_path])) == []


@pytest.mark.parametrize(
    ("age_s", "interval_s", "attended"), [(0, 1, True), (12, 1, True), (14, 1, False), (39, 10, True), (41, 10, False)]
)
def test_a_sign_grows_old(tmp_path: Path, age_s: float, interval_s: float, attended: bool) -> None:
    attend([tmp_path], interval_s, "db")
    path = just_written(tmp_path)
    later = path.stat().st_mtime + age_s
    os.utime(path, (later, later))
    assert is_attended(tmp_path, path, "db") is attended


def test_a_watch_of_another_database_does_not_count(tmp_path: Path) -> None:
    attend([tmp_path], 5.0, "mongodb://elsewhere/")
    assert not is_attended(tmp_path, just_written(tmp_path), "db")


def test_nobody_is_there(tmp_path: Path) -> None:
    path = just_written(tmp_path)
    assert not is_attended(tmp_path, path, "db")
    attend([tmp_path], 5.0, "db")
    leave([tmp_path])
    assert not is_attended(tmp_path, path, "db")
    leave([tmp_path])


def test_a_watch_that_was_killed_on_this_machine_is_not_there(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    attend([tmp_path], 5.0, "db")
    (sign,) = tmp_path.glob(".natrium-watch.json")
    said = json.loads(sign.read_text())
    sign.write_text(json.dumps(said | {"pid": gone.pid, "host": socket.gethostname()}))
    assert not is_attended(tmp_path, just_written(tmp_path), "db")
    # of another machine only its age can be known
    sign.write_text(json.dumps(said | {"pid": gone.pid, "host": "elsewhere"}))
    assert is_attended(tmp_path, just_written(tmp_path), "db")


def test_where_nothing_can_be_written_jobs_do_without(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    attend([missing], 5.0, "db")
    assert not is_attended(missing, just_written(tmp_path), "db")
    assert not ring(missing, "na110-1")
    assert list(answered([missing])) == []
