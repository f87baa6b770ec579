"""Which bonds of a molecule another geometry of it has lost."""

from __future__ import annotations

from ase.data import covalent_radii

from natrium.structures.bonds import neighbours
from natrium.structures.counterpoise import alone
from natrium.structures.system import System

_CLEARLY = 0.1
"""Of the sum of the covalent radii: how much longer a broken bond is at least."""


def broken_bonds(before: System, after: System) -> tuple[str, ...]:
    """Bonds of the first geometry that the second has not, such as C3-F5, with indices counted from 0.

    Contacts of ions of metals are no bonds here. A bond that is longer by less than a tenth of the sum of the radii
    is not called broken, wherever the limit between bonded and not bonded lies.
    """
    old, new = alone(before), alone(after)
    stretched = []
    kept = neighbours(new)
    atoms, atoms_after = old.atoms(), new.atoms()
    for first, others in enumerate(neighbours(old)):
        for second in others:
            if second <= first or second in kept[first]:
                continue
            radii = covalent_radii[atoms.numbers[first]] + covalent_radii[atoms.numbers[second]]
            longer = atoms_after.get_distance(first, second) - atoms.get_distance(first, second)
            if longer > _CLEARLY * radii:
                stretched.append(f"{before.symbols[first]}{first}-{before.symbols[second]}{second}")
    return tuple(stretched)
