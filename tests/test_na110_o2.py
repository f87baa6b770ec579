"""The result document of na110-o2, from evaluations of its structures; and its ladders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import potential
from synthetic_oxygen import (
    ATOM,
    CLEAN_EV,
    CLEAN_LEVEL_EV,
    FERMI_EV,
    FLAT,
    O2,
    O2_EV,
    SETTINGS,
    STUDY,
    UPRIGHT,
    clean,
    document,
    documents,
    evaluated,
    moved_o2,
)

from natrium.analysis.density_difference import MissingPartnerError
from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.errors import InputError
from natrium.workflows.convergence import REFERENCE, ConvergenceSettings, judge
from natrium.workflows.pooling import pooled
from natrium.workflows.result import StudyResult
from natrium.workflows.studies import na110_o2
from natrium.workflows.studies.na110_o2 import NA110O2Result
from natrium.workflows.study import settle, study


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
    gone = moved_o2((0, 0, 4.0), (0, 0, 4.0))
    return {
        UPRIGHT: evaluated(UPRIGHT, documents(bound, UPRIGHT, CLEAN_EV + O2_EV - 3.5)).structure,
        FLAT: evaluated(FLAT, documents(desorbed, FLAT, CLEAN_EV + O2_EV - 9.0, became=gone)).structure,
        ATOM: None,
    }


def test_the_result_holds_what_there_is_and_names_what_there_is_not(three: dict[str, Any]) -> None:
    found = summarised(three)
    assert [one.start for one in found.structures] == [UPRIGHT, FLAT]
    assert found.missing == [ATOM]
    assert found.clean is not None
    assert found.clean.top.work_function_ev == pytest.approx(CLEAN_LEVEL_EV - FERMI_EV, abs=2e-3)
    assert found.o2_bond_a == pytest.approx(1.23)
    assert found.lattice_constant_a == pytest.approx(lattice_constant(bulk_metal("Na")))
    steps = {f"{name}-{step}" for name in (UPRIGHT, FLAT) for step in ("relax", "whole", "sodium", "oxygen")}
    assert set(found.calculations) == {"bulk", "slab-static", "o2", *steps}
    ours = {one.quantity.rpartition(", ")[0].rpartition(", ")[2]: one.ours for one in found.comparisons}
    assert ours[UPRIGHT] == pytest.approx(CLEAN_LEVEL_EV + 0.7 - FERMI_EV, abs=2e-3)


def test_a_clean_slab_without_a_vacuum_level_takes_no_structure_away(three: dict[str, Any], tmp_path: Path) -> None:
    slope = potential(clean().system, 0.0, 0.0)
    slope.potential_ev = list(np.linspace(0, 20, len(slope.z_a)))
    found = summarised(three, clean=clean().model_copy(update={"planar_potential": slope}))
    assert (found.clean, len(found.structures)) == (None, 2)
    assert found.missing[0] == ATOM
    assert found.missing[1].startswith("clean work functions: ")
    assert not any("clean" in one.quantity for one in found.comparisons)
    assert "clean Φ" not in STUDY.headline(found.model_dump())
    STUDY.plot(found.model_dump(), tmp_path / "figure.png")


def test_the_headline_is_of_what_is_bound(three: dict[str, Any]) -> None:
    said = STUDY.headline(summarised(three).model_dump())
    assert said == (
        f"clean Φ = 2.800 eV; O2 most stable: {UPRIGHT}, -3.50 eV/O2; ΔΦ from +0.70 to +0.70 eV in 1 of 2 structures;"
        f" missing: {ATOM}"
    )
    nothing_bound = summarised({FLAT: three[FLAT]})
    assert STUDY.headline(nothing_bound.model_dump()) == "clean Φ = 2.800 eV"


def test_structures_of_two_runs_are_told_as_one(three: dict[str, Any]) -> None:
    halves = [
        summarised(part).model_copy(update={"overrides": {"structures": list(part)}})
        for part in ({UPRIGHT: three[UPRIGHT], FLAT: None}, {FLAT: three[FLAT], ATOM: None})
    ]
    found = pooled(STUDY, halves)
    whole = summarised(three)
    assert isinstance(found, NA110O2Result)
    assert (found.structures, found.missing, found.overrides) == (whole.structures, [ATOM], {})
    assert found.calculations == whole.calculations
    assert found.comparisons == whole.comparisons


def test_the_table_has_a_row_for_each_structure(three: dict[str, Any]) -> None:
    ((upright, flat),) = STUDY.tables(summarised(three).model_dump())
    assert upright["start"] == UPRIGHT
    assert upright["became"] == "as it started"
    assert (upright["E_ads (eV/O2)"], upright["ΔΦ top (eV)"], upright["q Bader (e)"]) == ("-3.50", "+0.700", "-1.50")
    assert (float(upright["∫Δρ (e)"]), upright["½∫|Δρ| (e)"]) == (pytest.approx(0, abs=1e-12), "0.50")
    assert flat["became"].startswith("O2 desorbed")
    assert upright["force left (eV/Å)"] == "0.00"


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


@pytest.mark.parametrize(("there", "value"), [((0.0, 0.0, 0.0), -3.3), ((0.0, 0.0, 4.0), None)])
def test_a_ladder_does_not_go_through_another_structure(there: Any, value: float | None, tmp_path: Path) -> None:
    settings = settle(study("converge-na110-o2"), "preview", {"structures": [FLAT], "over": {"layers": [3, 4]}})
    assert isinstance(settings, ConvergenceSettings)
    results = {}
    for part, energy_ev, offset in ((REFERENCE, -3.5, (0.0, 0.0, 0.0)), ("layers-4", -3.3, there)):
        folder = tmp_path / part
        folder.mkdir()
        made = documents(folder, FLAT, CLEAN_EV + O2_EV + energy_ev, became=moved_o2(offset, offset))
        results[part] = summarised({FLAT: evaluated(FLAT, made).structure}).model_dump()
    facts = StudyResult.facts(settings, "Na12O2")
    rungs = [rung.model_dump() for rung in settings.rungs]
    found = judge.original([*results.items()], rungs, facts, "na110-o2")
    energy = next(one for one in found.quantities if one.name == "adsorption energy")
    assert [rung.value for rung in energy.knobs[0].rungs] == [
        pytest.approx(-3.5),
        None if value is None else pytest.approx(value),
    ]
    if value is None:
        assert found.missing == [f"layers-4 (became desorbed, the reference {FLAT})"]
