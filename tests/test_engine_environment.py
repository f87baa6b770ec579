"""The environment of the engine, and its last words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from supervised import (
    BULK,
    SUPERVISING,
    crystal,
    outcomes,
    run,
)

from natrium.hpc.engine_job import Launch
from natrium.hpc.gpaw_diagnosis import diagnose
from natrium.hpc.outcome import REMEDIES, Outcome
from natrium.workflows.calculation import Calculation

pytestmark = pytest.mark.gpaw


VARIABLES = {
    "PMI_RANK": False,
    "PMIX_NAMESPACE": False,
    "PMIX_MCA_gds": True,
    "OMPI_COMM_WORLD_SIZE": False,
    "OMPI_UNIVERSE_SIZE": False,
    "OMPI_MCA_ess": False,
    "OMPI_MCA_orte_hnp_uri": False,
    "OMPI_MCA_btl": True,
    "PRTE_MCA_plm": True,
    "OPENBLAS_NUM_THREADS": False,
    "GPAW_SETUP_PATH": True,
    "SLURM_JOB_ID": True,
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")
    assert (Launch(ranks=2).environment().get(name) == "7") == VARIABLES[name]


def test_one_thread_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    assert Launch(ranks=1).environment()["OMP_NUM_THREADS"] == "1"


def test_supervised_from_within_mpi(tmp_path: Path, undisturbed: Any) -> None:
    """natrium itself started by an MPI launcher: its engine is another launch and must not join the first."""
    (tmp_path / "wanted-system.json").write_text(crystal().model_dump_json())
    (tmp_path / "wanted.json").write_text(Calculation.model_validate(BULK).model_dump_json())
    outer = Launch(ranks=2)
    command = ["mpiexec", "-n", "1", sys.executable, "-c", SUPERVISING, str(tmp_path), "2"]
    subprocess.run(command, env=outer.environment(), check=True, timeout=60)
    assert outcomes(tmp_path) == ["finished"]
    result = run(BULK, crystal(), tmp_path)
    assert result.attempts[0].ranks == 2
    assert result.energy_ev == pytest.approx(undisturbed(BULK, crystal()).energy_ev, abs=1e-5)


LAST_WORDS = {
    "mpiexec noticed that process rank 1 with PID 0 on node n exited on signal 9 (Killed).": Outcome.KILLED,
    "mpiexec noticed that process rank 1 exited on signal 11 (Segmentation fault).": Outcome.CRASHED,
    "slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch.": Outcome.OUT_OF_MEMORY,
    "srun: error: n1: task 0: Out Of Memory": Outcome.OUT_OF_MEMORY,
    "python: c/extensions.h:33: gpaw_malloc: Assertion `p != NULL' failed.": Outcome.OUT_OF_MEMORY,
    "ImportError: libopenblas.so: failed to map segment: Cannot allocate memory": Outcome.OUT_OF_MEMORY,
    "numpy._core._exceptions._ArrayMemoryError": Outcome.OUT_OF_MEMORY,
    "ModuleNotFoundError: No module named 'gpaw'": Outcome.NOT_STARTED,
    "There are not enough slots available in the system": Outcome.NOT_STARTED,
    "something else": Outcome.UNKNOWN,
}


@pytest.mark.parametrize("words", LAST_WORDS)
def test_last_words(words: str, tmp_path: Path) -> None:
    (tmp_path / "engine.1.err").write_text(f"before\n{words}\nafter\n")
    finding = diagnose(tmp_path, 1, 1)
    assert finding.outcome == LAST_WORDS[words]
    assert words in finding.evidence or finding.outcome == Outcome.UNKNOWN


def test_every_outcome_has_a_remedy() -> None:
    assert {outcome for outcome in Outcome if outcome != Outcome.FINISHED} == set(REMEDIES)
