"""Which pairs of atoms are followed in a reactive trajectory, by which thresholds, and how they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from natrium.analysis.molecular_graphs import Pair
from natrium.analysis.reaction import ReactionSettings
from natrium.analysis.trajectory import Trajectory
from natrium.structures.bonds import IONIC, LONGEST_BOND, neighbours
from natrium.structures.errors import InputError
from natrium.structures.system import System

Reference = System | Sequence[Pair]
"""The molecule as it was, its atoms in the order of the followed ones; or its bonds, indices in the trajectory."""


@dataclass(frozen=True)
class FollowedAtoms:
    """A molecule in a trajectory and the metal that it may touch."""

    symbols: tuple[str, ...]
    """Of all atoms of the trajectory."""
    molecule: tuple[int, ...]
    """As the caller gave it, metal atoms included."""
    covalent: tuple[int, ...]
    """Atoms of the molecule that form bonds, ascending."""
    metals: tuple[int, ...]
    """All ions and atoms of the metals that only coordinate, those of the molecule included, ascending."""

    def pairs(self) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        """All pairs that count: those of covalent atoms, then each of these with every metal atom. Never two metals."""
        inside = list(combinations(self.covalent, 2))
        across = [(atom, metal) for atom in self.covalent for metal in self.metals]
        first, second = np.array(inside + across, dtype=np.int64).reshape(-1, 2).T
        return first, second

    def radii_sums_a(self, first: NDArray[np.int_], second: NDArray[np.int_]) -> NDArray[np.float64]:
        """Sums of the covalent radii (Cordero et al., Dalton Trans. 2832, 2008), Å."""
        radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in self.symbols])
        return np.asarray(radii[first] + radii[second])

    def ordered(self, pair: Pair) -> Pair:
        """As chemists write it: metal first, then carbon, hydrogen last."""
        first, second = sorted(pair, key=self._rank)
        return first, second

    def pair_name(self, pair: Pair) -> str:
        """Elements and indices: 'C46–F50'."""
        return "–".join(self.atom_name(atom) for atom in self.ordered(pair))

    def atom_name(self, atom: int) -> str:
        """Element and index: 'F50'."""
        return f"{self.symbols[atom]}{atom}"

    def _rank(self, atom: int) -> tuple[bool, bool, bool, str, int]:
        symbol = self.symbols[atom]
        return symbol not in IONIC, symbol == "H", symbol != "C", symbol, atom


def followed_atoms(trajectory: Trajectory, molecule: Sequence[int]) -> FollowedAtoms:
    """The atoms of a molecule, sorted into those that bond and those that coordinate.

    Atoms outside the molecule that are no such metal are not followed: give them as part of it where they react.

    Raises:
        InputError: indices that do not exist or appear twice, nothing but metal, or one atom without any metal.
    """
    atoms = tuple(int(index) for index in molecule)
    count = len(trajectory.symbols)
    wrong = sorted({index for index in atoms if not 0 <= index < count or atoms.count(index) > 1})
    if wrong:
        raise InputError(
            f"{trajectory.source}: atoms {wrong} of the molecule appear twice or do not exist",
            f"give each index once, from 0 to {count - 1}",
        )
    covalent = tuple(sorted(index for index in atoms if trajectory.symbols[index] not in IONIC))
    if not covalent:
        raise InputError(
            f"{trajectory.source}: the molecule has no atom but metal, {len(atoms)} in all",
            "give the indices of the molecule's atoms in the trajectory",
        )
    metals = tuple(index for index, symbol in enumerate(trajectory.symbols) if symbol in IONIC)
    if len(covalent) == 1 and not metals:
        raise InputError(
            f"{trajectory.source}: nothing to follow: one atom, {trajectory.symbols[covalent[0]]}{covalent[0]}, and no"
            " alkali or alkaline earth metal",
            "give the other atoms of the molecule, too",
        )
    return FollowedAtoms(tuple(trajectory.symbols), atoms, covalent, metals)


def reference_bonds(source: str, atoms: FollowedAtoms, reference: Reference) -> frozenset[Pair]:
    """Bonds of the start as pairs of indices in the trajectory, the smaller one first.

    Raises:
        InputError: a reference of other elements, or bonds of atoms that are not followed.
    """
    if isinstance(reference, System):
        found = tuple(atoms.symbols[index] for index in atoms.molecule)
        if reference.symbols != found:
            raise InputError(
                f"{source}: the molecule is {' '.join(found)}, its reference {reference.label}"
                f" {' '.join(reference.symbols)}",
                "give the molecule's indices in the order of the reference's atoms",
            )
        bonded = neighbours(reference)
        pairs = [(atoms.molecule[i], atoms.molecule[j]) for i, others in enumerate(bonded) for j in others]
    else:
        pairs = [(int(first), int(second)) for first, second in reference]
    outside = [pair for pair in pairs if pair[0] == pair[1] or not set(pair) <= set(atoms.covalent)]
    if outside:
        raise InputError(
            f"{source}: the reference bonds {outside} are not between two atoms of the molecule that form bonds",
            f"give pairs of {list(atoms.covalent)}",
        )
    return frozenset((min(pair), max(pair)) for pair in pairs)


def bonded_at(
    atoms: FollowedAtoms,
    first: NDArray[np.int_],
    second: NDArray[np.int_],
    lengths_a: NDArray[np.float64],
    settings: ReactionSettings,
) -> frozenset[Pair]:
    """Bonds of one frame by distance: the reference where none is given.

    As `natrium.structures.bonds` finds them, and what is shorter than a whole bond of the settings: a stretched bond
    that the radii miss would otherwise form as soon as it is followed.
    """
    near = lengths_a <= LONGEST_BOND * atoms.radii_sums_a(first, second)
    near |= lengths_a < settings.healed_a * bond_scale(atoms, first, second, settings)
    covalent = set(atoms.covalent)
    return frozenset(
        (i, j) for i, j, close in zip(first.tolist(), second.tolist(), near, strict=True) if close and j in covalent
    )


def bond_scale(
    atoms: FollowedAtoms, first: NDArray[np.int_], second: NDArray[np.int_], settings: ReactionSettings
) -> NDArray[np.float64]:
    """What the lengths of the settings are multiplied with for each pair: they are meant for C, N, O and F."""
    two_carbons_a = 2 * covalent_radii[atomic_numbers["C"]]
    scale = np.maximum(1.0, atoms.radii_sums_a(first, second) / two_carbons_a)
    hydrogen = np.array([symbol == "H" for symbol in atoms.symbols])
    return np.where(hydrogen[first] | hydrogen[second], settings.hydrogen, scale)
