"""A molecule, or its complex with an ion, on a metal slab: where molecular dynamics of an interface starts."""

from __future__ import annotations

import math
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from natrium.structures.adsorbates import add_atoms, height_at_distance_a
from natrium.structures.errors import InputError
from natrium.structures.interface_contacts import (
    SMALLEST_IMAGE_A,
    SMALLEST_TO_SLAB,
    check_images,
    check_rectangular,
    check_slab_contact,
    nearest_a,
)
from natrium.structures.orientations import Pose, posed
from natrium.structures.slab_geometry import cell_height_a, layer_heights_a, vacuum_thickness_a
from natrium.structures.slabs import SMALLEST_VACUUM_A
from natrium.structures.system import System

SAME_ROOM_A = 0.05
"""Places of a surface whose distances to the nearest atoms differ by less, Å, have the same room."""

Anchor = Literal["centre", "pointing-atom"]


def interface(
    slab: System,
    molecule: System,
    orientation: str,
    *,
    height_a: float | None = None,
    contact_a: float | None = None,
    at: tuple[float, float] | None = None,
    anchor: Anchor = "centre",
    turn_deg: float = 0.0,
    seed: int | None = None,
    atom: int | None = None,
    charge: int = 0,
    smallest_to_slab: float = SMALLEST_TO_SLAB,
    smallest_image_a: float = SMALLEST_IMAGE_A,
    smallest_vacuum_a: float = SMALLEST_VACUUM_A,
) -> System:
    """A slab with a molecule above it, the whole in the middle of the cell's height.

    The slab comes first, with its layers and its fixed atoms; the molecule's atoms follow in their own order, in no
    layer (0), free to move: `molecule_atoms` finds them, an ion of the slab's own element among them. The spin is left
    open, as for any metal. A complex of `ion_complexes` is given like any molecule. Its cell stays neutral unless
    `charge` says otherwise, slab, molecule and one more metal atom: a charged periodic slab has no converged energy.
    The label says which it is.

    Args:
        slab: Clean, neutral, in a rectangular cell: metal_slab(..., orthogonal=True, dipole_layer=False).
        molecule: Isolated, without a cell, with or without an ion.
        orientation: A name of `natrium.structures.orientations.posed`, which tells what each means and leaves free.
        height_a: Height of the lowest atom, be it the ion, above the mean height of the top layer, Å.
        contact_a: Instead of it: smallest distance between an atom of the molecule and one of the slab, Å.
        at: Where over the surface, in fractions of the first two lattice vectors, folded into the cell. None takes
            `roomiest_place`.
        anchor: What goes there: the middle of the molecule's heavy atoms (without the ion), or the atom that points at
            the surface in carbonyl-down, fluorine-down and ion-down.
        turn_deg: Turn about the surface normal, counter-clockwise seen from the vacuum, degrees.
        seed: Of a random orientation.
        atom: Index in the molecule of the group that is meant, where there are several.
        charge: 0, or that of the molecule for a charged cell.
        smallest_to_slab: Smallest distance to the slab, in units of the sum of the covalent radii.
        smallest_image_a: Smallest distance of the molecule to its own periodic images, Å.
        smallest_vacuum_a: Least empty height on each side, Å.

    Raises:
        TooCloseError: the molecule touches the slab or its own image.
        InputError: not such a slab or molecule, an orientation that the molecule cannot have, both or none of height
            and contact, a contact that cannot be reached, or too little vacuum.

    >>> from natrium.structures.molecule_library import library_molecule
    >>> from natrium.structures.slabs import metal_slab
    >>> slab = metal_slab("Na", layers=3, size=(2, 4), vacuum_a=20, orthogonal=True, fixed_layers=1, dipole_layer=False)
    >>> interface(slab, library_molecule("FEC"), "fluorine-down", contact_a=2.5).label
    'FEC on Na(110) 2×4, 3 layers, fluorine-down'
    """
    _check_slab(slab)
    _check_molecule(molecule, charge)
    pose = posed(molecule, orientation, turn_deg=turn_deg, seed=seed, atom=atom)
    label = f"{molecule.label} on {slab.label}, {pose.words}{_charge_in_words(molecule, charge)}"
    lengths = np.diag(slab.cell_a)[:2]
    check_images(label, molecule, pose.positions_a, lengths, smallest_image_a)
    fractions = np.asarray(roomiest_place(slab) if at is None else at, dtype=np.float64)
    if fractions.shape != (2,) or not np.isfinite(fractions).all():
        raise InputError(f"{label}: at={at}", "give two fractions of the lattice vectors")
    x_a, y_a = (fractions - np.floor(fractions)) * lengths
    start = pose.positions_a - _anchor(label, pose, anchor)
    site = (float(x_a), float(y_a), _top_a(slab))
    place = start + np.array([*site[:2], _lift_a(label, slab, start, site, height_a, contact_a)])
    check_slab_contact(label, slab, molecule, place, smallest_to_slab)
    placed = add_atoms(slab, molecule.symbols, place, label, molecule.magnetic_moments)
    return _charged(_centred(slab, placed, smallest_vacuum_a), charge)


def roomiest_place(slab: System) -> tuple[float, float]:
    """The place of the top layer furthest from its atoms, the one nearest to the middle of the cell, in fractions.

    On bcc(110) the hollow, on fcc(111) and (100) the hollows as well: there a molecule comes nearest to the surface.

    Raises:
        InputError: not a slab with numbered layers in a rectangular cell.
    """
    _check_slab(slab)
    # here, because with them comes much of scipy, and most who read or plan a study build nothing
    from scipy.spatial import Voronoi

    layers, lengths = np.array(slab.layers), np.diag(slab.cell_a)[:2]
    atoms = np.array(slab.positions_a)[layers == layers.max(), :2]
    atoms -= np.floor(atoms / lengths + 1e-9) * lengths
    images = np.concatenate([atoms + np.array(shift) * lengths for shift in product(range(-2, 3), repeat=2)])
    corners = np.asarray(Voronoi(images).vertices)
    corners = corners[((corners > -1e-6) & (corners < lengths + 1e-6)).all(axis=1)]
    room_a = np.linalg.norm(corners[:, None] - images[None], axis=2).min(axis=1)
    fractions = corners[room_a > room_a.max() - SAME_ROOM_A] / lengths
    # Rounded, so that the last digit of a number does not choose between equally near ones.
    off = np.round(np.linalg.norm((fractions - 0.5) * lengths, axis=1), 4)
    fractions = np.round(fractions, 6)
    x, y = fractions[np.lexsort((fractions[:, 1], fractions[:, 0], off))[0]]
    return float(x), float(y)


def _check_slab(slab: System) -> None:
    check_rectangular(slab)
    if slab.layers is None or min(slab.layers) < 1:
        raise InputError(
            f"{slab.label}: not a clean slab, " + ("no layers" if slab.layers is None else "atoms in no layer"),
            "give the slab of metal_slab, or its relaxed one, without adsorbed atoms",
        )
    if slab.charge or slab.ghosts:
        raise InputError(
            f"{slab.label}: charge {slab.charge:+d}, {len(slab.ghosts)} ghost atoms", "give a neutral slab without any"
        )


def _check_molecule(molecule: System, charge: int) -> None:
    if any(molecule.pbc) or molecule.layers is not None or molecule.fixed or molecule.ghosts:
        raise InputError(
            f"{molecule.label}: not a molecule alone: pbc {molecule.pbc}, layers {molecule.layers}, fixed atoms"
            f" {molecule.fixed}, {len(molecule.ghosts)} ghosts",
            "give an isolated molecule in one piece, such as library_molecule('FEC')",
        )
    if charge not in (0, molecule.charge):
        raise InputError(
            f"{molecule.label}: charge={charge:+d} on a slab, but the molecule has {molecule.charge:+d}",
            "use charge=0, or the molecule's for a charged cell, whose energy does not converge with the vacuum",
        )


def _charge_in_words(molecule: System, charge: int) -> str:
    if charge:
        return f", charged {charge:+d}, energy not converged with the vacuum"
    return ", neutral" if molecule.charge else ""


def _charged(system: System, charge: int) -> System:
    return System.model_validate(system.model_dump() | {"charge": charge})


def _top_a(slab: System) -> float:
    top = list(layer_heights_a(slab).values())[-1]
    return math.fsum(top) / len(top)


def _anchor(label: str, pose: Pose, anchor: Anchor) -> NDArray[np.float64]:
    if anchor not in get_args(Anchor):
        raise InputError(f"{label}: anchor={anchor!r}", f"use one of {', '.join(get_args(Anchor))}")
    if anchor == "centre":
        return np.zeros(3)
    if pose.pointing is None:
        raise InputError(
            f"{label}: no atom points at the surface", "use anchor='centre', or carbonyl-, fluorine- or ion-down"
        )
    anchored: NDArray[np.float64] = pose.positions_a[pose.pointing]
    return anchored


def _lift_a(
    label: str,
    slab: System,
    relative_a: NDArray[np.float64],
    site: tuple[float, float, float],
    height_a: float | None,
    contact_a: float | None,
) -> float:
    """By how much the molecule is moved along z, Å."""
    given = [value for value in (height_a, contact_a) if value is not None]
    if len(given) != 1 or not 0 < given[0] < math.inf:
        raise InputError(
            f"{label}: height_a={height_a}, contact_a={contact_a}",
            "give exactly one of the two, a positive length in Å",
        )
    if height_a is not None:
        return site[2] + height_a - float(relative_a[:, 2].min())
    lift_a = site[2] + height_at_distance_a(slab, site, relative_a, given[0])
    moved = relative_a + np.array([*site[:2], lift_a])
    found_a = float(nearest_a(np.array(slab.positions_a), moved, np.diag(slab.cell_a)[:2]).min())
    if abs(found_a - given[0]) > 1e-6:
        raise InputError(
            f"{label}: a smallest distance of {given[0]:g} Å is not reached here, where the molecule would sink between"
            f" the atoms of the surface ({found_a:.2f} Å at the least height)",
            "use a larger contact_a, another place (at=), or height_a",
        )
    return lift_a


def _centred(slab: System, placed: System, smallest_vacuum_a: float) -> System:
    left_a, needed_a = vacuum_thickness_a(placed), 2 * smallest_vacuum_a
    if not left_a >= needed_a - 1e-9:
        enough_a = vacuum_thickness_a(slab) + needed_a - left_a
        raise InputError(
            f"{placed.label}: {left_a / 2:.1f} Å of vacuum are left on each side of a cell of"
            f" {cell_height_a(slab):.1f} Å, less than {smallest_vacuum_a:g} Å",
            f"build the slab with vacuum_a of at least {math.ceil(round(10 * enough_a, 6)) / 10:g} Å",
        )
    positions = np.array(placed.positions_a)
    heights = positions[:, 2]
    positions[:, 2] += (cell_height_a(slab) - float(heights.max()) - float(heights.min())) / 2
    return placed.moved(positions)
