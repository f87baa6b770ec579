"""Levels of FEC and FEC–Na+ beside published ones: those of the same method, and the paper's, which says none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.published import Comparison, compare
from natrium.structures.ion_complexes import coordination
from natrium.workflows.calculation import Calculation
from natrium.workflows.studies.molecule_levels import MoleculeLevels

FEC, COMPLEX = "FEC", "FEC–Na+"
"""FEC of the library; with Na+ at its carbonyl oxygen alone."""

PAPER = {FEC: "fec_lumo", COMPLEX: "fec_na_lumo"}
"""Lu et al. 2019, Fig. 1c: compared at every level of theory, and judged at none."""

_GEOMETRY = {"functional": "B3LYP", "mode": "gto", "basis": "6-31G(d)", "solvent": None}
"""Of the geometry that the computed values of published.json are at."""

_B3LYP = {"functional": "B3LYP", "mode": "gto", "basis": "6-311+G(d,p)"}
_GAS = {"solvent": None, "dispersion": None}
_PCM = {"solvent": "iefpcm", "epsilon": 107, "dispersion": None}


class _Published(NamedTuple):
    """Values of one species by one method.

    Attributes:
        species: FEC or COMPLEX.
        identifier: In published.json.
        where: Where HOMO and LUMO are in the published value.
        method: The settings that must be the same.
        words: What of our number is not as published: it stands beside it, and is not judged.
    """

    species: str
    identifier: str
    where: tuple[str, ...]
    method: Mapping[str, Any]
    words: str = ""


_ELSEWHERE = "at the geometry of B3LYP/6-31G(d), published at that of GFN2-xTB"
_LEVELS = (
    _Published(FEC, "fec_pbe_gas", (), {"functional": "PBE", "mode": "fd"} | _GAS, _ELSEWHERE),
    _Published(FEC, "fec_pbe_gas", (), _B3LYP | {"functional": "PBE"} | _GAS, _ELSEWHERE),
    _Published(FEC, "fec_b3lyp", ("gas",), _B3LYP | _GAS),
    _Published(FEC, "fec_b3lyp", ("pcm",), _B3LYP | _PCM),
    _Published(COMPLEX, "fec_na_b3lyp", ("gas",), _B3LYP | _GAS),
    _Published(COMPLEX, "fec_na_b3lyp", ("pcm",), _B3LYP | _PCM),
)
_BINDING = _Published(COMPLEX, "na_binding_fec", (), _B3LYP | _GAS)


def comparisons(
    molecules: Sequence[MoleculeLevels], calculations: Mapping[str, Calculation], geometry: Calculation
) -> list[Comparison]:
    """Our numbers beside published ones: of FEC, and of its complex where Na+ is at the carbonyl oxygen.

    Args:
        molecules: Ours.
        calculations: The settings of each level of theory.
        geometry: Those of the relaxations.
    """
    found = []
    same_geometry = _is(geometry, _GEOMETRY)
    for species, row in _published_species(molecules):
        if row.lumo_ev is not None:
            found.append(compare(row.lumo_ev, PAPER[species], row.level))
        method = calculations[row.level]
        for one in _LEVELS:
            if not (same_geometry and one.species == species and _is(method, one.method)):
                continue
            for position, (orbital, value) in enumerate((("HOMO", row.homo_ev), ("LUMO", row.lumo_ev))):
                if value is not None:
                    what = ", ".join(filter(None, (row.level, orbital, one.words)))
                    beside = compare(value, one.identifier, what, (*one.where, position))
                    found.append(beside.model_copy(update={"agrees": None}) if one.words else beside)
        if same_geometry and species == _BINDING.species and _is(method, _BINDING.method):
            found += [] if row.binding_ev is None else [compare(row.binding_ev, _BINDING.identifier)]
    return found


def _published_species(molecules: Sequence[MoleculeLevels]) -> Iterator[tuple[str, FrontierLevels]]:
    """The rows that are of FEC or its complex, whatever they are called."""
    for molecule in molecules:
        held = molecule.complex and coordination(molecule.complex)
        for row in molecule.levels:
            if molecule.source == "FEC" and row.species == molecule.name:
                yield FEC, row
            elif molecule.source == "FEC" and row.species == f"{molecule.name}–Na+" and held == "carbonyl-o":
                yield COMPLEX, row


def _is(calculation: Calculation, method: Mapping[str, Any]) -> bool:
    return all(getattr(calculation, name) == value for name, value in method.items())
