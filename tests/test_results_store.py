"""Results go in through jobflow and come out by query and by address, with their arrays."""

from __future__ import annotations

import pickle
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from jobflow import Flow, job, run_locally
from pydantic import BaseModel, Field

from natrium.analysis.results_store import ResultsStore
from natrium.analysis.stored_array import PAYLOAD, StoredArray, from_document, to_document
from natrium.hpc.configuration import load_configuration
from natrium.hpc.databases import results_store
from natrium.hpc.embedded.folder import DatabaseError, DatabaseFolder
from natrium.hpc.embedded.lifecycle import stop
from natrium.structures.errors import InputError
from natrium.structures.system import System


class Density(BaseModel):
    system: System
    density_e_a3: StoredArray = Field(description="Shape of the grid, e/Å³")


@job(output_schema=System)
def bulk(a_a: float) -> System:
    return System(label="bcc Na", symbols=("Na",), positions_a=[(0, 0, 0)], cell_a=np.eye(3) * a_a, pbc=(True,) * 3)


@job(data=PAYLOAD, output_schema=Density)
def density(system: System, points: int) -> Density:
    return Density(system=system, density_e_a3=grid(points))


@job
def electrons(density: Density) -> dict[str, object]:
    return {
        "sum": float(density.density_e_a3.sum()),
        "formula": density.system.formula,
        "a_a": density.system.cell_a[0][0],
    }


@job
def oversized(megabytes: int) -> dict[str, object]:
    return {"small": 1, "huge": "x" * (megabytes * 1_000_000)}


def grid(points):
    return np.random.default_rng(1).random((points, points, points))


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    configuration = load_configuration(data_dir=tmp_path_factory.mktemp("natrium"))
    yield configuration
    stop(configuration.embedded_folder)


@pytest.fixture(scope="module")
def jobstore(configuration):
    with results_store(configuration) as store:
        yield store


@pytest.fixture
def store(jobstore):
    jobstore.docs_store._collection.delete_many({})
    jobstore.docs_store._collection.database["runs"].delete_many({})
    return ResultsStore(jobstore)


def metadata(run, step, kind="calculation", **changes):
    facts = {"study": "na110", "preset": "standard", "engine": "gpaw", "formula": "Na7"} | changes
    return {"natrium": {"run": run, "step": step, "kind": kind} | facts}


def put(store, run, step, kind="calculation", completed_at="2026-05-01T12:00:00.5", index=1, output=None, **changes):
    document = {"uuid": f"{run}/{step}", "index": index, "output": output or {"energy_ev": -1.0}, "hosts": []}
    document |= {"completed_at": completed_at, "metadata": metadata(run, step, kind, **changes), "name": step}
    store._jobstore.update(document)


def test_a_flow_with_a_large_array_goes_around(store, jobstore, tmp_path):
    first = bulk(4.2)
    second = density(first.output, 100)
    third = electrons(second.output)
    flow = Flow([first, second, third])
    for step in flow.jobs:
        step.update_metadata(metadata("na110-3f9c2a", step.name))
    run_locally(flow, store=jobstore, log=False, ensure_success=True, root_dir=tmp_path)

    document = store.get("na110-3f/dens")
    assert len(str(document)) < 3000
    assert document["output"]["density_e_a3"]["shape"] == [100, 100, 100]
    with pytest.raises(InputError, match=r"\(100, 100, 100\) was left in the additional store"):
        Density(**plain(document["output"]))

    read = Density(**plain(store.get("na110-3f9c2a/density", arrays=True)["output"]))
    assert read.density_e_a3.dtype == np.float64
    assert np.array_equal(read.density_e_a3, grid(100))
    assert read.system == System(**plain(store.get("na110-3f9c2a/bulk")["output"]))
    assert store.get("na110-3f9c2a/electrons")["output"] == {"sum": grid(100).sum(), "formula": "Na", "a_a": 4.2}


def plain(output):
    return {name: value for name, value in output.items() if not name.startswith("@")}


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(2, 3, 4)[:, ::2],
        np.asfortranarray(grid(4)),
        np.array([[1 + 2j]], dtype=np.complex64),
        np.array([np.nan, np.inf, -0.0]),
        np.zeros((0, 3), dtype=np.int32),
        np.array(3.5),
        np.array([1.0], dtype=">f4"),
    ],
)
def test_arrays_come_back_identical(array):
    read = from_document(to_document(array))
    assert (read.shape, read.dtype) == (array.shape, array.dtype)
    assert read.tobytes() == array.tobytes()
    assert read.flags.writeable


def test_arrays_of_objects_are_refused():
    with pytest.raises(InputError, match="object"):
        to_document(np.array([object()]))


def test_a_document_that_is_too_large_is_refused_before_anything_is_written(store, jobstore, tmp_path):
    with pytest.raises(InputError, match=r"oversized has 17\.0 MB.*huge 17\.0 MB") as caught:
        run_locally(oversized(17), store=jobstore, log=False, raise_immediately=True, root_dir=tmp_path)
    assert "StoredArray" in caught.value.remedy
    assert jobstore.count() == 0
    run_locally(oversized(15), store=jobstore, log=False, raise_immediately=True, root_dir=tmp_path)
    assert jobstore.count() == 1


def test_the_password_is_written_down_nowhere(store, jobstore, configuration):
    password = DatabaseFolder(configuration.embedded_folder).password()
    put(store, "na110-1", "bulk")
    shown = [
        jobstore.name,
        repr(jobstore),
        repr(configuration),
        configuration.database_shown,
        str(store.get("na110-1/bulk")),
    ]
    for write in (jobstore.to_json, jobstore.as_dict, lambda: pickle.dumps(jobstore)):
        with pytest.raises(InputError, match="cannot be serialised") as caught:
            write()
        shown.append(str(caught.value))
    assert not [text for text in shown if password in text]


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        ({}, ["d", "c", "b", "a"]),
        ({"limit": 2}, ["d", "c"]),
        ({"study": "sei"}, ["c"]),
        ({"formula": "Na7"}, ["d", "b", "a"]),
        ({"engine": "vasp"}, ["b"]),
        ({"preset": "quick"}, ["d"]),
        ({"preset": "quick", "engine": "vasp"}, []),
        ({"since": datetime(2026, 5, 3)}, ["d", "c"]),
        ({"until": datetime(2026, 5, 3)}, ["c", "b", "a"]),
        ({"since": datetime(2026, 5, 2), "until": datetime(2026, 5, 3)}, ["c", "b"]),
        ({"since": (datetime(2026, 5, 3)).astimezone(UTC)}, ["d", "c"]),
        ({"kind": "calculation"}, ["d/slab", "a/bulk"]),
        ({"kind": None, "study": "na110", "until": datetime(2026, 5, 1)}, ["a", "a/bulk"]),
    ],
)
def test_find(store, wanted, runs):
    put(store, "a", "bulk", completed_at="2026-04-30T00:00:00")
    for day, (run, facts) in enumerate(
        {"a": {}, "b": {"engine": "vasp"}, "c": {"study": "sei", "formula": "F3Na"}, "d": {"preset": "quick"}}.items(),
        1,
    ):
        put(store, run, "result", "study", f"2026-05-0{day}T00:00:00", **facts)
    put(store, "d", "slab", completed_at="2026-05-09T00:00:00")
    store._jobstore.update({"uuid": "foreign", "index": 1, "output": 1, "completed_at": "2026-05-08", "metadata": {}})
    assert [row.address for row in store.find(**wanted)] == runs


def test_rows_have_what_a_table_needs(store):
    put(store, "na110-1", "result", "study", "2026-05-01T12:00:00.5", output={"work_function_ev": 2.7})
    (row,) = store.find()
    assert row.completed_at == datetime(2026, 5, 1, 12, 0, 0, 500_000).astimezone()
    facts = {"address": "na110-1", "study": "na110", "formula": "Na7", "engine": "gpaw", "preset": "standard"}
    assert row.model_dump(exclude={"completed_at"}) == facts | {"kind": "study", "output": {"work_function_ev": 2.7}}


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("na110-aa11", "na110-aa11/result"),
        ("na110-aa1", "na110-aa1/result"),
        ("na110-b", "na110-b/result"),
        ("na110-b/slab-", "na110-b/slab-relax"),
        ("na110-b/slab", "na110-b/slab"),
        ("na110-b/bulk", "na110-b/bulk"),
        ("se/sl", "sei-c/slab"),
        ("se/slab", "sei-c/slab"),
    ],
)
def test_get_by_the_beginning_of_an_address(store, prefix, found):
    fill(store)
    assert store.get(prefix)["uuid"] == found


@pytest.mark.parametrize(
    ("prefix", "problem", "remedy"),
    [
        ("na110-a", "begins several addresses: na110-aa1, na110-aa11", "more"),
        ("na110-b/s", "begins several addresses: na110-b/slab, na110-b/slab-relax", "more"),
        ("na110-b/x", "no result 'na110-b/x'", "na110-b/bulk, na110-b/slab, na110-b/slab-relax"),
        ("na11O-b", "no result", "na110-b"),
        ("sei", "no result 'sei'", "there are sei-c/slab"),
        ("zzz", "no result 'zzz'", "natrium results"),
    ],
)
def test_an_address_that_is_not_one(store, prefix, problem, remedy):
    fill(store)
    with pytest.raises(InputError) as caught:
        store.get(prefix)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def fill(store):
    for run in ("na110-aa1", "na110-aa11", "na110-b"):
        put(store, run, "result", "study")
    for step in ("bulk", "slab", "slab-relax"):
        put(store, "na110-b", step)
    put(store, "sei-c", "slab", study="sei")


def test_the_newest_of_several_documents_at_an_address(store):
    put(store, "na110-1", "slab", completed_at="2026-05-02T00:00:00", index=2, output={"energy_ev": -2.0})
    put(store, "na110-1", "slab", completed_at="2026-05-01T00:00:00", index=1)
    assert store.get("na110-1/slab")["output"]["energy_ev"] == -2.0


def test_queries_are_answered_from_indexes(store):
    put(store, "na110-1", "slab")
    for query in (
        {"metadata.natrium.run": {"$gte": "n"}},
        {"metadata.natrium.study": "na110"},
        {"completed_at": {"$gte": ""}},
    ):
        assert "IXSCAN" in str(store._documents.find(query).explain()["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in str(store._documents.find({"uuid": "x", "index": 1}).explain()["queryPlanner"]["winningPlan"])


def test_a_database_that_is_not_there_is_told_soon_and_without_its_password(tmp_path):
    configuration = load_configuration(data_dir=tmp_path, database_uri="mongodb://me:s3cret@127.0.0.1:9/?tls=false")
    began = time.monotonic()
    with pytest.raises(DatabaseError, match=r"mongodb://me:\*\*\*@127\.0\.0\.1:9/.*does not answer") as caught:
        results_store(configuration, patience_s=1.0).__enter__()
    assert time.monotonic() - began < 4
    assert "s3cret" not in str(caught.value)
    assert "NATRIUM_DATABASE_URI" in caught.value.remedy


def test_a_wrong_password_is_told(configuration, jobstore):
    port = jobstore.docs_store.uri.rpartition(":")[2].partition("/")[0]
    uri = f"mongodb://natrium:wr0ng@127.0.0.1:{port}/?authSource=admin"
    with pytest.raises(DatabaseError, match=r"refuses the user: Authentication failed|authentication failed") as caught:
        results_store(load_configuration(data_dir=configuration.data_dir, database_uri=uri)).__enter__()
    assert "wr0ng" not in str(caught.value)


def test_a_configured_server_is_used_instead_of_the_embedded_one(configuration, jobstore, tmp_path):
    uri = jobstore.docs_store.uri
    elsewhere = load_configuration(data_dir=tmp_path, database_uri=uri, database_name="other")
    with results_store(elsewhere) as other:
        put(ResultsStore(other), "na110-x", "result", "study")
        assert other.count() == 1
    assert jobstore.query_one({"uuid": "na110-x/result"}) is None
    assert not elsewhere.embedded_folder.exists()
