"""Convergence: error bars from ladders, ladders from settings, equal calculations once, and the whole from the command
line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from natrium.analysis.convergence import Measured, along_ladder, error_bar, told, with_error_bar
from natrium.analysis.plot_convergence import plot_convergence
from natrium.commands.converge import parsed_ladders
from natrium.structures.errors import InputError
from natrium.workflows.convergence import REFERENCE, Convergence, ConvergenceSettings
from natrium.workflows.ladders import chosen_ladders, scaled
from natrium.workflows.plan import in_order, plan
from natrium.workflows.sections import planned
from natrium.workflows.study import settle, study

OUTSIDE = Path(__file__).resolve().parent / "outside"


@pytest.mark.parametrize(
    ("values", "reference", "error", "rule"),
    [
        # 2 + 2^-n, n = 1, 2, 3, 4: the limit is 2, and what the reference lacks to it is known exactly
        ([2.5, 2.25, 2.125, 2.0625], 1, 0.25, "extrapolated"),
        ([2.5, 2.25, 2.125, 2.0625], 3, 0.0625, "extrapolated"),
        # 1/x² on rungs in geometric progression 1, 2, 4
        ([1.0, 0.25, 0.0625], 2, 0.0625, "extrapolated"),
        # it decays at the end, but from another side
        ([2.0, 2.3, 2.1, 2.05], 0, 0.3, "spread"),
        # that the last two rungs agree, after a step the other way, proves nothing
        ([2.86, 2.82, 2.83, 2.8301], 2, 0.0101, "spread"),
        ([2.80, 2.86, 2.84, 2.8395], 3, 0.0205, "spread"),
        ([2.8463, 2.8273, 2.8309, 2.8364, 2.8275, 2.8268], 2, 0.0096, "spread"),
        # one way, the last step a short one, but those before it did not decay
        ([1.0, 0.9, 0.79, 0.75], 2, 0.15, "drifts"),
        # oscillations: their spread, also when the last rung happens to agree with the reference
        ([2.80, 2.83, 2.85, 2.83], 1, 0.02, "spread"),
        ([2.80, 2.83, 2.85, 2.83], 3, 0.02, "spread"),
        ([2.80, 2.90, 2.85, 2.84, 2.86], 1, 0.06, "spread"),
        # equal steps lead nobody knows where
        ([1.0, 2.0, 3.0, 4.0], 2, 2.0, "drifts"),
        ([1.0, 1.0, 1.0], 0, 0.0, "spread"),
        # and so does a single step, unless the knob has nothing to do with the number
        ([1.0, 1.5], 0, 0.5, "drifts"),
        ([1.0, 1.5], 1, 0.5, "drifts"),
        ([1.0, 1.0], 0, 0.0, "spread"),
        # rungs that are no longer equidistant tell no limit; a failure before them does no harm
        ([2.5, 2.25, 2.125, None, 2.0625], 1, 0.1875, "drifts"),
        ([1.0, 0.5, None, 0.125, 0.0625], 4, 0.4375, "drifts"),
        ([None, 2.5, 2.25, 2.125, 2.0625], 2, 0.25, "extrapolated"),
        ([1.0, None], 0, None, "unknown"),
        ([None, 1.0, 2.0], 0, None, "unknown"),
    ],
)
def test_error_bar(values: list[float | None], reference: int, error: float | None, rule: str) -> None:
    found, why = error_bar(values, reference)
    assert (found, why) == (None if error is None else pytest.approx(error), rule)


@pytest.mark.parametrize("reference", range(5))
@pytest.mark.parametrize("values", [[2.8, 2.83, 2.845, 2.835, 2.84], [1.0, 0.5, 0.3, 0.25, 0.24], [0.0, 1, 3, 6, 10]])
def test_error_covers_every_more_demanding_rung(values: list[float], reference: int) -> None:
    error, _ = error_bar(values, reference)
    assert error is not None
    assert error >= max(abs(value - values[reference]) for value in values[reference:]) - 1e-12


def _ladder(values: list[float | None], reference: int) -> list[Measured]:
    return [Measured(f"{n}", float(n), value, 1.0, n == reference) for n, value in enumerate(values)]


def test_errors_add_up_both_ways() -> None:
    ladders = {"layers": ("", _ladder([2.0, 2.3], 0)), "cutoff": ("eV", _ladder([2.4, 2.0], 1))}
    quantity = with_error_bar("work function", "Φ", "eV", 2.0, ladders)
    assert quantity.error == pytest.approx(0.5)
    assert quantity.error_sum == pytest.approx(0.7)
    assert told(quantity) == "Φ = 2.000 ± 0.500 eV (layers 0.300, cutoff 0.400)"


def test_knobs_that_change_nothing_give_no_error_bar() -> None:
    """One of several may do so: the bulk crystal has no layers. All of them: nothing was measured."""
    still = ("", _ladder([2.0, 2.0, 2.0], 0))
    moving = ("eV", _ladder([2.0, 2.01, 2.01], 0))
    assert with_error_bar("LUMO", "LUMO", "eV", 2.0, {"vacuum": still, "grid": still}).error is None
    assert with_error_bar("LUMO", "LUMO", "eV", 2.0, {"vacuum": still, "grid": moving}).error == pytest.approx(0.01)


def test_an_error_that_is_not_known_makes_no_total() -> None:
    ladders = {"layers": ("", _ladder([2.0, 2.3], 0)), "cutoff": ("eV", _ladder([2.0, None], 0))}
    quantity = with_error_bar("work function", "Φ", "eV", 2.0, ladders)
    assert quantity.error is None
    assert told(quantity) == "Φ = 2.000 eV (layers 0.300, cutoff not known)"


def test_differences_are_to_the_most_demanding_rung_that_came_to_an_end() -> None:
    rungs = along_ladder("layers", "", list(reversed(_ladder([2.0, 2.3, None], 0)))).rungs
    assert [rung.difference for rung in rungs] == [pytest.approx(-0.3), 0.0, None]


@pytest.mark.parametrize(
    ("points", "factor", "wanted"),
    [(10, 0.6, 6), (10, 1.0, 10), (10, 1.2, 12), (12, 1.4, 16), (5, 1.5, 7), (3, 0.1, 3), (2, 0.1, 2), (1, 3.0, 1)],
)
def test_a_grid_keeps_its_parity(points: int, factor: float, wanted: int) -> None:
    assert scaled(points, factor) == wanted


def _na110(**over: Any) -> tuple[Convergence, ConvergenceSettings]:
    chosen = study("converge-na110")
    settings = settle(chosen, "standard", {"over": over} if over else {})
    assert isinstance(chosen, Convergence)
    assert isinstance(settings, ConvergenceSettings)
    return chosen, settings


def test_all_ladders_hold_the_preset() -> None:
    _, settings = _na110()
    assert list(settings.over) == ["layers", "kpoints", "cutoff", "vacuum"]
    for knob, values in settings.over.items():
        assert len([rung for rung in settings.rungs if rung.knob == knob]) == len(values)
        (reference,) = (rung for rung in settings.rungs if rung.knob == knob and rung.part == REFERENCE)
        assert reference.value in values[:-1], "the preset must have something more demanding above it"


def test_a_rung_changes_its_knob_and_nothing_else() -> None:
    _, settings = _na110(layers=[9], kpoints=[1.2], cutoff=[300], vacuum=[18])
    reference = settings.parts[REFERENCE]
    part = settings.parts["layers-9"]
    assert {name for name in part if part[name] != reference[name]} == {"layers", "overrides"}
    grids = [tuple(own["kpoints"]) for own in settings.parts["kpoints-1.2"]["calculations"].values()]
    assert grids == [(14, 14, 14), (12, 12, 1), (12, 12, 1)]
    assert {own["cutoff_ev"] for own in settings.parts["cutoff-300"]["calculations"].values()} == {300.0}
    assert settings.parts["vacuum-18"]["vacuum_a"] == 18.0


def test_equal_calculations_are_planned_once() -> None:
    chosen, settings = _na110(layers=[7, 9, 11], vacuum=[15, 18], kpoints=[1, 1.2])
    flow = plan(chosen, settings, "converge-na110-test")
    jobs = [job for job, _ in in_order(flow)]
    names = [job.name for job in jobs]
    assert [name for name in names if name.endswith("-bulk")] == ["reference-bulk", "kpoints-1.2-bulk"]
    assert len([name for name in names if name.endswith("-slab-relax")]) == 5
    assert len([name for name in names if name.endswith("-slab")]) == 5, "another lattice constant is another slab"
    calculated = {name.replace("_", "-") for name in settings.calculations}
    assert calculated == {name for name in names if name.endswith(("-bulk", "-slab-relax", "-slab-static"))}
    assert calculated == planned(chosen, settings).keys()
    assert planned(chosen, settings)["layers-9-slab-relax"].system.formula == "Na9"
    assert planned(chosen, settings)["kpoints-1.2-bulk"].calculation.kpoints == (14, 14, 14)
    assert jobs[0].metadata["natrium"]["formula"] == "Na", "a bulk job is called after the bulk"
    assert {job.name: job.metadata["natrium"]["formula"] for job in jobs}["result"] == "Na7"
    uuids = {job.uuid for job in jobs}
    assert all(set(job.input_uuids) <= uuids for job in jobs)
    kinds = {job.name: job.metadata["natrium"]["kind"] for job in jobs}
    assert [name for name, kind in kinds.items() if kind == "study"] == ["result"], "a run has one result"


def test_recorded_overrides_make_the_same_settings_again() -> None:
    """A rerun plans a run anew, from its record."""
    chosen, settings = _na110(layers=[5, 9], cutoff=None)
    assert settle(chosen, settings.preset, settings.overrides) == settings
    assert ConvergenceSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("over", "remedy"),
    [
        ({"smearing": [1]}, "layers, kpoints, cutoff, vacuum"),
        ({"layers": [5.5]}, "layers=5/7/9"),
        ({"layers": ["many"]}, "layers=5/7/9"),
        ({"cutoff": [-1]}, "cutoff=250/350/500"),
        ({}, "name a knob"),
    ],
)
def test_what_is_no_ladder(over: dict[str, Any], remedy: str) -> None:
    settings = settle(study("na110"), "standard", {})
    with pytest.raises(InputError) as refused:
        chosen_ladders("na110", settings, over)
    assert remedy in refused.value.remedy


@pytest.mark.parametrize("text", ["layers=5/seven", "layers=5/7,layers", "layers=", "cutoff=//"])
def test_what_over_refuses(text: str) -> None:
    with pytest.raises(InputError):
        parsed_ladders(text)


def test_only_studies_with_quantities_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(OUTSIDE))
    for name in ("converge-ladder", "converge-converge-na110"):
        with pytest.raises(InputError, match="could be converged"):
            study(name)
    with pytest.raises(InputError, match="no study 'nonsense'"):
        study("converge-nonsense")


def test_knobs_that_a_study_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(OUTSIDE))
    chosen = study("converge-plank")
    with pytest.raises(InputError) as refused:
        settle(chosen, "standard", {"over": {"cutoff": [300]}})
    assert refused.value.remedy == "there are layers, vacuum"
    with pytest.raises(InputError, match="no ladder for layers"):
        settle(chosen, "standard", {"over": {"layers": None}})
    sys.modules.pop("plank", None)


def test_figure(tmp_path: Path) -> None:
    ladders = {"layers": ("", _ladder([2.0, 2.3, None], 0)), "cutoff": ("eV", _ladder([2.4, 2.0], 1))}
    quantity = with_error_bar("work function", "Φ", "eV", 2.0, ladders)
    path = plot_convergence(tmp_path / "ladders.svg", [quantity], title="na110, preset standard")
    drawn = path.read_text()
    for text in ("na110, preset standard", "2.000 ± 0.500", "layers", "cutoff (eV)", "Φ (eV)"):
        assert text in drawn
    with pytest.raises(InputError, match="exists"):
        plot_convergence(path, [quantity])
    nothing = with_error_bar("work function", "Φ", "eV", None, {"layers": ("", _ladder([None, None], 0))})
    with pytest.raises(InputError, match="no rung"):
        plot_convergence(tmp_path / "nothing.png", [nothing])


def test_from_the_command_line(natrium: Any) -> None:
    natrium = natrium.with_variables(PYTHONPATH=str(OUTSIDE))
    said = natrium("converge", "plank", "--over", "layers=3/5/6,vacuum=11/12").stdout
    # limit 2; with four layers 2^-4 too much. The vacuum makes 0.01·(vacuum − 10)², whose steps grow
    assert "E = 2.062 ± 0.074 eV (layers 0.062, vacuum 0.040)" in said
    address = natrium.the_run().name
    assert sum("-tree" in folder.name for folder in natrium.the_run().iterdir()) == 1
    assert sum("-saw" in folder.name for folder in natrium.the_run().iterdir()) == 4, "the vacuum needs no saw"
    (result,) = natrium.json("results")
    assert (result["address"], result["kind"]) == (address, "study")
    shown = natrium("show", address).stdout
    for text in ("layers 3", "layers 4 *", "+0.0469", "12 Å", "drifts", "extrapolated"):
        assert text in " ".join(shown.split()), shown
    assert "level 2.016 eV" in natrium("show", f"{address}/layers-6-result").stdout
    assert "E = 2.062 ± 0.074 eV" in natrium("results").stdout
    assert "natrium run" not in natrium("results").stderr, "nothing is left to do"
    natrium("plot", address)
    assert (natrium.folder / f"{address}.png").stat().st_size > 10_000


def test_a_failed_rung_does_not_stop_the_others(natrium: Any) -> None:
    natrium = natrium.with_variables(PYTHONPATH=str(OUTSIDE))
    broken = natrium.with_variables(PLANK="layers-6-saw")
    broken("converge", "plank", "--over", "layers=3/5/6", code=3)
    address = natrium.the_run().name
    assert "without layers-6" in natrium("show", address).stdout
    output = natrium.json("show", address)["output"]
    assert output["missing"] == ["layers-6"]
    values = [rung["value"] for rung in output["quantities"][0]["knobs"][0]["rungs"]]
    assert values == [2.125, 2.0625, 2.03125, None]
    natrium("run", "--resume", address)
    assert "level 2.016 eV" in natrium("show", f"{address}/layers-6-result").stdout
    output = natrium.json("show", address)["output"]
    assert output["missing"] == []
    assert output["quantities"][0]["error"] == pytest.approx(2**-4)


def test_it_is_submitted_and_rerun_as_any_other_study(on_lab_in: Any, short_folder: Path) -> None:
    with on_lab_in(short_folder) as lab:
        address = lab.submit("converge-plank", "--set", "over={layers: [3, 5, 6]}")
        lab.natrium("watch", "--once")
        assert lab.end(address)["state"] == "completed"
        assert "E = 2.062 ± 0.062 eV (layers 0.062)" in lab.natrium("show", address).stdout
        lab.natrium("rerun", address, "--set", "vacuum_a=12")
        lab.natrium("watch", "--once")
        assert lab.end(address)["state"] == "completed"
        assert "E = 2.103 ± 0.062 eV (layers 0.062)" in lab.natrium("show", address).stdout


@pytest.mark.gpaw
def test_a_real_ladder(natrium: Any, small_na110: tuple[str, ...]) -> None:
    _, *arguments = small_na110
    natrium("converge", *arguments, "--over", "layers=4,vacuum=14")
    output = natrium.json("show", natrium.the_run().name)["output"]
    assert output["missing"] == []
    phi, a, _ = output["quantities"]
    layers, vacuum = ([rung["value"] for rung in knob["rungs"]] for knob in phi["knobs"])
    assert layers[0] == vacuum[0] == phi["value"]
    assert layers[0] != layers[1], "another slab has another work function"
    assert vacuum[1] == pytest.approx(vacuum[0], abs=0.01), "the vacuum beyond the dipole layer decides on nothing"
    assert [knob["error"] for knob in a["knobs"]] == [0.0, 0.0], "the crystal knows nothing of the slab"
    assert output["calculations"].keys() == {"reference-bulk", "reference-slab-relax", "reference-slab-static"}
