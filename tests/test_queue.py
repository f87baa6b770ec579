"""Runs on a real SLURM: every way to end, and what follows. All are submitted at once, then watched to their ends."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import OnLab


pytestmark = pytest.mark.timeout(1800)

ROTTEN = ("right-fibre", "left-dye")
"""Steps of the plait that fail: a SLURM job with a step behind it that cannot do without, and one of plain Python."""


def word(links: int) -> str:
    """What an undisturbed chain says."""
    said = ""
    for number in range(1, links + 1):
        said = hashlib.sha256(f"{said} {number}".encode()).hexdigest()
    return said


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, on_lab_in: Any) -> Iterator[tuple[OnLab, dict[str, str]]]:
    """A run of each kind, submitted at once and seen through by `natrium watch`."""
    folder = tmp_path_factory.mktemp("queue")
    shut_off = folder / "python-without-network"
    shut_off.write_text(f'#!/bin/sh\nexec unshare --net {sys.executable} "$@"\n')
    shut_off.chmod(0o755)
    clusters = {
        "offline": {"python": str(shut_off), "database": "unreachable"},
        "cut-off": {"python": str(shut_off)},
        "packed": {"packing": {"jobs": 4, "shorter_than_s": 700}},
    }
    for step in ROTTEN:
        (folder / f"rotten-{step}").touch()
    with on_lab_in(folder, **clusters) as lab_user:
        runs = {
            "plait": lab_user.submit("plait"),
            "plain": lab_user.submit("chain"),
            "ladder": lab_user.submit("ladder"),
            "fail": lab_user.submit("chain", "--set", "fate=2 fail"),
            "crash": lab_user.submit("chain", "--set", "fate=1 crash"),
            "exit": lab_user.submit("chain", "--set", "fate=1 exit 7"),
            "memory": lab_user.submit("chain", "--set", "fate=2 memory 700", "--set", "memory_mb=400"),
            "scancel": lab_user.submit("chain", "--set", "ticks=600"),
            "offline": lab_user.submit("chain", "--cluster", "offline", "--again"),
            "cut-off": lab_user.submit("chain", "--cluster", "cut-off", "--set", "links=1"),
            "packed": lab_user.submit("chain", "--cluster", "packed", "--set", "strands=3"),
        }
        watch = lab_user.natrium.start("watch", "--interval", "0.5")
        try:
            # ticking, and not only started: what root cancels within a second looks like a node's own failure
            ticks = lab_user.natrium.folder / "natrium-runs" / runs["scancel"] / "01-link-1" / "ticks.txt"
            lab_user.until(runs["scancel"], lambda _: ticks.exists() and bool(ticks.read_text()))
            lab_user.slurm("scancel", str(lab_user.step(runs["scancel"], "link-1")["slurm_id"]))
            for address in runs.values():
                lab_user.end(address)
        finally:
            watch.terminate()
            out, err = watch.communicate(timeout=30)
        print(out, err)
        assert watch.returncode == 0, err
        yield lab_user, runs


@pytest.mark.parametrize("kind", ["plain", "memory", "offline", "cut-off"])
def test_the_number_is_that_of_an_undisturbed_run(everything: tuple[OnLab, dict[str, str]], kind: str) -> None:
    lab_user, runs = everything
    document = lab_user.natrium.json("show", runs[kind])
    assert document["output"]["word_e"] == word(1 if kind == "cut-off" else 3)
    rows = lab_user.natrium.json("results", "--limit", "500")
    assert [row["address"] for row in rows].count(runs[kind]) == 1


def test_jobs_that_jobs_decide_on_are_steps_too(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    run = lab_user.status(runs["ladder"])
    assert run["state"] == "completed"
    assert [step["name"] for step in run["steps"]].count("rung-5") == 1
    assert {step["state"] for step in run["steps"]} == {"completed"}
    told = [line for step in run["steps"] for line in step["history"]]
    assert told
    assert all(line.endswith("its jobs took its place") for line in told)
    assert lab_user.natrium.json("show", runs["ladder"])["output"]["height_a"] == 3


@pytest.mark.parametrize(
    ("kind", "step", "state", "why", "submissions"),
    [
        ("fail", "link-2", "failed", "the link is rotten → input error", 1),
        ("crash", "link-1", "failed", "ZeroDivisionError: nobody thought of this", 1),
        ("exit", "link-1", "failed", "exit code 7", 3),
        ("scancel", "link-1", "cancelled", "SLURM says CANCELLED", 1),
    ],
)
def test_what_ended_badly_says_why(
    everything: tuple[OnLab, dict[str, str]], kind: str, step: str, state: str, why: str, submissions: int
) -> None:
    lab_user, runs = everything
    found = lab_user.step(runs[kind], step)
    assert found["state"] == state
    assert why in found["why"]
    assert found["submissions"] == submissions
    assert lab_user.status(runs[kind])["state"] == state
    said = lab_user.natrium("status", runs[kind]).stdout
    assert why in said


def test_memory_is_doubled_until_it_is_enough(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    step = lab_user.step(runs["memory"], "link-2")
    assert step["submissions"] == 2
    assert "out of memory" in step["history"][0]
    assert "800 MB instead of 400" in step["history"][0]


def test_a_job_leads_back_to_its_result(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    slurm_id = str(lab_user.step(runs["plain"], "link-1")["slurm_id"])
    said = lab_user.slurm("squeue", "-h", "-t", "all", "-j", slurm_id, "-O", "Name:100,Comment:100")
    assert f"{runs['plain']}/link-1#1" in said
    assert f"natrium show {runs['plain']}" in said


def test_short_ones_share_an_allocation(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    run = lab_user.status(runs["packed"])
    assert run["state"] == "completed"
    assert len({step["slurm_id"] for step in run["steps"] if step["name"].startswith("strand")}) == 1


def test_no_password_lies_about(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, _ = everything
    (password,) = [
        line.strip() for path in (lab_user.natrium.folder / "data").rglob("password") for line in path.open()
    ]
    texts = [path for path in (lab_user.natrium.folder / "natrium-runs").rglob("*") if path.is_file()]
    assert len(texts) > 50
    assert not [path for path in texts if password.encode() in path.read_bytes()]


def test_the_same_request_is_noticed(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    refused = lab_user.natrium("submit", "chain", code=2)
    assert "is the same calculation" in refused.stderr
    assert "--again" in refused.stderr
    # what failed before may simply be tried again
    assert lab_user.submit("chain", "--set", "fate=2 fail") != runs["fail"]


def test_a_cancelled_step_goes_on_where_it_was(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    folder = lab_user.natrium.folder / "natrium-runs" / runs["scancel"] / "01-link-1"
    before = len((folder / "ticks.txt").read_text().splitlines())
    assert before > 0
    lab_user.natrium("rerun", runs["scancel"], "--set", "ticks=8")
    run = lab_user.end(runs["scancel"])
    assert run["state"] == "completed"
    # other inputs, so another folder; the first attempt stays as it was
    assert len((folder / "ticks.txt").read_text().splitlines()) == before
    assert len((folder.with_name("01-link-1.2") / "ticks.txt").read_text().splitlines()) == 8
    assert lab_user.natrium.json("show", runs["scancel"])["output"]["overrides"] == {"ticks": 8}


def test_rerun_of_what_failed(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    refused = lab_user.natrium("rerun", runs["plain"], code=2)
    assert "no step of it failed" in refused.stderr
    lab_user.natrium("rerun", runs["fail"], "--set", "fate=none")
    assert lab_user.end(runs["fail"])["state"] == "completed"
    assert lab_user.natrium.json("show", runs["fail"])["output"]["word_e"] == word(3)


def test_a_completed_step_anew_and_what_depends_on_it(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    lab_user.natrium("rerun", f"{runs['memory']}/link-2", "--resources", "memory_mb=900")
    assert lab_user.end(runs["memory"])["state"] == "completed"
    steps = {step["name"]: step for step in lab_user.status(runs["memory"])["steps"]}
    counts = {name: step["submissions"] for name, step in steps.items()}
    assert [Path(step["folder"]).name for step in steps.values()] == [
        *("01-link-1", "02-link-2.2", "03-link-3.2", "04-result.2")
    ]
    assert counts == {"link-1": 1, "link-2": 3, "link-3": 2, "result": 2}


def test_what_comes_after_changed_inputs_starts_in_a_new_place(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    # link-1 crashed and left nothing behind; from now on it is another link, and so are those after it
    said = lab_user.natrium("rerun", runs["crash"], "--set", "fate=none").stdout
    assert "calculates anew link-1 → link-2 → link-3 → result" in said
    assert lab_user.end(runs["crash"])["state"] == "completed"
    assert lab_user.natrium.json("show", runs["crash"])["output"]["word_e"] == word(3)


def test_what_can_do_without_failed_steps_is_there_and_becomes_whole_later(
    everything: tuple[OnLab, dict[str, str]],
) -> None:
    lab_user, runs = everything
    run = lab_user.status(runs["plait"])
    assert run["state"] == "failed"
    states = {step["name"]: step["state"] for step in run["steps"]}
    assert {name for name, state in states.items() if state == "failed"} == {*ROTTEN, "right-knot"}
    assert {name for name, state in states.items() if state == "waiting"} == {"right-thread"}
    tree = lab_user.natrium("status", runs["plait"]).stdout
    assert "right-fibre is rotten" in tree
    assert "right-thread gave no result" in tree
    pale = lab_user.natrium.json("show", runs["plait"])["output"]
    assert (pale["strands"], pale["missing"]) == ({"left": "left-thread of left-fibre, pale"}, ["right"])
    counts = {step["name"]: step["submissions"] for step in run["steps"]}

    for step in ROTTEN:
        (lab_user.natrium.folder / f"rotten-{step}").unlink()
    lab_user.natrium("rerun", runs["plait"])
    run = lab_user.end(runs["plait"])
    assert {step["state"] for step in run["steps"]} == {"completed"}
    whole = lab_user.natrium.json("show", runs["plait"])["output"]
    dyed = {strand: f"{strand}-thread of {strand}-fibre, dyed" for strand in ("left", "right")}
    assert (whole["strands"], whole["missing"]) == (dyed, [])
    rows = lab_user.natrium.json("results", "--study", "plait", "--limit", "500")
    assert [row["output"]["strands"] for row in rows] == [dyed, pale["strands"]]
    # nothing else was calculated again
    again = {step["name"] for step in run["steps"] if step["submissions"] > counts[step["name"]]}
    assert again == {*ROTTEN, "right-thread", "right-knot", "left-knot", "result"}


def test_a_rerun_that_no_node_could_take_is_refused_at_once(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, runs = everything
    refused = lab_user.natrium("rerun", runs["exit"], "--resources", "time_s=48h", code=2)
    assert "limits.time_s allows 86400" in refused.stderr
    assert lab_user.step(runs["exit"], "link-1")["state"] == "failed"


def test_cancel(everything: tuple[OnLab, dict[str, str]]) -> None:
    lab_user, _ = everything
    address = lab_user.submit("chain", "--set", "ticks=601")
    said = lab_user.natrium("cancel", address).stdout
    assert "SLURM job" in said
    lab_user.natrium("watch", "--once")
    run = lab_user.until(
        address, lambda run: lab_user.natrium("watch", "--once") and run["steps"][0]["state"] == "cancelled"
    )
    assert run["state"] == "cancelled"
    assert "natrium cancel" in run["steps"][0]["why"]
    assert "there is nothing to cancel" in lab_user.natrium("cancel", address, code=2).stderr
