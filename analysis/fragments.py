"""What a molecule has come apart into: connected pieces, their names, and the metal atoms that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.known_fragments import KNOWN_FRAGMENTS
from natrium.analysis.molecular_graphs import MolecularGraph, Pair, graph, same_graph


class Fragment(BaseModel):
    """Atoms of a molecule that covalent bonds hold together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="By its graph of elements: 'FEC', 'CO2', 'F'; its formula where the graph is unknown")
    formula: str = Field(description="In Hill's order, without metal")
    atoms: tuple[int, ...] = Field(description="Indices in the trajectory")
    bonds: tuple[Pair, ...] = Field(description="Pairs of indices in the trajectory, covalent bonds only")
    contacts: tuple[Pair, ...] = Field(description="Pairs of an atom of the fragment and a metal atom, indices")
    metals: tuple[str, ...] = Field(description="Metal atoms in contact with it, element and index: 'Na44'")

    @property
    def description(self) -> str:
        """For people: 'F bound to 3 Na'."""
        elements = [metal.rstrip("0123456789") for metal in self.metals]
        held = " and ".join(f"{elements.count(element)} {element}" for element in sorted(set(elements)))
        return f"{self.name} bound to {held}" if held else self.name


class FragmentState(BaseModel):
    """All fragments at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_fs: float = Field(description="Of the frame, fs")
    after: tuple[str, ...] = Field(
        description="Confirmed in this frame: 'ring opening C–O (C46–O47)'; or 'start'; or 'end'"
    )
    fragments: tuple[Fragment, ...] = Field(description="Largest first")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fragments, largest first."""
        return tuple(fragment.name for fragment in self.fragments)


def fragments(
    symbols: Mapping[int, str],
    bonds: Iterable[Pair],
    contacts: Iterable[Pair] = (),
    metals: Mapping[int, str] | None = None,
) -> tuple[Fragment, ...]:
    """The connected pieces of a molecule, largest first.

    Args:
        symbols: Elements of its atoms that are not metal, by index.
        bonds: Covalent bonds between them, pairs of indices.
        contacts: Pairs of one of them and a metal atom.
        metals: Elements of the metal atoms, by index.
    """
    indices = sorted(symbols)
    place = {index: number for number, index in enumerate(indices)}
    numbered = {(min(place[i], place[j]), max(place[i], place[j])) for i, j in bonds}
    whole = MolecularGraph(tuple(symbols[index] for index in indices), frozenset(numbered))
    held = sorted(contacts)
    found = []
    for part in whole.components():
        atoms = [indices[number] for number in part]
        piece = whole.part(part)
        own = [pair for pair in held if pair[0] in atoms]
        touching = sorted({metal for _, metal in own})
        found.append(
            Fragment(
                name=name(piece),
                formula=hill_formula(piece.symbols),
                atoms=tuple(atoms),
                bonds=tuple(sorted((atoms[i], atoms[j]) for i, j in piece.bonds)),
                contacts=tuple(own),
                metals=tuple(f"{(metals or {})[metal]}{metal}" for metal in touching),
            )
        )
    return tuple(sorted(found, key=lambda fragment: (-len(fragment.atoms), fragment.atoms)))


def name(piece: MolecularGraph) -> str:
    """The name of a known molecule or fragment; the formula of any other."""
    formula = hill_formula(piece.symbols)
    for known, reference in _by_formula().get(formula, ()):
        if same_graph(piece, reference):
            return known
    return formula


def hill_formula(symbols: Sequence[str]) -> str:
    """Carbon, hydrogen, then the others by the alphabet; without carbon all by the alphabet: 'C3H3FO3'."""
    first = ("C", "H") if "C" in symbols else ()
    elements = [*(symbol for symbol in first if symbol in symbols), *sorted(set(symbols).difference(first))]
    counts = [(element, list(symbols).count(element)) for element in elements]
    return "".join(f"{element}{count if count > 1 else ''}" for element, count in counts)


@cache
def _by_formula() -> Mapping[str, list[tuple[str, MolecularGraph]]]:
    known: dict[str, list[tuple[str, MolecularGraph]]] = {}
    for label, notation in KNOWN_FRAGMENTS.items():
        reference = graph(notation)
        known.setdefault(hill_formula(reference.symbols), []).append((label, reference))
    return known
