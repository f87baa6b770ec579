"""Ionic crystals with a face-centred cubic lattice: rock salt (NaF) and antifluorite (Na2O), primitive cells."""

from __future__ import annotations

import numpy as np

from natrium.structures.adsorbates import check_distances, closest_contact, contacts
from natrium.structures.crystals import ABSOLUTE_RANGE_A, LARGEST_STRAIN
from natrium.structures.errors import InputError
from natrium.structures.system import System, Vector

REFERENCES_A: dict[tuple[str, str, str], float] = {
    ("rock salt", "Na", "F"): 4.634,
    ("antifluorite", "Na", "O"): 5.55,
}
"""Measured at room temperature, Å, by structure, cation and anion: where a relaxation starts."""

PLACES: dict[str, tuple[Vector, ...]] = {
    "rock salt": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)),
    "antifluorite": ((0.25, 0.25, 0.25), (0.75, 0.75, 0.75), (0.0, 0.0, 0.0)),
}
"""Cations, then the anion, in fractions of the primitive cell."""

BONDS: dict[str, tuple[int, float]] = {"rock salt": (6, 1 / 2), "antifluorite": (8, 3**0.5 / 4)}
"""Nearest cation–anion contacts of a primitive cell and their length in units of the lattice constant."""

_PRIMITIVE = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])


def rock_salt(cation: str, anion: str, lattice_constant_a: float | None = None) -> System:
    """A rock-salt crystal, primitive cell of two atoms, closed shell.

    Args:
        cation: Chemical symbol.
        anion: Chemical symbol.
        lattice_constant_a: Of the conventional cubic cell, Å; None takes the reference.

    Raises:
        InputError: no such element, no reference, or a lattice constant that cannot be right.

    >>> rock_salt("Na", "F").label
    'NaF (rock salt)'
    """
    return _crystal("rock salt", cation, anion, lattice_constant_a)


def antifluorite(cation: str, anion: str, lattice_constant_a: float | None = None) -> System:
    """An antifluorite crystal such as Na2O, primitive cell of two cations and an anion, closed shell. See `rock_salt`.

    >>> antifluorite("Na", "O").label
    'Na2O (antifluorite)'
    """
    return _crystal("antifluorite", cation, anion, lattice_constant_a)


def lattice_constant_of(system: System) -> float:
    """Lattice constant of the conventional cubic cell of a (relaxed) primitive rock-salt or antifluorite crystal, Å.

    Whatever primitive vectors describe it, turned at will.

    Raises:
        InputError: not the primitive cell of such a crystal: its lattice is not face-centred cubic to 0.1 %, or its
            atoms are not in the places of one of the structures.
    """
    remedy = "give a primitive rock-salt or antifluorite cell, relaxed with cell=isotropic, which keeps its shape"
    if not all(system.pbc):
        raise InputError(f"{system.label}: not a crystal, pbc is {system.pbc}", remedy)
    cell = system.atoms().cell
    if cell.get_bravais_lattice(eps=1e-3).name != "FCC":
        raise InputError(f"{system.label}: its lattice is not face-centred cubic", remedy)
    # From the volume: exact, where the recognised lattice carries the tolerance of its recognition.
    a_a: float = float(4 * cell.volume) ** (1 / 3)
    if not any(_is(name, system, a_a) for name in PLACES):
        raise InputError(f"{system.label}: neither rock salt nor antifluorite", remedy)
    return a_a


def nearest_distance(system: System) -> float:
    """Smallest distance between two atoms, periodic images included, in any cell, Å: Na–F in NaF, Na–O in Na2O.

    Raises:
        InputError: an isolated atom has no neighbour.
    """
    return closest_contact(system).distance_a


def _is(structure: str, system: System, a_a: float) -> bool:
    """Whether the contacts of this length are those of the structure, and there are no shorter ones."""
    bonds, length = BONDS[structure]
    found = contacts(system, length * a_a * (1 + 1e-3))
    return (
        len(system.symbols) == len(PLACES[structure])
        and len(found) == bonds
        and all(system.symbols[bond.first] != system.symbols[bond.second] for bond in found)
    )


def _crystal(structure: str, cation: str, anion: str, lattice_constant_a: float | None) -> System:
    places = PLACES[structure]
    reference_a = REFERENCES_A.get((structure, cation, anion))
    cations = len(places) - 1
    label = f"{cation}{cations if cations > 1 else ''}{anion} ({structure})"
    if lattice_constant_a is None:
        if reference_a is None:
            known = ", ".join(f"{c} {a} ({name})" for name, c, a in REFERENCES_A)
            raise InputError(
                f"{label}: no reference lattice constant", f"give lattice_constant_a in Å; references: {known}"
            )
        lattice_constant_a = reference_a
    low, high = ABSOLUTE_RANGE_A
    if reference_a is not None:
        low, high = reference_a * (1 - LARGEST_STRAIN), reference_a * (1 + LARGEST_STRAIN)
    if not low <= lattice_constant_a <= high:
        raise InputError(
            f"{label}: lattice_constant_a={lattice_constant_a:g} Å is not within {low:.2f} to {high:.2f} Å",
            "give the lattice constant of the conventional cubic cell in Å, not that of the primitive cell",
        )
    cell = lattice_constant_a * _PRIMITIVE
    crystal = System(
        label=label,
        symbols=(*(cation,) * cations, anion),
        positions_a=np.array(places) @ cell,
        cell_a=cell,
        pbc=(True, True, True),
        multiplicity=1,
    )
    check_distances(crystal)
    return crystal
