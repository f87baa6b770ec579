"""A better density to begin an SCF cycle with, while atoms move in small steps. Runs on every MPI rank."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_WEIGHTS: tuple[tuple[float, ...], ...] = ((), (1.0,), (2.0, -1.0))
"""Of the last errors, the newest first, by how many there are: extrapolation to the next step
(benchmarks/density_prediction.py: 4 SCF iterations instead of 8)."""

_FRESH = {"A": 0.0, "B": 1.0, "trust_radius": None}
"""Where GPAW's mixer MSR1 begins."""


class _Density(NamedTuple):
    smooth: NDArray[np.float64]
    atomic: NDArray[np.float64]


class DensityPrediction:
    """Corrects the density that GPAW guesses after a move by the errors of its last guesses, which change slowly.

    GPAW lets the orbitals follow their atoms. What comes out differs from the converged density by nearly the same at
    every step of a smooth motion.

    Args:
        calc: GPAW's calculator; its way to move atoms is replaced.
    """

    def __init__(self, calc: Any) -> None:
        self.calc = calc
        self.guess: _Density | None = None
        self.errors: list[_Density] = []
        calc.move_atoms = self.move

    def move(self, atoms: Any) -> None:
        """Move the atoms of the calculation, and guess the density there."""
        self._learn()
        calc = self.calc
        calc._dft = calc.dft.move_atoms(atoms)  # what ASECalculator.move_atoms does
        calc._atoms = atoms.copy()
        _forget(calc.dft.scf_loop.mixer)
        density = calc.dft.density
        self.guess = _copy(density)
        weights = _WEIGHTS[len(self.errors)]
        for weight, error in zip(weights, self.errors, strict=True):
            density.nt_sR.data += weight * error.smooth
            density.D_asii.data += weight * error.atomic
        if weights:
            dft = calc.dft
            dft.potential, dft.energies, _ = dft.pot_calc.calculate(density, dft.ibzwfs, dft.potential.vHt_x)

    def _learn(self) -> None:
        if self.guess is None:
            return
        now = self.calc.dft.density
        if now.nt_sR.data.shape != self.guess.smooth.shape:  # another calculation has begun
            self.errors = []
            return
        error = _Density(now.nt_sR.data - self.guess.smooth, now.D_asii.data - self.guess.atomic)
        self.errors = [error, *self.errors][: len(_WEIGHTS) - 1]

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """What the next prediction rests on, by name."""
        kept = {"guess": self.guess} | {f"error-{number}": error for number, error in enumerate(self.errors)}
        return {f"{name}.{part}": array for name, one in kept.items() if one for part, array in one._asdict().items()}

    def restore(self, arrays: dict[str, NDArray[np.float64]]) -> None:
        """Go on as the prediction that gave these arrays would have."""

        def one(name: str) -> _Density | None:
            return _Density(arrays[f"{name}.smooth"], arrays[f"{name}.atomic"]) if f"{name}.smooth" in arrays else None

        self.guess = one("guess")
        found = [one(f"error-{number}") for number in range(len(_WEIGHTS) - 1)]
        self.errors = [error for error in found if error is not None]


def _forget(mixer: Any) -> None:
    """Let a mixer begin as it began at first: MSR1 keeps step lengths of the last SCF cycle, no checkpoint has them."""
    for name, value in _FRESH.items():
        if hasattr(mixer, name):
            setattr(mixer, name, value)


def _copy(density: Any) -> _Density:
    return _Density(density.nt_sR.data.copy(), density.D_asii.data.copy())
