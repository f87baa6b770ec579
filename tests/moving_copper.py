"""A few atoms of copper that molecular dynamics moves without an engine, and what is on disk of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import fcc110
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read
from ase.parallel import world

from natrium.workflows import molecular_dynamics
from natrium.workflows.dynamics_record import SCALARS, TRAJECTORY, Moment, reached

SETTINGS = {
    "steps": 12,
    "time_step_fs": 2.0,
    "ensemble": "nve",
    "temperature_k": 300.0,
    "thermostat_fs": 50.0,
    "seed": 7,
}


class Watch:
    """Progress that ends a run when it is told to."""

    def __init__(self, stop_before: int | None = None) -> None:
        self.step = 0
        self.stop_before = stop_before

    def report(self, force: bool = True, **facts: Any) -> None:
        pass

    def check_stop(self) -> None:
        if self.step + 1 == self.stop_before:
            raise InterruptedError


class Forgetful(EMT):
    """EMT whose neighbour list does not depend on where the atoms were before: the order of a sum is its last bit."""

    def calculate(self, atoms: Any, properties: Any, system_changes: Any) -> None:  # noqa: ARG002
        super().calculate(atoms, properties, all_changes)


def copper(fixed: bool = True) -> Atoms:
    atoms = fcc110("Cu", (2, 2, 4), vacuum=6.0)
    atoms.calc = Forgetful()
    if fixed:
        atoms.set_constraint(FixAtoms(mask=atoms.get_tags() == 4))
    return atoms


def move(folder: Path, before: Moment | None = None, watch: Watch | None = None, **settings: Any) -> Atoms:
    folder.mkdir(exist_ok=True)
    atoms = copper()
    moment = before or reached(folder)
    molecular_dynamics.run(atoms, SETTINGS | settings, moment, folder, watch or Watch(), world, lambda step: f"e{step}")
    return atoms


def steps_of(folder: Path) -> tuple[list[int], list[int]]:
    """In the trajectory, and in the table."""
    frames = [int(frame.info["step"]) for frame in read(folder / TRAJECTORY, ":")]
    rows = [int(line.split(",")[0]) for line in (folder / SCALARS).read_text().splitlines()[1:]]
    return frames, rows


def table(folder: Path, column: str) -> np.ndarray:
    lines = [line.split(",") for line in (folder / SCALARS).read_text().splitlines()]
    return np.array([float(line[lines[0].index(column)]) for line in lines[1:]])
