"""Levels near the gap, and orbitals on a grid around the molecule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from ase.units import Bohr, Hartree
from numpy.typing import NDArray

_NEAR_GAP = 10
_SPACING_A = 0.2
_MARGIN_A = 6.0
_POINTS_AT_ONCE = 20_000


def spin_channels(mean_field: Any) -> list[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Name ('both', or 'up' and 'down'), energies (Hartree), occupations and coefficients of each calculated spin."""
    energies, occupations, coefficients = mean_field.mo_energy, mean_field.mo_occ, mean_field.mo_coeff
    if np.ndim(energies) == 1:
        return [("both", np.asarray(energies), np.asarray(occupations), np.asarray(coefficients))]
    return [
        (name, np.asarray(energies[spin]), np.asarray(occupations[spin]), np.asarray(coefficients[spin]))
        for spin, name in enumerate(("up", "down"))
    ]


def levels(mean_field: Any) -> list[dict[str, Any]]:
    """Of each spin the ten highest occupied and the ten lowest empty levels: energies in eV from the vacuum level."""
    found = []
    for name, energies, occupations, _ in spin_channels(mean_field):
        occupied = int((occupations > 0).sum())
        first, last = max(occupied - _NEAR_GAP, 0), min(occupied + _NEAR_GAP, len(energies))
        found.append(
            {
                "spin": name,
                "first": first + 1,
                "energies_ev": (energies[first:last] * Hartree).tolist(),
                "occupations": occupations[first:last].tolist(),
            }
        )
    return found


def frontier_ev(mean_field: Any) -> tuple[float | None, float | None]:
    """Highest occupied and lowest empty level of both spins, eV from the vacuum level; None where there is none."""
    channels = spin_channels(mean_field)
    occupied = np.concatenate([energies[occupations > 0] for _, energies, occupations, _ in channels])
    empty = np.concatenate([energies[occupations == 0] for _, energies, occupations, _ in channels])
    return (
        float(occupied.max()) * Hartree if occupied.size else None,
        float(empty.min()) * Hartree if empty.size else None,
    )


def keep_orbitals(mean_field: Any, names: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Write orbitals to .npy files: amplitudes in Å^-3/2 on a grid 0.2 Å wide that reaches 6 Å beyond the nuclei.

    Args:
        mean_field: A converged calculation.
        names: homo, homo-1, lumo, lumo+1 and so on; of the spin whose frontier level is the nearest to the gap.
        folder: Where the files go.

    Returns:
        For each orbital its file, grid, spin, energy (eV) and the norm on the grid, which tells how much of it lies
        outside: 1 where all of it is inside.
    """
    positions = mean_field.mol.atom_coords() * Bohr
    origin = positions.min(axis=0) - _MARGIN_A
    shape = np.ceil((np.ptp(positions, axis=0) + 2 * _MARGIN_A) / _SPACING_A).astype(int)
    axes = [start + _SPACING_A * np.arange(n) for start, n in zip(origin, shape, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) / Bohr
    kept = {}
    for name in names:
        spin, energy, coefficients = _orbital(mean_field, name)
        values = np.concatenate(
            [
                mean_field.mol.eval_gto("GTOval", points[start : start + _POINTS_AT_ONCE]) @ coefficients
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
            "spin": spin,
            "energy_ev": energy * Hartree,
            "norm": float((values**2).sum() * _SPACING_A**3),
        }
    return kept


def _orbital(mean_field: Any, name: str) -> tuple[str, float, NDArray[Any]]:
    match = re.fullmatch(r"(homo|lumo)(?:[-+](\d))?", name)
    assert match, name  # the Calculation has been checked
    distance = int(match[2] or 0)
    candidates = []
    for spin, energies, occupations, coefficients in spin_channels(mean_field):
        occupied = int((occupations > 0).sum())
        frontier, index = (
            (occupied - 1, occupied - 1 - distance) if match[1] == "homo" else (occupied, occupied + distance)
        )
        if 0 <= index < len(energies) and 0 <= frontier < len(energies):
            rank = -energies[frontier] if match[1] == "homo" else energies[frontier]
            candidates.append((float(rank), spin, float(energies[index]), coefficients[:, index]))
    if not candidates:
        raise IndexError(f"there is no orbital {name}: the basis has too few functions or the system too few electrons")
    _, spin, energy, coefficients = min(candidates, key=lambda candidate: candidate[0])
    return spin, energy, coefficients
