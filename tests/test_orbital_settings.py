"""Settings of the study `orbitals`: what is refused, and which steps are planned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from natrium.structures.errors import InputError
from natrium.workflows.plan import check, in_order, plan
from natrium.workflows.sections import planned
from natrium.workflows.studies.molecule_levels import (
    evaluate,
)
from natrium.workflows.studies.orbital_settings import slug
from natrium.workflows.study import study

if TYPE_CHECKING:
    from conftest import CommandLine
from fec import documents, settings

# What is refused, before anything starts: (settings, what is said).
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "bad SMILES": ({"molecules": ["smiles:C1CC"]}, "C1CC"),
    "no such molecule": ({"molecules": ["FEX"]}, "FEX"),
    "no such file": ({"molecules": ["nowhere/fec.xyz"]}, "nowhere/fec.xyz"),
    "two of one name": ({"molecules": ["FEC", "fec"]}, "molecules: FEC, fec cannot be told"),
    "two molecules in one": ({"molecules": ["smiles:[Na+].O"]}, "holds several molecules"),
    "no such basis": ({"molecules": ["smiles:CI"], "ion": None}, r"CI: PySCF has no basis '6-31G\(d\)' for I"),
    "a name that means another level": (
        {"molecules": [{"name": "CAM", "source": "FEC"}], "levels": ["b3lyp"]},
        "CAM would have the step cam-b3lyp, which is another one's name",
    ),
    "a name that means a complex": (
        {"molecules": ["FEC", {"name": "FEC ion", "source": "EC"}]},
        "FEC ion would have the step fec-ion-b3lyp-relax",
    ),
    "a level twice": ({"levels": ["pbe", "pbe"]}, "levels: pbe, pbe cannot be told"),
    "a level as geometry": ({"levels": ["pbe"], "geometry": "pbe"}, "pbe is a static calculation"),
    "a small basis": (
        {"pbe.mode": "lcao", "pbe.basis": "dzp"},
        "pbe: levels and binding energies in GPAW's atomic orbitals",
    ),
    "an ion without electrons": (
        {"ion": "Li+", "levels": ["pbe"], "pbe.keep_orbitals": []},
        r"Li\+: the PAW dataset leaves no electrons",
    ),
    "no such ion": ({"ion": "Na"}, "Na: natrium cannot place it"),
    "no such place": ({"coordination": ["nitrile-n"]}, "no place nitrile-n for Na\\+ at FEC"),
    "one place of two": ({"coordination": ["carbonyl_o", "carbonylo"]}, "no place carbonylo for"),
    "a place that none of several has": (
        {"molecules": ["FEC", "EC"], "coordination": ["nitrile-n"]},
        "no place nitrile-n for Na\\+ at FEC, EC",
    ),
    "several that cannot be": (
        {"molecules": ["smiles:C1CC", "FEC", "smiles:C(C)(C)(C)(C)C"]},
        r"2 of 3 molecules cannot be calculated: molecule C1CC.*; molecule C\(C\)",
    ),
    "no such level": ({"levels": ["b2plyp"]}, "no level of theory 'b2plyp'"),
    "a relaxation as a level": ({"levels": ["b3lyp_relax"]}, "b3lyp_relax is a relax calculation"),
    "plane waves": (
        {"pbe.mode": "pw", "pbe.cutoff_ev": 400, "pbe.grid_spacing_a": None},
        "pbe: plane waves repeat the molecule",
    ),
    "a hybrid on a grid": ({"pbe.functional": "B3LYP"}, "silently wrong with hybrids"),
    "a thin box": ({"vacuum_a": 1.0}, "too thin"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    overrides, said = REFUSED[case]
    with pytest.raises(InputError, match=said) as refused:
        check(study("orbitals"), settings(**overrides))
    assert refused.value.remedy


def test_a_charge_that_does_not_fit(tmp_path: Path) -> None:
    """Water with charge +1 has an odd number of electrons: nobody said which spin."""
    file = tmp_path / "water.xyz"
    file.write_text("3\ncharge=1\nO 0 0 0\nH 0.76 0 0.59\nH -0.76 0 0.59\n")
    with pytest.raises(InputError, match=r"water.*odd number of electrons \(9\)"):
        check(study("orbitals"), settings(molecules=[str(file)]))


@pytest.mark.parametrize(("package", "extra"), [("pyscf", "pyscf"), ("rdkit", "smiles")])
def test_a_missing_extra(package: str, extra: str, natrium: CommandLine) -> None:
    """As on a machine that has only what natrium itself needs."""
    absent = natrium.folder / "absent"
    (absent / package).mkdir(parents=True)
    (absent / package / "__init__.py").write_text(f"raise ModuleNotFoundError('no {package}', name='{package}')\n")
    without = natrium.with_variables(PYTHONPATH=str(absent))
    told = without("run", "orbitals", "--set", "molecules=['smiles:CO']", "--dry-run", code=2).stderr
    assert f"natrium[{extra}]" in told
    assert not list(natrium.folder.glob("natrium-runs/*"))


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        (
            {"levels": ["b3lyp"], "coordination": ["f"], "reduction": False, "counterpoise": False},
            "ion-b3lyp fec-b3lyp-relax fec-b3lyp fec-f-conformer fec-ion-b3lyp-relax fec-ion-b3lyp",
        ),
        (
            {"levels": ["pbe"], "ion": None},
            "fec-b3lyp-relax fec-pbe fec-electron-pbe fec-reduced-b3lyp-relax fec-reduced-pbe",
        ),
        (
            # the solvent's cavity would be around the ghosts too
            {"levels": ["b3lyp-pcm", "hf"], "coordination": ["f"], "reduction": False},
            "ion-b3lyp-pcm ion-hf fec-b3lyp-relax fec-b3lyp-pcm fec-hf fec-f-conformer fec-ion-b3lyp-relax"
            " fec-ion-b3lyp-pcm fec-ion-hf fec-ion-deformed-hf fec-ion-molecule-hf fec-ion-ion-hf",
        ),
        # propane offers sodium nothing
        ({"molecules": ["smiles:CCC"], "levels": ["hf"], "reduction": False}, "ccc-8c55-b3lyp-relax ccc-8c55-hf"),
    ],
)
def test_steps(overrides: dict[str, Any], steps: str) -> None:
    chosen, settled = study("orbitals"), settings(**overrides)
    found = planned(chosen, settled)
    assert set(found) == set(steps.split())
    jobs = [job for job, _ in in_order(plan(chosen, settled, "orbitals-000000"))]
    assert {job.name for job in jobs if job.metadata["natrium"]["kind"] == "calculation"} == set(found)
    engines = {job.name: job.metadata["natrium"]["engine"] for job in jobs}
    for step, own in found.items():
        assert engines[step] == own.engine == ("gpaw" if step.endswith(("-pbe", "conformer")) else "pyscf")
        # a box belongs to a grid; its edges are whole numbers of four grid spacings
        edges = np.diag(own.system.cell_a)
        assert bool(edges.any()) == (own.calculation.mode != "gto")
        if own.calculation.mode != "gto":
            assert edges / (4 * own.calculation.grid_spacing_a) == pytest.approx(np.round(edges / 0.8))


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("Na+", "na-plus"),
        ("Vinylene carbonate", "vinylene-carbonate"),
        ("4-F (a)", "4-f-a"),
        ("碳酸", "molecule"),
        ("carbonyl-o+f", "carbonyl-o-plus-f"),
    ],
)
def test_names_of_steps(name: str, step: str) -> None:
    assert slug(name) == step


def test_a_list_goes_on_without_a_place_for_the_ion() -> None:
    """Of several molecules one without the wanted place is calculated without the ion, and says so."""
    chosen = settings(molecules=["FEC", "SN"], coordination=["carbonyl-o"], levels=["hf"], reduction=False)
    steps = planned(study("orbitals"), chosen)
    assert "fec-ion-hf" in steps
    assert "sn-hf" in steps
    assert "sn-ion-hf" not in steps
    alone = {step: document for step, document in documents().items() if "ion" not in step}
    given = {"ion": "Na+", "levels": ["b3lyp"], "geometry": "b3lyp_relax"}
    found = evaluate.original({"name": "FEC", "source": "FEC"}, alone, {}, None, given)
    assert found.missing == ["Na+ finds no place at it, or none of those that were asked for"]
    assert [row.species for row in found.levels] == ["FEC"]


def test_molecules_are_told_apart_by_what_their_names_cannot_say() -> None:
    """Benzene and cyclohexane differ in upper and lower case alone, which names of steps have not."""
    molecules = ["smiles:c1ccccc1", "smiles:C1CCCCC1", {"name": "碳酸乙烯酯", "source": "EC"}, "FEC", "Na+"]
    bases = [one.base for one in settings(molecules=molecules, levels=["hf"]).molecules]
    assert len(set(bases)) == 5
    assert bases[3:] == ["fec", "na-plus"]
    assert bases[2].startswith("molecule-")


def test_an_ion_alone_is_calculated_without_another_one() -> None:
    steps = planned(study("orbitals"), settings(molecules=["Na+"], levels=["hf"], reduction=False))
    assert set(steps) == {"na-plus-b3lyp-relax", "na-plus-hf"}


@pytest.mark.parametrize("ion", ["Na+", None])
def test_a_crystal_is_no_molecule(ion: str | None, tmp_path: Path) -> None:
    file = tmp_path / "crystal.XYZ"
    file.write_text('2\nLattice="4 0 0 0 4 0 0 0 4" pbc="T T T" charge=0 multiplicity=1\nNa 0 0 0\nF 2 2 2\n')
    with pytest.raises(InputError, match="is periodic"):
        check(study("orbitals"), settings(molecules=[str(file)], ion=ion))


def test_a_radical_is_told_where_to_say_its_multiplicity() -> None:
    with pytest.raises(InputError) as refused:
        check(study("orbitals"), settings(molecules=[{"name": "O2", "source": "smiles:[O][O]"}]))
    assert "comment line of an xyz file" in refused.value.remedy


def test_a_broken_pyscf_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("libcint.so: cannot open shared object file")

    monkeypatch.setattr("natrium.workflows.pyscf.engine.import_module", broken)
    with pytest.raises(InputError, match=r"pyscf is installed and cannot be imported: libcint"):
        check(study("orbitals"), settings(levels=["hf"]))
