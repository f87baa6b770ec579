"""Molecules by name, from SMILES and from xyz files: atoms, charge, spin, bonds, and what is refused."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from natrium.structures.adsorbates import closest_contact
from natrium.structures.bonds import in_ring, neighbours
from natrium.structures.conformers import same_geometry
from natrium.structures.errors import InputError
from natrium.structures.molecule_library import RECIPES, library_molecule, library_names, made_again, molecule
from natrium.structures.smiles import MissingRDKitError, conformers_from_smiles, molecule_from_smiles
from natrium.structures.system import System
from natrium.structures.xyz_files import parse_xyz, read_xyz, xyz_text

WATER = "O 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n"


def distance_a(system: System, first: int, second: int) -> float:
    positions = np.array(system.positions_a)
    return float(np.linalg.norm(positions[first] - positions[second]))


@pytest.mark.parametrize(
    ("name", "formula", "charge", "multiplicity", "bonds"),
    [
        ("FEC", "C3H3FO3", 0, 1, 10),
        ("EC", "C3H4O3", 0, 1, 10),
        ("SN", "C4H4N2", 0, 1, 9),
        ("SN-gauche", "C4H4N2", 0, 1, 9),
        ("H2O", "H2O", 0, 1, 2),
        ("O2", "O2", 0, 3, 1),
        ("Na+", "Na+", 1, 1, 0),
    ],
)
def test_library(name: str, formula: str, charge: int, multiplicity: int, bonds: int) -> None:
    found = library_molecule(name)
    assert (found.label, found.formula, found.charge, found.multiplicity) == (name, formula, charge, multiplicity)
    assert found.pbc == (False, False, False)
    assert sum(map(len, neighbours(found))) == 2 * bonds


def test_every_library_file_is_tested_and_has_a_recipe_or_a_source() -> None:
    assert library_names() == ["EC", "FEC", "H2O", "Na+", "O2", "SN", "SN-gauche"]
    assert set(library_names()) - set(RECIPES) == {"O2"}


@pytest.mark.parametrize("name", RECIPES)
def test_the_command_in_a_library_file_makes_it_again(name: str) -> None:
    again = parse_xyz(made_again(name), "made again", label=name)
    # Not to the last digit: force fields and random numbers change a little from one RDKit to the next.
    assert again.symbols == library_molecule(name).symbols
    assert same_geometry(again, library_molecule(name), 0.03)


@pytest.mark.parametrize(
    ("name", "first", "second", "measured_a"),
    [
        # Microwave spectroscopy; MMFF is off by some hundredths.
        ("H2O", 0, 1, 0.958),
        ("O2", 0, 1, 1.208),
        ("EC", 0, 1, 1.20),
        ("EC", 1, 2, 1.36),
        ("FEC", 4, 5, 1.36),
        ("SN", 0, 1, 1.16),
    ],
)
def test_bond_lengths(name: str, first: int, second: int, measured_a: float) -> None:
    assert distance_a(library_molecule(name), first, second) == pytest.approx(measured_a, abs=0.03)


def test_the_two_conformers_of_succinonitrile_differ_in_the_distance_of_the_nitrogens() -> None:
    anti, gauche = library_molecule("SN"), library_molecule("SN-gauche")
    assert distance_a(anti, 0, 5) > 5.5
    assert distance_a(gauche, 0, 5) < 5.0
    energies = [conformer.relative_ev for conformer in conformers_from_smiles("N#CCCC#N")]
    assert energies == pytest.approx([0.0, 0.026], abs=5e-3)


def test_rings() -> None:
    fec = library_molecule("FEC")
    bonded = neighbours(fec)
    assert [atom for atom in range(10) if in_ring(bonded, atom)] == [1, 2, 3, 4, 6]


@pytest.mark.parametrize(
    ("smiles", "formula", "multiplicity"),
    [
        ("CCO", "C2H6O", 1),
        ("[CH3]", "CH3", 2),
        ("[Na+]", "Na+", 1),
        ("[F-]", "F-", 1),
        ("O=C([O-])[O-]", "CO32-", 1),
        ("[O-]C1([H])OCCO1", "C3H5O3-", 1),
        ("F[P-](F)(F)(F)(F)F", "F6P-", 1),
        ("O=C1OC[C@H](F)O1", "C3H3FO3", 1),
    ],
)
def test_charge_and_spin_come_from_the_smiles(smiles: str, formula: str, multiplicity: int) -> None:
    found = molecule_from_smiles(smiles)
    assert (found.formula, found.multiplicity, found.label) == (formula, multiplicity, smiles)


def test_a_said_multiplicity_wins_over_the_default() -> None:
    assert molecule_from_smiles("O=O", multiplicity=3, label="O2").multiplicity == 3
    assert molecule_from_smiles("O=O", multiplicity=1).multiplicity == 1


@pytest.mark.parametrize(
    ("smiles", "problem"),
    [
        ("C1CC", "unclosed ring"),
        ("CC(", "syntax error"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("", "no atoms"),
        ("C*", r"unknown one"),
        ("[Na+].O=C1OCC(F)O1", "several molecules"),
        ("CC(F)C(F)Cl", "several stereoisomers"),
        ("FC=CF", "several stereoisomers"),
        ("O=O", "open shell"),
        ("[O][O]", "2 unpaired electrons"),
        ("[CH2]CC[CH2]", "2 unpaired electrons"),
        ("[Fe+2]", "open shell"),
    ],
)
def test_refused_smiles(smiles: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        molecule_from_smiles(smiles)


def test_a_wrong_multiplicity_is_refused() -> None:
    with pytest.raises(InputError, match="cannot have multiplicity 2"):
        molecule_from_smiles("CCO", multiplicity=2)


def test_without_rdkit_the_remedy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.split(".")[0] == "rdkit":
            raise ModuleNotFoundError("No module named 'rdkit'")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingRDKitError, match=r"pip install natrium\[smiles\]"):
        molecule_from_smiles("CCO")
    with pytest.raises(MissingRDKitError):
        made_again("FEC")
    assert library_molecule("FEC").formula == "C3H3FO3"


@pytest.mark.parametrize(
    ("comment", "said", "charge", "multiplicity"),
    [
        ("water", {}, 0, 1),
        ("", {}, 0, 1),
        ("charge=1 multiplicity=2", {}, 1, 2),
        ("Charge=1 Multiplicity=2", {}, 1, 2),
        ("charge=-1", {"multiplicity": 2}, -1, 2),
        ("multiplicity=3", {}, 0, 3),
        ("charge=2", {"charge": 2}, 2, 1),
    ],
)
def test_xyz(comment: str, said: dict[str, int], charge: int, multiplicity: int, tmp_path: Path) -> None:
    path = tmp_path / "water.xyz"
    path.write_text(f"3\n{comment}\n{WATER}")
    found = read_xyz(path, **said)
    assert (found.label, found.charge, found.multiplicity) == ("water", charge, multiplicity)
    assert (found.symbols, found.pbc) == (("O", "H", "H"), (False, False, False))
    assert closest_contact(found).distance_a == pytest.approx(0.968, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "said", "problem"),
    [
        (f"3\ncharge=1\n{WATER}", {}, r"odd number of electrons \(9\)"),
        (f"3\ncharge=1\n{WATER}", {"charge": 0}, "charge=1 in the comment line, but charge=0"),
        (f"3\nmultiplicity=1\n{WATER}", {"multiplicity": 3}, "multiplicity=1 in the comment line"),
        (f"3\ncharge=0.5\n{WATER}", {}, "charge=0.5"),
        (f"3\ncharge=+\n{WATER}", {}, "charge="),
        (f"3\n\n{WATER}", {"multiplicity": 2}, "cannot have multiplicity 2"),
        (f"4\n\n{WATER}", {}, "not an xyz file"),
        ("hello\n", {}, "not an xyz file"),
        ("", {}, "geometries|not an xyz"),
        (f"3\n\n{WATER}3\n\n{WATER}", {}, "2 geometries"),
        ("2\n\nO 0 0 0\nO 0 0 1.21\n", {}, "open shell"),
        ("1\n\nO 0 0 0\n", {}, "open shell"),
        ("1\n\nNa 0 0 0\n", {}, "odd number of electrons"),
        ("3\n\nO 0 0 0\nH 0 0 0.1\nH 0 1 0\n", {}, "0.10 Å apart"),
        ("2\n\nQq 0 0 0\nH 0 0 1\n", {}, "Qq"),
        ("2\n\nH 0 0 nan\nF 0 0 1\n", {}, "not numbers"),
    ],
)
def test_refused_xyz(text: str, said: dict[str, int], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_xyz(text, "somewhere.xyz", label="x", **said)


def test_an_xyz_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match="nowhere"):
        molecule("nowhere.xyz")


def test_xyz_text_keeps_everything_or_refuses() -> None:
    boxed_ion = System.model_validate(
        library_molecule("Na+").model_dump() | {"cell_a": np.eye(3) * 12.5, "pbc": (True, True, True)}
    )
    for system in (library_molecule("FEC"), library_molecule("O2"), boxed_ion):
        assert parse_xyz(xyz_text(system, note="a b"), "text", label=system.label) == system
    with pytest.raises(InputError, match="would be lost"):
        xyz_text(System.model_validate(library_molecule("O2").model_dump() | {"magnetic_moments": (1.0, 1.0)}))
    with pytest.raises(InputError, match="double quotes"):
        xyz_text(library_molecule("O2"), note='"')


def test_magnetic_moments_of_an_extended_xyz_file_are_kept() -> None:
    text = "2\nProperties=species:S:1:pos:R:3:initial_magmoms:R:1 multiplicity=3\nO 0 0 0 1.0\nO 0 0 1.21 1.0\n"
    assert parse_xyz(text, "text", label="O2").magnetic_moments == (1.0, 1.0)


def test_a_molecule_by_the_words_of_a_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.xyz"
    path.write_text(f"3\n\n{WATER}")
    formulas = [molecule(source).formula for source in ("EC", "smiles:CO", str(path))]
    assert formulas == ["C3H4O3", "CH4O", "H2O"]
    with pytest.raises(InputError, match=r"no molecule 'fec'") as refused:
        molecule("fec")
    assert "FEC" in refused.value.remedy
