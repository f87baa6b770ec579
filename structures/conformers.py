"""Conformers of one molecule: which of them are the same, and which lies lowest."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError
from natrium.structures.system import System

SAME_DISTANCES_A = 0.1
"""Two geometries are one where no distance differs by more, Å. Relaxations stop some hundredths of Å apart."""

SAME_ENERGY_EV = 0.02
"""The same geometry with energies further apart than this, eV, is another electronic state or a failed relaxation:
both stay in the list."""

Fingerprint = dict[tuple[str, str], NDArray[np.float64]]


class RankedConformer(BaseModel):
    """A conformer in its place among the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Its name among the conformers given")
    energy_ev: float = Field(description="Total energy, eV, on the scale of the method")
    relative_ev: float = Field(description="Energy above the lowest conformer, eV")
    duplicates: tuple[str, ...] = Field((), description="Names of the conformers that became the same geometry")
    system: System = Field(description="Its geometry")


def fingerprint(system: System) -> Fingerprint:
    """All distances, sorted, for each pair of elements, Å: the same for any order of the atoms and any mirror image.

    The molecule is taken in one piece: periodic images do not count.
    """
    first, second = np.triu_indices(len(system.symbols), k=1)
    positions = np.array(system.positions_a)
    distances = np.linalg.norm(positions[first] - positions[second], axis=1)
    found: dict[tuple[str, str], list[float]] = {}
    for i, j, distance in zip(first, second, distances, strict=True):
        a, b = sorted((system.symbols[i], system.symbols[j]))
        found.setdefault((a, b), []).append(float(distance))
    return {pair: np.sort(values) for pair, values in found.items()}


def same_geometry(first: System, second: System, tolerance_a: float = SAME_DISTANCES_A) -> bool:
    """Whether two systems have the same atoms, charge and spin, and the same distances to this tolerance, Å."""
    if _species(first) != _species(second):
        return False
    ours, theirs = fingerprint(first), fingerprint(second)
    return all(bool(np.abs(distances - theirs[pair]).max() <= tolerance_a) for pair, distances in ours.items())


def distinct(
    systems: Mapping[str, System],
    energies_ev: Mapping[str, float],
    *,
    tolerance_a: float = SAME_DISTANCES_A,
    tolerance_ev: float = SAME_ENERGY_EV,
) -> list[RankedConformer]:
    """Conformers by energy, the lowest first, each geometry once, under the name that lies lowest.

    Args:
        systems: Relaxed conformers of one molecule or complex by name.
        energies_ev: Their total energies, eV, by the same names, all by one method.
        tolerance_a: Largest difference between the sorted distances of two that are the same, Å.
        tolerance_ev: Largest difference between their energies, eV.

    Raises:
        InputError: none at all, names that do not agree, an energy that is no number, or systems of different atoms,
            charge or spin, whose energies say nothing about one another.
    """
    if not systems or set(systems) != set(energies_ev):
        raise InputError(
            f"conformers {sorted(systems)} with energies of {sorted(energies_ev)}", "give each conformer one energy"
        )
    wrong = [name for name, energy in energies_ev.items() if not math.isfinite(energy)]
    if wrong:
        raise InputError(f"the energies of {', '.join(wrong)} are not numbers", "leave out what failed")
    species = {_species(system) for system in systems.values()}
    if len(species) > 1:
        raise InputError(
            "conformers of different atoms, charge or spin: "
            + ", ".join(f"{name} {system.formula} ({system.multiplicity})" for name, system in systems.items()),
            "rank them apart",
        )
    names = sorted(systems, key=lambda name: energies_ev[name])
    kept: dict[str, list[str]] = {}
    for name in names:
        same = (
            other
            for other in kept
            if energies_ev[name] - energies_ev[other] <= tolerance_ev
            and same_geometry(systems[name], systems[other], tolerance_a)
        )
        twin = next(same, None)
        if twin is None:
            kept[name] = []
        else:
            kept[twin].append(name)
    return [
        RankedConformer(
            name=name,
            energy_ev=energies_ev[name],
            relative_ev=energies_ev[name] - energies_ev[names[0]],
            duplicates=tuple(twins),
            system=systems[name],
        )
        for name, twins in kept.items()
    ]


def _species(system: System) -> tuple[tuple[str, ...], int, int | None]:
    return tuple(sorted(system.symbols)), system.charge, system.multiplicity
