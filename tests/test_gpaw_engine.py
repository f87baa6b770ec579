"""From a Calculation to GPAW's keywords and back from its output: what is said, what is refused. One tiny GPAW run."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms
from ase.build import bulk, molecule

from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.errors import InputError, NatriumError
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import EngineError
from natrium.workflows.gpaw import datasets
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.result import Attempt

PW = {"cutoff_ev": 200}
FD = {"mode": "fd", "grid_spacing_a": 0.3}
LCAO = {"mode": "lcao", "basis": "dzp"}
NA1 = {"valence_electrons": {"Na": 1}}


def crystal(**changes: Any) -> System:
    system = System.from_atoms(bulk("Na", "bcc", a=4.2), "bulk Na")
    return System.model_validate(system.model_dump() | changes)


def slab(**changes: Any) -> System:
    system = metal_slab("Na", "110", layers=3, vacuum_a=13.0, lattice_constant_a=4.2)
    return System.model_validate(system.model_dump() | changes)


def isolated(atoms: Atoms, multiplicity: int, charge: int = 0, **changes: Any) -> System:
    atoms.set_cell([5, 5, 5])
    atoms.center()
    system = System.from_atoms(atoms, atoms.get_chemical_formula(), charge=charge, multiplicity=multiplicity)
    return System.model_validate(system.model_dump() | changes)


def oxygen(**changes: Any) -> System:
    return isolated(molecule("O2"), 3, **changes)


def sodium_ion() -> System:
    return isolated(Atoms("Na"), 1, charge=1)


def finished(number: int = 1) -> list[Attempt]:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return [Attempt(number=number, started=started, wall_time_s=2.0, ranks=1, outcome="finished", host="here")]


KEYWORDS = {
    "plane waves": (PW, crystal, {"mode": {"name": "pw", "ecut": 200.0}, "h": None, "basis": None}),
    "grid": (FD, sodium_ion, {"mode": {"name": "fd"}, "h": 0.3}),
    "atomic orbitals": (LCAO, sodium_ion, {"mode": {"name": "lcao"}, "basis": "dzp", "h": None}),
    "functional is always said": (PW, crystal, {"xc": "PBE"}),
    "k-points are always said": (PW, crystal, {"kpts": {"size": [1, 1, 1], "gamma": True}}),
    "k-points without Γ": (
        PW | {"kpoints": (4, 4, 2), "gamma_centred": False},
        crystal,
        {"kpts": {"size": [4, 4, 2], "gamma": False}},
    ),
    "a closed shell is spin-paired": (FD, sodium_ion, {"spinpol": False, "charge": 1}),
    "a metal is spin-paired": (PW, crystal, {"spinpol": False, "charge": 0}),
    "a triplet is not": (FD, oxygen, {"spinpol": True}),
    "a closed shell may be polarised": (FD | {"spin_polarised": True}, sodium_ion, {"spinpol": True}),
    "moments to start from polarise": (PW, lambda: crystal(magnetic_moments=(1.0,)), {"spinpol": True}),
    "a multiplicity fixes the moment": (
        FD | {"smearing": "none"},
        oxygen,
        {"occupations": {"name": "fermi-dirac", "width": 0.0, "fixmagmom": True}},
    ),
    "whatever the smearing": (
        FD | {"smearing": "methfessel-paxton", "smearing_width_ev": 0.2},
        oxygen,
        {"occupations": {"name": "methfessel-paxton", "width": 0.2, "order": 1, "fixmagmom": True}},
    ),
    "no multiplicity, no fixed moment": (
        PW,
        lambda: crystal(magnetic_moments=(1.0,)),
        {"occupations": {"name": "fermi-dirac", "width": 0.1}},
    ),
    "cold smearing": (
        PW | {"smearing": "marzari-vanderbilt", "smearing_width_ev": 0.05},
        crystal,
        {"occupations": {"name": "marzari-vanderbilt", "width": 0.05}},
    ),
    "energy is converged in eV, not per electron": (
        PW | {"energy_ev": 1e-6},
        crystal,
        {"convergence": {"energy": {"name": "energy", "tol": 1e-6, "relative": False}}},
    ),
    "the lowest empty level of a static is converged": (
        FD | {"smearing": "none"},
        sodium_ion,
        {"convergence": {"energy": {"name": "energy", "tol": 1e-5, "relative": False}, "bands": 4}},
    ),
    "of both spins": (
        FD | {"smearing": "none"},
        oxygen,
        {"convergence": {"energy": {"name": "energy", "tol": 1e-5, "relative": False}, "bands": 8}},
    ),
    "all of them are in atomic orbitals": (
        LCAO | {"smearing": "none"},
        oxygen,
        {"convergence": {"energy": {"name": "energy", "tol": 1e-5, "relative": False}}},
    ),
    "a relaxation does without": (
        FD | {"smearing": "none", "kind": "relax"},
        oxygen,
        {"convergence": {"energy": {"name": "energy", "tol": 1e-5, "relative": False}}},
    ),
    "dipole layer": (PW | {"dipole_layer": True}, slab, {"poissonsolver": {"dipolelayer": "xy"}}),
    "no dipole layer": (PW, slab, {"poissonsolver": None}),
    "bands": (PW | {"bands": 12}, crystal, {"nbands": 12}),
    "bands are GPAW's choice": (PW, crystal, {"nbands": None}),
    "iterations": (PW | {"max_scf_iterations": 7}, crystal, {"maxiter": 7}),
    "one-electron sodium": (PW | NA1, crystal, {"setups": {"Na": "1"}}),
    "seven-electron sodium": (PW | {"valence_electrons": {"Na": 7}}, crystal, {"setups": {}}),
    "default sodium": (PW, crystal, {"setups": {}}),
    "a valence of an element that is not there": (FD | NA1, oxygen, {"setups": {}}),
}


@pytest.mark.parametrize("case", KEYWORDS)
def test_keywords(case: str) -> None:
    settings, build, expected = KEYWORDS[case]
    calculation, system = Calculation.model_validate(settings), build()
    GPAW().check(calculation, system)
    keywords = GPAW().keywords(calculation, system)
    assert {name: keywords.get(name) for name in expected} == expected


def test_keywords_are_known_to_gpaw() -> None:
    """Every name that natrium says is a parameter of GPAW 26.7."""
    from gpaw.dft import PARAMETER_NAMES

    said = {
        name
        for settings, build, _ in KEYWORDS.values()
        for name in GPAW().keywords(Calculation.model_validate(settings), build())
    }
    assert said <= set(PARAMETER_NAMES)


REFUSALS = {
    "hybrid": (FD | {"functional": "PBE0"}, sodium_ion, "silently wrong"),
    "misspelt functional": (PW | {"functional": "pbe"}, crystal, "one of LDA, PBE"),
    "D3 without parameters": (PW | {"functional": "LDA", "dispersion": "d3-bj"}, crystal, "no parameters"),
    "charged crystal": (PW | {"smearing": "none"}, lambda: crystal(charge=1), "mean nothing"),
    "charged slab": (PW, lambda: slab(charge=1), "mean nothing"),
    "charged crystal on a grid": (FD, lambda: crystal(charge=1), "mean nothing"),
    "charged crystal in atomic orbitals": (LCAO, lambda: crystal(charge=1), "mean nothing"),
    "polarised from nothing": (PW | {"spin_polarised": True}, crystal, "stay zero"),
    "spin-paired triplet": (FD | {"spin_polarised": False}, oxygen, "cannot be spin-paired"),
    "moments against the multiplicity": (FD, lambda: oxygen(magnetic_moments=(1.0, -1.0)), "add up to 0"),
    "slab of fixed multiplicity": (PW, lambda: slab(multiplicity=2), "two Fermi levels"),
    "cell relaxation on a grid": (FD | {"kind": "relax", "cell": "full"}, crystal, "no stress"),
    "cell relaxation of a slab": (PW | {"kind": "relax", "cell": "full"}, slab, "not periodic"),
    "k-points along the normal": (PW | {"kpoints": (2, 2, 2)}, slab, "k-points along z"),
    "dipole layer in a crystal": (PW | {"dipole_layer": True}, crystal, "needs a slab"),
    "no such valence": (PW | {"valence_electrons": {"Na": 3}}, crystal, r"\[1, 7\]"),
    "no such basis": ({"mode": "lcao", "basis": "tzp"}, sodium_ion, "dzp"),
    "no basis for this dataset": ({"mode": "lcao", "basis": "paw"} | NA1, sodium_ion, "no basis set Na.1.paw"),
    "bands for half the electrons": (FD | {"bands": 4}, oxygen, "bands to 7"),
    "element without dataset": (PW, lambda: crystal(symbols=("Po",)), "no PAW dataset of Po"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refuses(case: str, tmp_path: Path) -> None:
    settings, build, words = REFUSALS[case]
    with pytest.raises(InputError, match=words):
        GPAW().write_inputs(Calculation.model_validate(settings), build(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_part_of_a_basis_is_a_basis() -> None:
    GPAW().check(Calculation(mode="lcao", basis="sz(dzp)", valence_electrons={"Na": 7}), sodium_ion())


def test_an_ion_of_core_electrons_alone_is_refused() -> None:
    with pytest.raises(InputError, match=r"leaves no electrons to calculate"):
        GPAW().check(Calculation(mode="fd", grid_spacing_a=0.3, valence_electrons={"Na": 1}), sodium_ion())


DATASETS = {
    "default": ({"Na"}, "PBE", {}, {"Na": ("", 7)}),
    "one electron": ({"Na"}, "PBE", {"Na": 1}, {"Na": ("1", 1)}),
    "several": ({"Na", "O", "F"}, "PBE", {"Na": 1}, {"Na": ("1", 1), "O": ("", 6), "F": ("", 7)}),
    "revPBE is not PBE": ({"O"}, "revPBE", {}, {"O": ("", 6)}),
    "LDA": ({"Na"}, "LDA", {"Na": 1}, {"Na": ("1", 1)}),
}


@pytest.mark.parametrize("case", DATASETS)
def test_dataset(case: str) -> None:
    symbols, functional, wanted, expected = DATASETS[case]
    chosen = datasets.choose(symbols, functional, wanted)
    assert {symbol: (dataset.name, dataset.valence) for symbol, dataset in chosen.items()} == expected


def shipped(name: str) -> bytes:
    return gzip.decompress((datasets.dataset_folders()[-1] / f"{name}.gz").read_bytes())


def test_own_dataset_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPAW takes the first file of a name: a default dataset of one's own hides the shipped one of another valence."""
    (tmp_path / "Na.PBE").write_bytes(shipped("Na.1.PBE"))
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    assert datasets.choose({"Na"}, "PBE", {}) == {"Na": datasets.Dataset("", 1)}
    with pytest.raises(InputError, match=r"valence_electrons\.Na to one of"):
        datasets.choose({"Na"}, "PBE", {"Na": 7})


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_no_datasets(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path / folder))
    monkeypatch.setattr(datasets, "find_spec", lambda _name: None)  # as if gpaw-data were not installed
    with pytest.raises(InputError, match="gpaw-data"):
        GPAW().check(Calculation(**PW), crystal())


def test_empty_folder_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPAW_SETUP_PATH", f"{tmp_path}::")
    GPAW().check(Calculation(**PW), crystal())


@pytest.mark.parametrize(
    "system", [crystal(), slab(), sodium_ion(), oxygen(magnetic_moments=(1.5, 0.5))], ids=lambda system: system.label
)
def test_inputs_hold_what_was_asked(system: System, tmp_path: Path) -> None:
    mode = PW if any(system.pbc) else FD
    calculation = Calculation.model_validate(mode | {"kind": "relax", "dispersion": "d3-bj"})
    GPAW().write_inputs(calculation, system, tmp_path)
    assert System.model_validate_json((tmp_path / "system.json").read_text()) == system
    assert Calculation.model_validate_json((tmp_path / "calculation.json").read_text()) == calculation
    task = json.loads((tmp_path / "input.json").read_text())
    assert task["dispersion"] == {"method": "PBE", "damping": "d3bj"}
    assert task["relax"] == {"cell": "fixed", "force_ev_a": 0.02, "max_steps": 100}
    assert task["magnetic_moments"] == (list(system.magnetic_moments) if system.magnetic_moments else None)


def test_a_triplet_starts_from_its_moment(tmp_path: Path) -> None:
    GPAW().write_inputs(Calculation.model_validate(FD), oxygen(), tmp_path)
    assert json.loads((tmp_path / "input.json").read_text())["magnetic_moments"] == [1.0, 1.0]


# --- reading a real output -------------------------------------------------------------------------------------------


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
