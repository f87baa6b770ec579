"""Lists of molecules in .smi files: one SMILES a line, with a name behind it."""

from __future__ import annotations

from pathlib import Path

from natrium.structures.errors import InputError


def read_smiles_list(path: Path | str) -> dict[str, str]:
    """The SMILES by name, in the order of the file.

    A line is a SMILES, white space, and a name, which may have spaces and ends at a tab; without one the SMILES is the
    name. Empty lines and lines that begin with # are passed over. Whether the SMILES are right is not looked at here.

    Raises:
        InputError: no such file, none in it, or two of one name; with the number of the line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}", "give a text file with a SMILES and a name a line") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        smiles, *name = line.split(maxsplit=1)
        label = name[0].partition("\t")[0].strip() if name else smiles
        if label in found:
            raise InputError(f"{path}, line {number}: there are two molecules {label!r}", "give each its own name")
        found[label] = smiles
    if not found:
        raise InputError(f"{path}: no molecules", "write a SMILES and a name a line: O=C1OCC(F)O1 FEC")
    return found
