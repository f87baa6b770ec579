"""How near a molecule on a slab is to the slab and to its own periodic images, and what is too near."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray

from natrium.structures.adsorbates import Contact, TooCloseError
from natrium.structures.errors import InputError
from natrium.structures.system import System

SMALLEST_TO_SLAB = 0.8
"""Smallest distance of the molecule to the slab in units of the sum of the covalent radii (Cordero et al., Dalton
Trans. 2832, 2008): Na–F 1.78, Na–O 1.86, Na–C 1.94, Na–H 1.58, Na–Na 2.66 Å. The shortest bonds that sodium makes,
those of the diatomic molecules, are at 0.86 (NaF, 1.926 Å), 0.93 (Na2, 3.079 Å) and 0.96 (NaH, 1.887 Å; Huber and
Herzberg, Constants of Diatomic Molecules, 1979)."""

SMALLEST_IMAGE_A = 3.0
"""Smallest distance of the molecule to its own periodic images, Å: the sum of the van der Waals radii is 2.7 for H and
O or F, 3.0 for two O (Bondi, J. Phys. Chem. 68, 441, 1964)."""


def molecule_atoms(system: System) -> tuple[int, ...]:
    """Indices of the atoms that belong to no layer of the slab: the molecule's, and its ion's.

    Raises:
        InputError: a system without numbered layers.
    """
    if system.layers is None:
        raise InputError(f"{system.label}: its layers are not numbered", "build it with metal_slab and interface")
    return tuple(index for index, layer in enumerate(system.layers) if layer == 0)


def closest_to_slab(system: System) -> Contact:
    """The atom of the slab (first) and the atom of the molecule (second) that are nearest, and their distance, Å.

    Raises:
        InputError: no molecule, or a cell that is not rectangular.
    """
    own = molecule_atoms(system)
    check_rectangular(system)
    if not 0 < len(own) < len(system.symbols):
        raise InputError(f"{system.label}: not a molecule on a slab", "build it with interface")
    others = [index for index in range(len(system.symbols)) if index not in set(own)]
    positions = np.array(system.positions_a)
    distances = nearest_a(positions[others], positions[list(own)], np.diag(system.cell_a)[:2])
    first, second = np.unravel_index(np.argmin(distances), distances.shape)
    return Contact(others[first], own[second], float(distances[first, second]))


def check_rectangular(system: System) -> None:
    """Refuse what is not a slab in a rectangular cell with its normal along z.

    Raises:
        InputError: it is not.
    """
    cell = np.array(system.cell_a)
    if not system.is_slab or np.abs(cell - np.diag(np.diag(cell))).max() > 1e-6 or np.diag(cell).min() <= 0:
        raise InputError(
            f"{system.label}: not a slab in a rectangular cell with its normal along z, periodic (T, T, F)",
            "build it with metal_slab(..., orthogonal=True)",
        )


def nearest_a(
    first_a: NDArray[np.float64], second_a: NDArray[np.float64], lengths_a: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances between the nearest images, shape (first, second), Å, in a surface cell with these edges."""
    apart = second_a[None, :, :] - first_a[:, None, :]
    apart[..., :2] -= np.round(apart[..., :2] / lengths_a) * lengths_a
    return np.asarray(np.sqrt(apart[..., 0] ** 2 + apart[..., 1] ** 2 + apart[..., 2] ** 2), dtype=np.float64)


def _radii_a(symbols: tuple[str, ...]) -> NDArray[np.float64]:
    from ase.data import atomic_numbers, covalent_radii

    return np.array([covalent_radii[atomic_numbers[symbol]] for symbol in symbols])


def check_slab_contact(
    label: str, slab: System, molecule: System, positions_a: NDArray[np.float64], smallest: float
) -> None:
    """Refuse a molecule that touches the slab.

    Args:
        label: Of the two together, for the message.
        slab: In a rectangular cell.
        molecule: Its symbols count.
        positions_a: Of its atoms above the slab, shape (atoms, 3), Å.
        smallest: Smallest distance in units of the sum of the covalent radii.

    Raises:
        TooCloseError: names the worst pair and both distances.
    """
    distances = nearest_a(np.array(slab.positions_a), positions_a, np.diag(slab.cell_a)[:2])
    allowed = smallest * (_radii_a(slab.symbols)[:, None] + _radii_a(molecule.symbols)[None, :])
    worst = np.unravel_index(np.argmin(distances / allowed), distances.shape)
    if not distances[worst] >= allowed[worst] - 1e-9:
        raise TooCloseError(
            f"{label}: {molecule.symbols[worst[1]]} (atom {worst[1]} of the molecule) and {slab.symbols[worst[0]]}"
            f" (atom {worst[0]} of the slab) are {distances[worst]:.2f} Å apart, less than {allowed[worst]:.2f} Å",
            "use a larger height_a or contact_a, or another orientation or place",
        )


def check_images(
    label: str,
    molecule: System,
    positions_a: NDArray[np.float64],
    lengths_a: NDArray[np.float64],
    smallest_a: float,
) -> None:
    """Refuse a molecule that is too near to its own periodic images.

    Args:
        label: Of slab and molecule together, for the message.
        molecule: Its symbols count.
        positions_a: Of its atoms as they stand on the surface, shape (atoms, 3), Å.
        lengths_a: Edges of the rectangular surface cell, shape (2,), Å.
        smallest_a: Smallest distance between an atom and an image of any, Å.

    Raises:
        TooCloseError: names the worst pair, the direction, and how long the cell must be.
    """
    reach = [max(1, math.ceil((np.ptp(positions_a[:, k]) + smallest_a) / lengths_a[k])) for k in (0, 1)]
    shifts = [shift for shift in product(*(range(-most, most + 1) for most in reach)) if shift != (0, 0)]
    apart = positions_a[None, :, :] - positions_a[:, None, :]
    nearest = {
        shift: np.linalg.norm(apart + np.array([*(np.array(shift) * lengths_a), 0.0]), axis=2) for shift in shifts
    }
    worst = min(shifts, key=lambda shift: float(nearest[shift].min()))
    if nearest[worst].min() >= smallest_a - 1e-9:
        return
    first, second = np.unravel_index(np.argmin(nearest[worst]), nearest[worst].shape)
    # An image that is moved along both vectors gets away along either; the first is said.
    axis = 0 if worst[0] else 1
    needed_a = _length_needed_a(apart, axis, lengths_a, reach[1 - axis], smallest_a)
    raise TooCloseError(
        f"{label}: {molecule.symbols[first]} (atom {first} of the molecule) and the periodic image of"
        f" {molecule.symbols[second]} (atom {second}) along {_direction(worst)} are {nearest[worst].min():.2f} Å apart,"
        f" less than {smallest_a:.2f} Å",
        f"use a slab of at least {needed_a:g} Å along its {('first', 'second')[axis]} lattice vector, which has"
        f" {lengths_a[axis]:.2f} Å, or another orientation or turn",
    )


def _direction(shift: tuple[int, ...]) -> str:
    names = [name for name, steps in zip(("first", "second"), shift, strict=True) if steps]
    return f"the {' and the '.join(names)} lattice vector"


def _length_needed_a(
    apart: NDArray[np.float64], axis: int, lengths_a: NDArray[np.float64], reach: int, smallest_a: float
) -> float:
    """The length of one lattice vector from which on no image along it is too near, rounded up to 0.1 Å."""
    across = apart[None, ..., 1 - axis] + lengths_a[1 - axis] * np.arange(-reach, reach + 1)[:, None, None]
    room = smallest_a**2 - across**2 - apart[None, ..., 2] ** 2
    lengths = np.where(room > 0, np.sqrt(np.maximum(room, 0.0)) - apart[None, ..., axis], 0.0)
    return math.ceil(round(10 * float(lengths.max()), 6)) / 10
