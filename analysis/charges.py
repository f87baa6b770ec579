"""Charges of atoms by two partitions of the density, Bader's and Hirshfeld's, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase.data import atomic_numbers
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.bader import BaderCharges, bader_charges
from natrium.analysis.hirshfeld import FreeAtom, hirshfeld_charges
from natrium.analysis.volumetric import VolumetricData
from natrium.structures.system import System


class AtomicCharges(BaseModel):
    """Charges of the atoms of a system, positive where electrons were lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: tuple[str, ...] = Field(description="Chemical symbols")
    bader_e: tuple[float, ...] = Field(description="Bader charge of each atom, e")
    hirshfeld_e: tuple[float, ...] = Field(description="Hirshfeld charge of each atom, e")
    bader: BaderCharges = Field(description="How the Bader charges came about")

    def of(self, symbol: str) -> tuple[float, float]:
        """Bader and Hirshfeld charge of all atoms of an element together, e."""
        chosen = np.array(self.symbols) == symbol
        return float(np.array(self.bader_e)[chosen].sum()), float(np.array(self.hirshfeld_e)[chosen].sum())


def atomic_charges(density: VolumetricData, system: System, free_atoms: Mapping[str, FreeAtom]) -> AtomicCharges:
    """Partition a density of all electrons, cores included, among its atoms.

    Args:
        density: All-electron density with cores.
        system: The atoms in its cell.
        free_atoms: Density of the free atom of each element.

    Raises:
        BaderError: electrons are missing, or an atom has no maximum of the density.
    """
    bader = bader_charges(density, density, system, [atomic_numbers[symbol] for symbol in system.symbols])
    hirshfeld = hirshfeld_charges(density.values_e_a3, system, free_atoms)
    return AtomicCharges(
        symbols=system.symbols, bader_e=bader.charges_e, hirshfeld_e=tuple(hirshfeld.tolist()), bader=bader
    )
