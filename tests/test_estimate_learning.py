"""Estimates learn from the finished calculations in the database, and say from which."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from jobflow import JobStore

from natrium.analysis.results_store import ResultsStore
from natrium.hpc.configuration import load_configuration
from natrium.hpc.cost_model import Size, irreducible_kpoints
from natrium.hpc.databases import results_store
from natrium.hpc.embedded.lifecycle import stop
from natrium.hpc.estimate import Estimate, estimate
from natrium.structures.molecule_library import library_molecule
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.result import Attempt, CalculationResult, Provenance

NOW = datetime.now()
SLAB = metal_slab("Na", "110", layers=5, vacuum_a=15.0)
THICK = metal_slab("Na", "110", layers=9, vacuum_a=15.0)
WIDE = metal_slab("Na", "110", layers=5, vacuum_a=30.0)
STATIC = Calculation(cutoff_ev=250, kpoints=(6, 6, 1))
OTHER = Calculation(cutoff_ev=300, kpoints=(6, 6, 1))
RELAX = STATIC.model_copy(update={"kind": "relax"})
GRID = Calculation(mode="fd", grid_spacing_a=0.2, kpoints=(6, 6, 1))
MOTION = STATIC.model_copy(update={"kind": "md", "steps": 100, "seed": 1})
WATER = library_molecule("H2O")
GAUSSIAN = Calculation(mode="gto", basis="6-31G(d)", smearing="none")


@pytest.fixture(scope="module")
def jobstore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobStore]:
    configuration = load_configuration(data_dir=tmp_path_factory.mktemp("natrium"), database_uri=None)
    try:
        with results_store(configuration) as store:
            yield store
    finally:
        stop(configuration.embedded_folder)


@pytest.fixture
def store(jobstore: JobStore) -> ResultsStore:
    jobstore.docs_store._collection.delete_many({})
    return ResultsStore(jobstore)


def result(
    calculation: Calculation, system: System, times: tuple[float | None, ...], ranks: int, memory_mb: float
) -> Any:
    """A result document as an engine makes it; physics plays no part here."""
    attempts = [
        Attempt(
            number=number, started=datetime.now(UTC), wall_time_s=time_s, ranks=ranks, outcome="finished", host="n1"
        )
        for number, time_s in enumerate(times, 1)
    ]
    provenance = Provenance(
        **{"natrium": "0", "engine": "gpaw", "engine_version": "0", "implementation": "", "host": "n1", "folder": "/"},
        **{"versions": {}, "datasets": {}, "inputs_sha256": {}},
    )
    return CalculationResult(
        system=system,
        calculation=calculation,
        attempts=attempts,
        provenance=provenance,
        wall_time_s=sum(time_s or 0.0 for time_s in times),
        peak_memory_mb=memory_mb,
        kpoints_irreducible=irreducible_kpoints(calculation, system),
        **{"energy_ev": -1.0, "free_energy_ev": -1.0, "forces_ev_a": [], "max_force_ev_a": 0.0, "electrons": 1.0},
        **{"dipole_ea": (0, 0, 0), "scf_iterations": 9, "grid": (9, 9, 9)},
    ).model_dump(mode="json")


def put(
    store: ResultsStore,
    run: str,
    calculation: Calculation = STATIC,
    system: System = SLAB,
    *,
    times: tuple[float | None, ...] = (100.0,),
    ranks: int = 1,
    memory_mb: float = 400.0,
    age: timedelta = timedelta(minutes=5),
    engine: str = "gpaw",
    kind: str = "calculation",
) -> None:
    natrium = {"run": run, "step": "slab", "kind": kind, "engine": engine, "study": "na110", "preset": "standard"}
    document = {"uuid": run, "index": 1, "completed_at": (NOW - age).isoformat(), "metadata": {"natrium": natrium}}
    store._jobstore.update(document | {"output": result(calculation, system, times, ranks, memory_mb)})


def of(
    store: ResultsStore | None, calculation: Calculation = STATIC, system: System = SLAB, ranks: int = 1
) -> Estimate:
    return estimate("slab-static", calculation, system, ranks, store)


def modelled(calculation: Calculation = STATIC, system: System = SLAB, ranks: int = 1) -> tuple[float, float]:
    kpoints = irreducible_kpoints(calculation, system)
    size = Size.of(calculation, system.symbols, system.cell_a, system.multiplicity, kpoints)
    return size.wall_time_s(ranks), size.memory_per_rank_mb(ranks)


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-3)


def test_the_same_calculation_again(store: ResultsStore) -> None:
    put(store, "na110-1")
    cost = of(store)
    assert (cost.wall_time_s, cost.memory_per_rank_mb) == (close(100), close(400))
    assert (cost.certainty, cost.basis) == ("measured", "na110-1/slab")


def test_the_newest_of_several(store: ResultsStore) -> None:
    put(store, "na110-1", times=(500.0,), age=timedelta(days=2))
    put(store, "na110-2", times=(70.0,), age=timedelta(days=1))
    put(store, "na110-3", times=(90.0,), age=timedelta(days=400))
    assert (of(store).wall_time_s, of(store).basis) == (close(70), "na110-2/slab")


def test_on_other_processes_it_is_scaled(store: ResultsStore) -> None:
    put(store, "na110-1", ranks=1)
    cost = of(store, ranks=4)
    assert cost.wall_time_s == close(100 * modelled(ranks=4)[0] / modelled()[0])
    assert cost.memory_per_rank_mb == close(400 * modelled(ranks=4)[1] / modelled()[1])
    assert cost.wall_time_s < 60
    assert (cost.certainty, cost.basis) == ("corrected", "na110-1/slab with 1 process, scaled to 4")
    put(store, "na110-0", ranks=4, times=(31.0,), age=timedelta(days=99))
    assert (of(store, ranks=4).wall_time_s, of(store, ranks=4).certainty) == (close(31), "measured")


def test_in_another_cell_it_is_scaled(store: ResultsStore) -> None:
    put(store, "na110-1")
    cost = of(store, system=WIDE)
    assert cost.wall_time_s == close(100 * modelled(system=WIDE)[0] / modelled()[0])
    assert cost.wall_time_s > 120
    assert (cost.certainty, cost.basis) == ("corrected", "na110-1/slab")


@pytest.mark.parametrize(
    "what",
    [
        {"calculation": OTHER},
        {"calculation": RELAX},
        {"system": THICK},
        {"system": SLAB.model_copy(update={"charge": 1})},
        {"engine": "vasp"},
        {"kind": "study"},
        {"times": (60.0, 40.0)},  # failures and restarts are not what it will cost
        {"times": (None,)},
        {"times": ()},
    ],
)
def test_what_does_not_count_as_the_same(store: ResultsStore, what: dict[str, Any]) -> None:
    put(store, "na110-1", **what)
    cost = of(store)
    assert (cost.wall_time_s, cost.certainty, cost.basis) == (close(modelled()[0]), "model", "a model")


@pytest.mark.parametrize(("factors", "learnt"), [((2, 3), None), ((2, 9, 3), 3), ((0.5, 0.6, 0.7, 90), 0.65)])
def test_the_model_is_corrected_by_three_or_more(
    store: ResultsStore, factors: tuple[float, ...], learnt: float | None
) -> None:
    for number, factor in enumerate(factors):
        ranks = 1 + number % 2
        time_s, memory_mb = modelled(OTHER, ranks=ranks)
        put(store, f"na110-{number}", OTHER, times=(factor * time_s,), ranks=ranks, memory_mb=factor * memory_mb / 2)
    time_s, memory_mb = modelled(RELAX, THICK, 8)
    cost = of(store, RELAX, THICK, 8)
    assert cost.wall_time_s == close(time_s * (learnt or 1))
    assert cost.memory_per_rank_mb == close(memory_mb * (learnt / 2 if learnt else 1))
    assert cost.certainty == ("corrected" if learnt else "model")
    words = f"a model, corrected by {len(factors)} finished calculations (×{learnt:.2g})" if learnt else "a model"
    assert cost.basis == words


def test_another_seed_is_the_same_and_more_steps_take_longer(store: ResultsStore) -> None:
    longer = MOTION.model_copy(update={"steps": 200, "seed": 2})
    put(store, "na-fec-md-1", MOTION)
    cost = of(store, longer)
    assert cost.wall_time_s == close(100 * modelled(longer)[0] / modelled(MOTION)[0])
    assert 190 < cost.wall_time_s < 200
    assert cost.basis == "na-fec-md-1/slab"


def test_what_is_of_the_same_kind_corrects_before_the_rest(store: ResultsStore) -> None:
    for number in range(6):
        put(store, f"na110-{number}", OTHER, times=(2 * modelled(OTHER)[0],))
    for number in range(3):
        assert of(store, RELAX, THICK).wall_time_s == close(2 * modelled(RELAX, THICK)[0])
        relaxed = RELAX.model_copy(update={"cutoff_ev": 300})
        put(store, f"relaxed-{number}", relaxed, times=(5 * modelled(relaxed)[0],), age=timedelta(days=3))
    assert of(store, RELAX, THICK).wall_time_s == close(5 * modelled(RELAX, THICK)[0])


@pytest.mark.parametrize(
    "what", [{"calculation": GRID}, {"engine": "vasp"}, {"times": (1.0, 1.0)}, {"kind": "study"}], ids=str
)
def test_what_tells_nothing_of_this_engine_and_mode(store: ResultsStore, what: dict[str, Any]) -> None:
    for number in range(3):
        put(store, f"na110-{number}", **({"calculation": OTHER} | what))
    assert of(store).basis == "a model"


def test_threads_of_one_process(store: ResultsStore) -> None:
    """What was measured is the memory of the process; an estimate is a thread's share."""
    put(store, "molecule-1", GAUSSIAN, WATER, times=(60.0,), ranks=2, memory_mb=300, engine="pyscf")
    again, wider = (estimate("molecule", GAUSSIAN, WATER, threads, store, "pyscf") for threads in (2, 4))
    assert (again.wall_time_s, again.memory_per_rank_mb) == (close(60), close(150))
    assert (again.certainty, again.basis) == ("measured", "molecule-1/slab")
    assert (wider.memory_per_rank_mb, wider.basis) == (close(75), "molecule-1/slab with 2 threads, scaled to 4")
    assert 60 / 2 < wider.wall_time_s < 60
    assert estimate("molecule", GAUSSIAN, WATER, 2, store, "gpaw").basis == "a model"


def test_a_basis_that_is_no_more_known_is_left_out(store: ResultsStore) -> None:
    put(store, "molecule-1", GAUSSIAN.model_copy(update={"basis": "6-31H"}), WATER, engine="pyscf")
    assert estimate("molecule", GAUSSIAN, WATER, 1, store, "pyscf").basis == "a model"


def test_the_newest_fifty_count(store: ResultsStore) -> None:
    time_s, _ = modelled(OTHER)
    factors = [7.0] * 12 + [2.0] * 26 + [3.0] * 24  # oldest first
    for number, factor in enumerate(factors):
        put(store, f"na110-{number}", OTHER, times=(factor * time_s,), age=timedelta(days=len(factors) - number))
    assert median(factors[-50:]) == 2.0 != median(factors)
    assert of(store).basis == "a model, corrected by 50 finished calculations (×2)"


def test_what_another_version_stored_is_left_out(store: ResultsStore) -> None:
    put(store, "na110-1")
    documents = store._jobstore.docs_store._collection
    documents.update_one({"uuid": "na110-1"}, {"$set": {"output.calculation.hybrid": True}})
    assert of(store).basis == "a model"
    documents.update_one(
        {"uuid": "na110-1"}, {"$unset": {"output.calculation.hybrid": 1, "output.calculation.cell": 1}}
    )
    assert of(store).basis == "na110-1/slab"


def test_without_a_database_it_is_the_model() -> None:
    cost = of(None)
    assert (cost.wall_time_s, cost.basis) == (close(modelled()[0]), "a model")


@pytest.mark.slow
def test_ten_thousand_results_cost_less_than_a_fifth_of_a_second(store: ResultsStore) -> None:
    output = result(OTHER, SLAB, (100.0,), 1, 400.0) | {"raw": {"log": "x" * 5000}}
    natrium = {"step": "slab", "kind": "calculation", "engine": "gpaw"}
    documents = [
        {
            "uuid": str(number),
            "index": 1,
            "output": output,
            "completed_at": (NOW - timedelta(minutes=5 * number)).isoformat(),
            "metadata": {"natrium": natrium | {"run": f"na110-{number}"}},
        }
        for number in range(10_000)
    ]
    for start in range(0, len(documents), 1000):
        store._jobstore.docs_store._collection.insert_many(documents[start : start + 1000])
    took_s = []
    for _ in range(5):
        start_s = time.perf_counter()
        assert "corrected by 50" in of(store).basis
        took_s.append(time.perf_counter() - start_s)
    assert median(took_s) < 0.2
