"""What `natrium doctor` finds where all is well, and where something is broken."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from natrium.__main__ import app
from natrium.hpc import doctor

if TYPE_CHECKING:
    from conftest import CommandLine


@pytest.mark.gpaw
def test_all_is_well_where_the_tests_run(natrium: CommandLine) -> None:
    found = {finding["what"]: finding for finding in natrium.with_variables(NATRIUM_RANKS="2").json("doctor")}
    assert [what for what, finding in found.items() if finding["state"] != "ok"] == []
    assert {"engine gpaw", "MPI", "ScaLAPACK", "FFTW", "BLAS", "libxc", "datasets", "results database"} <= found.keys()
    assert found["MPI"]["evidence"] == "2 of 2 processes see each other"
    assert "H2: -1.1167 Hartree" in found["engine pyscf"]["evidence"]
    assert "SMILES O: H2O" in found["RDKit"]["evidence"]


@pytest.mark.parametrize(
    ("variables", "what", "evidence"),
    [
        ({"NATRIUM_MPI_LAUNCHER": "no-such-launcher", "NATRIUM_RANKS": "2"}, "engine gpaw", "no-such-launcher"),
        # processes that know nothing of each other: a launcher of another MPI than GPAW's
        ({"NATRIUM_MPI_LAUNCHER": "env", "NATRIUM_RANKS": "2"}, "engine gpaw", "exit code"),
        ({"NATRIUM_DATABASE_URI": "nonsense"}, "configuration", "no MongoDB address"),
        ({"PYTHONPATH": "broken"}, "engine gpaw", "ImportError: this gpaw is broken"),
        ({"GPAW_SETUP_PATH": "/nowhere", "PYTHONPATH": "without-data"}, "datasets", "missing"),
    ],
)
def test_what_is_broken_is_named_with_a_remedy(
    variables: dict[str, str], what: str, evidence: str, natrium: CommandLine, tmp_path: Path
) -> None:
    for folder, module, code in (
        ("broken", "gpaw", "raise ImportError('this gpaw is broken')"),
        ("without-data", "gpaw_data", "raise ImportError('no data')"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{module}.py").write_text(code)
    told = natrium.with_variables(**variables)("doctor", code=1).stdout.splitlines()
    (at,) = [number for number, line in enumerate(told) if line.startswith(f"fails  {what}:")]
    assert evidence in told[at]
    assert "what to do: " in told[at + 1]


OPTIONAL = {
    "pyscf": ("engine pyscf", "pip install 'natrium[pyscf]'"),
    "rdkit": ("RDKit", "pip install 'natrium[smiles]'"),
}


@pytest.mark.parametrize("package", OPTIONAL)
def test_an_optional_package_that_is_absent_is_a_note(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    what, remedy = OPTIONAL[package]
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == package else find_spec(name))
    found = [*doctor._pyscf(), *doctor._rdkit()]
    states = {finding.what: finding.state for finding in found}
    assert states == {"engine pyscf": "ok", "RDKit": "ok"} | {what: "warning"}
    assert {finding.remedy for finding in found if finding.what == what} == {remedy}
    monkeypatch.setattr(doctor, "examine", lambda: found)
    app(args=["doctor"], standalone_mode=False)  # a note is no failure: no exit code is raised
    told = capsys.readouterr().out.splitlines()
    (at,) = [number for number, line in enumerate(told) if line.startswith(f"note   {what}: not installed")]
    assert f"what to do: {remedy}" in told[at + 1]


@pytest.mark.parametrize("package", OPTIONAL)
def test_an_optional_package_that_is_broken_is_a_problem(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    what, remedy = OPTIONAL[package]
    monkeypatch.setitem(sys.modules, package, None)  # Python's way to say that it cannot be imported
    monkeypatch.setattr(doctor, "find_spec", lambda _name: object())
    found = {finding.what: finding for finding in (*doctor._pyscf(), *doctor._rdkit())}
    assert {finding.what for finding in found.values() if finding.state == "problem"} == {what}
    assert "ModuleNotFoundError" in found[what].evidence
    assert found[what].remedy == remedy


def test_a_wrong_energy_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_H2_BOHR", 1.5)
    (finding,) = doctor._pyscf()
    assert finding.state == "problem"
    assert "-1.1167 expected" in finding.evidence
