"""How a molecule stands on a surface: orientations by name, derived from its bonds, its plane and its ion."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from natrium.structures.bonds import IONIC, in_ring, neighbours
from natrium.structures.donor_sites import donor_sites
from natrium.structures.errors import InputError
from natrium.structures.system import System

Orientation = Literal[
    "carbonyl-down", "fluorine-down", "flat", "flat-flipped", "upright", "ion-down", "ion-up", "random"
]
ORIENTATIONS: tuple[Orientation, ...] = get_args(Orientation)

CLEAR_PLANE_A = 0.1
"""Atoms define a plane where their root mean square extent along the second axis exceeds that along the third by this,
Å. Rings of carbonates: 0.9; a line, a tetrahedron or an octahedron: 0."""

OFF_AXIS_A = 0.5
"""An atom further than this from the axis, Å, says how the molecule is turned about it."""

Axes = dict[int | None, NDArray[np.float64]]
"""The direction that is to point away from the surface, in the molecule's own frame, by the atom that it belongs to."""


class Pose(NamedTuple):
    """A molecule as it stands on a surface whose normal is z."""

    positions_a: NDArray[np.float64]
    """From the middle of its heavy atoms, shape (atoms, 3), Å."""
    pointing: int | None
    """Index of the atom that points at the surface, where the orientation names one."""
    words: str
    """'fluorine-down, turned 30°', 'random (seed 3)'."""


def posed(
    molecule: System,
    orientation: str,
    *,
    turn_deg: float = 0.0,
    seed: int | None = None,
    atom: int | None = None,
) -> Pose:
    """A molecule, or its complex with an ion, turned rigidly; its handedness stays.

    - carbonyl-down, fluorine-down: the C=O (C–F) bond points at the surface, along its normal.
    - flat: the least-squares plane of the ring atoms is parallel to the surface (without a ring: of the heavy atoms;
      where these define none: of all atoms), the heavy atom furthest from it above: the open side faces the surface.
      flat-flipped: the other side. Where both sides are alike, which is which has no meaning.
    - upright: that plane stands on the surface, the carbonyl bond, as far as it lies in the plane, points up.
    - ion-down, ion-up: the line from the middle of the molecule's heavy atoms to its ion points at the surface or away.
    - random: every orientation is equally likely; the same seed gives the same bits on every machine (with
      `turn_deg` 0: sines are rounded differently).

    The ion of a complex turns with its molecule and counts neither for the plane nor for the middle. Each name but
    random leaves one thing free, the turn about the surface normal: with `turn_deg` 0, the first atom in the list that
    is more than `OFF_AXIS_A` off the normal through the middle of the heavy atoms lies on the side of +x.

    Args:
        molecule: Isolated.
        orientation: One of `ORIENTATIONS`.
        turn_deg: Turn about the surface normal, counter-clockwise seen from the vacuum, degrees. After a random
            orientation as well.
        seed: Of a random orientation, and of no other.
        atom: Which carbonyl oxygen, fluorine or ion is meant, by its index; needed where there are several.

    Raises:
        InputError: an unknown name, or one that the molecule has no group for (the message says what it has); several
            groups and no `atom`; random without a seed, or a seed without random.
    """
    if orientation not in ORIENTATIONS:
        raise InputError(
            f"{molecule.label}: no orientation {orientation!r}",
            f"use one of {', '.join(possible_orientations(molecule))}",
        )
    if not math.isfinite(turn_deg):
        raise InputError(f"{molecule.label}: turn_deg={turn_deg}", "give an angle in degrees")
    if (seed is None) == (orientation == "random"):
        raise InputError(
            f"{molecule.label}: orientation {orientation!r} " + ("without a seed" if seed is None else f"with {seed=}"),
            "give random a seed, such as seed=0, and no other orientation one",
        )
    positions = np.array(molecule.positions_a)
    relative = positions - _middle(positions[_heavy(molecule)])
    pointing: int | None = None
    words = orientation if atom is None else f"{orientation} (atom {atom})"
    if seed is None:
        owner, up = _chosen(molecule, orientation, atom)
        pointing = owner if _NAMED[orientation].pointing else None
        rotation = _upright_frame(relative, up)
    elif atom is not None:
        raise InputError(f"{molecule.label}: {atom=} with a random orientation", "leave out the atom")
    else:
        rotation, words = random_rotation(seed), f"random (seed {seed})"
    if turn_deg:
        cosine, sine = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
        rotation = _product(np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]]), rotation)
        words += f", turned {turn_deg:g}°"
    return Pose(_product(relative, rotation.T), pointing, words)


def possible_orientations(molecule: System) -> tuple[str, ...]:
    """The orientations that the molecule has the groups for."""
    return tuple(name for name in ORIENTATIONS if name == "random" or _NAMED[name].axes(molecule))


def random_rotation(seed: int) -> NDArray[np.float64]:
    """A rotation matrix, shape (3, 3), out of all rotations with equal probability.

    The unit quaternion is Marsaglia's (Ann. Math. Stat. 43, 645, 1972), made of the raw numbers of PCG64, the part of
    numpy's generators that never changes, by nothing but sums, products and square roots, which every machine rounds
    alike.

    Raises:
        InputError: a negative seed, or no whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r} of a random orientation", "use a whole number from 0 on")
    source = np.random.PCG64(int(seed))

    def in_disc() -> tuple[float, float, float]:
        while True:
            x, y = (2.0 * ((int(source.random_raw()) >> 11) * 2.0**-53) - 1.0 for _ in range(2))
            square = x * x + y * y
            if 0.0 < square < 1.0:
                return x, y, square

    w, x, first = in_disc()
    y, z, second = in_disc()
    stretch = math.sqrt((1.0 - first) / second)
    y, z = y * stretch, z * stretch
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _carbonyls(molecule: System) -> Axes:
    """Against the C=O bond, by the oxygen."""
    oxygens = [donor.atom for donor in donor_sites(molecule) if donor.kind == "carbonyl-o"]
    return _against_bonds(molecule, oxygens)


def _fluorines(molecule: System) -> Axes:
    return _against_bonds(molecule, [atom for atom, symbol in enumerate(molecule.symbols) if symbol == "F"])


def _against_bonds(molecule: System, atoms: list[int]) -> Axes:
    positions, bonded = np.array(molecule.positions_a), neighbours(molecule)
    return {
        atom: _unit(positions[bonded[atom][0]] - positions[atom])
        for atom in atoms
        if [molecule.symbols[other] for other in bonded[atom]] == ["C"]
    }


def _face(molecule: System) -> Axes:
    """The normal of the plane, on the side of the heavy atom furthest from it."""
    positions, bonded = np.array(molecule.positions_a), neighbours(molecule)
    heavy = _heavy(molecule)
    for atoms in ([atom for atom in heavy if in_ring(bonded, atom)], heavy, _own(molecule)):
        if len(atoms) < 3:
            continue
        centre = _middle(positions[atoms])
        _, extents, axes = np.linalg.svd(positions[atoms] - centre)
        if (extents[1] - extents[2]) / math.sqrt(len(atoms)) < CLEAR_PLANE_A:
            continue
        # Rounded, so that equally far atoms are taken in their order; a flat molecule has no such atom.
        heights = np.round((positions[heavy] - centre) @ axes[2], 2)
        furthest = heights[np.argmax(np.abs(heights))] or axes[2][np.argmax(np.abs(axes[2]))]
        return {None: axes[2] * np.sign(furthest)}
    return {}


def _standing(molecule: System) -> Axes:
    faces = _face(molecule)
    found: Axes = {}
    for oxygen, against in _carbonyls(molecule).items():
        for normal in faces.values():
            in_plane = -against + (against @ normal) * normal
            if np.linalg.norm(in_plane) > 0.5:
                found[oxygen] = _unit(in_plane)
    return found


def _ions(molecule: System) -> Axes:
    """Away from the ion."""
    positions = np.array(molecule.positions_a)
    middle = _middle(positions[_heavy(molecule)])
    ions = [atom for atom, symbol in enumerate(molecule.symbols) if symbol in IONIC]
    return {ion: _unit(middle - positions[ion]) for ion in ions if np.linalg.norm(middle - positions[ion]) > OFF_AXIS_A}


def _opposite(axes: Axes) -> Axes:
    return {atom: -axis for atom, axis in axes.items()}


class _Named(NamedTuple):
    axes: Callable[[System], Axes]
    needs: str
    pointing: bool = False


_NAMED: dict[str, _Named] = {
    "carbonyl-down": _Named(_carbonyls, "C=O bond", pointing=True),
    "fluorine-down": _Named(_fluorines, "C–F bond", pointing=True),
    "flat": _Named(_face, "plane of a ring or of heavy atoms"),
    "flat-flipped": _Named(lambda molecule: _opposite(_face(molecule)), "plane of a ring or of heavy atoms"),
    "upright": _Named(_standing, "C=O bond in a plane"),
    "ion-down": _Named(_ions, "ion beside its heavy atoms", pointing=True),
    "ion-up": _Named(lambda molecule: _opposite(_ions(molecule)), "ion beside its heavy atoms"),
}


def _chosen(molecule: System, orientation: str, atom: int | None) -> tuple[int | None, NDArray[np.float64]]:
    axes, needs = _NAMED[orientation].axes(molecule), _NAMED[orientation].needs
    if not axes:
        donors = [f"{donor.kind} (atom {donor.atom})" for donor in donor_sites(molecule)]
        raise InputError(
            f"{molecule.label} cannot be {orientation}: {molecule.formula} has no {needs}; it has "
            + (", ".join(donors) or "no donor atoms"),
            f"use one of {', '.join(possible_orientations(molecule))}",
        )
    if atom is None and len(axes) == 1:
        return next(iter(axes.items()))
    if atom is None or atom not in axes:
        known = ", ".join(str(index) for index in axes if index is not None)
        raise InputError(
            f"{molecule.label}, {orientation}: "
            + (f"{len(axes)} times a {needs}" if atom is None else f"atom {atom} has no {needs}"),
            f"say which by atom=, one of {known}" if known else "leave out the atom",
        )
    return atom, axes[atom]


def _own(molecule: System) -> list[int]:
    """The atoms without the ion of a complex; an ion alone is its own molecule."""
    return [at for at, symbol in enumerate(molecule.symbols) if symbol not in IONIC] or [*range(len(molecule.symbols))]


def _heavy(molecule: System) -> list[int]:
    return [atom for atom in _own(molecule) if molecule.symbols[atom] != "H"] or _own(molecule)


def _upright_frame(relative_a: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation that brings `up` to z and the first atom off that axis to the side of +x."""
    sideways = relative_a - np.outer(relative_a @ up, up)
    off = np.flatnonzero(np.linalg.norm(sideways, axis=1) > OFF_AXIS_A)
    across = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    along = _unit(sideways[off[0]] if len(off) else across)
    return np.array([along, np.cross(up, along), up])


def _middle(positions_a: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([math.fsum(column) / len(column) for column in positions_a.T])


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float64)


def _product(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """A matrix product of three terms in a stated order: libraries fuse and reorder them, each in its own way."""
    terms = [left[:, k, None] * right[None, k, :] for k in range(3)]
    return np.asarray((terms[0] + terms[1]) + terms[2], dtype=np.float64)
