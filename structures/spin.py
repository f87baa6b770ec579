"""The spin multiplicity of a molecule of which nobody said one: a closed shell, or a question."""

from __future__ import annotations

from collections.abc import Sequence

from ase.data import atomic_numbers
from ase.formula import Formula

from natrium.structures.errors import InputError

CLOSED_SHELLS = {0, 2, 10, 18, 36, 54, 86}
"""Electrons of the noble gases, and of the ions that have as many: Na+, F-. Other atoms have open shells more often
than not."""

TRIPLETS = {"O2", "S2", "OS", "B2", "HN", "CH2"}
"""Neutral molecules with an even number of electrons and a triplet ground state (Huber and Herzberg, Constants of
Diatomic Molecules, 1979; methylene: Herzberg, Proc. R. Soc. A 262, 291, 1961)."""


def default_multiplicity(symbols: Sequence[str], charge: int, label: str) -> int:
    """1, where a closed shell can be taken for granted.

    Args:
        symbols: Chemical symbols of an isolated molecule, atom or ion.
        charge: Its total charge, e.
        label: Its name, for the message.

    Raises:
        InputError: an odd number of electrons, an atom with an open shell, or a molecule known as a triplet.
    """
    electrons = sum(atomic_numbers.get(symbol, 0) for symbol in symbols) - charge
    formula = Formula.from_list(list(symbols)).format("hill")
    remedy = "say it: multiplicity=2 for a doublet, 3 for a triplet, 1 for a closed shell"
    if electrons % 2:
        raise InputError(
            f"{label}: {formula} with charge {charge:+d} has an odd number of electrons ({electrons}) and no spin"
            " multiplicity",
            f"{remedy}; or correct the charge",
        )
    if (len(symbols) == 1 and electrons not in CLOSED_SHELLS) or (charge == 0 and formula in TRIPLETS):
        raise InputError(
            f"{label}: the ground state of {formula} with charge {charge:+d} has an open shell, and no spin"
            " multiplicity is given",
            remedy,
        )
    return 1
