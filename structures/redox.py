"""A molecule with one electron more: what a reduction starts with."""

from __future__ import annotations

from natrium.structures.errors import InputError
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
