"""The study na110-o2 from documents with known energies, potentials and densities: its numbers, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import calculated, charged, potential, whole_and_parts

from natrium.analysis.density_difference import MissingPartnerError
from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.errors import InputError
from natrium.structures.molecules import diatomic
from natrium.structures.oxygen import oxygen_part, oxygen_structures, sodium_part
from natrium.structures.system import System
from natrium.workflows.result import CalculationResult
from natrium.workflows.sections import section_of
from natrium.workflows.studies import na110_o2
from natrium.workflows.studies.na110 import shape, slab_of
from natrium.workflows.studies.na110_o2 import NA110O2, NA110O2Result, StructureEvaluation
from natrium.workflows.study import settle

STUDY = NA110O2()
SETTINGS = settle(STUDY, "preview", {})
SLAB = slab_of(bulk_metal("Na"), shape(SETTINGS))
STRUCTURES = oxygen_structures(SLAB)
O2 = diatomic("O2", bond_a=1.23, multiplicity=3, box_a=10.0)
CLEAN_EV, O2_EV = -16.0, -9.8
FERMI_EV, CLEAN_LEVEL_EV = -1.0, 1.8
UPRIGHT, FLAT, ATOM = "short-bridge-upright", "hollow-flat-001", "embedded-o-octahedral"


def document(name: str, step: str, system: System, energy_ev: float, **fields: Any) -> CalculationResult:
    section = section_of(SETTINGS, f"{name}-{step}" if name else step)
    return calculated(system, SETTINGS.calculations[section or ""], energy_ev, **fields)


def clean() -> CalculationResult:
    levels = potential(SLAB, CLEAN_LEVEL_EV, CLEAN_LEVEL_EV)
    return document("", "slab-static", SLAB, CLEAN_EV, planar_potential=levels, fermi_level_ev=FERMI_EV)


def documents(
    folder: Path, name: str, energy_ev: float, became: System | None = None, **of_whole: Any
) -> dict[str, Any]:
    """The documents of a structure's calculations; it became another one, or stayed."""
    system = became or STRUCTURES[name]
    files = whole_and_parts(folder, system)
    facts = {
        "planar_potential": potential(system, CLEAN_LEVEL_EV + 0.1, CLEAN_LEVEL_EV + 0.7),
        "fermi_level_ev": FERMI_EV,
        "magnetic_moment": 1.0,
        "dipole_ea": (0.0, 0.0, -0.4),
        "charges": charged(system, {"Na": 0.125, "O": -0.75}),
        "density": files["whole"],
    } | of_whole
    return {
        "relax": document(name, "relax", system, energy_ev),
        "whole": document(name, "whole", system, energy_ev, **facts),
        "sodium": document(name, "sodium", sodium_part(system), CLEAN_EV, density=files["sodium"]),
        "oxygen": document(name, "oxygen", oxygen_part(system), -9.0, density=files["oxygen"]),
    }


def evaluated(name: str, results: dict[str, Any], **changes: Any) -> StructureEvaluation:
    """The evaluation of these documents with those of the clean slab and of O2, or with other ones."""
    slab = clean()
    given = {
        "clean_ev": slab.energy_ev,
        "clean_potential": slab.planar_potential,
        "clean_fermi_level_ev": slab.fermi_level_ev,
        "clean_slab": slab.system,
        "o2_ev": O2_EV,
        "coarsening": 2,
    } | changes
    # as a job gets them: plain data
    plain = {step: one and one.model_dump() for step, one in results.items()}
    found: StructureEvaluation = na110_o2.evaluate.original(name, plain, **given)
    return StructureEvaluation.model_validate(found.model_dump())


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


def _moved_o2(first_a: Any, second_a: Any) -> System:
    system = STRUCTURES[FLAT]
    positions = np.array(system.positions_a)
    positions[-2:] += np.array([first_a, second_a])
    return system.moved(positions)


BECAME = {
    "moved": (STRUCTURES[UPRIGHT], "adsorbed", f"O2 moved from {FLAT} to {UPRIGHT}"),
    "dissociated": (_moved_o2((-1.0, 0, 0), (1.0, 0, 0)), "dissociated", "O2 dissociated"),
    "desorbed": (_moved_o2((0, 0, 4.0), (0, 0, 4.0)), "desorbed", "O2 desorbed"),
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


# the result of the whole study


def summarised(structures: dict[str, Any], **changes: Any) -> NA110O2Result:
    bulk = document("", "bulk", bulk_metal("Na"), -1.3)
    given = {"bulk": bulk, "clean": clean(), "o2": document("", "o2", O2, O2_EV)} | changes
    plain = {name: one and one.model_dump() for name, one in given.items()}
    dumped = {name: one and one.model_dump() for name, one in structures.items()}
    found: NA110O2Result = na110_o2.summarise.original(**plain, structures=dumped, settings=SETTINGS.model_dump())
    return NA110O2Result.model_validate_json(found.model_dump_json())


@pytest.fixture
def three(tmp_path: Path) -> dict[str, Any]:
    """Evaluations of three structures: bound, desorbed, and failed."""
    bound, desorbed = tmp_path / "bound", tmp_path / "desorbed"
    bound.mkdir()
    desorbed.mkdir()
    gone = _moved_o2((0, 0, 4.0), (0, 0, 4.0))
    return {
        UPRIGHT: evaluated(UPRIGHT, documents(bound, UPRIGHT, CLEAN_EV + O2_EV - 3.5)).structure,
        FLAT: evaluated(FLAT, documents(desorbed, FLAT, CLEAN_EV + O2_EV - 9.0, became=gone)).structure,
        ATOM: None,
    }


def test_the_result_holds_what_there_is_and_names_what_there_is_not(three: dict[str, Any]) -> None:
    found = summarised(three)
    assert [one.start for one in found.structures] == [UPRIGHT, FLAT]
    assert found.missing == [ATOM]
    assert found.clean.top.work_function_ev == pytest.approx(CLEAN_LEVEL_EV - FERMI_EV, abs=2e-3)
    assert found.o2_bond_a == pytest.approx(1.23)
    assert found.lattice_constant_a == pytest.approx(lattice_constant(bulk_metal("Na")))
    steps = {f"{name}-{step}" for name in (UPRIGHT, FLAT) for step in ("relax", "whole", "sodium", "oxygen")}
    assert set(found.calculations) == {"bulk", "slab-static", "o2", *steps}
    ours = {one.quantity.rpartition(", ")[0].rpartition(", ")[2]: one.ours for one in found.comparisons}
    assert ours[UPRIGHT] == pytest.approx(CLEAN_LEVEL_EV + 0.7 - FERMI_EV, abs=2e-3)


def test_the_headline_is_of_what_is_bound(three: dict[str, Any]) -> None:
    said = STUDY.headline(summarised(three).model_dump())
    assert said == (
        f"clean Φ = 2.800 eV; most stable: {UPRIGHT}, -3.50 eV/O2; ΔΦ from +0.70 to +0.70 eV in 1 of 2 structures;"
        f" missing: {ATOM}"
    )
    nothing_bound = summarised({FLAT: three[FLAT]})
    assert STUDY.headline(nothing_bound.model_dump()) == "clean Φ = 2.800 eV"


def test_the_table_has_a_row_for_each_structure(three: dict[str, Any]) -> None:
    ((upright, flat),) = STUDY.tables(summarised(three).model_dump())
    assert upright["start"] == UPRIGHT
    assert upright["became"] == "as it started"
    assert (upright["E_ads (eV/O2)"], upright["ΔΦ top (eV)"], upright["q Bader (e)"]) == ("-3.50", "+0.700", "-1.50")
    assert flat["became"].startswith("O2 desorbed")


def test_a_value_that_is_not_there_is_a_dash(tmp_path: Path) -> None:
    results = documents(tmp_path, ATOM, -20.0, charges=None, planar_potential=None)
    ((row,),) = STUDY.tables(summarised({ATOM: evaluated(ATOM, results).structure}).model_dump())
    assert {name for name, value in row.items() if value == "–"} == {
        *("Φ top (eV)", "Φ bottom (eV)", "ΔΦ top (eV)", "O–O (Å)", "q Bader (e)", "q Hirshfeld (e)")
    }


def test_the_figure_is_written_and_not_written_over(three: dict[str, Any], tmp_path: Path) -> None:
    result, path = summarised(three).model_dump(), tmp_path / "figure.png"
    STUDY.plot(result, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="exists"):
        STUDY.plot(result, path)
    STUDY.plot(result, path, overwrite=True)


@pytest.mark.parametrize(("step", "named"), [("bulk", "bulk"), ("clean", "slab-static"), ("o2", "o2")])
def test_no_result_without_these(step: str, named: str, three: dict[str, Any]) -> None:
    with pytest.raises(MissingPartnerError, match=f"the result: {named} gave no result"):
        summarised(three, **{step: None})


def test_no_result_without_any_structure() -> None:
    with pytest.raises(MissingPartnerError, match=f"{UPRIGHT}-evaluation, {ATOM}-evaluation gave no result"):
        summarised({UPRIGHT: None, ATOM: None})
