"""The parts of a complex, alone and with the basis functions of the other part: for the counterpoise correction."""

from __future__ import annotations

import numpy as np

from natrium.structures.errors import InputError
from natrium.structures.system import System


def counterpoise_parts(complexed: System, molecule: System, ion: System) -> dict[str, System]:
    """What the counterpoise correction needs besides the complex (Boys and Bernardi, Mol. Phys. 19, 553, 1970).

    Args:
        complexed: The complex, its ion being the last atom, as `ion_complexes` makes it.
        molecule: The molecule alone: its charge and multiplicity, in any geometry, atoms in the same order.
        ion: The ion alone, one atom.

    Returns:
        "deformed": the molecule in its geometry in the complex; "molecule": the same with the functions of the ion;
        "ion": the ion with those of the molecule. No cell.

    Raises:
        InputError: the complex is not of these two.
    """
    if complexed.symbols != molecule.symbols + ion.symbols or complexed.charge != molecule.charge + ion.charge:
        raise InputError(
            f"{complexed.label} is not {molecule.label} with {ion.label} as its last atom",
            "give the molecule and the ion that the complex was made of",
        )
    deformed = alone(molecule).moved(complexed.positions_a[:-1])
    positions = complexed.positions_a
    return {
        "deformed": deformed,
        "molecule": _with_ghosts(deformed, ((ion.symbols[0], positions[-1]),)),
        "ion": _with_ghosts(
            alone(ion).moved(positions[-1:]), tuple(zip(molecule.symbols, positions[:-1], strict=True))
        ),
    }


def alone(system: System) -> System:
    """A molecule without a cell."""
    return System.model_validate(system.model_dump() | {"cell_a": np.zeros((3, 3)), "pbc": (False,) * 3})


def _with_ghosts(system: System, ghosts: tuple[tuple[str, tuple[float, float, float]], ...]) -> System:
    return System.model_validate(system.model_dump() | {"ghosts": ghosts})
