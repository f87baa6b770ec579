"""Whether molecular dynamics was sound: conservation of energy, temperature."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

LARGEST_DRIFT_MEV_ATOM_PS, LARGEST_GAIN_MEV_ATOM = 10.0, 1.0
"""Above both, a person is warned. At 300 K the kinetic energy is 39 meV an atom; a slope over a few fs is noise."""

_DOUBTFUL_SIGMAS = 3.0
_DOUBTFUL_SHARE = 0.6
"""Of the temperature, while the thermostat had little time: a lattice that starts at its sites cools to half, and a
molecule that sticks to a slab of a few dozen atoms heats it by a third."""


class DynamicsQuality(BaseModel):
    """What the table of scalars of molecular dynamics says about it."""

    model_config = ConfigDict(extra="forbid")

    steps: int = Field(description="Time steps taken")
    time_fs: float = Field(description="From the first to the last of them, fs")
    temperature_k: float = Field(description="Mean temperature of the moving atoms, K")
    temperature_spread_k: float = Field(description="Standard deviation of the momentary temperature, K")
    drift_mev_atom_ps: float | None = Field(
        description="Slope of a straight line through the conserved energy, meV for each atom and ps; none with"
        " random forces, which conserve nothing, and for fewer than three steps"
    )
    noise_mev_atom: float | None = Field(description="Standard deviation of the conserved energy about that line, meV")
    warnings: list[str] = Field(description="What a person should know before using it")


def judge_dynamics(
    time_fs: ArrayLike,
    conserved_ev: ArrayLike | None,
    temperature_k: ArrayLike,
    *,
    atoms: int,
    degrees_of_freedom: int,
    thermostat_k: float | None,
    thermostat_fs: float,
) -> DynamicsQuality:
    """Judge a run, or a part of one.

    Args:
        time_fs: Times of the steps, shape (steps + 1,), fs.
        conserved_ev: The energy that should be constant, eV; None where there is none.
        temperature_k: Momentary temperatures, K.
        atoms: Number of atoms.
        degrees_of_freedom: Of the moving ones.
        thermostat_k: Temperature of the thermostat, K; None without one.
        thermostat_fs: Its time, fs: in runs of less than five of it the mean temperature may be further off.
    """
    times, temperatures = np.asarray(time_fs, float), np.asarray(temperature_k, float)
    drift = noise = None
    warnings = []
    if conserved_ev is not None and len(times) > 2:
        energies = np.asarray(conserved_ev, float)
        slope, start = np.polyfit(times - times[0], energies, 1)
        drift = float(slope) * 1e6 / atoms
        noise = float(np.std(energies - start - slope * (times - times[0]))) * 1e3 / atoms
        gain = abs(drift) * float(times[-1] - times[0]) / 1e3
        if abs(drift) > LARGEST_DRIFT_MEV_ATOM_PS and gain > LARGEST_GAIN_MEV_ATOM:
            warnings.append(
                f"the conserved energy drifts by {drift:+.1f} meV/atom/ps: a shorter time_step_fs or a smaller"
                " energy_ev would help"
            )
    length_fs = float(times[-1] - times[0])
    mean_k, spread_k = float(temperatures.mean()), float(temperatures.std())
    if thermostat_k:
        # a canonical ensemble spreads by T √(2/f); samples two of a thermostat's times apart count as independent
        samples = max(1.0, length_fs / (2 * thermostat_fs))
        error_k = thermostat_k * math.sqrt(2 / degrees_of_freedom / samples)
        short = length_fs <= 5 * thermostat_fs
        allowed_k = max(_DOUBTFUL_SIGMAS * error_k, _DOUBTFUL_SHARE * thermostat_k if short else 0.0)
        if abs(mean_k - thermostat_k) > allowed_k:
            warnings.append(
                f"the mean temperature is {mean_k:.0f} K, the thermostat's {thermostat_k:.0f} K, and chance explains"
                f" {error_k:.0f} K: it is heating up, cooling down or not in equilibrium yet"
            )
    return DynamicsQuality(
        steps=len(times) - 1,
        time_fs=length_fs,
        temperature_k=mean_k,
        temperature_spread_k=spread_k,
        drift_mev_atom_ps=drift,
        noise_mev_atom=noise,
        warnings=warnings,
    )
