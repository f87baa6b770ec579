"""Strips of snapshots: what is on them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from leaving_fluorine import leaving, leaving_analysed

from natrium.analysis.snapshots import snapshots
from natrium.structures.errors import InputError


def test_snapshots(tmp_path: Path) -> None:
    reaction = leaving_analysed()
    path = snapshots(tmp_path / "strip.svg", leaving(), [110, 10, 51.3, 60.2], reaction=reaction, columns=3)
    text = path.read_text()
    found = [text.index(f">{label}<") for label in ("10.0 fs", "51.5 fs", "60.0 fs", "C–F cleavage, 42 fs", "110.0 fs")]
    assert text.count("PolyCollection") == 4
    assert text.count("C–F cleavage") == 1
    # In the order of time, the title with the first picture after its confirmation.
    assert found[0] < found[1] < min(found[2:4])
    assert max(found[2:4]) < found[4]
    assert "C–F" not in snapshots(tmp_path / "other.svg", leaving(), [10, 110]).read_text()
    for suffix, begins in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        assert snapshots(tmp_path / f"strip{suffix}", leaving(), [10]).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("name", "times", "options", "problem"),
    [
        ("a.gif", [1], {}, "cannot write a .gif"),
        ("a.png", [], {}, "0 snapshots"),
        ("a.png", range(49), {}, "49 snapshots"),
        ("a.png", [1], {"columns": 0}, "0 columns"),
        ("a.png", [-1, 3, 119.5, 119.6, 300], {}, "no frames at -1, 119.6, 300 fs"),
        ("a.png", [3, float("nan")], {}, "no frames at nan fs"),
        ("a.png", [3.1, 7, 2.9], {}, "2.9 and 3.1 fs are the same frame, at 3 fs"),
    ],
)
def test_snapshots_that_are_refused(
    name: str, times: list[float], options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=problem):
        snapshots(tmp_path / name, leaving(), times, **options)
    assert not list(tmp_path.iterdir())
