"""What the calculations of a molecule give together: numbers, marks, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from fec import COMPLEX, FEC, GAS, RELAX, documents, evaluated, places, settings
from synthetic import calculated

from natrium.structures.ion_complexes import coordination, ion_complexes
from natrium.structures.redox import reduced, rejoined
from natrium.workflows.sections import planned
from natrium.workflows.studies.molecule_levels import UNBOUND_ELECTRON, UNBOUND_LUMO
from natrium.workflows.studies.orbitals import summarise
from natrium.workflows.study import study


def test_numbers_of_a_molecule() -> None:
    found = evaluated(documents())
    alone, complexed = found.levels
    assert (alone.name, complexed.name) == ("FEC, b3lyp", "FEC–Na+, b3lyp")
    assert alone.gap_ev == pytest.approx(8.5)
    assert complexed.lumo_shift_ev == pytest.approx(-5.1)
    # the anion lies 0.6 eV above the molecule: gas-phase FEC holds no electron until it opens
    assert alone.electron_affinity_ev == pytest.approx(-0.6)
    assert alone.notes == (UNBOUND_ELECTRON,)
    assert alone.reduction_ev == pytest.approx(-1.5)
    assert [bond[0] + bond.split("-")[1][0] for bond in alone.broken_bonds] == ["CF"]
    assert complexed.electron_affinity_ev == pytest.approx(4.0)
    assert complexed.notes == complexed.broken_bonds == ()
    assert complexed.binding_ev == pytest.approx(-1.4)
    # -1101.4 + 999.95 + 100.02 + (1000 - 999.9): the functions of the other part had made each part too low
    assert complexed.binding_counterpoise_ev == pytest.approx(-1.33)
    assert [(place.starts, place.donors) for place in found.places[:2]] == [(("f",), "f"), (("ring-o-1",), "ring-o")]
    assert found.missing == ["fec-ring-o-2-conformer: failed"]
    # every one can be shown by its name
    assert found.calculations.keys() <= planned(study("orbitals"), settings(levels=["b3lyp"])).keys()


@pytest.mark.parametrize(
    ("failed", "lost"),
    [
        ("fec-electron-b3lyp", {"FEC": {"electron_affinity_ev"}}),
        ("fec-ion-reduced-b3lyp", {"FEC–Na+": {"reduction_ev"}}),
        ("fec-ion-molecule-b3lyp", {"FEC–Na+": {"binding_counterpoise_ev"}}),
        ("fec-b3lyp", {"FEC–Na+": {"lumo_shift_ev", "binding_ev", "binding_counterpoise_ev"}}),
    ],
)
def test_a_failed_step_takes_only_its_own_numbers(failed: str, lost: dict[str, set[str]]) -> None:
    found = evaluated(documents(**{failed: None}))
    assert f"{failed}: failed" in found.missing
    without_orbitals = {"lumo_at_ion", "electron_at_ion"}
    absent = {
        row.species: {name for name, value in row.model_dump().items() if value is None} - without_orbitals
        for row in found.levels
    }
    expected = {row.species: lost.get(row.species, set()) for row in found.levels}
    expected.get("FEC", set()).update({"lumo_shift_ev", "binding_ev", "binding_counterpoise_ev"})
    assert absent == expected


def test_without_the_molecule_there_is_no_result() -> None:
    from natrium.analysis.density_difference import MissingPartnerError

    with pytest.raises(MissingPartnerError, match="FEC: fec-b3lyp-relax gave no result"):
        evaluated(documents(**{"fec-b3lyp-relax": None}))
    with pytest.raises(MissingPartnerError, match="the result: FEC gave no result"):
        summarise.original({"FEC": None}, {}, settings(levels=["b3lyp"]))


def test_levels_of_another_method_are_not_subtracted() -> None:
    other = GAS.model_copy(update={"basis": "6-31G(d)"})
    strange = calculated(FEC, other, -999.0, homo_ev=-5.0, lumo_ev=-1.0)
    found = evaluated(documents(**{"fec-electron-b3lyp": strange}))
    assert found.levels[0].electron_affinity_ev is None
    assert any("6-31G(d)" in note for note in found.missing)


def test_an_unbound_lumo_is_flagged() -> None:
    above = calculated(FEC, GAS, -1000.0, homo_ev=-9.0, lumo_ev=0.3)
    row = evaluated(documents(**{"fec-b3lyp": above})).levels[0]
    assert row.lumo_is_bound is False
    assert UNBOUND_LUMO in row.notes


def test_the_lowest_place_is_taken() -> None:
    found = places()
    assert found["system"].symbols[-1] == "Na"
    assert found["missing"] == ["ring-o-2"]
    assert np.array(found["system"].positions_a) == pytest.approx(np.array(ion_complexes(FEC)["f"].positions_a))


@pytest.mark.parametrize(("energy_ev", "reduction_ev"), [(-1107.0, -5.6), (-1105.5, -4.6)])
def test_of_two_reduced_complexes_the_lower_counts(energy_ev: float, reduction_ev: float) -> None:
    """One begins as the complex (-1106 eV, nothing broken), one as the opened molecule that the ion comes to."""
    electron = reduced(COMPLEX)
    opened = np.array(COMPLEX.positions_a)
    opened[COMPLEX.symbols.index("F")] += 3.0
    more = {
        "fec-ion-rejoined-b3lyp-relax": calculated(electron.moved(opened), RELAX, -1096.0),
        "fec-ion-rejoined-b3lyp": calculated(electron.moved(opened), GAS, energy_ev, homo_ev=-5.0, lumo_ev=-1.0),
    }
    _, complexed = evaluated(documents(**more)).levels
    assert complexed.reduction_ev == pytest.approx(reduction_ev)
    assert bool(complexed.broken_bonds) == (energy_ev < -1106)


def test_an_ion_comes_to_a_reduced_molecule() -> None:
    """Between the oxygens that the opened ring has freed, rather than at fluorine or above carbon."""
    anion = reduced(FEC)
    joined = rejoined(anion, "Na", 1)
    assert (joined.charge, joined.multiplicity, joined.symbols) == (0, 2, (*FEC.symbols, "Na"))
    assert "carbonyl-o" in coordination(joined)
    assert len(coordination(joined).split("+")) == 2
