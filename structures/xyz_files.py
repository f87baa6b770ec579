"""Molecules in xyz and extended xyz files, with the charge and the spin that such files usually keep silent about."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from natrium.structures.adsorbates import check_distances
from natrium.structures.errors import InputError
from natrium.structures.spin import default_multiplicity
from natrium.structures.system import System

if TYPE_CHECKING:
    from ase import Atoms


def read_xyz(
    path: str | Path, *, label: str | None = None, charge: int | None = None, multiplicity: int | None = None
) -> System:
    """The molecule in an xyz or extended xyz file. See `parse_xyz`.

    Args:
        path: Of the file, which holds one geometry.
        label: Name of the molecule; None takes the file's name.
        charge: Total charge, e. None takes `charge=` of the comment line, else 0.
        multiplicity: Spin multiplicity 2S + 1. None takes `multiplicity=` of the comment line, else a closed shell.

    Raises:
        InputError: a file that cannot be read, or anything that `parse_xyz` refuses.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}", "give the path of an xyz file") from error
    return parse_xyz(text, str(path), label=label or path.stem, charge=charge, multiplicity=multiplicity)


def parse_xyz(
    text: str, source: str, *, label: str, charge: int | None = None, multiplicity: int | None = None
) -> System:
    """The molecule in the text of an xyz file.

    Charge and multiplicity stand in the comment line as `charge=1 multiplicity=2`. An unsaid charge is 0. An unsaid
    multiplicity is 1 where `default_multiplicity` takes that for granted. A cell (`Lattice=`) and start values of
    magnetic moments (`initial_magmoms`) are kept.

    Args:
        text: Count, comment line, one line for each atom with symbol and position in Å; one geometry.
        source: Where the text comes from, for messages.
        label: Name of the molecule.
        charge: Total charge, e; must not contradict the comment line.
        multiplicity: Spin multiplicity 2S + 1; must not contradict the comment line.

    Raises:
        InputError: text that is no xyz file, more than one geometry, a charge or multiplicity said twice in two ways
            or no integer, electrons that leave the multiplicity in doubt, atoms too close to one another.
    """
    atoms = _atoms(text, source)
    charge = _agreed("charge", charge, atoms.info, source)
    multiplicity = _agreed("multiplicity", multiplicity, atoms.info, source)
    charge = 0 if charge is None else charge
    if multiplicity is None and not any(atoms.pbc):
        multiplicity = default_multiplicity(atoms.get_chemical_symbols(), charge, source)
    system = System.from_atoms(atoms, label, charge=charge, multiplicity=multiplicity)
    if atoms.has("initial_magmoms"):
        moments = tuple(float(moment) for moment in atoms.get_initial_magnetic_moments())
        system = System.model_validate(system.model_dump() | {"magnetic_moments": moments})
    check_distances(system)
    return system


def xyz_text(system: System, **facts: str) -> str:
    """A molecule as the text of an extended xyz file, with its charge and multiplicity.

    Args:
        system: A molecule, alone or in a box.
        facts: More for the comment line, such as where it comes from.

    Raises:
        InputError: layers, fixed atoms or magnetic moments, which the text would lose; double quotes in a fact.
    """
    if system.layers is not None or system.fixed or system.magnetic_moments is not None:
        raise InputError(
            f"{system.label}: layers, fixed atoms or magnetic moments would be lost in an xyz file",
            "write a molecule, or store the System itself (JSON)",
        )
    if any('"' in fact or "\n" in fact for fact in facts.values()):
        raise InputError(f"{system.label}: double quotes or line breaks in {facts}", "use single quotes, one line")
    comment = ["Properties=species:S:1:pos:R:3"]
    if any(system.pbc):
        comment.append(f'Lattice="{" ".join(f"{x:.8f}" for x in np.ravel(system.cell_a))}"')
    comment.append(f'pbc="{" ".join("FT"[periodic] for periodic in system.pbc)}"')
    comment.append(f"charge={system.charge}")
    comment += [] if system.multiplicity is None else [f"multiplicity={system.multiplicity}"]
    comment += [f'{name}="{fact}"' for name, fact in facts.items()]
    lines = [
        f"{symbol:<2} {x:14.8f} {y:14.8f} {z:14.8f}"
        for symbol, (x, y, z) in zip(system.symbols, system.positions_a, strict=True)
    ]
    return "\n".join([str(len(lines)), " ".join(comment), *lines, ""])


def _atoms(text: str, source: str) -> Atoms:
    from ase.io.extxyz import read_xyz as frames_of

    try:
        frames = list(frames_of(io.StringIO(text), index=slice(None)))
    # What the reader lets through depends on the line that is wrong: ValueError, IndexError, KeyError, XYZError, ….
    except Exception as error:
        raise InputError(
            f"{source}: not an xyz file ({type(error).__name__}: {error})",
            "write the number of atoms, a comment line, then one line for each atom: symbol x y z, in Å",
        ) from error
    if len(frames) != 1 or not len(frames[0]):
        raise InputError(
            f"{source}: {len(frames)} geometries" if len(frames) != 1 else f"{source}: no atoms",
            "give a file with one geometry, such as the last one of a trajectory",
        )
    atoms: Atoms = frames[0]
    return atoms


def _agreed(name: str, said: int | None, comment: dict[str, Any], source: str) -> int | None:
    """The integer that the caller, the comment line or both say; None where neither does."""
    written = next((value for key, value in comment.items() if key.lower() == name), None)
    if written is None:
        return said
    if not isinstance(written, int | np.integer) or isinstance(written, bool):
        raise InputError(f"{source}: {name}={written} in the comment line", f"give an integer, such as {name}=1")
    if said is not None and said != int(written):
        raise InputError(
            f"{source}: {name}={written} in the comment line, but {name}={said} is asked for",
            "correct one of them",
        )
    return int(written)
