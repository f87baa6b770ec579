"""A molecule with one electron more: what a reduction starts with."""

from __future__ import annotations

import numpy as np

from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.system import System


def reduced(system: System) -> System:
    """An isolated system with one more electron, where it is, in the lower of the two spins that it can have.

    A closed shell becomes a doublet; a radical takes the electron into its half-filled orbital, O2 becomes a doublet.

    Raises:
        InputError: a periodic system, or one without a multiplicity.

    >>> from natrium.structures.molecule_library import library_molecule
    >>> anion = reduced(library_molecule("FEC"))
    >>> anion.charge, anion.multiplicity
    (-1, 2)
    """
    if any(system.pbc) or system.multiplicity is None:
        raise InputError(
            f"{system.label}: only a molecule or an ion with a multiplicity takes one electron", "give such a system"
        )
    multiplicity = 2 if system.multiplicity == 1 else system.multiplicity - 1
    changes = {
        "label": f"{system.label} + e",
        "charge": system.charge - 1,
        "multiplicity": multiplicity,
        "magnetic_moments": None,
    }
    return System.model_validate(system.model_dump() | changes)


_HARD_DONORS = ("O", "N")
"""Where the charge of reduced carbonates and nitriles is."""


def rejoined(molecule: System, ion: str, charge: int) -> System:
    """A reduced molecule with an ion where it has the most oxygen and nitrogen around it: another start of the complex.

    The reduced complex has minima that differ by where the electron is. From the geometry of the complex it can go
    to the ion; here it is in the molecule to begin with, and its broken bonds are broken.

    Args:
        molecule: Relaxed with its extra electron.
        ion: Element of the ion.
        charge: Its charge, e.

    Raises:
        InputError: what `ion_complexes` refuses.
    """

    def attraction(complexed: System) -> float:
        positions = np.array(complexed.positions_a)
        donors = [symbol in _HARD_DONORS for symbol in molecule.symbols]
        return float((1 / np.linalg.norm(positions[:-1] - positions[-1], axis=1))[donors].sum())

    return max(ion_complexes(molecule, ion, charge).values(), key=attraction)
