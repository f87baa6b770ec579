"""A molecule with a cation at each of its donor atoms and each pair of them: geometries to start relaxations from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.structures.adsorbates import TooCloseError, check_distances
from natrium.structures.bonds import IONIC
from natrium.structures.conformers import same_geometry
from natrium.structures.donor_sites import DONOR_RADII_A, Donor, donor_sites
from natrium.structures.errors import InputError
from natrium.structures.system import System

ION_RADII_A = {
    ("Li", 1): 0.76,
    ("Na", 1): 1.02,
    ("K", 1): 1.38,
    ("Rb", 1): 1.52,
    ("Cs", 1): 1.67,
    ("Mg", 2): 0.72,
    ("Ca", 2): 1.00,
}
"""Of the ions that can be placed, by element and charge, Å, for six neighbours: Shannon, Acta Cryst. A 32, 751 (1976).
All are closed shells: the complex has the spin of the molecule."""

CONTRACTION_A = 0.15
"""One or two donors hold an ion nearer than six do. Only a start: the relaxation finds the distance."""

LARGEST_TILT_DEG = 100.0
"""Between a donor's direction and the ion that it shares with another donor. Lone pairs of a carbonyl oxygen lie 60°
off its axis; an ion in the fork of O=C–O stands at 90°."""

STRETCHES_A = (0.0, 0.2, 0.4)
"""Two donors far apart share an ion at longer distances than one alone, Å more: the first of these that has a place.
The last one lets gauche succinonitrile hold Na+ with both nitrogens, 4.5 Å apart."""

CONTACT = 1.2
"""A donor within this times the sum of the ionic radii holds the ion, Na–O 2.9 Å. In relaxed FEC–Na+ the donors that
hold it are 2.1 to 2.6 Å away and the others 2.96 Å or more (tests/relaxed_places.py)."""

SAME_START_A = 0.05
"""Starting geometries whose distances differ by less, Å, are the same by symmetry."""


class NoDonorError(InputError):
    """A molecule that offers an ion no place."""


class Placement(NamedTuple):
    """Where the ion goes, and which donors hold it there."""

    donors: tuple[Donor, ...]
    position_a: NDArray[np.float64]


def ion_complexes(molecule: System, ion: str = "Na", charge: int = 1) -> dict[str, System]:
    """Coordination conformers of a molecule with one cation, by name: 'carbonyl-o', 'ring-o-1', 'carbonyl-o+ring-o-1'.

    The ion stands at each donor atom in the direction of its lone pairs, and between each two donors that can share
    it, at the sum of the ionic radii less `CONTRACTION_A`; two donors may be further by `STRETCHES_A`. A place counts
    only if no other atom is nearer to the ion than its donors. What is the same by the molecule's symmetry (or its
    mirror image) appears once. Donors of one kind are numbered in the order of the molecule's atoms, and a second place
    at the same donors is '…-side-2'. The ion is the last atom; the complex has the charge of both, the molecule's spin,
    and no cell. Nothing is relaxed: no force field describes such ions reliably.

    Args:
        molecule: An isolated molecule with its charge and multiplicity, without a cell.
        ion: Element of the ion.
        charge: Its charge, e.

    Raises:
        InputError: an ion without a radius here, or a periodic molecule.
        NoDonorError: no donor atom that an ion can reach, or the molecule holds an ion already.
    """
    _check(molecule, ion, charge)
    found: list[tuple[Placement, System]] = []
    for placement in _placements(molecule, ION_RADII_A[ion, charge]):
        complexed = _with_ion(molecule, ion, charge, placement.position_a)
        try:
            check_distances(complexed)
        except TooCloseError:
            continue
        # Only among those of the same kinds: near places at different donors may relax to different minima.
        if not any(
            _kinds(placement) == _kinds(other) and same_geometry(complexed, system, SAME_START_A)
            for other, system in found
        ):
            found.append((placement, complexed))
    if not found:
        raise NoDonorError(
            f"{molecule.label}: no donor atom ({', '.join(DONOR_RADII_A)} with a free lone pair) that {ion} can reach",
            "give a molecule with one, or the geometry of the complex as an xyz file",
        )
    names = _names([placement for placement, _ in found])
    return {
        name: system.model_copy(update={"label": f"{molecule.label}–{ion}{_sign(charge)}, {name}"})
        for name, (_, system) in zip(names, found, strict=True)
    }


def coordination(complexed: System) -> str:
    """Kinds of the donors that hold the ion of a complex in the geometry that it has: 'carbonyl-o'; 'none' without one.

    A donor holds it within `CONTACT` times the sum of their ionic radii. Where an ion was put says little about where
    it is after a relaxation.

    Args:
        complexed: The molecule, and the ion as its last atom, as `ion_complexes` makes it.

    Raises:
        InputError: the last atom is no such ion.
    """
    known = {element: (charge, radius) for (element, charge), radius in ION_RADII_A.items()}
    if complexed.symbols[-1] not in known:
        raise InputError(
            f"{complexed.label}: its last atom is {complexed.symbols[-1]}, no ion", "give a complex with its ion last"
        )
    charge, radius_a = known[complexed.symbols[-1]]
    positions = np.array(complexed.positions_a)
    molecule = System(
        label=complexed.label,
        symbols=complexed.symbols[:-1],
        positions_a=positions[:-1],
        cell_a=np.zeros((3, 3)),
        pbc=(False,) * 3,
        charge=complexed.charge - charge,
        multiplicity=complexed.multiplicity,
    )
    distances = np.linalg.norm(positions[:-1] - positions[-1], axis=1)
    return (
        "+".join(
            sorted(
                donor.kind
                for donor in donor_sites(molecule)
                if distances[donor.atom] < CONTACT * (radius_a + DONOR_RADII_A[molecule.symbols[donor.atom]])
            )
        )
        or "none"
    )


def _check(molecule: System, ion: str, charge: int) -> None:
    if (ion, charge) not in ION_RADII_A:
        known = ", ".join(f"{element}{_sign(value)}" for element, value in ION_RADII_A)
        raise InputError(f"no ion {ion!r} with charge {charge:+d} can be placed", f"use one of {known}")
    if any(molecule.pbc):
        raise InputError(
            f"{molecule.label}: periodic, pbc is {molecule.pbc}",
            "give the molecule without a cell; natrium.structures.boxes.boxed makes one around the complex",
        )
    held = sorted(IONIC.intersection(molecule.symbols))
    if held:
        raise NoDonorError(
            f"{molecule.label}: contains {', '.join(held)} already",
            "give the molecule alone, or calculate it without an ion",
        )


def _with_ion(molecule: System, ion: str, charge: int, position_a: NDArray[np.float64]) -> System:
    moments = molecule.magnetic_moments
    return System.model_validate(
        molecule.model_dump()
        | {
            "symbols": (*molecule.symbols, ion),
            "positions_a": np.vstack([molecule.positions_a, position_a]),
            "cell_a": np.zeros((3, 3)),
            "charge": molecule.charge + charge,
            "layers": None,
            "magnetic_moments": None if moments is None else (*moments, 0.0),
        }
    )


def _placements(molecule: System, ion_radius_a: float) -> Iterator[Placement]:
    """All places, one donor first; symmetric ones included."""
    donors = donor_sites(molecule)
    positions = np.array(molecule.positions_a)
    reach = {donor.atom: ion_radius_a + DONOR_RADII_A[molecule.symbols[donor.atom]] - CONTRACTION_A for donor in donors}
    for donor in donors:
        place = positions[donor.atom] + reach[donor.atom] * donor.direction
        if _free(positions, place, (donor,), reach):
            yield Placement((donor,), place)
    for pair in combinations(donors, 2):
        tries = (_shared(positions, pair, {atom: a + more for atom, a in reach.items()}) for more in STRETCHES_A)
        for place in next((places for places in tries if places), []):
            yield Placement(pair, place)


def _free(
    positions: NDArray[np.float64], place: NDArray[np.float64], donors: tuple[Donor, ...], reach: dict[int, float]
) -> bool:
    """Whether no other atom is nearer to the place than its donors."""
    own = [donor.atom for donor in donors]
    distances = np.delete(np.linalg.norm(positions - place, axis=1), own)
    return not len(distances) or bool(distances.min() >= max(reach[atom] for atom in own))


def _shared(
    positions: NDArray[np.float64], pair: tuple[Donor, Donor], reach: dict[int, float]
) -> list[NDArray[np.float64]]:
    """Places at the right distance from both donors: a circle, and on it where both lone pairs are met best."""
    first, second = (positions[donor.atom] for donor in pair)
    a, b = (reach[donor.atom] for donor in pair)
    axis = second - first
    apart = float(np.linalg.norm(axis))
    if not abs(a - b) < apart < a + b:
        return []
    axis /= apart
    along = (apart**2 + a**2 - b**2) / (2 * apart)
    side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    side /= np.linalg.norm(side)
    angles = np.radians(np.arange(0, 360, 5))[:, None]
    circle = np.cos(angles) * side + np.sin(angles) * np.cross(axis, side)
    places = first + along * axis + np.sqrt(a**2 - along**2) * circle
    alignment = np.minimum(
        (places - first) @ pair[0].direction / a,
        (places - second) @ pair[1].direction / b,
    )
    allowed = alignment >= np.cos(np.radians(LARGEST_TILT_DEG))
    allowed &= [_free(positions, place, pair, reach) for place in places]
    rated = np.where(allowed, alignment, -np.inf)
    best = allowed & (rated >= np.roll(rated, 1)) & (rated >= np.roll(rated, -1))
    return list(places[best])


def _kinds(placement: Placement) -> tuple[str, ...]:
    return tuple(sorted(donor.kind for donor in placement.donors))


def _names(placements: list[Placement]) -> list[str]:
    used = {donor.atom: donor.kind for placement in placements for donor in placement.donors}
    atoms: dict[str, list[int]] = {}
    for atom in sorted(used):
        atoms.setdefault(used[atom], []).append(atom)
    names: list[str] = []
    for placement in placements:
        parts = [
            donor.kind + (f"-{atoms[donor.kind].index(donor.atom) + 1}" if len(atoms[donor.kind]) > 1 else "")
            for donor in placement.donors
        ]
        name = "+".join(sorted(parts))
        sides = sum(other.split("-side-")[0] == name for other in names)
        names.append(f"{name}-side-{sides + 1}" if sides else name)
    return names


def _sign(charge: int) -> str:
    return {1: "⁺", 2: "²⁺"}.get(charge, f"{charge:+d}")
