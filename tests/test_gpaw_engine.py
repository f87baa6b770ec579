"""From a Calculation to GPAW's keywords and input files: what is said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gpaw_systems import FD, LCAO, NA1, PW, crystal, oxygen, slab, sodium_ion

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW

COARSE = {"potential_grid": "coarse"}

KEYWORDS = {
    "plane waves": (PW, crystal, {"mode": {"name": "pw", "ecut": 200.0}, "h": None, "basis": None}),
    "plane waves on a finer grid": (PW | {"grid_spacing_a": 0.18}, crystal, {"h": 0.18}),
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
    "all symmetries": (PW, slab, {"symmetry": None}),
    "fixed atoms are no images of free ones": (PW, lambda: slab(fixed=(0,)), {"symmetry": {"extra_ids": [1, 0, 0]}}),
    "no dipole layer": (PW, slab, {"poissonsolver": None}),
    "a coarse potential": (PW | COARSE, slab, {"poissonsolver": {"fast": True}}),
    "with a dipole layer": (
        PW | COARSE | {"dipole_layer": True},
        slab,
        {"poissonsolver": {"dipolelayer": "xy", "fast": True}},
    ),
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
    "grid too coarse for its plane waves": (PW | {"cutoff_ev": 400, "grid_spacing_a": 0.31}, crystal, r"0\.3 or less"),
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
