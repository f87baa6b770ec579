"""Options of the commands that start a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Preset = Annotated[str, typer.Option(help="Named settings of the study.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated.")
]
Engine = Annotated[str, typer.Option(help="What calculates.")]
Molecules = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.smi|NAME,…",
        help="Molecules of the study orbitals: a file with a SMILES and a name a line; or names, smiles:…, xyz files.",
    ),
]
Directory = Annotated[Path, typer.Option("--dir", help="Run folders are made below this one.")]
WallTime = Annotated[str | None, typer.Option(help="Stop with a checkpoint before this much time: 30m, 2h.")]
RUNS = Path("natrium-runs")
"""Where run folders are made when nobody says otherwise."""


def settings_given(overrides: list[str] | None, molecules: str | None) -> dict[str, Any]:
    """The settings that somebody changes, from --set and --molecules.

    The list of molecules is part of the run: a file that changes later changes nothing in it.

    Raises:
        InputError: what cannot be read, or one thing said twice.
    """
    values = parsed(overrides or [])
    if molecules is None:
        return values
    from natrium.structures.errors import InputError
    from natrium.structures.smiles_list import read_smiles_list

    if "molecules" in values:
        raise InputError("--molecules and --set molecules=…", "leave one of them out")
    if molecules.lower().endswith(".smi"):
        listed: list[Any] = [
            {"name": name, "source": f"smiles:{smiles}"} for name, smiles in read_smiles_list(molecules).items()
        ]
    else:
        listed = [name.strip() for name in molecules.split(",")]
    return values | {"molecules": listed}


def parsed(overrides: list[str]) -> dict[str, Any]:
    """NAME=VALUE pairs, the value as YAML: 400, 1e-6, [12, 12, 1], true, null, dzp.

    Raises:
        InputError: no value, a value that YAML cannot read, or two for one name.
    """
    import yaml

    from natrium.structures.errors import InputError

    values: dict[str, Any] = {}
    for override in overrides:
        name, equals, text = (part.strip() for part in override.partition("="))
        if not equals or not text:
            raise InputError(f"--set {override}: no value", "write --set NAME=VALUE, for example --set cutoff_ev=400")
        if name in values:
            raise InputError(f"--set {name} is given twice", "leave one of them out")
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(
                f"--set {override}: cannot read the value", "quote it: --set 'kpoints=[12, 12, 1]'"
            ) from error
        if isinstance(values[name], str):  # YAML 1.1 wants a point in 1e-6
            try:
                values[name] = float(values[name])
            except ValueError:
                continue
    return values
