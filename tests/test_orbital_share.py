"""Whose an orbital is: shares of orbitals that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from natrium.analysis.orbital_share import orbital_share
from natrium.analysis.volumetric import VolumetricFile, VolumetricFileError, file_sha256
from natrium.structures.errors import InputError

ATOMS_A = np.array([[3.0, 3.0, 3.0], [3.0, 3.0, 7.0], [3.0, 5.0, 9.0]])
CELL_A = np.array([[6.0, 0, 0], [0, 8.0, 0], [1.0, 0, 12.0]])
ORIGIN_A = np.array([-0.5, 0.25, -1.0])


def kept(folder: Path, amplitudes: tuple[float, ...], unit: str = "Å^-3/2") -> VolumetricFile:
    """A sum of Gaussians, 0.4 Å wide, one on each atom, on an oblique grid that begins somewhere else."""
    shape = (36, 48, 72)
    fractions = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), axis=-1)
    points = ORIGIN_A + fractions @ CELL_A
    values = sum(
        amplitude * np.exp(-((points - atom) ** 2).sum(axis=-1) / 0.4**2)
        for amplitude, atom in zip(amplitudes, ATOMS_A, strict=True)
    )
    path = folder / "orbital.npy"
    np.save(path, values)
    return VolumetricFile(
        path=str(path), sha256=file_sha256(path), shape=shape, unit=unit, cell_a=CELL_A, origin_a=ORIGIN_A, kind="homo"
    )


@pytest.mark.parametrize(
    ("amplitudes", "shares"),
    [
        ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
        ((0.0, 0.0, -2.0), (0.0, 0.0, 1.0)),
        ((1.0, -1.0, 0.0), (0.5, 0.5, 0.0)),
        ((3.0, 1.0, 0.0), (0.9, 0.1, 0.0)),
        ((1.0, 1.0, 2.0), (1 / 6, 1 / 6, 4 / 6)),
    ],
)
def test_share(amplitudes: tuple[float, ...], shares: tuple[float, ...], tmp_path: Path) -> None:
    orbital = kept(tmp_path, amplitudes)
    assert [orbital_share(orbital, ATOMS_A, atom) for atom in range(3)] == pytest.approx(shares, abs=0.01)


def test_what_is_no_orbital_or_no_longer_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give an orbital"):
        orbital_share(kept(tmp_path, (1.0, 0.0, 0.0), unit="e/Å³"), ATOMS_A, 0)
    orbital = kept(tmp_path, (1.0, 0.0, 0.0))
    np.save(orbital.path, np.zeros((36, 48, 72)))
    with pytest.raises(VolumetricFileError):
        orbital_share(orbital, ATOMS_A, 0)
