"""Levels, and the pseudo wave functions of a molecule on GPAW's real-space grid. Runs on every MPI rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase.units import Bohr, Hartree

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.frontier_orbitals import Spin, SpinChannel, find_orbital, levels_needed


def check_orbitals(calculation: Calculation, system: System, occupied: int) -> None:
    """Refuse orbitals that GPAW does not have, or not as functions of a molecule.

    Args:
        calculation: What is asked for.
        system: The system.
        occupied: Bands that hold electrons in the spin channel that has more of them.

    Raises:
        InputError: a periodic system, plane waves, smeared occupation, fewer occupied levels than homo-N reaches into.
    """
    if not calculation.keep_orbitals:
        return
    names = f"keep_orbitals={', '.join(calculation.keep_orbitals)}"
    if any(system.pbc):
        raise InputError(
            f"{names}: {system.label} is periodic, and natrium keeps orbitals of molecules",
            "leave keep_orbitals out, or give a molecule with pbc (F, F, F)",
        )
    if calculation.mode not in ("fd", "lcao"):
        raise InputError(
            f"{names} in mode {calculation.mode}: levels in plane waves do not count from the vacuum level",
            "use mode=fd or lcao, or engine pyscf",
        )
    if calculation.smearing != "none":
        raise InputError(
            f"{names} with smearing={calculation.smearing}: no level is the highest occupied one where levels are"
            " partly filled",
            "set smearing=none",
        )
    wanted, _ = levels_needed(calculation.keep_orbitals)
    if wanted > occupied:
        raise InputError(
            f"{names}: {system.label} has {occupied} occupied levels of valence electrons",
            f"leave out what lies below homo{f'-{occupied - 1}' if occupied > 1 else ''}"
            " or, for core levels, use engine pyscf",
        )


def spin_channels(dft: Any, mode: str, converged: int | None) -> list[SpinChannel]:
    """The converged levels of each calculated spin, the same on all ranks; of all k-points, one after another.

    Args:
        dft: `calc.dft` of a converged calculation with sharp occupation, spins collinear.
        mode: GPAW's mode: in atomic orbitals (lcao) all levels are converged.
        converged: Bands that were asked to converge; None: the occupied ones.
    """
    energies, occupations = dft.ibzwfs.get_all_eigs_and_occs(broadcast=True)
    spins: tuple[Spin, ...] = ("both",) if len(energies) == 1 else ("up", "down")
    bands = slice(None if mode == "lcao" else converged)
    channels = [
        SpinChannel(
            spin,
            energies[index, :, bands].ravel() * Hartree,
            occupations[index, :, bands].ravel() * dft.ibzwfs.spin_degeneracy,
        )
        for index, spin in enumerate(spins)
    ]
    if mode == "lcao" or converged is not None:
        return channels
    return [
        SpinChannel(channel.spin, channel.energies_ev[channel.filled], channel.occupations[channel.filled])
        for channel in channels
    ]


def keep_orbitals(calc: Any, channels: list[SpinChannel], names: list[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Write pseudo wave functions to .npy files: amplitudes in Å^-3/2 on the grid of the density.

    Within the PAW spheres they are smoother than the orbitals, so the sum of their squares on the grid is near 1, not
    1. The grid has no points in the walls of the cell, where a molecule's wave functions vanish.

    Args:
        calc: GPAW's calculator of a molecule, converged.
        channels: From `spin_channels`.
        names: homo, homo-1, lumo, lumo+1 and so on; of the spin whose frontier level is the nearest to the gap.
        folder: Where the files go.

    Returns:
        For each orbital its file, grid, spin, energy (eV) and norm on the grid; nothing on all ranks but the first.

    Raises:
        InputError: there is no such orbital.
    """
    grid = calc.dft.density.nt_sR.desc
    steps_a = grid.cell_cv * Bohr / grid.size_c[:, np.newaxis]
    kept = {}
    for name in names:
        spin, level = find_orbital(channels, name)
        values = calc.get_pseudo_wave_function(level, spin=spin, broadcast=False, pad=False)
        if values is None:
            continue
        file = f"orbital-{name}.npy"
        np.save(folder / file, values)
        kept[name] = {
            "file": file,
            "shape": list(values.shape),
            "origin_a": (grid.zerobc_c.astype(int) @ steps_a).tolist(),
            "cell_a": (np.array(values.shape)[:, np.newaxis] * steps_a).tolist(),
            "spin": channels[spin].spin,
            "energy_ev": float(channels[spin].energies_ev[level]),
            "norm": float((values**2).sum() * abs(np.linalg.det(steps_a))),
        }
    return kept
