"""Atoms added to a slab or a crystal, and whether any two atoms come too close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import cell_height_a, vacuum_thickness_a
from natrium.structures.slabs import SMALLEST_VACUUM_WITH_DIPOLE_LAYER_A
from natrium.structures.system import System, Vector

SMALLEST_CONTACT = 0.65
"""Smallest distance in units of the sum of the covalent radii: below the shortest bonds that there are (N2: 0.77)."""

SMALLEST_DISTANCE_A = {frozenset({"O"}): 1.0}
"""Where that is not enough, by pair, Å: 0.65 of two oxygen radii is 0.86 Å, far inside the O2 molecule (1.21 Å)."""


class TooCloseError(InputError):
    """Two atoms of a structure are nearer to one another than atoms ever are."""


class Contact(NamedTuple):
    """Two atoms (indices) and the distance of their nearest images. An atom may touch its own image."""

    first: int
    second: int
    distance_a: float


def contacts(system: System, within_a: float) -> list[Contact]:
    """All pairs of atoms whose distance, periodic images included, is at most so large; nearest first.

    Images are those of the periodic directions, in any cell. Each pair appears once for each image that is near.
    """
    from ase.neighborlist import neighbor_list

    first, second, distances = neighbor_list("ijd", system.atoms(), within_a)
    found = [Contact(int(i), int(j), float(d)) for i, j, d in zip(first, second, distances, strict=True) if i <= j]
    return sorted(found, key=lambda contact: (round(contact.distance_a, 6), contact.first, contact.second))


def closest_contact(system: System) -> Contact:
    """The two atoms nearest to one another, and their distance.

    Raises:
        InputError: an isolated atom has no other.
    """
    if len(system.symbols) == 1 and not any(system.pbc):
        raise InputError(f"{system.label}: one atom has no distance to another", "give two atoms or a periodic cell")
    within_a = 4.0
    while not (found := contacts(system, within_a)):
        within_a *= 2
    return found[0]


def check_distances(system: System, smallest: float = SMALLEST_CONTACT) -> None:
    """Refuse atoms that come too close to one another, periodic images included.

    Args:
        system: Any system.
        smallest: Smallest distance in units of the sum of both covalent radii (Cordero et al., Dalton Trans. 2832,
            2008). `SMALLEST_DISTANCE_A` holds besides.

    Raises:
        TooCloseError: names the worst pair and both distances.
    """
    from ase.data import atomic_numbers, covalent_radii

    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in system.symbols])
    widest_a = max(2 * smallest * float(radii.max()), *SMALLEST_DISTANCE_A.values(), 0.0)
    allowed = {
        contact: max(
            smallest * float(radii[contact.first] + radii[contact.second]),
            SMALLEST_DISTANCE_A.get(frozenset({system.symbols[contact.first], system.symbols[contact.second]}), 0.0),
        )
        for contact in contacts(system, widest_a)
    }
    close = [contact for contact, allowed_a in allowed.items() if contact.distance_a < allowed_a - 1e-9]
    if close:
        worst = min(close, key=lambda contact: contact.distance_a / allowed[contact])
        raise TooCloseError(
            f"{system.label}: {system.symbols[worst.first]} (atom {worst.first}) and {system.symbols[worst.second]}"
            f" (atom {worst.second}) are {worst.distance_a:.2f} Å apart, less than {allowed[worst]:.2f} Å",
            "move them apart, or look at the cell and the units of the positions",
        )


def add_atoms(
    system: System,
    symbols: Sequence[str],
    positions_a: ArrayLike,
    label: str,
    magnetic_moments: Sequence[float] | None = None,
) -> System:
    """A system with more atoms, at the end of the list: in no layer (0), free to move, its spin left open.

    Args:
        system: Slab or crystal; what it fixes stays fixed.
        symbols: Of the new atoms.
        positions_a: Cartesian, shape (new atoms, 3), Å.
        label: Of the result.
        magnetic_moments: Of the new atoms, Bohr magnetons; the others start from zero. None gives none to any.

    Raises:
        TooCloseError: atoms too close to one another.
        InputError: lists that do not fit together.
    """
    moments = None if magnetic_moments is None else (*(0.0 for _ in system.symbols), *magnetic_moments)
    new = np.reshape(np.asarray(positions_a, dtype=np.float64), (-1, 3))
    added = System.model_validate(
        system.model_dump()
        | {
            "label": label,
            "symbols": (*system.symbols, *symbols),
            "positions_a": np.concatenate([np.array(system.positions_a), new]),
            "multiplicity": None,
            "layers": None if system.layers is None else (*system.layers, *(0 for _ in symbols)),
            "magnetic_moments": moments,
        }
    )
    check_distances(added)
    return added


def adsorb(
    slab: System,
    symbols: Sequence[str],
    positions_relative_a: ArrayLike,
    site: Vector,
    height_a: float,
    label: str,
    magnetic_moments: Sequence[float] | None = None,
) -> System:
    """A slab with atoms above its top layer.

    Args:
        slab: A slab with numbered layers and its normal along z.
        symbols: Of the adsorbed atoms.
        positions_relative_a: Of the adsorbed atoms, from a point of their own, shape (atoms, 3), Å.
        site: Where on the top layer that point goes, at the height of the layer, Å. See `adsorption_sites`.
        height_a: Height of the point above the site, Å.
        label: Of the result.
        magnetic_moments: Of the adsorbed atoms, Bohr magnetons.

    Raises:
        TooCloseError: atoms too close to one another.
        InputError: less vacuum left than a dipole layer needs.
    """
    relative = np.reshape(np.asarray(positions_relative_a, dtype=np.float64), (-1, 3))
    covered = add_atoms(slab, symbols, relative + site + np.array([0, 0, height_a]), label, magnetic_moments)
    _check_vacuum(slab, covered)
    return covered


def _check_vacuum(slab: System, covered: System) -> None:
    left_a, needed_a = vacuum_thickness_a(covered), SMALLEST_VACUUM_WITH_DIPOLE_LAYER_A
    if left_a < needed_a - 1e-9:
        own_a = vacuum_thickness_a(slab)
        raise InputError(
            f"{covered.label}: {left_a:.1f} Å of the slab's {own_a:.1f} Å vacuum are left above the adsorbate, too few"
            f" for a dipole layer in a cell of {cell_height_a(slab):.1f} Å",
            f"build the slab with vacuum_a of at least {np.ceil(round(10 * (own_a + needed_a - left_a), 6)) / 10:g} Å",
        )


def height_at_distance_a(
    slab: System, site: Vector, positions_relative_a: ArrayLike, distance_a: float, *, lowest_a: float = 0.5
) -> float:
    """The height above a site at which the shortest distance of the adsorbate to the slab has a given length.

    Args:
        slab: The clean slab.
        site: Position of the site, Å.
        positions_relative_a: Of the adsorbed atoms, as for `adsorb`, Å.
        distance_a: Shortest distance between an adsorbed atom and one of the slab, Å.
        lowest_a: No adsorbed atom starts lower than this above the site, Å: in a wide hollow it may be further from
            the slab's atoms than `distance_a` even within the layer.
    """
    relative = np.reshape(np.asarray(positions_relative_a, dtype=np.float64), (-1, 3))
    a, b = np.array(slab.cell_a)[:2]
    heights = [lowest_a - float(relative[:, 2].min())]
    atoms = np.array(slab.positions_a)
    # Periodic images as far as the distance reaches, from wherever the atoms were wrapped to.
    area = float(np.linalg.norm(np.cross(a, b)))
    reach = [int(np.ceil(distance_a * float(np.linalg.norm(other)) / area)) + 2 for other in (b, a)]
    for i in range(-reach[0], reach[0] + 1):
        for j in range(-reach[1], reach[1] + 1):
            for atom in relative:
                lateral = np.array(site) + atom - (atoms + i * a + j * b)
                room = distance_a**2 - np.sum(lateral[:, :2] ** 2, axis=1)
                meets = room > 0
                if meets.any():
                    heights.append(float((np.sqrt(room[meets]) - lateral[meets, 2]).max()))
    return max(heights)
