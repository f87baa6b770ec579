"""The study `orbitals`: what it refuses, what it plans, and the numbers that it makes of its calculations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import calculated

from natrium.analysis.published import published
from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule
from natrium.structures.redox import reduced
from natrium.structures.system import System
from natrium.workflows.plan import check, in_order, plan
from natrium.workflows.sections import planned
from natrium.workflows.studies.molecule_levels import (
    UNBOUND_ELECTRON,
    UNBOUND_LUMO,
    UNBOUND_REDUCED,
    MoleculeLevels,
    broken_bonds,
    evaluate,
    ranked,
)
from natrium.workflows.studies.orbital_settings import OrbitalsSettings, slug
from natrium.workflows.studies.orbitals import Orbitals, OrbitalsResult, rank, summarise
from natrium.workflows.studies.published_levels import comparisons
from natrium.workflows.study import number_at, settle, study

if TYPE_CHECKING:
    from conftest import CommandLine

FEC = library_molecule("FEC")
COMPLEX = ion_complexes(FEC)["carbonyl-o"]
ION = System(
    label="Na+", symbols=("Na",), positions_a=((0, 0, 0),), cell_a=((0, 0, 0),) * 3, pbc=(False,) * 3, charge=1,
    multiplicity=1,
)  # fmt: skip
BOX = 8.0


def settings(**overrides: Any) -> OrbitalsSettings:
    found = settle(study("orbitals"), "standard", overrides)
    assert isinstance(found, OrbitalsSettings)
    return found


# What is refused, before anything starts: (settings, what is said).
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "bad SMILES": ({"molecules": ["smiles:C1CC"]}, "C1CC"),
    "no such molecule": ({"molecules": ["FEX"]}, "FEX"),
    "no such file": ({"molecules": ["nowhere/fec.xyz"]}, "nowhere/fec.xyz"),
    "two of one name": ({"molecules": ["FEC", "fec"]}, "molecules: fec is there twice"),
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
    "a level twice": ({"levels": ["pbe", "pbe"]}, "levels: pbe is there twice"),
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
    "no such place": ({"coordination": ["nitrile-n"]}, "FEC has no place nitrile-n"),
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
    (absent / "sitecustomize.py").write_text(
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {package!r} else find(name, *rest)\n"
    )
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
        ({"molecules": ["smiles:CCC"], "levels": ["hf"], "reduction": False}, "ccc-b3lyp-relax ccc-hf"),
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


GAS = settings().calculations["b3lyp"]
RELAX = settings().calculations["b3lyp_relax"]
ENERGIES_EV = {
    "fec-b3lyp": -1000.0,
    "fec-electron-b3lyp": -999.4,
    "fec-reduced-b3lyp": -1001.5,
    "fec-ion-b3lyp": -1101.4,
    "fec-ion-electron-b3lyp": -1105.4,
    "fec-ion-reduced-b3lyp": -1106.0,
    "fec-ion-deformed-b3lyp": -999.9,
    "fec-ion-molecule-b3lyp": -999.95,
    "fec-ion-ion-b3lyp": -100.02,
}
LEVELS_EV = {"fec-b3lyp": (-8.9, -0.4), "fec-ion-b3lyp": (-13.3, -5.5)}
ION_EV = -100.0


def documents(**instead: Any) -> dict[str, Any]:
    """The documents of FEC's calculations at one level of theory; None for one that failed."""
    electron = reduced(FEC)
    opened = np.array(FEC.positions_a)
    fluorine = FEC.symbols.index("F")
    opened[fluorine] += (
        2.0 * (opened[fluorine] - opened.mean(axis=0)) / np.linalg.norm(opened[fluorine] - opened.mean(axis=0))
    )
    found: dict[str, Any] = {
        "fec-b3lyp-relax": calculated(FEC, RELAX, -990.0),
        "fec-reduced-b3lyp-relax": calculated(electron.moved(opened), RELAX, -991.0),
        "fec-ion-b3lyp-relax": calculated(COMPLEX, RELAX, -1090.0),
        "fec-ion-reduced-b3lyp-relax": calculated(reduced(COMPLEX), RELAX, -1095.0),
    }
    for step, energy_ev in ENERGIES_EV.items():
        homo, lumo = LEVELS_EV.get(step, (-5.0, -1.0))
        found[step] = calculated(COMPLEX if "ion" in step else FEC, GAS, energy_ev, homo_ev=homo, lumo_ev=lumo)
    return found | instead


def places() -> dict[str, Any]:
    made = {name: calculated(system, RELAX, -50.0) for name, system in ion_complexes(FEC).items()}
    energies = dict.fromkeys(made, -50.0) | {"f": -50.3, "ring-o-1": -50.2}
    each = {name: one.model_copy(update={"energy_ev": energies[name]}) for name, one in made.items()}
    found: dict[str, Any] = rank.original({**each, "ring-o-2": None}, "FEC", None)
    return found


def evaluated(found: dict[str, Any], ion_ev: float | None = ION_EV) -> MoleculeLevels:
    given = {"ion": "Na+", "levels": ["b3lyp"], "geometry": "b3lyp_relax"}
    molecule = {"name": "FEC", "source": "FEC"}
    result: MoleculeLevels = evaluate.original(molecule, found, {"b3lyp": ion_ev}, places(), given)
    return result


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
    assert [place.name for place in found.places[:2]] == ["f", "ring-o-1"]
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
    absent = {row.species: {name for name, value in row.model_dump().items() if value is None} for row in found.levels}
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


def result_of(*names: str) -> Any:
    each = {}
    for position, name in enumerate(names):
        own = evaluated(documents())
        rows = [
            row.model_copy(update={"molecule": name, "species": row.species.replace("FEC", name), "lumo_ev": -position})
            for row in own.levels
        ]
        each[name] = own.model_copy(update={"name": name, "levels": rows})
    document = calculated(ION, GAS, ION_EV, homo_ev=-47.0, lumo_ev=-5.3)
    chosen = settings(levels=["b3lyp"], molecules=[{"name": name, "source": "FEC"} for name in names])
    return summarise.original({**each, "lost": None}, {"b3lyp": document}, chosen)


def test_the_document() -> None:
    found = result_of("FEC")
    assert [row.species for row in found.levels] == ["FEC", "FEC–Na+", "Na+"]
    assert found.missing == ["lost"]
    headline = Orbitals().headline(found)
    assert headline.startswith("FEC (b3lyp): HOMO -8.90, LUMO 0.00 eV; FEC–Na+ (b3lyp): HOMO -13.30, LUMO 0.00 eV")
    assert headline.endswith("missing: lost")


def test_what_is_converged_is_one_species_or_nothing() -> None:
    """A complex that failed on one rung must not give the number of another species to the error bar."""
    paths = {name: quantity.path for name, quantity in Orbitals.quantities.items()}
    whole = result_of("FEC")
    assert number_at(whole, paths["LUMO with the ion"])[0] == whole.levels[1].lumo_ev
    assert number_at(whole, paths["HOMO"])[0] == -8.9
    own = evaluated(documents(**{"fec-ion-b3lyp": None}))
    ion = calculated(ION, GAS, ION_EV, homo_ev=-47.0, lumo_ev=-5.3)
    chosen = settings(levels=["b3lyp"])
    without: OrbitalsResult = summarise.original({"FEC": own}, {"b3lyp": ion}, chosen)
    assert [row.species for row in without.levels] == ["FEC", "Na+"]
    assert number_at(without, paths["LUMO with the ion"])[0] is None
    assert number_at(without, paths["LUMO"])[0] == -0.4


def test_several_molecules_are_ranked() -> None:
    found = result_of("A", "B", "C")
    assert ranked(found.levels)[0] == "lowest LUMO: C, -2.00 eV (b3lyp)"
    species = [row["species"] for row in Orbitals().tables(found)[0]]
    assert species.index("C") < species.index("B") < species.index("A")


def compared(**overrides: Any) -> dict[str, Any]:
    chosen = settings(levels=["b3lyp"], **overrides)
    found = comparisons(evaluated(documents()).levels, chosen.calculations, chosen.calculations[chosen.geometry])
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


@pytest.mark.parametrize(
    ("stretch", "broken"),
    [(1.0, 0), (1.1, 0), (1.6, 1)],
)
def test_broken_bonds(stretch: float, broken: int) -> None:
    """A bond that is a little longer is not broken, wherever the limit lies."""
    fluorine = FEC.symbols.index("F")
    positions = np.array(FEC.positions_a)
    distances = np.linalg.norm(positions - positions[fluorine], axis=1)
    carbon = int(np.argsort(distances)[1])
    positions[fluorine] = positions[carbon] + stretch * (positions[fluorine] - positions[carbon])
    assert len(broken_bonds(FEC, FEC.moved(positions))) == broken


def test_the_lowest_place_is_taken() -> None:
    found = places()
    assert found["system"].symbols[-1] == "Na"
    assert found["missing"] == ["ring-o-2"]
    assert np.array(found["system"].positions_a) == pytest.approx(np.array(ion_complexes(FEC)["f"].positions_a))


def test_a_study_of_water(natrium: CommandLine) -> None:
    """Everything once, in small bases: water binds Na+, which pulls its LUMO down, and holds no electron."""
    coarse = ["conformer.grid_spacing_a=0.3", "conformer.force_ev_a=0.5", "vacuum_a=3"]
    small = ["hf.basis=6-31G(d)", "b3lyp_relax.basis=sto-3g", *coarse]
    changed = ["molecules=[H2O]", "levels=[hf]", "b3lyp_relax.functional=HF", *small]
    told = natrium("run", "orbitals", *(word for change in changed for word in ("--set", change)))
    run = natrium.the_run()
    document = natrium.json("show", run.name)["output"]
    rows = {row["species"]: row for row in document["levels"]}
    assert set(rows) == {"H2O", "H2O–Na+", "Na+"}
    water, complexed = rows["H2O"], rows["H2O–Na+"]
    assert complexed["lumo_shift_ev"] < -2
    assert water["lumo_ev"] > 0
    assert UNBOUND_LUMO in water["notes"]
    assert {UNBOUND_ELECTRON, UNBOUND_REDUCED} <= set(water["notes"])
    assert complexed["electron_affinity_ev"] > 0
    # each part lends the other its functions, and seems to bind by it
    assert complexed["binding_ev"] < complexed["binding_counterpoise_ev"] < -0.5
    assert "H2O–Na+ (hf): HOMO" in told.stdout
    assert (run / f"{run.name}.png").exists()
