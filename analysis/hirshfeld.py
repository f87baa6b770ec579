"""Hirshfeld charges: the density shared among the atoms in proportion to what each would have as a free atom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.system import System

REACH_A = 6.0
"""Beyond this radius, Å, a free atom's share is left out: sodium's 3s shell has 3·10⁻³ of its electron there."""


class FreeAtom(BaseModel):
    """The spherical density of a free atom, core included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    r_a: list[float] = Field(description="Radii, ascending from 0, Å")
    density_e_a3: list[float] = Field(description="Density of all electrons at these radii, e/Å³")


def hirshfeld_charges(
    density_e_a3: ArrayLike, system: System, free_atoms: Mapping[str, FreeAtom], *, reach_a: float = REACH_A
) -> NDArray[np.float64]:
    """Charge of each atom, e: nuclear charge minus its share ∫ w n of the density of all electrons.

    w is the free atom's density over the sum of all free atoms' densities (F. L. Hirshfeld, Theor. Chim. Acta 44, 129,
    1977). Where no free atom reaches, the density belongs to nobody; the sum of the charges tells how much that is.

    Args:
        density_e_a3: Density of all electrons, point i at i/n of the lattice vectors, shape (nx, ny, nz), e/Å³.
        system: The atoms in the same cell.
        free_atoms: Density of the free atom of each element.
        reach_a: Radius at which a free atom's density is cut, Å.

    Returns:
        Shape (atoms,), e; positive where electrons were lost.
    """
    density = np.asarray(density_e_a3, dtype=np.float64)
    cell = np.array(system.cell_a)
    volume_a3 = abs(np.linalg.det(cell)) / density.size
    atoms = [
        (symbol, free_atoms[symbol], np.array(position))
        for symbol, position in zip(system.symbols, system.positions_a, strict=True)
    ]
    together = np.zeros(density.shape)
    for _, free, position in atoms:
        where, share = _share(free, position, cell, system.pbc, density.shape, reach_a)
        np.add.at(together, where, share)
    charges = []
    # once more instead of kept: the points of all atoms at once would be gigabytes
    for symbol, free, position in atoms:
        where, share = _share(free, position, cell, system.pbc, density.shape, reach_a)
        charges.append(atomic_numbers[symbol] - volume_a3 * float((share / together[where] * density[where]).sum()))
    return np.array(charges)


def _share(
    atom: FreeAtom, position: Any, cell: Any, pbc: tuple[bool, bool, bool], shape: tuple[int, ...], reach_a: float
) -> tuple[tuple[Any, ...], Any]:
    """Indices of the grid points within reach, each image of the atom by itself, and its density there, e/Å³."""
    size = np.array(shape)
    relative = np.linalg.solve(cell.T, position)
    half = np.ceil(reach_a * np.linalg.norm(np.linalg.inv(cell), axis=0) * size).astype(int) + 1
    nearest = np.around(relative * size).astype(int)
    along = [np.arange(middle - reach, middle + reach + 1) for middle, reach in zip(nearest, half, strict=True)]
    within = [
        points if periodic else points[(points >= 0) & (points < n)]
        for points, periodic, n in zip(along, pbc, size, strict=True)
    ]
    axes = [
        (points[:, None] / n - start) * vector
        for points, n, start, vector in zip(within, size, relative, cell, strict=True)
    ]
    vectors = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]
    radii = np.linalg.norm(vectors, axis=-1)
    inside = radii < reach_a
    points = np.stack(np.meshgrid(*within, indexing="ij"), axis=-1)[inside]
    return tuple((points % size).T), np.interp(radii[inside], atom.r_a, atom.density_e_a3)
