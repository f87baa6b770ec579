"""GPAW's output becomes a result document, or is refused; and which density serves as a start. One tiny GPAW run."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from gpaw_systems import PW, crystal

from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.errors import NatriumError
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import EngineError
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.result import Attempt


def finished(number: int = 1) -> list[Attempt]:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return [Attempt(number=number, started=started, wall_time_s=2.0, ranks=1, outcome="finished", host="here")]


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished relaxation."""
    folder = tmp_path_factory.mktemp("real")
    calculation = Calculation(kind="relax", cutoff_ev=200, kpoints=(2, 2, 2), valence_electrons={"Na": 1})
    supervise(GPAW(), calculation, crystal(), folder, launch=Launch(ranks=1))
    return folder


@pytest.fixture
def folder(real: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(real, tmp_path / "copy"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.gpaw
def test_reads_a_whole_output(real: Path) -> None:
    result = GPAW().read_outputs(real, finished())
    assert result.electrons == pytest.approx(1)
    assert result.wall_time_s == 2.0
    assert result.provenance.datasets["Na"].startswith("Na.1.PBE.gz sha256:")
    assert result.provenance.implementation == "gpaw.new.ase_interface"
    assert set(result.provenance.inputs_sha256) == {"system.json", "calculation.json", "input.json"}
    assert result.planar_potential is None
    assert result.fermi_level_ev is not None


DAMAGES: dict[str, tuple[Any, str]] = {
    "an electron too many": (lambda f: change(f / "output.json", electrons=2.0), "counted 2.0 electrons"),
    "forces above the tolerance": (lambda f: change(f / "output.json", max_force_ev_a=0.03), "largest force is 0.0300"),
    "torn output": (lambda f: (f / "output.json").write_text((f / "output.json").read_text()[:200]), "cannot read"),
    "missing output": (lambda f: (f / "output.json").unlink(), "cannot read"),
    "output without its energy": (lambda f: change(f / "output.json", energy_ev=None), "cannot read"),
    "output of nothing": (lambda f: (f / "output.json").write_text("[]"), "cannot read"),
    "an older output": (lambda f: change(f / "output.json", attempt=0), "of attempt 0, the last one was 1"),
    "missing system": (lambda f: (f / "system.json").unlink(), "cannot read"),
    "missing input": (lambda f: (f / "input.json").unlink(), "cannot read"),
}


@pytest.mark.gpaw
@pytest.mark.parametrize("case", DAMAGES)
def test_refuses_an_output(case: str, folder: Path) -> None:
    damage, words = DAMAGES[case]
    damage(folder)
    with pytest.raises(EngineError, match=words):
        GPAW().read_outputs(folder, finished())


@pytest.mark.gpaw
def test_refuses_an_output_that_nobody_calculated(real: Path) -> None:
    with pytest.raises(EngineError, match="the last one was 0"):
        GPAW().read_outputs(real, [])


STARTS = {
    "same": ({}, {}, True),
    "tighter": ({"energy_ev": 1e-7}, {}, True),
    "static after relaxation": ({"kind": "static"}, {}, True),
    "other cutoff": ({"cutoff_ev": 250}, {}, False),
    "other k-points": ({"kpoints": (3, 3, 3)}, {}, False),
    "other dataset": ({"valence_electrons": {"Na": 7}}, {}, False),
    "other cell": ({}, {"cell_a": bulk("Na", "bcc", a=4.21).cell.array}, False),
    "other element": ({"valence_electrons": {}}, {"symbols": ("K",)}, False),
    "moved atom": ({}, {"positions_a": ((0.1, 0.0, 0.0),)}, False),
    "polarised": ({}, {"magnetic_moments": (1.0,)}, False),
}


@pytest.mark.gpaw
@pytest.mark.parametrize("case", STARTS)
def test_starts_from_a_density_that_fits(case: str, real: Path, tmp_path: Path) -> None:
    settings, changes, usable = STARTS[case]
    before = json.loads((real / "calculation.json").read_text())
    GPAW().write_inputs(Calculation.model_validate(before | settings), crystal(**changes), tmp_path, continue_from=real)
    expected = str(real / "checkpoint.gpw") if usable else None
    assert json.loads((tmp_path / "input.json").read_text())["start_from"] == expected


@pytest.mark.parametrize("torn", ["", "{", "[]", None])
def test_progress_before_there_is_any(torn: str | None, tmp_path: Path) -> None:
    if torn is not None:
        (tmp_path / "status.json").write_text(torn)
    assert GPAW().progress(tmp_path) == {}


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(NatriumError) as caught:
        GPAW().check(Calculation(functional="HSE06", **PW), crystal())
    assert "use functional=PBE" in caught.value.remedy
