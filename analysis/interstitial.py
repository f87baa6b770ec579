"""Energy and volume of an interstitial atom in a crystal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.units import GPa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError

O2_CORRECTION_EV = 1.36
"""What PBE's O2 molecule is bound too strongly by where it becomes an oxide, eV per O2: fitted to measured formation
enthalpies of oxides by L. Wang, T. Maxisch and G. Ceder, Phys. Rev. B 73, 195107 (2006)."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FormationEnergy(_Document):
    """What it costs to take half an O2 molecule into a crystal; negative where it is gained."""

    energy_ev: float = Field(description="E(host with O) − E(host) − ½ E(O2), all as calculated, eV")
    corrected_ev: float = Field(
        description="The same against an O2 molecule that is 1.36 eV higher: PBE's error of O2 in oxides after Wang,"
        " Maxisch and Ceder 2006, eV"
    )
    whole_ev: float = Field(description="Total energy of the host with O, eV")
    host_ev: float = Field(description="Total energy of the host, eV")
    o2_ev: float = Field(description="Total energy of the O2 molecule, eV")


class VolumeChange(_Document):
    """By how much one atom makes a crystal larger."""

    change_a3: float = Field(description="Relaxation volume of the interstitial, Å³")
    in_host_atoms: float = Field(description="The same in volumes of a host atom")
    pressure_gpa: float = Field(description="Pressure that the interstitial exerts in the host's cell, GPa")
    host_pressure_gpa: float = Field(description="Pressure of the host in its own cell, by the same differences, GPa")
    bulk_modulus_gpa: float = Field(description="Of the host, by the same differences, GPa")


def formation_energy(whole_ev: float, host_ev: float, o2_ev: float) -> FormationEnergy:
    """Formation energy of one interstitial oxygen atom against half an O2 molecule.

    Args:
        whole_ev: Total energy of the relaxed cell with the atom, eV.
        host_ev: Total energy of the same cell without it, ideal and not the sodium of the relaxed one, eV.
        o2_ev: Total energy of the O2 molecule by the same method, eV.
    """
    energy_ev = whole_ev - host_ev - o2_ev / 2
    return FormationEnergy(
        energy_ev=energy_ev,
        corrected_ev=energy_ev - O2_CORRECTION_EV / 2,
        whole_ev=whole_ev,
        host_ev=host_ev,
        o2_ev=o2_ev,
    )


def volume_change(
    strain: float, volume_a3: float, whole_ev: Sequence[float], host_ev: Sequence[float], host_atoms: int
) -> VolumeChange:
    """Relaxation volume of an interstitial in the elastic limit: ΔV = (p − p_host) V / B.

    The pressures p = −dE/dV are differences of total energies at edges shorter and longer by `strain`, atoms at the
    same fractions of the cell: forces vanish at the relaxed positions, so their relaxation changes E in second order
    only. A plane-wave code's stress would not do: at an affordable cutoff oxygen's Pulay stress is larger than p.

    Args:
        strain: Relative change of the cell's edges.
        volume_a3: Volume of the unstrained cell, Å³.
        whole_ev: Total energies of the cell with the interstitial at −strain, 0, +strain, eV.
        host_ev: Those of the host.
        host_atoms: Atoms of the host.

    Raises:
        InputError: the host is not stable: its energy has no minimum.
    """
    volumes = volume_a3 * (1 + strain * np.array([-1.0, 0.0, 1.0])) ** 3
    slope, _ = _parabola(volumes, whole_ev)
    host_slope, host_curvature = _parabola(volumes, host_ev)
    pressure, host_pressure, modulus = -slope, -host_slope, volume_a3 * host_curvature
    if not modulus > 0:
        raise InputError(
            f"the host's energies {list(host_ev)} eV have no minimum at ±{strain:g}",
            "use a larger strain: the energies must differ by more than they are converged to",
        )
    change_a3 = (pressure - host_pressure) * volume_a3 / modulus
    return VolumeChange(
        change_a3=change_a3,
        in_host_atoms=change_a3 * host_atoms / volume_a3,
        pressure_gpa=pressure / GPa,
        host_pressure_gpa=host_pressure / GPa,
        bulk_modulus_gpa=modulus / GPa,
    )


def _parabola(volumes: NDArray[np.float64], energies: Sequence[float]) -> tuple[float, float]:
    """First and second derivative in the middle of the parabola through three points; exactly 0 of equal energies."""
    before, after = volumes[0] - volumes[1], volumes[2] - volumes[1]
    slope_before, slope_after = (energies[0] - energies[1]) / before, (energies[2] - energies[1]) / after
    half_curvature = (slope_after - slope_before) / (after - before)
    return float(slope_before - half_curvature * before), float(2 * half_curvature)
