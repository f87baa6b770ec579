"""Records of runs: written, changed step by step, found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from natrium.analysis.runs import Run, Runs, RunStep, State
from natrium.hpc.configuration import load_configuration
from natrium.hpc.databases import results_store
from natrium.hpc.embedded.lifecycle import stop
from natrium.structures.errors import InputError


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    configuration = load_configuration(data_dir=tmp_path_factory.mktemp("natrium"))
    with results_store(configuration) as store:
        yield store.docs_store._collection.database
    stop(configuration.embedded_folder)


@pytest.fixture
def runs(database):
    database["runs"].delete_many({})
    return Runs(database["runs"])


def a_run(address, **changes):
    facts = {"study": "na110", "preset": "standard", "overrides": {"cutoff_ev": 400}, "folder": "/data/a", "host": "n1"}
    created = datetime(2026, 5, 1, tzinfo=UTC)
    steps = [RunStep(name=name, uuid=f"{name}-1") for name in ("bulk", "slab")]
    return Run(**{"address": address, "created": created, "steps": steps} | facts | changes)


def test_a_run_from_start_to_end(runs):
    runs.insert_run(a_run("na110-3f9c2a"))
    assert runs.get_run("na110-3f") == a_run("na110-3f9c2a")
    runs.update_step("na110-3f9c2a", "slab", State.FAILED)
    runs.update_run("na110-3f9c2a", state=State.FAILED, error="the slab did not converge")
    runs.add_step("na110-3f9c2a", RunStep(name="slab 2", uuid="x"))
    run = runs.get_run("na110-3f9c2a")
    assert (run.state, run.error) == (State.FAILED, "the slab did not converge")
    assert [(step.name, step.state) for step in run.steps] == [
        ("bulk", "waiting"),
        ("slab", "failed"),
        ("slab 2", "waiting"),
    ]
    runs.update_run("na110-3f9c2a", state=State.COMPLETED)
    assert runs.get_run("na110").error is None


def test_a_run_of_a_later_version_can_be_read(runs):
    """Several versions of natrium share a database; the record of one run must not hide those of all the others."""
    runs.insert_run(a_run("na110-3f9c2a"))
    runs._collection.update_one({"_id": "na110-3f9c2a"}, {"$set": {"invented": 1, "steps.0.invented": 2}})
    assert runs.get_run("na110-3f9c2a") == a_run("na110-3f9c2a")
    runs.update_step("na110-3f9c2a", "slab", State.FAILED)
    kept = runs._collection.find_one({"_id": "na110-3f9c2a"})
    assert (kept["invented"], kept["steps"][0]["invented"]) == (1, 2)


def test_runs_that_are_refused(runs):
    runs.insert_run(a_run("na110-1a"))
    runs.insert_run(a_run("na110-1b"))
    for call, problem in (
        (lambda: runs.insert_run(a_run("na110-1a", study="other")), "there is a run na110-1a already"),
        (lambda: runs.get_run("na110-1"), "na110-1 begins several runs: na110-1a, na110-1b"),
        (lambda: runs.get_run("sei"), "there is no run sei"),
        (lambda: runs.update_run("na110-1", state=State.FAILED), "there is no run na110-1"),
        (lambda: runs.update_step("na110-1a", "gas", State.FAILED), "there is no run na110-1a/gas"),
    ):
        with pytest.raises(InputError, match=problem):
            call()
    assert runs.get_run("na110-1a").study == "na110"


def test_runs_are_listed_from_the_newest(runs):
    west = datetime(2026, 4, 30, 22, tzinfo=timezone(timedelta(hours=-8)))  # 6 h in UTC
    for address, state, folder, created in (
        ("na110-1", State.INTERRUPTED, "/data/a", datetime(2026, 5, 1, 1, tzinfo=UTC)),
        ("na110-2", State.FAILED, "/data/b", datetime(2026, 5, 1, 5, tzinfo=UTC)),
        ("na110-3", State.COMPLETED, "/data/a", west),
    ):
        runs.insert_run(a_run(address, state=state, folder=folder, created=created))
    assert [run.address for run in runs.list_runs()] == ["na110-3", "na110-2", "na110-1"]
    assert [run.address for run in runs.list_runs(state=State.FAILED, study="na110")] == ["na110-2"]
    assert [run.address for run in runs.list_runs(limit=1)] == ["na110-3"]
