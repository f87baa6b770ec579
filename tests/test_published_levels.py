"""Levels of FEC beside published ones: only those of the same method are judged."""

from __future__ import annotations

from typing import Any

import pytest
from fec import FEC, documents, evaluated, settings

from natrium.analysis.published import published
from natrium.structures.ion_complexes import ion_complexes
from natrium.workflows.studies.published_levels import comparisons


def compared(**overrides: Any) -> dict[str, Any]:
    chosen = settings(levels=["b3lyp"], **overrides)
    found = comparisons([evaluated(documents())], chosen.calculations, chosen.calculations[chosen.geometry])
    return {one.quantity: one for one in found}


def test_comparisons_are_with_the_same_method() -> None:
    """The paper's numbers are judged nowhere: it does not state its method."""
    found = compared()
    assert found["FEC HOMO / LUMO, B3LYP/6-311+G(d,p), b3lyp, LUMO"].published == -0.4
    assert found["FEC HOMO / LUMO, B3LYP/6-311+G(d,p), b3lyp, LUMO"].agrees
    assert found["FEC-Na+ HOMO / LUMO, B3LYP/6-311+G(d,p), b3lyp, HOMO"].published == -13.26
    assert found["binding energy of Na+ to FEC, gas, B3LYP/6-311+G(d,p)"].agrees
    papers = [one for one in found.values() if one.kind == "paper"]
    assert [one.published for one in papers] == [published("fec_lumo").value, published("fec_na_lumo").value]
    assert all(one.agrees is None for one in papers)


@pytest.mark.parametrize(
    "override",
    [
        {"b3lyp.functional": "PBE0"},
        {"b3lyp.basis": "6-31G(d)"},
        {"b3lyp.solvent": "iefpcm", "b3lyp.epsilon": 78.4},
        {"b3lyp_relax.functional": "PBE"},
        {"geometry": "pbe_relax"},
    ],
)
def test_numbers_of_another_method_are_not_compared(override: dict[str, Any]) -> None:
    assert {one.kind for one in compared(**override).values()} == {"paper"}


def test_levels_in_another_geometry_stand_beside_the_published_ones_and_are_not_judged() -> None:
    told = {name: one for name, one in compared(**{"b3lyp.functional": "PBE"}).items() if one.kind == "computed"}
    assert [name.split(", ")[-2:] for name in told] == [
        ["at the geometry of B3LYP/6-31G(d)", "published at that of GFN2-xTB"]
    ] * 2
    assert {one.agrees for one in told.values()} == {None}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, {"FEC", "FEC–Na+"}),
        ({"source": "EC"}, set()),
        ({"source": "smiles:O=C1OCC(F)O1"}, set()),
        ({"complex": ion_complexes(FEC)["f"]}, {"FEC"}),
        ({"complex": ion_complexes(FEC)["carbonyl-o+ring-o-1"]}, {"FEC"}),
    ],
)
def test_only_fec_with_the_ion_at_its_carbonyl_is_compared(change: dict[str, Any], kept: set[str]) -> None:
    chosen = settings(levels=["b3lyp"])
    found = comparisons(
        [evaluated(documents()).model_copy(update=change)], chosen.calculations, chosen.calculations[chosen.geometry]
    )
    papers = {"FEC": published("fec_lumo").quantity, "FEC–Na+": published("fec_na_lumo").quantity}
    told = {name for name, quantity in papers.items() if f"{quantity}, b3lyp" in [one.quantity for one in found]}
    assert told == kept
    assert any("binding" in one.quantity for one in found) == ("FEC–Na+" in kept)
