"""Molecules by name: the solvents, additives and ions of the studies, as data beside this file.

`python -m natrium.structures.molecule_library FEC` prints a file of `molecule_data` as it was made.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import NamedTuple

from natrium.structures.errors import InputError
from natrium.structures.smiles import conformers_from_smiles
from natrium.structures.system import System
from natrium.structures.xyz_files import parse_xyz, read_xyz, xyz_text


class Recipe(NamedTuple):
    """What a file was made from."""

    name: str
    smiles: str
    conformer: int = 0
    """Place among the conformers of the SMILES, the lowest force-field energy first."""


XYZ_ENDINGS = (".xyz", ".extxyz")
RECIPES = {
    "FEC": Recipe("fluoroethylene carbonate", "O=C1OCC(F)O1"),
    "EC": Recipe("ethylene carbonate", "O=C1OCCO1"),
    "SN": Recipe("succinonitrile, anti", "N#CCCC#N"),
    "SN-gauche": Recipe("succinonitrile, gauche", "N#CCCC#N", 1),
    "H2O": Recipe("water", "O"),
    "Na+": Recipe("sodium ion", "[Na+]"),
}
"""O2 has none: its file holds the measured bond length, and no force field knows the triplet."""


def library_names() -> list[str]:
    """The names that `library_molecule` knows."""
    entries = files("natrium.structures").joinpath("molecule_data").iterdir()
    return sorted(entry.name.removesuffix(".xyz") for entry in entries if entry.name.endswith(".xyz"))


def library_molecule(name: str) -> System:
    """A named molecule or ion, isolated, with its charge and multiplicity: a geometry to start a relaxation from.

    Raises:
        InputError: a name that is not in the library.

    >>> library_molecule("FEC").formula
    'C3H3FO3'
    """
    if name not in library_names():
        raise InputError(
            f"no molecule {name!r} in the library",
            f"use one of {', '.join(library_names())}, 'smiles:' and its SMILES, or the path of an xyz file",
        )
    text = files("natrium.structures").joinpath("molecule_data", f"{name}.xyz").read_text(encoding="utf-8")
    return parse_xyz(text, f"molecule_data/{name}.xyz", label=name)


def molecule(source: str) -> System:
    """A molecule from the words of a settings file: a name of the library, 'smiles:CCO', or the path of an xyz file.

    Raises:
        InputError: none of these, or what the reader of each refuses.
    """
    if source.startswith("smiles:"):
        return conformers_from_smiles(source.removeprefix("smiles:"))[0].system
    if source.lower().endswith(XYZ_ENDINGS):
        return read_xyz(source)
    return library_molecule(source)


def made_again(name: str) -> str:
    """The text of a library file, made anew from its SMILES.

    Raises:
        InputError: no recipe of this name.
        MissingRDKitError: RDKit is not installed.
    """
    if name not in RECIPES:
        raise InputError(f"no recipe for {name!r}", f"use one of {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    system = conformers_from_smiles(recipe.smiles, label=name)[recipe.conformer].system
    import rdkit

    return xyz_text(
        system,
        name=recipe.name,
        smiles=recipe.smiles,
        command=f"python -m natrium.structures.molecule_library {name}",
        made_with=f"RDKit {rdkit.__version__}, ETKDGv3 and MMFF94s",
        note="a starting geometry, not relaxed by DFT",
    )


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(made_again(argument), end="")
