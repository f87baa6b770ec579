"""Molecules as graphs of elements, and which two are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from natrium.structures.errors import InputError

Pair = tuple[int, int]


class MolecularGraph(NamedTuple):
    """Elements and which of them are bonded; bond orders and charges are not known from distances."""

    symbols: tuple[str, ...]
    bonds: frozenset[Pair]
    """Pairs of indices into `symbols`, the smaller one first."""

    def neighbours(self) -> list[set[int]]:
        """Of each atom."""
        bonded: list[set[int]] = [set() for _ in self.symbols]
        for first, second in self.bonds:
            bonded[first].add(second)
            bonded[second].add(first)
        return bonded

    def components(self) -> list[list[int]]:
        """Atoms of each connected part, ascending, parts in the order of their first atoms."""
        bonded, parts, seen = self.neighbours(), [], set[int]()
        for start in range(len(self.symbols)):
            if start not in seen:
                part = reached_from(bonded, start)
                seen |= part
                parts.append(sorted(part))
        return parts

    def part(self, atoms: list[int]) -> MolecularGraph:
        """The graph of some of the atoms, numbered anew in their order."""
        new = {atom: number for number, atom in enumerate(atoms)}
        inside = {(new[i], new[j]) for i, j in self.bonds if i in new and j in new}
        return MolecularGraph(tuple(self.symbols[atom] for atom in atoms), frozenset(inside))


def reached_from(bonded: list[set[int]], start: int) -> set[int]:
    """All atoms that bonds lead to from one atom, itself included."""
    seen, reached = {start}, [start]
    while reached:
        reached = [other for one in reached for other in bonded[one] if other not in seen]
        seen.update(reached)
    return seen


def graph(notation: str) -> MolecularGraph:
    """A graph from SMILES without bond orders and brackets, hydrogen written out: 'HC(H)O' is formaldehyde.

    Raises:
        InputError: anything else than elements, parentheses and ring digits.
    """
    symbols: list[str] = []
    bonds: set[Pair] = set()
    branches: list[int] = []
    rings: dict[str, int] = {}
    last: int | None = None
    for token in re.findall(r"Cl|Br|Si|[A-Z]|\(|\)|\d|.", notation):
        if token == "(" and last is not None:
            branches.append(last)
        elif token == ")" and branches:
            last = branches.pop()
        elif token.isdigit() and last is not None:
            if token in rings:
                bonds.add((rings.pop(token), last))
            else:
                rings[token] = last
        elif token.isalpha() and token[0].isupper():
            if last is not None:
                bonds.add((last, len(symbols)))
            last = len(symbols)
            symbols.append(token)
        else:
            raise InputError(f"{token!r} in the molecule {notation!r}", "write elements, parentheses and ring digits")
    if rings or branches:
        raise InputError(f"the molecule {notation!r} has an open ring or parenthesis", "close it")
    return MolecularGraph(tuple(symbols), frozenset(bonds))


def environments(molecule: MolecularGraph) -> list[int]:
    """A number for each atom's surroundings, the same in every numbering (Weisfeiler and Lehman, 1968).

    Valid within one process.
    """
    bonded = molecule.neighbours()
    found = [hash(symbol) for symbol in molecule.symbols]
    for _ in molecule.symbols:
        found = [hash((own, *sorted(found[other] for other in bonded[atom]))) for atom, own in enumerate(found)]
    return found


def same_graph(one: MolecularGraph, other: MolecularGraph) -> bool:
    """Whether a numbering of the atoms makes both graphs equal."""
    if sorted(one.symbols) != sorted(other.symbols) or len(one.bonds) != len(other.bonds):
        return False
    ours, theirs = environments(one), environments(other)
    if sorted(ours) != sorted(theirs):
        return False
    # Equal surroundings do not prove it (a ring of six against two of three): an assignment of atoms does.
    choices = [[candidate for candidate, there in enumerate(theirs) if there == here] for here in ours]
    return any(_assignments(one.neighbours(), other.neighbours(), choices, {}))


def _assignments(
    ours: list[set[int]], theirs: list[set[int]], choices: list[list[int]], given: dict[int, int]
) -> Iterator[bool]:
    atom = len(given)
    if atom == len(ours):
        yield True
        return
    for candidate in choices[atom]:
        if candidate not in given.values() and all(
            (other in ours[atom]) == (given[other] in theirs[candidate]) for other in given
        ):
            yield from _assignments(ours, theirs, choices, given | {atom: candidate})
