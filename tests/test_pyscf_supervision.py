"""PySCF's faults, each provoked for real: convergence, kills, time, stop requests; and what must not be touched."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from gaussian import B3LYP, HF, hydrogen, oxygen, run, stretched_water, water
from supervised import Saboteur, engines, outcomes, until

from natrium.hpc.attempts import read_attempts
from natrium.hpc.engine_job import Launch
from natrium.hpc.outcome import REMEDIES, Outcome
from natrium.hpc.pyscf_diagnosis import diagnose
from natrium.hpc.pyscf_handlers import SteadierScf
from natrium.hpc.supervise import CalculationFailedError, CalculationStoppedError
from natrium.structures.errors import InputError
from natrium.workflows.calculation import Calculation
from natrium.workflows.pyscf.engine import PySCF
from natrium.workflows.result import CalculationResult

RELAX = HF | {"kind": "relax", "force_ev_a": 0.005}


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> CalculationResult:
    """The relaxation to which nothing happens."""
    return run(RELAX, stretched_water(), tmp_path_factory.mktemp("relaxed"))


def same(result: CalculationResult, expected: CalculationResult) -> None:
    assert result.energy_ev == pytest.approx(expected.energy_ev, abs=2e-5)
    assert result.relaxation_steps == expected.relaxation_steps
    for ours, theirs in zip(result.system.positions_a, expected.system.positions_a, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def step(folder: Path) -> int:
    return int(PySCF().progress(folder).get("step", 0))


def test_stopped_and_continued(tmp_path: Path, relaxed: CalculationResult) -> None:
    def stop() -> None:
        until(lambda: step(tmp_path) >= 2)
        PySCF().request_stop(tmp_path)

    with Saboteur(stop), pytest.raises(CalculationStoppedError, match="asked to stop"):
        run(RELAX, stretched_water(), tmp_path)
    assert (tmp_path / "checkpoint.chk").exists()
    assert not (tmp_path / "output.json").exists()
    result = run(RELAX, stretched_water(), tmp_path)
    assert outcomes(tmp_path) == ["stopped", "finished"]
    assert result.attempts[1].continued_from == "checkpoint.chk"
    assert str(result.raw["continued_from"]).endswith("checkpoint.chk")
    same(result, relaxed)


def test_killed(tmp_path: Path, relaxed: CalculationResult) -> None:
    def kill() -> None:
        until(lambda: step(tmp_path) >= 2)
        for process in engines(tmp_path, "pyscf"):
            os.kill(process, signal.SIGKILL)

    with Saboteur(kill):
        result = run(RELAX, stretched_water(), tmp_path, ranks=2)
    assert outcomes(tmp_path) == ["killed by signal 9", "finished"]
    same(result, relaxed)


def test_wall_time(tmp_path: Path) -> None:
    with pytest.raises(CalculationStoppedError, match="the wall time ends"):
        run(B3LYP, water(), tmp_path, deadline=time.time() + 1)
    assert (tmp_path / "checkpoint.chk").exists()
    assert run(B3LYP, water(), tmp_path).attempts[-1].continued_from == "checkpoint.chk"


def test_torn_checkpoint_costs_time_only(tmp_path: Path) -> None:
    PySCF().write_inputs(Calculation.model_validate(HF), water(), tmp_path)
    (tmp_path / "checkpoint.chk").write_bytes(b"\x89HDF torn")
    result = run(HF, water(), tmp_path)
    assert result.raw["continued_from"] is None
    assert list(tmp_path.glob("checkpoint.unreadable-*.chk"))


@pytest.mark.parametrize("build", [water, oxygen], ids=["closed shell", "triplet"])
def test_slow_convergence_is_continued(build: Any, tmp_path: Path) -> None:
    """Too few cycles: the second-order solver finishes, and the result is the one that patience would have had."""
    result = run(B3LYP | {"max_scf_iterations": 4}, build(), tmp_path / "cured")
    patient = run(B3LYP, build(), tmp_path / "patient")
    assert outcomes(tmp_path / "cured") == ["scf not converged", "finished"]
    assert result.attempts[0].changes == SteadierScf.second_order
    assert "4 cycles, slow" in result.attempts[0].evidence
    assert "SecondOrder" in result.provenance.implementation
    assert result.energy_ev == pytest.approx(patient.energy_ev, abs=2e-5)
    assert (result.homo_ev, result.lumo_ev) == pytest.approx((patient.homo_ev, patient.lumo_ev), abs=2e-3)
    assert result.magnetic_moment == patient.magnetic_moment


@pytest.mark.parametrize("build", [water, oxygen], ids=["closed shell", "triplet"])
def test_level_shift_is_not_in_the_levels(build: Any, tmp_path: Path) -> None:
    folder = tmp_path / "shifted"
    folder.mkdir()
    PySCF().write_inputs(Calculation.model_validate(B3LYP), build(), folder)
    task = json.loads((folder / "input.json").read_text())
    task["pyscf"] |= SteadierScf.level_shift
    (folder / "input.json").write_text(json.dumps(task))
    shifted, plain = run(B3LYP, build(), folder), run(B3LYP, build(), tmp_path / "plain")
    assert shifted.scf_iterations > plain.scf_iterations
    assert shifted.energy_ev == pytest.approx(plain.energy_ev, abs=2e-5)
    assert (shifted.homo_ev, shifted.lumo_ev) == pytest.approx((plain.homo_ev, plain.lumo_ev), abs=2e-3)


def test_impossible_convergence_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(CalculationFailedError, match="scf not converged") as caught:
        run(HF | {"max_scf_iterations": 1, "energy_ev": 1e-12}, water(), tmp_path)
    assert caught.value.remedy == REMEDIES[Outcome.SCF_NOT_CONVERGED]
    assert outcomes(tmp_path) == ["scf not converged"] * 3
    ways = [attempt.changes for attempt in read_attempts(tmp_path)]
    assert sorted(map(str, ways)) == sorted(map(str, [SteadierScf.second_order, SteadierScf.level_shift, {}]))


def test_relaxation_without_steps_left(tmp_path: Path) -> None:
    with pytest.raises(CalculationFailedError, match="relaxation not converged"):
        run(RELAX | {"max_steps": 1}, stretched_water(), tmp_path)
    assert outcomes(tmp_path) == ["relaxation not converged"]


def test_relaxation_without_steps_left_goes_on_when_repeated(tmp_path: Path) -> None:
    undisturbed = run(RELAX, stretched_water(), tmp_path / "undisturbed")
    for _ in range(undisturbed.relaxation_steps - 1):
        with pytest.raises(CalculationFailedError, match="relaxation not converged"):
            run(RELAX | {"max_steps": 1}, stretched_water(), tmp_path / "one by one")
    result = run(RELAX | {"max_steps": 1}, stretched_water(), tmp_path / "one by one")
    assert result.relaxation_steps == undisturbed.relaxation_steps
    assert result.energy_ev == pytest.approx(undisturbed.energy_ev, abs=1e-6)


def test_linear_dependency_on_the_way(tmp_path: Path) -> None:
    """Atoms that come too near for their basis: said so, and not tried again."""
    settings = HF | {"basis": "aug-cc-pV5Z"}
    PySCF().write_inputs(Calculation.model_validate(settings), hydrogen(), tmp_path)
    near = hydrogen(0.5)
    (tmp_path / "relaxation-step.json").write_text(json.dumps({"step": 1, "positions_a": near.positions_a}))
    with pytest.raises(CalculationFailedError, match="depend on the others") as caught:
        run(settings, hydrogen(), tmp_path)
    assert caught.value.outcome == Outcome.LINEAR_DEPENDENCY
    assert outcomes(tmp_path) == ["linear dependency in the basis"]


def test_another_calculation_in_the_folder(tmp_path: Path) -> None:
    run(HF, water(), tmp_path)
    with pytest.raises(InputError, match="another calculation"):
        run(HF | {"solvent": "cpcm", "epsilon": 90}, water(), tmp_path)


FAILURES = {
    "not converged": ({"classes": ["ScfNotConvergedError"], "message": "200 cycles, slow"}, Outcome.SCF_NOT_CONVERGED),
    "dependent": (
        {"classes": ["LinearDependencyError", "NatriumError"], "message": "2 of 9"},
        Outcome.LINEAR_DEPENDENCY,
    ),
    "steps": ({"classes": ["RelaxationNotConvergedError"], "message": ""}, Outcome.RELAXATION_NOT_CONVERGED),
    "memory": ({"classes": ["MemoryError"], "message": ""}, Outcome.OUT_OF_MEMORY),
    "disk": ({"classes": ["OSError"], "message": "[Errno 28] No space left on device"}, Outcome.DISK_FULL),
    "something else": ({"classes": ["KeyError"], "message": "x"}, Outcome.UNKNOWN),
    "torn": ({}, Outcome.UNKNOWN),
}


@pytest.mark.parametrize("case", FAILURES)
def test_diagnosis(case: str, tmp_path: Path) -> None:
    facts, expected = FAILURES[case]
    (tmp_path / "failure.1.json").write_text(json.dumps(facts))
    assert diagnose(tmp_path, 1, 70).outcome == expected


def test_nothing_is_cured_that_is_not_ill(tmp_path: Path) -> None:
    """The handler of the SCF does not touch a finished run, nor one that lacks steps."""
    run(HF, water(), tmp_path)
    assert not SteadierScf(Launch(1)).check(str(tmp_path))
    with pytest.raises(CalculationFailedError):
        run(RELAX | {"max_steps": 1}, stretched_water(), tmp_path / "steps")
    assert not SteadierScf(Launch(1)).check(str(tmp_path / "steps"))
