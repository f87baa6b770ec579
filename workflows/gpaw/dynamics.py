"""Molecular dynamics with GPAW. Runs on every MPI rank."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from natrium.workflows import molecular_dynamics
from natrium.workflows.dynamics_record import Moment
from natrium.workflows.gpaw import electrons
from natrium.workflows.gpaw.prediction import DensityPrediction
from natrium.workflows.gpaw.progress import Progress


def calculate_reproducibly() -> None:
    """Make the same calculation give the same bits in every process: before a calculator is made.

    FFTW measures which of its algorithms is the fastest, with another winner, and other roundings, every time.
    """
    from gpaw.fftw import ESTIMATE, FFTWPlans

    FFTWPlans._overwrite_flags = ESTIMATE  # what GPAW's own tests do


def move(atoms: Any, calc: Any, task: dict[str, Any], before: tuple[Moment, Path] | None, progress: Progress) -> None:
    """Move the atoms: see `natrium.workflows.molecular_dynamics.run`.

    Args:
        atoms: With their calculator, dispersion included.
        calc: GPAW's own calculator.
        task: input.json.
        before: The step to go on from, and the folder where its electrons are.
        progress: Of the run.
    """
    from gpaw.mpi import world

    prediction = DensityPrediction(calc)
    if before is not None and calc._dft is not None:  # without a public way to ask
        electrons.restore(calc, prediction, before[1], before[0].electrons)
    save = partial(electrons.save, calc, prediction, progress.folder)
    moment = None if before is None else before[0]
    molecular_dynamics.run(atoms, task["md"], moment, progress.folder, progress, world, save)
