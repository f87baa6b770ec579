"""Levels, and orbitals on a grid around the molecule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase.units import Bohr, Hartree

from natrium.workflows.frontier_orbitals import SpinChannel, find_orbital

_SPACING_A = 0.2
_MARGIN_A = 6.0
_POINTS_AT_ONCE = 20_000


def spin_channels(mean_field: Any) -> list[SpinChannel]:
    """All levels of each calculated spin, eV from the vacuum level."""
    energies, occupations = np.asarray(mean_field.mo_energy) * Hartree, np.asarray(mean_field.mo_occ)
    if energies.ndim == 1:
        return [SpinChannel("both", energies, occupations)]
    return [SpinChannel("up", energies[0], occupations[0]), SpinChannel("down", energies[1], occupations[1])]


def keep_orbitals(mean_field: Any, names: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Write orbitals to .npy files: amplitudes in Å^-3/2 on a grid 0.2 Å wide that reaches 6 Å beyond the nuclei.

    Args:
        mean_field: A converged calculation.
        names: homo, homo-1, lumo, lumo+1 and so on; of the spin whose frontier level is the nearest to the gap.
        folder: Where the files go.

    Returns:
        For each orbital its file, grid, spin, energy (eV) and the norm on the grid, which tells how much of it lies
        outside: 1 where all of it is inside.

    Raises:
        InputError: there is no such orbital.
    """
    positions = mean_field.mol.atom_coords() * Bohr
    origin = positions.min(axis=0) - _MARGIN_A
    shape = np.ceil((np.ptp(positions, axis=0) + 2 * _MARGIN_A) / _SPACING_A).astype(int)
    axes = [start + _SPACING_A * np.arange(n) for start, n in zip(origin, shape, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) / Bohr
    channels = spin_channels(mean_field)
    coefficients = np.reshape(mean_field.mo_coeff, (len(channels), mean_field.mol.nao, -1))
    kept = {}
    for name in names:
        spin, level = find_orbital(channels, name)
        values = np.concatenate(
            [
                mean_field.mol.eval_gto("GTOval", points[start : start + _POINTS_AT_ONCE])
                @ coefficients[spin, :, level]
                for start in range(0, len(points), _POINTS_AT_ONCE)
            ]
        ).reshape(shape) * Bohr ** (-3 / 2)
        file = f"orbital-{name}.npy"
        np.save(folder / file, values)
        kept[name] = {
            "file": file,
            "shape": shape.tolist(),
            "origin_a": origin.tolist(),
            "cell_a": np.diag(_SPACING_A * shape).tolist(),
            "spin": channels[spin].spin,
            "energy_ev": float(channels[spin].energies_ev[level]),
            "norm": float((values**2).sum() * _SPACING_A**3),
        }
    return kept
