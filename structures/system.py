"""A `System`: atoms together with the facts that atoms alone lose on the way (charge, spin, layers, fixed atoms)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from ase.data import atomic_numbers
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

Vector = tuple[float, float, float]


def _to_lists(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


Vectors = Annotated[tuple[Vector, ...], BeforeValidator(_to_lists)]
"""Shape (n, 3); numpy arrays are accepted."""


class System(BaseModel):
    """What is calculated: atoms, cell, charge and spin. Immutable; goes through JSON and back without loss.

    ASE and pymatgen objects drop the charge, the spin multiplicity or the layers in one conversion or another, so
    natrium passes a `System` from job to job and makes atoms of it only where they are needed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(description="A name for people: 'Na(110) 1×1, 7 layers'")
    symbols: tuple[str, ...] = Field(min_length=1, description="Chemical symbols, one an atom")
    positions_a: Vectors = Field(description="Cartesian positions, shape (atoms, 3), Å")
    cell_a: Vectors = Field(description="Lattice vectors in rows, shape (3, 3), Å; zero vectors where there is no cell")
    pbc: tuple[bool, bool, bool] = Field(description="Periodic along each lattice vector")
    charge: int = Field(0, description="Total charge, e")
    multiplicity: int | None = Field(
        None,
        ge=1,
        description="Spin multiplicity 2S + 1; None leaves the spin open, as only a periodic (smeared) system may",
    )
    layers: tuple[int, ...] | None = Field(
        None, description="Layer of each atom, counted from 1 at the bottom; 0: none, an adsorbate"
    )
    fixed: tuple[int, ...] = Field((), description="Indices of the atoms that do not move in a relaxation")
    magnetic_moments: tuple[float, ...] | None = Field(
        None, description="Magnetic moment of each atom to start from, Bohr magnetons"
    )
    ghosts: tuple[tuple[str, Vector], ...] = Field(
        (), description="Element and position (Å) of places that lend their basis functions and hold no atom"
    )

    @model_validator(mode="after")
    def _is_possible(self) -> System:
        n = len(self.symbols)
        unknown = sorted({symbol for symbol in self.symbols if atomic_numbers.get(symbol, 0) == 0})
        if unknown:
            raise InputError(
                f"{self.label}: unknown chemical symbols {unknown}", "use the symbols of the periodic table"
            )
        for name, count, wanted in (
            ("positions_a", len(self.positions_a), n),
            ("cell_a", len(self.cell_a), 3),
            ("layers", n if self.layers is None else len(self.layers), n),
            ("magnetic_moments", n if self.magnetic_moments is None else len(self.magnetic_moments), n),
        ):
            if count != wanted:
                raise InputError(f"{self.label}: {name} has {count} entries for {n} atoms", f"give {wanted} entries")
        if not (np.isfinite(self.positions_a).all() and np.isfinite(self.cell_a).all()):
            raise InputError(
                f"{self.label}: positions or cell are not numbers", "look at where the geometry comes from"
            )
        for vector, periodic in zip(self.cell_a, self.pbc, strict=True):
            if periodic and not any(vector):
                raise InputError(
                    f"{self.label}: periodic along a lattice vector of length zero", "give the cell, or pbc False there"
                )
        outside = [index for index in self.fixed if not 0 <= index < n]
        if outside:
            raise InputError(f"{self.label}: fixed atoms {outside} do not exist", f"use indices 0 to {n - 1}")
        if self.multiplicity is None and not any(self.pbc):
            raise InputError(
                f"{self.label}: an isolated system needs a spin multiplicity",
                "give multiplicity=1 for a closed shell, 2 for a doublet, 3 for a triplet such as O2",
            )
        if self.electrons < (self.multiplicity or 1) - 1:
            raise InputError(
                f"{self.label}: {self.electrons} electrons are too few for charge {self.charge:+d} and multiplicity"
                f" {self.multiplicity}",
                "correct the charge or the multiplicity",
            )
        if self.multiplicity is not None and (self.electrons - (self.multiplicity - 1)) % 2:
            raise InputError(
                f"{self.label}: {self.electrons} electrons cannot have multiplicity {self.multiplicity}",
                f"use multiplicity {2 if self.electrons % 2 else 1} (or another of the same parity), correct the charge"
                f" ({self.charge:+d})" + (", or leave the multiplicity open for a metal" if any(self.pbc) else ""),
            )
        return self

    @classmethod
    def from_atoms(
        cls,
        atoms: Atoms,
        label: str,
        *,
        charge: int = 0,
        multiplicity: int | None = None,
        layers: tuple[int, ...] | None = None,
    ) -> System:
        """A system from ASE atoms. Charge and multiplicity are always said, never read off the atoms."""
        from ase.constraints import FixAtoms

        fixed: set[int] = set()
        for constraint in atoms.constraints:
            if not isinstance(constraint, FixAtoms):
                raise InputError(
                    f"{label}: the constraint {type(constraint).__name__} is not supported",
                    "use ase.constraints.FixAtoms or no constraint",
                )
            fixed.update(int(index) for index in constraint.get_indices())
        return cls(
            label=label,
            symbols=tuple(atoms.get_chemical_symbols()),
            positions_a=atoms.positions,
            cell_a=atoms.cell.array,
            pbc=tuple(bool(periodic) for periodic in atoms.pbc),
            charge=charge,
            multiplicity=multiplicity,
            layers=layers,
            fixed=tuple(sorted(fixed)),
        )

    def atoms(self) -> Atoms:
        """ASE atoms with the cell, the periodicity, the layers as tags and the fixed atoms as a constraint."""
        from ase import Atoms
        from ase.constraints import FixAtoms

        atoms = Atoms(self.symbols, positions=np.array(self.positions_a), cell=np.array(self.cell_a), pbc=self.pbc)
        if self.layers is not None:
            atoms.set_tags(self.layers)
        if self.fixed:
            atoms.set_constraint(FixAtoms(indices=list(self.fixed)))
        return atoms

    def moved(self, positions_a: Any, cell_a: Any = None) -> System:
        """The same system at other positions (and in another cell): what a relaxation returns."""
        changes = {"positions_a": positions_a} | ({} if cell_a is None else {"cell_a": cell_a})
        return System.model_validate(self.model_dump() | changes)

    @property
    def electrons(self) -> int:
        """All electrons of the system, core electrons included."""
        return int(sum(atomic_numbers[symbol] for symbol in self.symbols)) - self.charge

    @cached_property
    def formula(self) -> str:
        """Chemical formula with the charge: 'Na7', 'C3H3FNaO3+'."""
        sign = "+" if self.charge > 0 else "-"
        size = str(abs(self.charge)) if abs(self.charge) > 1 else ""
        formula: str = self.atoms().get_chemical_formula("hill")
        return formula + (size + sign if self.charge else "")

    @property
    def is_slab(self) -> bool:
        """Periodic in the plane and not along the surface normal (the third lattice vector)."""
        return self.pbc == (True, True, False)
