"""Presets, what they take over from each other, and what people change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from natrium.structures.crystals import lattice_constant
from natrium.structures.errors import InputError
from natrium.workflows.plan import check, plan
from natrium.workflows.study import presets, settle, studies, study

NA110 = study("na110")


class Toy:
    """A study with presets of a test's own."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        (file / "toy_presets").mkdir()
        (file / "toy_presets/__init__.py").touch()
        (file / "toy_presets/toy.yaml").write_text(text)
        monkeypatch.syspath_prepend(file)
        self.presets = "toy_presets:toy.yaml"


def test_a_preset_takes_over_what_it_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
        grandparent: {layers: 7, size: [1, 1], calculations: {all: {cutoff_ev: 250}, bulk: {kind: relax, cell: full}}}
        parent: {parent: grandparent, layers: 5, calculations: {bulk: {cell: isotropic}}}
        child: {parent: parent, size: [2, 2], calculations: {all: {mode: pw}, slab: {kind: static}}}
    """
    toy: Any = Toy(tmp_path, monkeypatch, text)
    found = presets(toy)
    assert found["child"] == {
        "layers": 5,
        "size": [2, 2],
        "calculations": {
            "all": {"cutoff_ev": 250, "mode": "pw"},
            "bulk": {"kind": "relax", "cell": "isotropic"},
            "slab": {"kind": "static"},
        },
    }
    assert found["grandparent"]["calculations"]["bulk"]["cell"] == "full"
    assert "slab" not in found["parent"]["calculations"]


@pytest.mark.parametrize("preset", ["standard", "preview", "published"])
def test_every_preset_can_be_run(preset: str) -> None:
    settings = settle(NA110, preset, {})
    check(NA110, settings)
    names = [job.name for job, _ in plan(NA110, settings, "na110-000000").iterflow()]
    assert names == ["bulk", "slab", "slab-relax", "slab-static", "result"]
    assert settings.overrides == {}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, {"bulk": 250, "slab_relax": 250, "slab_static": 250}),
        ({"cutoff_ev": 400}, {"bulk": 400, "slab_relax": 400, "slab_static": 400}),
        ({"slab_relax.cutoff_ev": 400}, {"bulk": 250, "slab_relax": 400, "slab_static": 250}),
        ({"slab-relax.cutoff_ev": 400}, {"bulk": 250, "slab_relax": 400, "slab_static": 250}),
        ({"bulk.cutoff_ev": 500, "cutoff_ev": 400}, {"bulk": 500, "slab_relax": 400, "slab_static": 400}),
        ({"cutoff_ev": "400"}, {"bulk": 400, "slab_relax": 400, "slab_static": 400}),
    ],
)
def test_an_override_reaches_what_it_names(overrides: dict[str, Any], expected: dict[str, float]) -> None:
    settings = settle(NA110, "preview", overrides)
    assert {name: calculation.cutoff_ev for name, calculation in settings.calculations.items()} == expected
    assert settings.overrides == overrides


def test_an_override_of_the_study_changes_what_is_built() -> None:
    settings = settle(NA110, "preview", {"layers": 9, "size": [2, 1]})
    assert len(NA110.systems(settings)["slab_static"].symbols) == 18


@pytest.mark.parametrize("name", ["na110", "na110-o2", "na-bulk-o"])
def test_a_lattice_constant_that_is_given_is_not_relaxed(name: str) -> None:
    chosen = study(name)
    relaxed, held = (settle(chosen, "preview", {"lattice_constant_a": a_a}) for a_a in (None, 4.4))
    bulk = relaxed.calculations["bulk"]
    assert (bulk.kind, bulk.cell) == ("relax", "isotropic")
    assert held.calculations["bulk"] == bulk.model_copy(update={"kind": "static", "cell": "fixed"})
    assert held.calculations | {"bulk": bulk} == relaxed.calculations
    assert lattice_constant(chosen.systems(held)["bulk"]) == pytest.approx(4.4)
    assert type(held).model_validate_json(held.model_dump_json()) == held


@pytest.mark.parametrize("name", ["na110", "na110-o2", "na-bulk-o"])
def test_the_paper_of_oxygen_in_sodium_has_dispersion(name: str) -> None:
    published = settle(study(name), "published", {})
    without = {section for section, one in published.calculations.items() if one.dispersion is None}
    assert without == {"bulk"}
    assert "the lattice constant is that of PBE without D3" in published.assumptions
    assert any("D3 with zero damping" in assumption for assumption in published.assumptions)


def test_assumptions_of_a_preset_are_recorded() -> None:
    published = settle(NA110, "published", {"vacuum_a": 20})
    assert published.quality == "as published"
    assert any("lateral size" in assumption for assumption in published.assumptions)
    assert settle(NA110, "standard", {}).assumptions == ()


@pytest.mark.parametrize(
    ("preset", "overrides", "problem", "remedy"),
    [
        ("prevew", {}, "no preset 'prevew'", "did you mean preview"),
        ("standard", {"layer": 5}, "no setting 'layer'", "did you mean layers"),
        ("standard", {"cutof": 5}, "no setting 'cutof'", "did you mean cutoff_ev"),
        ("standard", {"bulk.kpoint": 5}, "no setting 'bulk.kpoint'", "did you mean bulk.kpoints"),
        ("standard", {"slab-relx.kpoints": 5}, "no setting", "did you mean slab_relax.kpoints"),
        ("standard", {"bulk.layers": 5}, "no setting 'bulk.layers'", "natrium studies na110"),
        ("standard", {"preset": "x"}, "no setting 'preset'", "natrium studies na110"),
        ("standard", {"quality": "converged"}, "no setting 'quality'", "natrium studies na110"),
        ("standard", {"layers": 0}, "layers = 0: input should be greater than 0", "Atomic layers of the slab"),
        ("standard", {"layers": "many"}, "layers = 'many'", "correct it"),
        ("standard", {"cutoff_ev": -5}, "bulk.cutoff_ev = -5", "Plane-wave cutoff energy, eV"),
        ("standard", {"slab_static.kpoints": [1, 2]}, "slab_static.kpoints", "k-point grid"),
        ("standard", {"slab_static.mode": "lcao"}, "slab_static: mode lcao needs basis", "set basis"),
        ("standard", {"slab_static.cell": "full"}, "slab_static: cell=full in a static calculation", "kind=relax"),
        ("standard", {"smearing": "gaussian"}, "smearing = 'gaussian'", "Occupation of the levels"),
    ],
)
def test_settings_that_cannot_be_are_refused(preset: str, overrides: dict[str, Any], problem: str, remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        settle(NA110, preset, overrides)
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"slab_relax.kpoints": [4, 4, 4]}, "4 k-points along z"),
        ({"fixed_layers": 7}, "fixed_layers=7"),
        ({"functional": "PBE0"}, "PBE0"),
        ({"valence_electrons": {"Na": 3}}, "Na"),
        ({"bulk.dipole_layer": True}, "a dipole layer needs a slab"),
        ({"vacuum_a": 2}, "vacuum_a"),
    ],
)
def test_what_only_the_structures_or_the_engine_can_refuse(overrides: dict[str, Any], problem: str) -> None:
    settings = settle(NA110, "standard", overrides)
    with pytest.raises(InputError, match=problem):
        check(NA110, settings)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="no engine 'vasq'"):
        check(NA110, settle(NA110, "standard", {}, "vasq"))


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean na110"):
        study("na11")
    assert set(studies()) >= {"na110"}


def test_the_plan_labels_every_job_for_the_results_store() -> None:
    flow = plan(NA110, settle(NA110, "preview", {"layers": 7}), "na110-abc123")
    labels = {job.name: job.metadata["natrium"] for job, _ in flow.iterflow()}
    assert {name: (label["kind"], label["formula"]) for name, label in labels.items()} == {
        "bulk": ("calculation", "Na"),
        "slab": ("structure", "Na7"),
        "slab-relax": ("calculation", "Na7"),
        "slab-static": ("calculation", "Na7"),
        "result": ("study", "Na7"),
    }
    for name, label in labels.items():
        assert label["step"] == name
        assert (label["run"], label["study"], label["preset"]) == ("na110-abc123", "na110", "preview")
