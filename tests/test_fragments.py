"""Fragments by their graphs: the same in every numbering, told apart where only the formula agrees."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from natrium.analysis.fragments import fragments, hill_formula, name
from natrium.analysis.known_fragments import KNOWN_FRAGMENTS
from natrium.analysis.molecular_graphs import MolecularGraph, Pair, graph, same_graph
from natrium.structures.bonds import neighbours
from natrium.structures.errors import InputError
from natrium.structures.molecule_library import library_molecule
from natrium.structures.system import System


def graph_of(molecule: System) -> MolecularGraph:
    bonds = {(i, j) for i, others in enumerate(neighbours(molecule)) for j in others if i < j}
    return MolecularGraph(molecule.symbols, frozenset(bonds))


def renumbered(molecule: MolecularGraph, seed: int) -> MolecularGraph:
    order = np.random.default_rng(seed).permutation(len(molecule.symbols)).tolist()
    symbols = [""] * len(order)
    for old, new in enumerate(order):
        symbols[new] = molecule.symbols[old]
    bonds = {(min(order[i], order[j]), max(order[i], order[j])) for i, j in molecule.bonds}
    return MolecularGraph(tuple(symbols), frozenset(bonds))


@pytest.mark.parametrize("molecule", ["FEC", "EC", "SN", "H2O", "O2"])
def test_molecules_of_the_library_have_their_names(molecule: str) -> None:
    assert name(graph_of(library_molecule(molecule))) == molecule


@pytest.mark.parametrize("known", KNOWN_FRAGMENTS)
def test_each_known_fragment_is_one_piece_and_found_in_any_numbering(known: str) -> None:
    piece = graph(KNOWN_FRAGMENTS[known])
    assert len(piece.components()) == 1
    assert all(name(renumbered(piece, seed)) == known for seed in range(5))


def test_no_fragment_is_known_by_two_names() -> None:
    graphs = {known: graph(notation) for known, notation in KNOWN_FRAGMENTS.items()}
    assert [pair for pair in combinations(graphs, 2) if same_graph(*(graphs[one] for one in pair))] == []


@pytest.mark.parametrize(
    ("formula", "isomers"),
    [("C2H3O", {"enolate OCHCH2", "acetyl", "oxiranyl"}), ("C3H3FO3", {"FEC", "FEC, C–C open", "FEC, CHF–O open"})],
)
def test_isomers_are_told_apart(formula: str, isomers: set[str]) -> None:
    for known in isomers:
        assert hill_formula(graph(KNOWN_FRAGMENTS[known]).symbols) == formula
        assert name(graph(KNOWN_FRAGMENTS[known])) == known


def test_equal_surroundings_are_not_enough() -> None:
    # Two rings of three and one of six: every atom has two neighbours like itself.
    ring, rings = graph("C1CCCCC1"), MolecularGraph(("C",) * 6, graph("C1CC1").bonds | {(3, 4), (4, 5), (3, 5)})
    assert not same_graph(ring, rings)
    assert same_graph(ring, renumbered(ring, 3))


@pytest.mark.parametrize(("bond", "opened"), [
    ((1, 2), "FEC, C(=O)–OCH2 open"),
    ((1, 6), "FEC, C(=O)–OCHF open"),
    ((2, 3), "FEC, CH2–O open"),
    ((4, 6), "FEC, CHF–O open"),
    ((3, 4), "FEC, C–C open"),
])  # fmt: skip
def test_fec_opened_at_each_ring_bond(bond: Pair, opened: str) -> None:
    whole = graph_of(library_molecule("FEC"))
    assert name(whole._replace(bonds=whole.bonds - {bond})) == opened


def test_fragments_with_their_metal() -> None:
    # FEC at indices 20 to 29, numbered backwards; it lost F (24) and the CO2 of O20, C21 and O22.
    whole = graph_of(library_molecule("FEC"))
    symbols = {20 + atom: symbol for atom, symbol in enumerate(whole.symbols)}
    left = whole.bonds - {(4, 5), (1, 6), (2, 3)}
    found = fragments(
        symbols,
        [(20 + j, 20 + i) for i, j in left],
        [(25, 3), (25, 1), (25, 11), (26, 3), (26, 12)],
        {1: "Na", 3: "Na", 11: "Na", 12: "K"},
    )
    assert [fragment.name for fragment in found] == ["enolate OCHCH2", "CO2", "F"]
    assert [fragment.formula for fragment in found] == ["C2H3O", "CO2", "F"]
    assert [fragment.description for fragment in found] == [
        "enolate OCHCH2 bound to 1 K and 1 Na", "CO2", "F bound to 3 Na",
    ]  # fmt: skip
    enolate, carbon_dioxide, fluorine = found
    assert carbon_dioxide.bonds == ((20, 21), (21, 22))
    assert fluorine.contacts == ((25, 1), (25, 3), (25, 11))
    assert enolate.metals == ("Na3", "K12")


@pytest.mark.parametrize(("symbols", "formula"), [
    ("OCOF", "CFO2"), ("HOH", "H2O"), (("C", "H", "Cl", "H", "Br"), "CH2BrCl"), (("Na", "F"), "FNa"),
])  # fmt: skip
def test_hill_formula_of_what_has_no_name(symbols: tuple[str, ...], formula: str) -> None:
    assert hill_formula(tuple(symbols)) == formula


def test_unknown_graph_is_named_by_its_formula() -> None:
    assert name(graph("OOO")) == "O3"
    assert name(graph("COC")) == "C2O"


@pytest.mark.parametrize("notation", ["C=O", "C(O", "C1O", "c", ")C", "(C)", "1C"])
def test_notation_that_is_wrong(notation: str) -> None:
    with pytest.raises(InputError, match="molecule"):
        graph(notation)
