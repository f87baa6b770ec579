"""Systems of a few atoms for tests of GPAW as an engine, and the shortest settings of each mode."""

from __future__ import annotations

from typing import Any

from ase import Atoms
from ase.build import bulk, molecule

from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

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
