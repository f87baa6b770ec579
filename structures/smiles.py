"""Molecules from SMILES, by RDKit: starting geometries from distance geometry and a force field."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

from natrium.structures.conformers import RankedConformer, distinct
from natrium.structures.errors import InputError
from natrium.structures.spin import default_multiplicity
from natrium.structures.system import System

EMBEDDINGS = 20
"""Geometries that are tried. Of dimethoxyethane they give 7 of the 9 conformers that 150 give, of glycol 7 of 8, of
adiponitrile 6 of 7; the lowest is among them each time."""

SEED = 7
"""Of the random numbers of the embedding: the same SMILES gives the same geometry."""


class MissingRDKitError(InputError):
    """SMILES were given, and RDKit is not installed."""


def molecule_from_smiles(smiles: str, *, label: str | None = None, multiplicity: int | None = None) -> System:
    """The conformer of lowest force-field energy. See `conformers_from_smiles`.

    >>> molecule_from_smiles("O=C1OCC(F)O1").formula
    'C3H3FO3'
    """
    return conformers_from_smiles(smiles, label=label, multiplicity=multiplicity)[0].system


def conformers_from_smiles(
    smiles: str, *, label: str | None = None, multiplicity: int | None = None
) -> list[RankedConformer]:
    """The conformers of a molecule, lowest energy first: isolated, without a cell.

    Geometries are embedded (ETKDGv3: Wang et al., J. Chem. Inf. Model. 60, 2044, 2020) and relaxed with MMFF94s
    (Halgren, J. Comput. Chem. 20, 720, 1999), or UFF where that lacks parameters. They are starting geometries:
    bonds are right to some hundredths of Å, and the order of the energies need not be that of a DFT calculation.

    Args:
        smiles: Of one molecule or ion. Its charge is the sum of the formal charges.
        label: Name of the molecule; None takes the SMILES.
        multiplicity: Spin multiplicity 2S + 1. None takes 2 for one unpaired electron, and 1 for none where
            `default_multiplicity` takes that for granted.

    Raises:
        MissingRDKitError: RDKit is not installed.
        InputError: SMILES that RDKit refuses (with its words), several molecules, several possible diastereomers,
            unpaired electrons that leave the multiplicity in doubt, or no geometry found.
    """
    label = label or smiles
    mol, radicals = _molecule(smiles)
    symbols = tuple(atom.GetSymbol() for atom in mol.GetAtoms())
    charge = sum(atom.GetFormalCharge() for atom in mol.GetAtoms())
    if multiplicity is None:
        multiplicity = _multiplicity(symbols, charge, radicals, label)
    found = {
        str(number): (
            System(
                label=label,
                symbols=symbols,
                positions_a=positions,
                cell_a=((0.0,) * 3,) * 3,
                pbc=(False, False, False),
                charge=charge,
                multiplicity=multiplicity,
            ),
            energy_ev,
        )
        for number, (positions, energy_ev) in enumerate(_geometries(mol, smiles))
    }
    return distinct({k: system for k, (system, _) in found.items()}, {k: energy for k, (_, energy) in found.items()})


def _rdkit() -> Any:
    try:
        from rdkit import Chem, rdBase
        from rdkit.Chem import rdDistGeom, rdForceFieldHelpers  # noqa: F401 (found on Chem below)
    except ImportError as error:
        raise MissingRDKitError(
            "molecules from SMILES need RDKit, which is not installed",
            "pip install natrium[smiles], or give the molecule as an xyz file",
        ) from error
    return Chem, rdBase


def _molecule(smiles: str) -> tuple[Any, int]:
    """RDKit's molecule with all hydrogens, and how many unpaired electrons the SMILES has."""
    chem, base = _rdkit()
    said = io.StringIO()
    base.LogToPythonStderr()
    try:
        with contextlib.redirect_stderr(said):
            mol = chem.MolFromSmiles(smiles)
    finally:
        base.LogToCppStreams()
    if mol is None:
        words = re.sub(r"^\[[\d:]+\] ", "", said.getvalue(), flags=re.MULTILINE).strip().splitlines()
        raise InputError(f"SMILES {smiles!r}: {words[0] if words else 'refused by RDKit'}", "correct the SMILES")
    if not mol.GetNumAtoms() or any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise InputError(f"SMILES {smiles!r} has no atoms or an unknown one (*)", "write all atoms")
    if len(chem.GetMolFrags(mol)) > 1:
        raise InputError(
            f"SMILES {smiles!r} holds several molecules, and says nothing about where they lie",
            "give one molecule; natrium.structures.ion_complexes adds an ion to it",
        )
    kinds = (chem.StereoType.Atom_Tetrahedral, chem.StereoType.Bond_Double)
    stereo = [element for element in chem.FindPotentialStereo(mol) if element.type in kinds]
    unspecified = [element for element in stereo if element.specified == chem.StereoSpecified.Unspecified]
    # One open centre alone gives two mirror images with the same energies.
    if unspecified and (len(stereo) > 1 or unspecified[0].type != chem.StereoType.Atom_Tetrahedral):
        raise InputError(
            f"SMILES {smiles!r} stands for several stereoisomers",
            "write which one: @ or @@ at a centre, / and \\ at a double bond",
        )
    radicals = sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    return chem.AddHs(mol), radicals


def _multiplicity(symbols: tuple[str, ...], charge: int, radicals: int, label: str) -> int:
    if radicals > 1:
        raise InputError(
            f"{label}: {radicals} unpaired electrons may be parallel or not",
            f"say the multiplicity: {radicals + 1} where they are parallel",
        )
    return 2 if radicals else default_multiplicity(symbols, charge, label)


def _geometries(mol: Any, smiles: str) -> list[tuple[Any, float]]:
    """Positions (atoms, 3) in Å and force-field energy in eV of each geometry whose relaxation ended."""
    from ase import units

    chem, base = _rdkit()
    embedding, force_fields = chem.rdDistGeom, chem.rdForceFieldHelpers
    parameters = embedding.ETKDGv3()
    parameters.randomSeed = SEED
    with base.BlockLogs():
        numbers = list(embedding.EmbedMultipleConfs(mol, EMBEDDINGS, parameters))
        if force_fields.MMFFHasAllMoleculeParams(mol):
            relaxed = force_fields.MMFFOptimizeMoleculeConfs(mol, maxIters=5000, mmffVariant="MMFF94s")
        elif force_fields.UFFHasAllMoleculeParams(mol):
            relaxed = force_fields.UFFOptimizeMoleculeConfs(mol, maxIters=5000)
        else:
            relaxed = []
    found = [
        (mol.GetConformer(number).GetPositions(), energy * units.kcal / units.mol)
        for number, (unfinished, energy) in zip(numbers, relaxed, strict=False)
        if unfinished == 0
    ]
    if not found:
        raise InputError(
            f"SMILES {smiles!r}: RDKit finds no geometry, or has no force field for it",
            "give the molecule as an xyz file",
        )
    return found
