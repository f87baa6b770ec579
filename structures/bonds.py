"""Which atoms of a molecule are bonded, judged by their distance."""

from __future__ import annotations

import numpy as np

from natrium.structures.adsorbates import contacts
from natrium.structures.system import System

LONGEST_BOND = 1.2
"""In units of the sum of the covalent radii (Cordero et al., Dalton Trans. 2832, 2008): bonds of the
library's molecules reach 1.03, the nearest atoms that are not bonded, S–N–S of an imide anion, are at 1.29."""

IONIC = {"Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba"}
"""Metals whose contacts with a molecule are coordination, no bonds; their covalent radii would reach everything."""


def neighbours(system: System) -> list[list[int]]:
    """For each atom, the indices of the atoms that it is bonded to, ascending; periodic images count."""
    from ase.data import atomic_numbers, covalent_radii

    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in system.symbols])
    bonded: list[set[int]] = [set() for _ in system.symbols]
    for first, second, distance_a in contacts(system, 2 * LONGEST_BOND * float(radii.max())):
        if distance_a <= LONGEST_BOND * (radii[first] + radii[second]) and not IONIC & {
            system.symbols[first],
            system.symbols[second],
        }:
            bonded[first].add(second)
            bonded[second].add(first)
    return [sorted(others) for others in bonded]


def in_ring(bonded: list[list[int]], atom: int) -> bool:
    """Whether two neighbours of the atom are joined by bonds that do not pass through it."""
    for start in bonded[atom]:
        seen, reached = {atom, start}, [start]
        while reached:
            reached = [other for one in reached for other in bonded[one] if other not in seen]
            seen.update(reached)
        if len(seen.intersection(bonded[atom])) > 1:
            return True
    return False
