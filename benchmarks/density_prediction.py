"""SCF iterations and time of a step of molecular dynamics, with and without the prediction of the density.

    python benchmarks/density_prediction.py [--preset standard] [--steps 12]

FEC on sodium as the study na-fec-md moves it, twice from the same start: with the density that GPAW guesses after a
move, and with that density corrected by the errors of the last guesses. Both take turns, step by step. The first steps
teach the prediction and are left out; the ratio of the medians counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import units
from ase.md.verlet import VelocityVerlet

from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import engine
from natrium.workflows.gpaw.prediction import DensityPrediction
from natrium.workflows.molecular_dynamics import maxwell_boltzmann
from natrium.workflows.study import settle, study

LEARNING = 3


class Step(NamedTuple):
    """What it took."""

    iterations: int
    seconds: float


class Motion:
    """The same motion with one kind of guess."""

    def __init__(self, keywords: dict[str, Any], system: System, calculation: Calculation, predicted: bool) -> None:
        from gpaw.dft import GPAW

        atoms = system.atoms()
        atoms.calc = self.calc = GPAW(**keywords, txt=None, legacy_gpaw=False)
        random = np.random.Generator(np.random.PCG64(calculation.seed or 0))
        atoms.set_momenta(maxwell_boltzmann(atoms, calculation.temperature_k, random))
        self.kept = DensityPrediction(self.calc) if predicted else None
        self.dynamics = VelocityVerlet(atoms, calculation.time_step_fs * units.fs)
        atoms.get_forces()

    def step(self) -> Step:
        """Move the atoms once."""
        begin = time.perf_counter()
        self.dynamics.step()
        return Step(self.calc.dft.scf_loop.niter, time.perf_counter() - begin)


def main() -> None:
    """Take turns, print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="preview")
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    subject = study("na-fec-md")
    settings = settle(subject, arguments.preset, {"species": ["fec"], "seeds": [1]})
    system = subject.systems(settings)["fec-1-md"]
    calculation = settings.calculations["md"]
    with tempfile.TemporaryDirectory() as folder:
        engine("gpaw").write_inputs(calculation, system, Path(folder))
        keywords = json.loads((Path(folder) / "input.json").read_text())["gpaw"]
    motions = {name: Motion(keywords, system, calculation, name == "predicted") for name in ("as GPAW", "predicted")}
    taken: dict[str, list[Step]] = {name: [] for name in motions}
    for _ in range(arguments.steps):
        for name, motion in motions.items():
            taken[name].append(motion.step())
    print(f"{system.label}, {len(system.symbols)} atoms, {arguments.steps - LEARNING} steps after {LEARNING}:")
    medians = {
        name: [statistics.median(part) for part in zip(*steps[LEARNING:], strict=True)] for name, steps in taken.items()
    }
    for name, (iterations, seconds) in medians.items():
        print(f"  {name:>9}: {iterations:4g} SCF iterations, {seconds:6.2f} s a step")
    print(f"  predicted: {medians['predicted'][1] / medians['as GPAW'][1]:.2f} of the time of a step")


if __name__ == "__main__":
    main()
