"""What counts as a result of a supervised calculation."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from supervised import (
    BULK,
    Saboteur,
    crystal,
    engines,
    outcomes,
    prepare,
    run,
    until,
)

from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import CalculationFailedError, supervise
from natrium.structures.errors import InputError
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW

pytestmark = pytest.mark.gpaw


def test_a_file_alone_proves_nothing(tmp_path: Path, undisturbed: Any) -> None:
    """An output from elsewhere is not taken for a result, neither before nor after a run that failed."""
    elsewhere = Path(undisturbed(BULK, crystal()).provenance.folder)
    prepare(BULK, crystal(), tmp_path, nonsense=1)
    shutil.copy(elsewhere / "output.json", tmp_path)
    with pytest.raises(CalculationFailedError, match="unknown failure"):
        run(BULK, crystal(), tmp_path)


class Silent(GPAW):
    """A program that ends well and does nothing."""

    def command(self, attempt: int, deadline: float | None) -> list[str]:  # noqa: ARG002
        return ["true"]


@pytest.mark.parametrize(
    ("left_over", "words"), [(False, "output.json is missing"), (True, "output.json is an older one")]
)
def test_exit_code_zero_proves_nothing(left_over: bool, words: str, tmp_path: Path) -> None:
    if left_over:
        (tmp_path / "output.json").write_text('{"attempt": 0}')
    with pytest.raises(CalculationFailedError, match=words):
        supervise(Silent(), Calculation.model_validate(BULK), crystal(), tmp_path, launch=Launch(ranks=1))
    assert outcomes(tmp_path) == ["unknown failure"]


def test_finished_is_read_not_repeated(undisturbed: Any) -> None:
    first = undisturbed(BULK, crystal())
    again = run(BULK, crystal(), Path(first.provenance.folder), launcher="no-such-launcher")
    assert again.model_dump(exclude={"provenance"}) == first.model_dump(exclude={"provenance"})


def test_folder_of_another_calculation(undisturbed: Any) -> None:
    folder = Path(undisturbed(BULK, crystal()).provenance.folder)
    for settings, system in (
        (BULK | {"cutoff_ev": 210}, crystal()),
        (BULK, crystal().model_copy(update={"label": "other"})),
    ):
        with pytest.raises(InputError, match="already holds another calculation"):
            run(settings, system, folder)
    assert outcomes(folder) == ["finished"]


def test_inputs_torn_by_a_kill_are_written_again(tmp_path: Path) -> None:
    prepare(BULK, crystal(), tmp_path)
    (tmp_path / "calculation.json").unlink()
    (tmp_path / "input.json").write_text("{")
    assert run(BULK, crystal(), tmp_path).electrons == pytest.approx(1)


def test_damaged_checkpoint_costs_time_not_the_run(tmp_path: Path, undisturbed: Any) -> None:
    (tmp_path / "checkpoint.gpw").write_bytes(b"- of Ulm, not")
    result = run(BULK, crystal(), tmp_path)
    assert result.energy_ev == pytest.approx(undisturbed(BULK, crystal()).energy_ev, abs=1e-6)
    assert (tmp_path / "checkpoint.unreadable-1.gpw").exists()
    assert "cannot continue" in (tmp_path / "engine.1.err").read_text()
    assert result.raw["continued_from"] is None


def test_two_supervisors_in_one_folder(tmp_path: Path) -> None:
    def second() -> None:
        until(lambda: engines(tmp_path))
        with pytest.raises(InputError, match="another natrium process"):
            run(BULK, crystal(), tmp_path)

    with Saboteur(second):
        run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["finished"]
