"""Faults of the engine that are cured, each provoked for real: convergence, kills, time and memory."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from supervised import (
    BULK,
    RELAX,
    TIGHT,
    Saboteur,
    crystal,
    engines,
    geometries,
    outcomes,
    oxygen,
    prepare,
    run,
    slab,
    strained_slab,
    supervising,
    until,
)

from natrium.hpc import gpaw_handlers
from natrium.hpc.attempts import read_attempts
from natrium.hpc.engine_job import Launch
from natrium.hpc.outcome import REMEDIES, Outcome
from natrium.hpc.supervise import CalculationFailedError, CalculationStoppedError, supervise
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW

pytestmark = pytest.mark.gpaw


def test_slow_convergence_is_continued_with_softer_mixing(tmp_path: Path, undisturbed: Any) -> None:
    result = run(BULK | {"max_scf_iterations": 6}, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["scf not converged", "finished"]
    assert result.attempts == read_attempts(tmp_path)
    assert result.attempts[0].changes == {"mixer": gpaw_handlers.SofterMixing.mixers[0]}
    assert "KohnShamConvergenceError" in result.attempts[0].evidence
    assert result.attempts[1].continued_from == "checkpoint.gpw"
    assert result.energy_ev == pytest.approx(undisturbed(BULK, crystal()).energy_ev, abs=2e-5)
    # the cure changed how, not what
    before, after = (json.loads((tmp_path / name).read_text()) for name in ("input.1.json", "input.json"))
    assert after["gpaw"].pop("mixer")
    assert before == after


def test_impossible_convergence_is_a_failure(tmp_path: Path) -> None:
    """Two runs in one process: the counters of the first do not shorten the second."""
    for folder in (tmp_path / "first", tmp_path / "second"):
        with pytest.raises(CalculationFailedError, match="scf not converged") as caught:
            run(BULK | {"max_scf_iterations": 3, "energy_ev": 1e-13}, crystal(), folder)
        assert caught.value.outcome == Outcome.SCF_NOT_CONVERGED
        assert caught.value.remedy == REMEDIES[Outcome.SCF_NOT_CONVERGED]
        assert outcomes(folder) == ["scf not converged"] * 4
        assert [attempt.changes.get("mixer") for attempt in read_attempts(folder)] == [
            *gpaw_handlers.SofterMixing.mixers,
            None,
        ]
        assert not (folder / "output.json").exists()


def test_too_few_bands(tmp_path: Path) -> None:
    prepare(
        BULK | {"max_scf_iterations": 20},
        crystal(),
        tmp_path,
        nbands=2,
        convergence={"bands": "CBM+2.0", "energy": 1e-3},
    )
    result = run(BULK | {"max_scf_iterations": 20}, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["too few bands", "finished"]
    assert result.attempts[0].changes == {"nbands": 6}
    assert result.attempts[1].continued_from is None
    assert GPAW().progress(tmp_path)["bands"] == 6


def test_killed_rank(tmp_path: Path, undisturbed: Any, often: None) -> None:
    def kill() -> None:
        until(lambda: (tmp_path / "checkpoint.gpw").exists())
        assert len(engines(tmp_path)) == 2
        os.kill(engines(tmp_path)[1], signal.SIGKILL)

    with Saboteur(kill):
        result = run(TIGHT, slab(), tmp_path, ranks=2)
    assert outcomes(tmp_path) == ["killed by signal 9", "finished"]
    assert "signal 9" in result.attempts[0].evidence
    assert result.attempts[1].continued_from == "checkpoint.gpw"
    assert result.energy_ev == pytest.approx(undisturbed(TIGHT, slab()).energy_ev, abs=1e-6)


def test_killed_every_time(tmp_path: Path) -> None:
    def kill() -> None:
        for attempt in (1, 2, 3):
            until(lambda attempt=attempt: len(read_attempts(tmp_path)) == attempt and engines(tmp_path))
            for engine in engines(tmp_path):
                os.kill(engine, signal.SIGKILL)

    with Saboteur(kill), pytest.raises(CalculationFailedError, match="killed by signal 9") as caught:
        run(BULK, crystal(), tmp_path)
    assert caught.value.outcome == Outcome.KILLED
    assert "memory" in caught.value.remedy
    assert outcomes(tmp_path) == ["killed by signal 9"] * 3


def test_crash_is_tried_again(tmp_path: Path) -> None:
    """A segmentation fault without a launcher that reports it."""

    def crash() -> None:
        until(lambda: engines(tmp_path))
        os.kill(engines(tmp_path)[0], signal.SIGSEGV)

    with Saboteur(crash):
        result = run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["crashed", "finished"]
    assert "SIGSEGV" in result.attempts[0].evidence


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_supervisor(ranks: int, tmp_path: Path, undisturbed: Any, at_the_end: list[Any]) -> None:
    """The engine ends with natrium, and another natrium takes the relaxation up where it was."""
    process = supervising(RELAX, strained_slab(), tmp_path, ranks)
    at_the_end.append(process)
    until(lambda: GPAW().progress(tmp_path).get("step", 0) >= 2)
    process.kill()
    process.wait()
    until(lambda: not engines(tmp_path), 10)
    taken = json.loads((tmp_path / "relaxation-step.json").read_text())["step"]
    assert taken >= 1

    result = run(RELAX, strained_slab(), tmp_path, ranks=ranks)
    expected = undisturbed(RELAX, strained_slab())
    assert outcomes(tmp_path) == ["no end was seen", "finished"]
    assert result.attempts[0].wall_time_s is None
    assert result.energy_ev == pytest.approx(expected.energy_ev, abs=1e-5)
    assert result.relaxation_steps == expected.relaxation_steps
    frames = geometries(tmp_path)
    assert len(frames) == result.relaxation_steps + 1
    for ours, theirs in zip(frames, geometries(Path(expected.provenance.folder)), strict=True):
        assert ours == pytest.approx(theirs, abs=2e-3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_asked_to_end(number: signal.Signals, tmp_path: Path, undisturbed: Any, at_the_end: list[Any]) -> None:
    process = supervising(TIGHT, slab(), tmp_path, 2)
    at_the_end.append(process)
    until(lambda: GPAW().progress(tmp_path).get("phase") == "scf")
    process.send_signal(number)
    assert process.wait(30) != 0
    assert not engines(tmp_path)
    assert outcomes(tmp_path) == ["stopped"]
    assert "asked to stop" in read_attempts(tmp_path)[0].evidence
    assert (tmp_path / "checkpoint.gpw").exists()
    result = run(TIGHT, slab(), tmp_path, ranks=2)
    assert outcomes(tmp_path) == ["stopped", "finished"]
    assert result.energy_ev == pytest.approx(undisturbed(TIGHT, slab()).energy_ev, abs=1e-6)


def test_wall_time(tmp_path: Path, undisturbed: Any) -> None:
    with pytest.raises(CalculationStoppedError, match="the wall time ends") as caught:
        run(TIGHT, slab(), tmp_path, deadline=time.time() + 4)
    assert caught.value.exit_code == 75
    assert outcomes(tmp_path) == ["stopped"]
    result = run(TIGHT, slab(), tmp_path)
    assert outcomes(tmp_path) == ["stopped", "finished"]
    assert result.attempts[1].continued_from == "checkpoint.gpw"
    assert result.wall_time_s == pytest.approx(sum(attempt.wall_time_s or 0 for attempt in result.attempts))
    assert result.energy_ev == pytest.approx(undisturbed(TIGHT, slab()).energy_ev, abs=1e-6)


def test_a_stopped_triplet_stays_one(tmp_path: Path) -> None:
    """The moment that is held fixed survives checkpoints, also one that a continued run wrote after moving atoms."""
    settings = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.25, "smearing": "none", "kind": "relax"}

    def stop(step: int) -> Callable[[], None]:
        def ask() -> None:
            until(lambda: GPAW().progress(tmp_path).get("step", 0) >= step and engines(tmp_path))
            GPAW().request_stop(tmp_path)

        return ask

    for step in (1, 2):
        with Saboteur(stop(step)), pytest.raises(CalculationStoppedError):
            run(settings, oxygen(), tmp_path)
    result = run(settings, oxygen(), tmp_path)
    assert outcomes(tmp_path) == ["stopped", "stopped", "finished"]
    assert result.magnetic_moment == pytest.approx(2, abs=1e-3)


def test_too_little_memory(tmp_path: Path) -> None:
    """Enough to import GPAW, too little to calculate: half the processes, then the remedy."""
    settings = {"cutoff_ev": 900, "valence_electrons": {"Na": 1}}
    large = System.from_atoms(bulk("Na", "bcc", a=4.2, cubic=True) * (3, 3, 3), "large")
    launch = Launch(ranks=2, memory_limit_mb=1000)
    with pytest.raises(CalculationFailedError, match="out of memory") as caught:
        supervise(GPAW(), Calculation.model_validate(settings), large, tmp_path, launch=launch)
    assert caught.value.outcome == Outcome.OUT_OF_MEMORY
    attempts = read_attempts(tmp_path)
    assert [(attempt.outcome, attempt.ranks) for attempt in attempts] == [("out of memory", 2), ("out of memory", 1)]
    assert attempts[0].changes == {"ranks": 1}
    assert launch.ranks == 2  # the caller's next calculation starts as it was told
