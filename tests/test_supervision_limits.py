"""Faults of the engine that no handler may touch, each provoked for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from supervised import (
    BULK,
    SLAB,
    crystal,
    outcomes,
    oxygen,
    prepare,
    run,
    slab,
)

from natrium.hpc import gpaw_handlers
from natrium.hpc.engine_job import Launch
from natrium.hpc.outcome import Outcome
from natrium.hpc.supervise import CalculationFailedError
from natrium.structures.system import System

pytestmark = pytest.mark.gpaw


def test_atoms_too_close(tmp_path: Path) -> None:
    system = slab().moved(
        [slab().positions_a[0], slab().positions_a[1], [value + 0.01 for value in slab().positions_a[1]]]
    )
    with pytest.raises(CalculationFailedError, match="atoms too close: AtomsTooClose"):
        run(SLAB, system, tmp_path)
    assert outcomes(tmp_path) == ["atoms too close"]


def test_box_too_small(tmp_path: Path) -> None:
    settings = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.3, "smearing": "none"}
    tight = System.model_validate(oxygen().model_dump() | {"cell_a": ((5, 0, 0), (0, 5, 0), (0, 0, 3.2))})
    with pytest.raises(CalculationFailedError, match=r"box too small.*too close to"):
        run(settings, tight, tmp_path)
    assert outcomes(tmp_path) == ["box too small"]


def test_energy_is_not_a_number(tmp_path: Path, undisturbed: Any) -> None:
    """A checkpoint whose density has a hole."""
    import numpy as np
    from ase.io import ulm

    prepare(BULK, crystal(), tmp_path)
    shutil.copy(Path(undisturbed(BULK, crystal()).provenance.folder) / "checkpoint.gpw", tmp_path)
    with ulm.Reader(tmp_path / "checkpoint.gpw") as reader:
        offset = reader.density.proxy("density").offset
    with (tmp_path / "checkpoint.gpw").open("r+b") as file:
        file.seek(offset)
        file.write(np.array([np.nan]).tobytes())
    with pytest.raises(CalculationFailedError, match="energy is not a number"):
        run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["energy is not a number"]


def test_dataset_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPAW configuration file that the check does not know of takes the datasets away."""
    home = tmp_path / "home"
    (home / ".gpaw").mkdir(parents=True)
    (home / ".gpaw" / "rc.py").write_text(f"setup_paths[:] = [{str(home)!r}]\n")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(CalculationFailedError, match="missing dataset") as caught:
        run(BULK, crystal(), tmp_path / "run")
    assert "GPAW_SETUP_PATH" in caught.value.remedy
    assert outcomes(tmp_path / "run") == ["missing dataset"]


def test_unknown_error_is_not_tried_again(tmp_path: Path) -> None:
    prepare(BULK, crystal(), tmp_path, nonsense=1)
    with pytest.raises(CalculationFailedError, match=r"unknown failure: TypeError.*nonsense"):
        run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["unknown failure"]


def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CalculationFailedError, match="engine did not start: no-such-launcher"):
        run(BULK, crystal(), tmp_path, ranks=2, launcher="no-such-launcher -x")
    assert outcomes(tmp_path) == ["engine did not start"]


def test_lost_charge(tmp_path: Path) -> None:
    """The engine counts its electrons, whatever it was told."""
    from natrium.workflows.engine import EngineError

    settings = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.3, "smearing": "none"}
    ion = System.model_validate(oxygen().model_dump() | {"charge": 2, "multiplicity": 1})
    prepare(settings, ion, tmp_path, charge=0)
    with pytest.raises(EngineError, match=r"counted 12.0 electrons, the system has 10.0 \(charge \+2\)"):
        run(settings, ion, tmp_path)


PHYSICS = {
    "mode",
    "xc",
    "kpts",
    "occupations",
    "spinpol",
    "charge",
    "convergence",
    "setups",
    "h",
    "basis",
    "poissonsolver",
}


@pytest.mark.parametrize("outcome", Outcome)
def test_no_cure_moves_the_energy(outcome: Outcome, tmp_path: Path) -> None:
    """Whatever happened and however often: only mixing, bands and ranks ever change."""
    from natrium.hpc.attempts import begin_attempt, end_attempt
    from natrium.hpc.outcome import Finding

    prepare(BULK, crystal(), tmp_path)
    (tmp_path / "status.json").write_text('{"bands": 5}')
    before = json.loads((tmp_path / "input.json").read_text())
    launch = Launch(ranks=8)
    for _ in range(4):
        begin_attempt(tmp_path, launch.ranks, None)
        end_attempt(tmp_path, Finding(outcome, "as if"))
        acting = [handler for handler in gpaw_handlers.handlers(launch) if handler.check(str(tmp_path))]
        assert len(acting) <= 1
        for handler in acting:
            handler.correct(str(tmp_path))
    after = json.loads((tmp_path / "input.json").read_text())
    assert {name: after["gpaw"].get(name) for name in PHYSICS} == {name: before["gpaw"].get(name) for name in PHYSICS}
    assert after["gpaw"].keys() - before["gpaw"].keys() <= {"mixer", "nbands"}
    assert {**after, "gpaw": None} == {**before, "gpaw": None}
