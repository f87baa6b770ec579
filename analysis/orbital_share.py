"""How much of an orbital is at one atom: whose LUMO it is, and where an extra electron went."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from natrium.analysis.volumetric import VolumetricFile
from natrium.structures.errors import InputError


def orbital_share(orbital: VolumetricFile, positions_a: ArrayLike, atom: int) -> float:
    """Share of an orbital's density that is nearer to an atom than to any other, 0 to 1.

    Space is divided by planes half-way between the atoms, which favours none by its size. That tells an orbital of an
    ion from one of the molecule beside it; it is no population.

    Args:
        orbital: Its amplitudes on a grid that holds all of it.
        positions_a: Of the atoms on the grid's axes, shape (atoms, 3), Å.
        atom: Index of the atom.

    Raises:
        InputError: it is a density.
        VolumetricFileError: the file is gone or not what it was.
    """
    if orbital.unit == "e/Å³":
        raise InputError(f"{orbital.path} is the {orbital.kind}", "give an orbital")
    atoms = np.asarray(positions_a, float) - np.array(orbital.origin_a)
    steps_a = np.array(orbital.cell_a) / np.array(orbital.shape)[:, None]
    plane = np.stack(np.meshgrid(*map(np.arange, orbital.shape[1:]), indexing="ij"), axis=-1) @ steps_a[1:]
    whole = own = 0.0
    for number, values in enumerate(orbital.values()):
        density = np.asarray(values, float) ** 2
        apart = (plane + number * steps_a[0])[..., None, :] - atoms
        nearest = np.einsum("...i,...i", apart, apart).argmin(axis=-1)
        whole += float(density.sum())
        own += float(density[nearest == atom].sum())
    return own / whole
