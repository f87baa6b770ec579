"""Oxygen on and under Na(110): structures to start from, and the oxygen or the sodium of a structure alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, product
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from natrium.structures.adsorbates import TooCloseError, add_atoms, adsorb, contacts, height_at_distance_a
from natrium.structures.adsorption_sites import SurfaceLattice, adsorption_sites, surface_lattice
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.structures.voids import VOID_NAMES, embedded

START_BOND_A = 1.35
"""O–O to start from, Å: sodium gives O2 an electron at once, and the superoxide's bond is 1.33 Å long (O2: 1.21)."""

START_NA_O_A = 2.35
"""Shortest Na–O distance of an adsorbed structure to start from, Å: between those of Na2O (2.40) and of the molecule
NaO (2.05)."""

BONDED_A = 1.8
"""Two oxygen atoms nearer than this, Å, are one molecule: the peroxide's bond is 1.5 Å long."""

Orientation = Literal["upright", "flat-001", "flat-110"]
ORIENTATIONS: tuple[Orientation, ...] = get_args(Orientation)
IN_WORDS: dict[Orientation, str] = {
    "upright": "upright",
    "flat-001": "flat along [001]",
    "flat-110": "flat along [1-10]",
}

SAME_PLACE_A = 0.05
"""Structures are the same where a symmetry of the slab brings all oxygen atoms so close to those of the other, Å."""

MOMENT_OF_ATOM, MOMENT_IN_O2 = 2.0, 1.0
"""Of an oxygen atom alone and in O2, Bohr magnetons: both are triplets."""


def oxygen_structures(slab: System, names: tuple[str, ...] | None = None) -> dict[str, System]:
    """The set of starting structures of oxygen on and under a clean bcc(110) slab, by name.

    On the surface: O2 at the four sites of `adsorption_sites`, upright and flat along [001] and [1-10]
    ("hollow-flat-001"). Under the top layer: O2 centred in the voids of `embedded` in the same three orientations
    ("embedded-o2-octahedral-upright") and single O atoms ("embedded-o-octahedral"). An embedded structure whose atoms
    would start too close to one another (`check_distances`) is left out, and so is one that a symmetry of the slab
    turns into an earlier one. O2 carries magnetic moments to start from, 1 on each O; the oxygen atoms are the last.

    Args:
        slab: Clean bcc(110) slab with enough vacuum.
        names: Those wanted, in this order; None for all.

    Raises:
        InputError: an unknown name, another slab, or too little vacuum above an adsorbed molecule.
    """
    lattice = surface_lattice(slab)
    found: dict[str, System] = {}
    for name, structure in chain(_on_the_surface(slab, lattice), _under_the_surface(slab, lattice)):
        if not any(same_by_symmetry(structure, earlier, lattice) for earlier in found.values()):
            found[name] = structure
    if names is None:
        return found
    unknown = [name for name in names if name not in found]
    if unknown:
        raise InputError(f"{slab.label}: no oxygen structures {', '.join(unknown)}", f"choose among {', '.join(found)}")
    return {name: found[name] for name in names}


NUDGE_A = 0.03
_NUDGES = ((0.62, 0.35, 0.70), (-0.41, 0.78, 0.47))
"""Directions without any symmetry, one for each oxygen atom, so that a molecule may turn as well as move."""


def nudged(system: System) -> System:
    """The structure with its oxygen moved by `NUDGE_A` in a general direction.

    At a site of high symmetry the forces that lead away from a saddle point are exactly zero, and a relaxation would
    end there.
    """
    oxygen = [index for index, symbol in enumerate(system.symbols) if symbol == "O"]
    positions = np.array(system.positions_a)
    positions[oxygen] += NUDGE_A * np.array(_NUDGES[: len(oxygen)])
    return system.moved(positions)


SAME_CELL = 0.02
"""Relative difference of lateral cells within which atoms are carried from one into the other."""

NO_MOMENT = 0.05
"""A relaxed structure with less, Bohr magnetons, has lost the moment that O2 brought along."""


def carried_over(structure: System, moment: float, slab: System) -> System:
    """A relaxed structure on another clean slab of the same surface cell: what another relaxation begins with.

    Layers are counted from the top, so that a slab may have more of them or fewer: those that the structure lacks are
    the clean slab's. Atoms keep their place in the lateral cell, shifted as the stacking shifts, and their height above
    the layers below; those that the slab holds fixed stand where it has them. Lattice constant and vacuum may be other
    ones. A structure that has lost its moment begins without one.

    Args:
        structure: Relaxed.
        moment: Its total magnetic moment, Bohr magnetons.
        slab: Clean slab.

    Raises:
        InputError: another surface cell.
    """
    before, after = np.array(structure.layers or ()), np.array(slab.layers or ())
    on_top = [index for index, symbol in enumerate(structure.symbols) if symbol == "O"]
    if {*np.bincount(before)[1:]} != {*np.bincount(after)[1:]} or not on_top:
        raise InputError(
            f"{structure.label} ({structure.formula}) is no structure of oxygen on layers like those of {slab.label}",
            "start from structures of slabs of this size",
        )
    old, new = np.array(structure.cell_a), np.array(slab.cell_a)
    if not np.allclose(old[:2], new[:2], rtol=0, atol=SAME_CELL * np.linalg.norm(new[0])):
        raise InputError(
            f"{structure.label}: its cell, {np.linalg.norm(old[0]):.2f} Å wide, is more than {SAME_CELL:.0%} off"
            f" that of {slab.label}, {np.linalg.norm(new[0]):.2f} Å",
            "start from structures of this slab: lattice constant and size as there",
        )
    positions, carried = np.array(structure.positions_a), np.array(slab.positions_a)
    added = after.max() - before.max()
    stacking = carried[after == 2][0] - carried[after == 1][0] if added else np.zeros(3)
    positions[:, :2] = positions[:, :2] @ np.linalg.inv(old[:2, :2]) @ new[:2, :2]
    # slabs may begin with either layer of the stacking
    positions += carried[after == 1][0] - positions[before == 1][0] + added * stacking
    free = [index for index in range(len(after)) if index not in slab.fixed]
    for layer in range(1, after.max() + 1):
        there = np.flatnonzero(after == layer)
        if layer > added and set(there) <= set(free):
            carried[there] = positions[before == layer - added]
    moments = [0.0] * len(after) + [(structure.magnetic_moments or [0.0] * len(before))[index] for index in on_top]
    return System.model_validate(
        slab.model_dump()
        | {
            "label": structure.label,
            "symbols": slab.symbols + ("O",) * len(on_top),
            "positions_a": np.vstack([carried, positions[on_top]]),
            "layers": slab.layers and slab.layers + (0,) * len(on_top),
            "magnetic_moments": None if abs(moment) < NO_MOMENT or not any(moments) else tuple(moments),
        }
    )


def oxygen_part(system: System) -> System:
    """The oxygen of a structure alone, at its positions in its cell: one part of a density difference.

    Moments to start from: 1 on an atom within `BONDED_A` of another, 2 on a single one, also where the molecule of a
    start came apart.

    Raises:
        InputError: no oxygen, or other elements than sodium and oxygen.
    """
    part = _part(system, "O", "oxygen alone")
    bonded = {index for pair in contacts(part, BONDED_A) if pair.first != pair.second for index in pair[:2]}
    moments = tuple(MOMENT_IN_O2 if index in bonded else MOMENT_OF_ATOM for index in range(len(part.symbols)))
    return part.model_copy(update={"magnetic_moments": moments})


def sodium_part(system: System) -> System:
    """The sodium of a structure alone, at its positions in its cell, without moments: the other part.

    Raises:
        InputError: no sodium, or other elements than sodium and oxygen.
    """
    return _part(system, "Na", "sodium alone")


def same_by_symmetry(one: System, other: System, lattice: SurfaceLattice) -> bool:
    """Whether a symmetry of the clean slab turns the oxygen of one structure into that of the other.

    The symmetries of a bcc(110) surface are its lattice translations, the mirrors normal to [001] and to [1-10], and
    both mirrors together; those that the cell does not have (an oblique one of unequal repetitions) are left out. They
    keep heights, so the two sides of the slab are never confused.
    """
    first, second = _oxygen_positions(one), _oxygen_positions(other)
    if len(first) != len(second):
        return False
    vectors = np.array(one.cell_a)[:2, :2]
    return any(_same_places(moved, second, vectors) for moved in _images(first, second, vectors, lattice))


class _Adsorbate(NamedTuple):
    symbols: tuple[str, ...]
    positions_relative_a: NDArray[np.float64]
    magnetic_moments: tuple[float, ...] | None


_ATOM = _Adsorbate(("O",), np.zeros((1, 3)), None)


def _molecules(lattice: SurfaceLattice) -> dict[Orientation, _Adsorbate]:
    directions: dict[Orientation, tuple[float, float, float]] = {
        "upright": (0.0, 0.0, 1.0),
        "flat-001": (*lattice.along_001, 0.0),
        "flat-110": (*lattice.along_110, 0.0),
    }
    ends = np.array([-0.5, 0.5]) * START_BOND_A
    return {
        name: _Adsorbate(("O", "O"), np.outer(ends, direction), (MOMENT_IN_O2,) * 2)
        for name, direction in directions.items()
    }


def _on_the_surface(slab: System, lattice: SurfaceLattice) -> Iterator[tuple[str, System]]:
    for (site, position), (orientation, o2) in product(adsorption_sites(slab).items(), _molecules(lattice).items()):
        symbols, relative_a, moments = o2
        height_a = height_at_distance_a(slab, position, relative_a, START_NA_O_A)
        label = f"O2 on {_short(slab)}, {site}, {IN_WORDS[orientation]}"
        yield f"{site}-{orientation}", adsorb(slab, symbols, relative_a, position, height_a, label, moments)


def _under_the_surface(slab: System, lattice: SurfaceLattice) -> Iterator[tuple[str, System]]:
    for void in VOID_NAMES:
        inside = {
            f"embedded-o2-{void}-{name}": (o2, f"O2 under {_short(slab)}, {void}, {IN_WORDS[name]}")
            for name, o2 in _molecules(lattice).items()
        } | {f"embedded-o-{void}": (_ATOM, f"O under {_short(slab)}, {void}")}
        centre = np.array(embedded(slab, void))
        for name, ((symbols, relative_a, moments), label) in inside.items():
            with suppress(TooCloseError):
                yield name, add_atoms(slab, symbols, relative_a + centre, label, moments)


def _short(slab: System) -> str:
    """'Na(110) 2×2' of 'Na(110) 2×2, 4 layers'."""
    return slab.label.split(",")[0]


def _oxygen_positions(system: System) -> NDArray[np.float64]:
    return np.array([at for symbol, at in zip(system.symbols, system.positions_a, strict=True) if symbol == "O"])


def _images(
    atoms: NDArray[np.float64], others: NDArray[np.float64], vectors: NDArray[np.float64], lattice: SurfaceLattice
) -> Iterator[NDArray[np.float64]]:
    """The atoms after each symmetry that could bring the first of them to one of the others."""
    uv = lattice.coordinates(atoms[:, :2])
    for signs in product((1.0, -1.0), repeat=2):
        operation = lattice.axes.T @ np.diag(signs) @ lattice.axes
        repetitions = vectors @ operation @ np.linalg.inv(vectors)
        if not np.allclose(repetitions, np.round(repetitions), atol=1e-3):
            continue
        turned = uv * signs
        for target in lattice.coordinates(others[:, :2]):
            # The rest from the nearest lattice translation is a difference that no symmetry explains.
            step = target - turned[0]
            translation = step - lattice.from_point(step)
            yield np.column_stack([lattice.lateral(turned + translation), atoms[:, 2]])


def _same_places(atoms: NDArray[np.float64], others: NDArray[np.float64], vectors: NDArray[np.float64]) -> bool:
    apart = atoms[:, None, :] - others[None, :, :]
    scaled = apart[..., :2] @ np.linalg.inv(vectors)
    apart[..., :2] = (scaled - np.round(scaled)) @ vectors
    near = np.linalg.norm(apart, axis=2) < SAME_PLACE_A
    return bool((near.sum(axis=0) == 1).all() and (near.sum(axis=1) == 1).all())


def _part(system: System, element: str, words: str) -> System:
    others = sorted(set(system.symbols) - {"Na", "O"})
    if others or element not in system.symbols:
        problem = f"contains {', '.join(others)}" if others else f"contains no {element}"
        raise InputError(
            f"{system.label}: {problem}",
            "give a structure of sodium and oxygen",
        )
    kept = [index for index, symbol in enumerate(system.symbols) if symbol == element]
    return System(
        label=f"{system.label}: {words}",
        symbols=tuple(system.symbols[index] for index in kept),
        positions_a=tuple(system.positions_a[index] for index in kept),
        cell_a=system.cell_a,
        pbc=system.pbc,
        layers=None if system.layers is None else tuple(system.layers[index] for index in kept),
        fixed=tuple(kept.index(index) for index in system.fixed if index in kept),
    )
