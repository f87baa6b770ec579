"""Runs on this machine with branches that fail: what can do without them is there, and becomes whole later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine

OUTSIDE = Path(__file__).resolve().parent / "outside"


@pytest.fixture
def plait(natrium: CommandLine) -> CommandLine:
    """A study whose steps fail where a file says so."""
    return natrium.with_variables(PYTHONPATH=str(OUTSIDE))


WHOLE = {"left": "left-thread of left-fibre, dyed", "right": "right-thread of right-fibre, dyed"}
PALE = WHOLE | {"right": "right-thread of right-fibre, pale"}


@pytest.mark.parametrize(
    ("rotten", "strands", "missing", "repeated"),
    [
        # the knot of the right strand and the result lack the whole strand
        ("right-fibre", {"left": WHOLE["left"]}, ["right"], {"result"}),
        ("right-thread", {"left": WHOLE["left"]}, ["right"], {"result"}),
        # the knot is there, but poorer, and so is the result, which lacks nothing itself
        ("right-dye", PALE, [], {"right-knot", "result"}),
    ],
)
def test_what_can_do_without_a_failed_step_is_there_and_becomes_whole_later(
    rotten: str, strands: dict[str, str], missing: list[str], repeated: set[str], plait: CommandLine
) -> None:
    cause = plait.folder / f"rotten-{rotten}"
    cause.touch()
    done = plait("run", "plait", code=3)
    run = plait.the_run()
    assert f"{rotten}: {rotten} is rotten" in done.stderr
    assert f"left: {WHOLE['left']}" in done.stdout
    assert ("missing: right" in done.stdout) == bool(missing)
    poorer = plait.json("show", run.name)
    assert (poorer["output"]["strands"], poorer["output"]["missing"]) == (strands, missing)

    # still there: nothing changes, and nothing is repeated in vain
    plait("run", "--resume", run.name, code=3)
    assert not [path.name for path in run.iterdir() if path.name.endswith("-2")]

    cause.unlink()
    assert f"right: {WHOLE['right']}" in plait("run", "--resume", run.name).stdout
    assert plait.json("show", run.name)["output"]["strands"] == WHOLE
    assert {path.name.partition("-")[2] for path in run.iterdir() if path.name.endswith("-2")} == {
        f"{name}-2" for name in repeated
    }
    # the newest first; the poorer one is kept
    assert [row["output"]["strands"] for row in plait.json("results")] == [WHOLE, strands]


def test_a_result_without_anything_is_none(plait: CommandLine) -> None:
    for strand in ("left", "right"):
        (plait.folder / f"rotten-{strand}-fibre").touch()
    told = plait("run", "plait", code=3).stderr
    run = plait.the_run()
    for name in ("left-knot: left: left-thread gave no result", "result: the plait: every strand gave no result"):
        assert name in told
    assert "not started, because of that: left-thread, right-thread" in told
    assert plait.json("results") == []
    (plait.folder / "rotten-left-fibre").unlink()
    assert "missing: right" in plait("run", "--resume", run.name, code=3).stdout
    (plait.folder / "rotten-right-fibre").unlink()
    plait("run", "--resume", run.name)
    assert plait.json("show", run.name)["output"]["strands"] == WHOLE
