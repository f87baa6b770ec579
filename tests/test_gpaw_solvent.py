"""GPAW's continuum solvent: molecules and ions in it, against Born's formula and against the gas phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ase import Atoms
from ase.build import molecule

from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.boxes import boxed
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.pyscf.engine import PySCF
from natrium.workflows.result import CalculationResult

FD = {"mode": "fd", "grid_spacing_a": 0.24, "smearing": "none", "energy_ev": 1e-3}
IN_WATER = FD | {"solvent": "held-walter", "epsilon": 78.4}
COULOMB_EV_A = 14.399645
HELD_WALTER_NA_A = 2.27
ION = System.from_atoms(Atoms("Na"), "Na+", charge=1, multiplicity=1)
WATER = System.from_atoms(molecule("H2O"), "H2O", multiplicity=1)


def run(settings: dict[str, Any], system: System, folder: Path, vacuum_a: float = 4.0) -> CalculationResult:
    folder.mkdir(parents=True, exist_ok=True)
    return supervise(
        GPAW(), Calculation.model_validate(settings), boxed(system, vacuum_a, multiple_a=0.96), folder, launch=Launch(1)
    )


@pytest.mark.gpaw
def test_an_ion_against_the_formula_of_born(tmp_path: Path) -> None:
    """-q²/2R (1 - 1/ε) with a radius a little beyond the van der Waals one; the HOMO rises by twice of it, q²/R."""
    gas, water = run(FD, ION, tmp_path / "gas"), run(IN_WATER, ION, tmp_path / "water")
    gained_ev = water.energy_ev - gas.energy_ev
    radius_a = -COULOMB_EV_A / 2 * (1 - 1 / 78.4) / gained_ev
    assert HELD_WALTER_NA_A < radius_a < 1.15 * HELD_WALTER_NA_A
    assert water.homo_ev is not None
    assert gas.homo_ev is not None
    assert water.homo_ev - gas.homo_ev == pytest.approx(-2 * gained_ev, rel=0.01)
    assert water.raw["solvent"]["radii_a"] == {"Na": pytest.approx(2.27)}
    assert gas.raw["solvent"] is None
    # the walls are far: the same in a larger box
    larger = run(IN_WATER, ION, tmp_path / "larger", 5.0)
    assert larger.energy_ev == pytest.approx(water.energy_ev, abs=2e-3)


@pytest.mark.gpaw
def test_water_in_water(tmp_path: Path) -> None:
    gas, water = run(FD, WATER, tmp_path / "gas"), run(IN_WATER, WATER, tmp_path / "water")
    assert -0.5 < water.energy_ev - gas.energy_ev < -0.2
    dipoles = [abs(one.dipole_ea[2]) for one in (gas, water)]
    assert dipoles[1] > 1.1 * dipoles[0]


@pytest.mark.parametrize(
    ("engine", "changes", "system", "words"),
    [
        ("gpaw", {"solvent": "iefpcm"}, boxed(ION, 4), "no polarisable continuum of this kind"),
        ("gpaw", {"kind": "relax"}, boxed(ION, 4), "kind relax"),
        ("gpaw", {"mode": "lcao", "basis": "dzp"}, boxed(ION, 4), "mode lcao"),
        ("gpaw", {}, boxed(WATER, 4, pbc=True), r"pbc \(True, True, True\)"),
        ("pyscf", {"mode": "gto", "basis": "sto-3g", "grid_spacing_a": None}, ION, "PySCF has no such continuum"),
    ],
)
def test_refused(engine: str, changes: dict[str, Any], system: System, words: str) -> None:
    judge = {"gpaw": GPAW, "pyscf": PySCF}[engine]()
    with pytest.raises(InputError, match=words):
        judge.check(Calculation.model_validate(IN_WATER | changes), system)
