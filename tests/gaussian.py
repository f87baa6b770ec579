"""Molecules in Gaussian bases under supervision: shared by the tests of the PySCF engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase import Atoms
from ase.build import molecule

from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.pyscf.engine import PySCF
from natrium.workflows.result import CalculationResult

HF = {"mode": "gto", "functional": "HF", "basis": "sto-3g", "smearing": "none"}
B3LYP = {"mode": "gto", "functional": "B3LYP", "basis": "6-31G(d)", "smearing": "none"}
WATER_PCM = {"solvent": "iefpcm", "epsilon": 78.4}


def water() -> System:
    return System.from_atoms(molecule("H2O"), "water", multiplicity=1)


def stretched_water() -> System:
    atoms = molecule("H2O")
    atoms.positions[1] *= 1.15
    return System.from_atoms(atoms, "water", multiplicity=1)


def oxygen(**changes: Any) -> System:
    system = System.from_atoms(molecule("O2"), "O2", multiplicity=3)
    return System.model_validate(system.model_dump() | changes)


def hydrogen(distance_a: float = 0.74) -> System:
    atoms = molecule("H2")
    atoms.positions[:, 2] = 0, distance_a
    return System.from_atoms(atoms, "H2", multiplicity=1)


def atom(symbol: str, charge: int = 0, multiplicity: int = 1) -> System:
    return System.from_atoms(Atoms(symbol), symbol, charge=charge, multiplicity=multiplicity)


def run(settings: dict[str, Any], system: System, folder: Path, *, ranks: int = 1, **launch: Any) -> CalculationResult:
    folder.mkdir(exist_ok=True)
    return supervise(PySCF(), Calculation.model_validate(settings), system, folder, launch=Launch(ranks, **launch))
