"""PySCF's settings, what is refused before anything starts, and what is not read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk
from gaussian import B3LYP, HF, WATER_PCM, atom, hydrogen, oxygen, run, water

from natrium.hpc.engine_job import Launch
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import EngineError, engine
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.pyscf.engine import PySCF
from natrium.workflows.pyscf.functionals import FUNCTIONALS
from natrium.workflows.pyscf.progress import trend


def crystal() -> System:
    return System.from_atoms(bulk("Na", "bcc", a=4.2), "bulk Na")


SETTINGS = {
    "closed shell": (B3LYP, water, {"spin_polarised": False, "basis": "6-31G(d)", "solvent": None}),
    "triplet": (B3LYP, oxygen, {"spin_polarised": True}),
    "Gaussian's B3LYP": (B3LYP, water, {"xc": "B3LYPG"}),
    "LDA has correlation": (B3LYP | {"functional": "LDA"}, water, {"xc": "LDA,PW"}),
    "solvent": (B3LYP | WATER_PCM, water, {"solvent": "iefpcm", "epsilon": 78.4}),
    "convergence": (B3LYP | {"energy_ev": 1e-6, "max_scf_iterations": 7}, water, {"energy_ev": 1e-6, "max_cycle": 7}),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings(case: str) -> None:
    wanted, build, expected = SETTINGS[case]
    calculation, system = Calculation.model_validate(wanted), build()
    PySCF().check(calculation, system)
    settings = PySCF().settings(calculation, system)
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_functional_means_the_same_in_pyscf(name: str) -> None:
    """Exchange *and* correlation: PySCF's own shorthand leaves the correlation of LDA away."""
    from pyscf.dft import libxc

    words = FUNCTIONALS[name].words
    hybrid, parts = libxc.parse_xc(words)
    whole = {"PBE0", "B3LYPG", "CAM-B3LYP", "HSE06"}  # one functional of libxc for both
    assert len(parts) == (0 if name == "HF" else 1 if words in whole else 2)
    assert not libxc.is_nlc(words)
    # the whole exact exchange, short-range part included
    omega, long_range, short_range = libxc.rsh_coeff(words)
    exact = (hybrid[0] if name == "HF" else libxc.hybrid_coeff(words), omega, long_range, short_range)
    assert (exact[0] > 0 or omega > 0) == (name in ("PBE0", "B3LYP", "CAM-B3LYP", "HSE06", "M06-2X", "HF"))


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_dispersion_has_the_parameters_that_are_promised(name: str) -> None:
    from dftd3.interface import RationalDampingParam, ZeroDampingParam

    for damping, kind in (("d3-bj", RationalDampingParam), ("d3-zero", ZeroDampingParam)):
        if damping in FUNCTIONALS[name].dispersion:
            kind(method=name, atm=False)
        else:
            with pytest.raises(RuntimeError):
                kind(method=name, atm=False)


Refusal = tuple[dict[str, Any], Callable[[], System], str]
REFUSALS: dict[str, Refusal] = {
    "plane waves": ({"cutoff_ev": 300, "smearing": "none"}, water, "Gaussian bases"),
    "crystal": (B3LYP, crystal, "periodic"),
    "smearing": (B3LYP | {"smearing": "fermi-dirac"}, water, "smearing=none"),
    "functional without its dispersion": (B3LYP | {"functional": "wB97X-D"}, water, "does not know functional"),
    "misspelt functional": (B3LYP | {"functional": "B3LPY"}, water, "use one of LDA, PBE"),
    "D3 without parameters": (B3LYP | {"functional": "LDA", "dispersion": "d3-bj"}, water, "no parameters"),
    "D3 with the other damping": (B3LYP | {"functional": "M06-2X", "dispersion": "d3-bj"}, water, "use d3-zero"),
    "no such basis": (B3LYP | {"basis": "6-31G(q)"}, water, r"no basis '6-31G\(q\)"),
    "the same functions twice": (B3LYP | {"basis": "6-31G(dd)"}, water, "5 of 23 basis functions depend"),
    "nonsense for a basis": (B3LYP | {"basis": "good"}, water, "in full"),
    "basis without this element": (B3LYP | {"basis": "6-31G"}, lambda: atom("Xe"), "no basis '6-31G' for Xe"),
    "PAW dataset": (B3LYP | {"valence_electrons": {"O": 6}}, water, "PAW"),
    "bands": (B3LYP | {"bands": 20}, water, "leave bands out"),
    "charges": (B3LYP | {"charges": True}, water, "engine gpaw"),
    "antiparallel spins": (B3LYP, lambda: oxygen(magnetic_moments=(2.5, -0.5)), "would be lost"),
    "moments against the multiplicity": (B3LYP, lambda: oxygen(magnetic_moments=(1.0, 0.0)), "would be lost"),
    "spin-paired triplet": (B3LYP | {"spin_polarised": False}, oxygen, "cannot be spin-paired"),
    "Bohr for Å": (B3LYP, lambda: hydrogen(0.3), "0.30 Å apart"),
    "linear dependency": (B3LYP | {"basis": "aug-cc-pV5Z"}, lambda: hydrogen(0.5), "depend on the others"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refuses(case: str, tmp_path: Path) -> None:
    settings, build, words = REFUSALS[case]
    with pytest.raises(InputError, match=words):
        PySCF().write_inputs(Calculation.model_validate(settings), build(), tmp_path)
    assert not list(tmp_path.iterdir())


INCOMPLETE = {
    "solvent without permittivity": (B3LYP | {"solvent": "cpcm"}, "belong together"),
    "permittivity without solvent": (B3LYP | {"epsilon": 78.4}, "belong together"),
    "no basis": ({"mode": "gto"}, "needs basis"),
    "cutoff of plane waves": (B3LYP | {"cutoff_ev": 300}, "means nothing in mode gto"),
    "orbitals of a relaxation": (B3LYP | {"kind": "relax", "keep_orbitals": ("homo",)}, "static one that follows"),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_calculation_is_refused(case: str) -> None:
    settings, words = INCOMPLETE[case]
    with pytest.raises(InputError, match=words):
        Calculation.model_validate(settings)


@pytest.mark.parametrize(
    "wrong", [{"epsilon": 1.0, "solvent": "cpcm"}, {"keep_orbitals": ("somo",)}, {"solvent": "smd"}]
)
def test_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Calculation.model_validate(B3LYP | wrong)


FOREIGN_TO_GPAW = {
    "Gaussian basis": (B3LYP, "no Gaussian bases"),
    "solvent": ({"mode": "fd"} | {"grid_spacing_a": 0.2} | WATER_PCM, "polarisable continuum"),
}


@pytest.mark.parametrize("case", FOREIGN_TO_GPAW)
def test_gpaw_refuses(case: str) -> None:
    settings, words = FOREIGN_TO_GPAW[case]
    with pytest.raises(InputError, match=words) as caught:
        GPAW().check(Calculation.model_validate(settings), water())
    assert "pyscf" in caught.value.remedy


def test_solvent_belongs_to_the_method() -> None:
    gas, solvated = (Calculation.model_validate(B3LYP | more).method for more in ({}, WATER_PCM))
    assert {name for name in gas if gas[name] != solvated[name]} == {"solvent", "epsilon"}


def test_pseudopotential_of_a_basis_is_used() -> None:
    """def2 bases leave 28 electrons of iodine to a pseudopotential; PySCF alone would put them into the valence."""
    from natrium.workflows.pyscf.molecule import expected_electrons, molecule

    iodide = atom("I", charge=-1)
    mol = molecule(iodide, "def2-SVP")
    assert mol.nelectron == expected_electrons(mol, iodide) == 54 - 28
    assert molecule(iodide, "6-311G(d,p)").nelectron == 54


@pytest.mark.parametrize("package", ["pyscf", "dftd3"])
def test_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"{package} is not installed") as caught:
        PySCF().check(Calculation.model_validate(B3LYP | {"dispersion": "d3-bj"}), water())
    assert "natrium[pyscf]" in caught.value.remedy


def test_found_by_name_without_importing_pyscf() -> None:
    code = "import sys; from natrium.workflows.engine import engine; engine('pyscf'); print('pyscf' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.strip() == "False"
    assert isinstance(engine("pyscf"), PySCF)


CORES = {
    ("processes", 1): (["run"], "1"),
    ("processes", 4): (["mpiexec", "-n", "4", "run"], "1"),
    ("threads", 1): (["run"], "1"),
    ("threads", 4): (["run"], "4"),
}


@pytest.mark.parametrize("case", CORES, ids=str)
def test_cores(case: tuple[Any, int]) -> None:
    """PySCF is never started under MPI: it would run as often as there are processes."""
    parallelism, ranks = case
    launch = Launch(ranks)
    assert (launch.command(["run"], parallelism), launch.environment(parallelism)["OMP_NUM_THREADS"]) == CORES[case]


TRENDS = {
    "going down": ([-1.0, -2.0, -2.5, -2.7, -2.8], "slow"),
    "one step up": ([-1.0, -2.0, -1.9, -2.1, -2.2], "slow"),
    "up and down": ([-2.0, -1.0, -2.0, -1.0, -2.0], "oscillating"),
    "quiet after a restless start": ([-1.0, 3.0, -1.0, 3.0, *[-1.0 - 0.1 * n for n in range(8)]], "slow"),
}


@pytest.mark.parametrize("case", TRENDS)
def test_trend(case: str) -> None:
    energies, expected = TRENDS[case]
    assert trend(energies) == expected


SPOILT: dict[str, tuple[dict[str, Any], str]] = {
    "an electron lost": ({"electrons": 9.0}, "counted 9.0 electrons"),
    "an older attempt": ({"attempt": 7}, "of attempt 7"),
    "a field lost": ({"energy_ev": None}, "cannot read PySCF's output"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    run(HF, water(), folder)
    return folder


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_output_is_not_read(case: str, finished: Path) -> None:
    changes, words = SPOILT[case]
    before = (finished / "output.json").read_text()
    (finished / "output.json").write_text(json.dumps(json.loads(before) | changes))
    try:
        with pytest.raises(EngineError, match=words):
            run(HF, water(), finished)
    finally:
        (finished / "output.json").write_text(before)
    run(HF, water(), finished)
