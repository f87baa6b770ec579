"""One structure of na110-o2 from documents with known energies, potentials and densities: its numbers, and what is
missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import potential, whole_and_parts
from synthetic_oxygen import (
    ATOM,
    CLEAN_EV,
    CLEAN_LEVEL_EV,
    FERMI_EV,
    FLAT,
    O2_EV,
    SLAB,
    STRUCTURES,
    UPRIGHT,
    documents,
    evaluated,
    moved_o2,
)

from natrium.analysis.density_difference import MissingPartnerError
from natrium.structures.errors import InputError
from natrium.workflows.studies.oxygen_structure import table_row


@pytest.mark.parametrize(
    ("name", "energy_ev", "per_o2_ev"),
    [
        (FLAT, CLEAN_EV + O2_EV - 3.5, -3.5),  # one O2
        (FLAT, CLEAN_EV + O2_EV + 0.2, 0.2),
        (ATOM, CLEAN_EV + O2_EV / 2 - 2.0, -4.0),  # one O, so half an O2
    ],
)
def test_adsorption_energy_is_for_one_o2(name: str, energy_ev: float, per_o2_ev: float, tmp_path: Path) -> None:
    found = evaluated(name, documents(tmp_path, name, energy_ev)).structure
    assert found.adsorption_energy_ev == pytest.approx(per_o2_ev)
    assert found.became is None
    assert found.missing == []


def test_each_side_is_compared_with_the_same_side_of_the_clean_slab(tmp_path: Path) -> None:
    levels = {
        "clean_potential": potential(SLAB, CLEAN_LEVEL_EV - 0.2, CLEAN_LEVEL_EV),
        "clean_fermi_level_ev": FERMI_EV + 0.05,
    }
    found = evaluated(FLAT, documents(tmp_path, FLAT, -29.0), **levels).structure
    assert found.side("top") == pytest.approx(CLEAN_LEVEL_EV + 0.7 - FERMI_EV, abs=2e-3)
    assert found.side("bottom") == pytest.approx(CLEAN_LEVEL_EV + 0.1 - FERMI_EV, abs=2e-3)
    assert found.top_change_ev == pytest.approx(0.7 + 0.05, abs=2e-3)
    assert found.bottom_change_ev == pytest.approx(0.1 + 0.2 + 0.05, abs=2e-3)


def test_what_else_is_told_of_a_structure(tmp_path: Path) -> None:
    found = evaluated(FLAT, documents(tmp_path, FLAT, -29.0))
    one = found.structure
    assert (one.oxygen_bader_e, one.oxygen_hirshfeld_e) == (-1.5, -0.75)
    assert (one.magnetic_moment, one.dipole_ea) == (1.0, -0.4)
    assert one.charge_moved_e == pytest.approx(0.5)
    assert one.integral_e == pytest.approx(0.0, abs=1e-12)
    assert found.difference is not None
    assert found.difference.density_e_a3.shape == (2, 2, 4)
    assert found.system == one.system == STRUCTURES[FLAT]
    assert set(one.calculations) == {f"{FLAT}-{step}" for step in ("relax", "whole", "sodium", "oxygen")}


BECAME = {
    "moved": (STRUCTURES[UPRIGHT], "adsorbed", f"O2 moved from {FLAT} to {UPRIGHT}"),
    "dissociated": (moved_o2((-1.0, 0, 0), (1.0, 0, 0)), "dissociated", "O2 dissociated"),
    "desorbed": (moved_o2((0, 0, 4.0), (0, 0, 4.0)), "desorbed", "O2 desorbed"),
}


@pytest.mark.parametrize("fate", BECAME)
def test_what_a_structure_became_is_said(fate: str, tmp_path: Path) -> None:
    system, state, words = BECAME[fate]
    one = evaluated(FLAT, documents(tmp_path, FLAT, -29.0, became=system)).structure
    assert one.start == FLAT
    assert one.state.state == state
    assert (one.became or "").startswith(words)


def test_a_surface_too_disordered_to_name_a_site_keeps_its_numbers(tmp_path: Path) -> None:
    """Sodium atoms that the oxygen drew into its layer, or pushed out of theirs, leave no (110) sites to speak of."""
    system = STRUCTURES[FLAT]
    positions = np.array(system.positions_a)
    sodium = np.array(system.symbols) == "Na"
    positions[sodium] += np.random.default_rng(5).uniform(-1.2, 1.2, (sodium.sum(), 3)) * [1, 1, 0.2]
    one = evaluated(FLAT, documents(tmp_path, FLAT, CLEAN_EV + O2_EV - 3.5, became=system.moved(positions))).structure
    assert one.state is None
    assert one.name == FLAT
    assert table_row(one)["became"] == "not known"
    assert one.adsorption_energy_ev == pytest.approx(-3.5)
    assert [note for note in one.missing if note.startswith("what the oxygen has become: ")]


def test_oxygen_that_lost_its_moment_is_noted(tmp_path: Path) -> None:
    """The partner of the density difference must be a triplet; one without a moment is another atom."""
    results = documents(tmp_path, ATOM, CLEAN_EV + O2_EV / 2 - 2.0)
    results["oxygen"] = results["oxygen"].model_copy(update={"magnetic_moment": 0.0})
    one = evaluated(ATOM, results).structure
    assert one.adsorption_energy_ev == pytest.approx(-4.0)
    (said,) = one.missing
    assert "has a moment of 0.00 and not of 2" in said


def _finer(tmp_path: Path, results: dict[str, Any]) -> None:
    (tmp_path / "finer").mkdir()
    files = whole_and_parts(tmp_path / "finer", STRUCTURES[FLAT], part_shape=(4, 4, 16))
    results["sodium"] = results["sodium"].model_copy(update={"density": files["sodium"]})


PARTLY = {
    "failed part": (lambda _path, results: results.update(sodium=None), "density difference: sodium gave no result"),
    "parts on another grid": (_finer, "density difference: the density of sodium cannot be subtracted"),
    "no density": (
        lambda _path, results: results.update(whole=results["whole"].model_copy(update={"density": None})),
        "density difference",
    ),
}


@pytest.mark.parametrize("fault", PARTLY)
def test_without_a_difference_the_energies_stay(fault: str, tmp_path: Path) -> None:
    spoil, words = PARTLY[fault]
    results = documents(tmp_path, FLAT, CLEAN_EV + O2_EV - 3.5)
    spoil(tmp_path, results)
    found = evaluated(FLAT, results)
    assert found.difference is None
    assert found.structure.charge_moved_e is None
    assert found.structure.adsorption_energy_ev == pytest.approx(-3.5)
    assert found.structure.top_change_ev == pytest.approx(0.7, abs=2e-3)
    (said,) = found.structure.missing
    assert said.startswith(words)


def test_without_a_vacuum_level_the_energies_stay(tmp_path: Path) -> None:
    slope = potential(STRUCTURES[FLAT], 0.0, 0.0)
    slope.potential_ev = list(np.linspace(0, 20, len(slope.z_a)))
    one = evaluated(FLAT, documents(tmp_path, FLAT, CLEAN_EV + O2_EV - 3.5, planar_potential=slope)).structure
    assert (one.work_functions, one.top_change_ev, one.bottom_change_ev) == (None, None, None)
    assert one.adsorption_energy_ev == pytest.approx(-3.5)
    assert one.missing[0].startswith("work functions: ")


def test_without_charges_the_rest_stays(tmp_path: Path) -> None:
    results = documents(tmp_path, FLAT, -29.0, charges=None, no_charges_because="no maximum near atom 7 (O)")
    one = evaluated(FLAT, results).structure
    assert (one.charges, one.oxygen_bader_e, one.oxygen_hirshfeld_e) == (None, None, None)
    assert one.side("top") is not None
    assert one.missing == ["charges: no maximum near atom 7 (O)"]


@pytest.mark.parametrize(
    ("relaxed", "static", "said"), [(0.0, 2.0, True), (2.0, 0.0, True), (1.95, 2.0, False), (-2.0, 2.0, False)]
)
def test_another_spin_state_than_that_of_the_relaxation_is_said(
    relaxed: float, static: float, said: bool, tmp_path: Path
) -> None:
    results = documents(tmp_path, FLAT, -29.0)
    for step, moment in (("relax", relaxed), ("whole", static)):
        results[step] = results[step].model_copy(update={"magnetic_moment": moment})
    one = evaluated(FLAT, results).structure
    assert [reason.startswith("one spin state: the relaxation had a moment") for reason in one.missing] == [True] * said
    assert one.calculations[f"{FLAT}-relax"].magnetic_moment == relaxed


def test_without_the_clean_potential_there_is_no_change(tmp_path: Path) -> None:
    one = evaluated(FLAT, documents(tmp_path, FLAT, -29.0), clean_potential=None).structure
    assert one.side("top") is not None
    assert one.top_change_ev is None
    assert one.missing == ["clean work functions: work functions: potential gave no result"]


@pytest.mark.parametrize(
    ("step", "named"),
    [("relax", f"{FLAT}-relax"), ("whole", f"{FLAT}-whole"), ("clean_ev", "slab-static"), ("o2_ev", "o2")],
)
def test_without_these_there_is_no_energy(step: str, named: str, tmp_path: Path) -> None:
    results = documents(tmp_path, FLAT, -29.0)
    changes = {} if step in results else {step: None}
    if step in results:
        results[step] = None
    with pytest.raises(MissingPartnerError) as refused:
        evaluated(FLAT, results, **changes)
    assert refused.value.problem == f"{FLAT}: {named} gave no result"


def test_a_part_by_another_method_is_refused(tmp_path: Path) -> None:
    results = documents(tmp_path, FLAT, -29.0)
    other = results["whole"].calculation.model_copy(update={"cutoff_ev": 500.0})
    results["whole"] = results["whole"].model_copy(update={"calculation": other})
    with pytest.raises(InputError, match="cutoff_ev"):
        evaluated(FLAT, results)
