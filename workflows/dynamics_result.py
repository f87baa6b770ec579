"""From the files of molecular dynamics to its document, once every step has been found in them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from natrium.analysis.dynamics import DynamicsQuality, judge_dynamics
from natrium.analysis.volumetric import file_sha256
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.dynamics_document import Dynamics
from natrium.workflows.dynamics_record import SCALARS, TRAJECTORY, reached
from natrium.workflows.engine import EngineError


def read_dynamics(folder: Path, calculation: Calculation, system: System) -> Dynamics:
    """The document of the run in a folder.

    Raises:
        EngineError: steps are missing or there twice.
    """
    last = reached(folder)
    if last is None or last.step != last.first_step + calculation.steps:
        raise EngineError(
            f"{folder}: the dynamics ended at step {last and last.step}, {calculation.steps} steps were asked for",
            "rerun it: it goes on from its last step",
        )
    wanted = list(range(last.first_frame, last.step + 1))
    _check_steps(folder / SCALARS, [int(row["step"]) for row in _rows(folder / SCALARS)], wanted)
    _check_steps(folder / TRAJECTORY, _frames(folder / TRAJECTORY), wanted)
    return Dynamics(
        first_step=last.first_step,
        last_step=last.step,
        time_step_fs=calculation.time_step_fs,
        trajectory=str((folder / TRAJECTORY).absolute()),
        sha256=file_sha256(folder / TRAJECTORY),
        scalars=str((folder / SCALARS).absolute()),
        quality=judged([folder / SCALARS], calculation, system),
    )


def judged(tables: Sequence[Path], calculation: Calculation, system: System) -> DynamicsQuality:
    """Energy and temperature of a run in one segment or several.

    Args:
        tables: The scalars of each segment, in their order.
        calculation: Of any of them.
        system: What moved.
    """
    rows = [row for table in tables for row in _rows(table)]
    conserved = [row["conserved_ev"] for row in rows]
    return judge_dynamics(
        [float(row["time_fs"]) for row in rows],
        [float(value) for value in conserved] if all(conserved) else None,
        [float(row["temperature_k"]) for row in rows],
        atoms=len(system.symbols),
        degrees_of_freedom=3 * (len(system.symbols) - len(system.fixed)),
        thermostat_k=None if calculation.ensemble == "nve" else calculation.temperature_k,
        thermostat_fs=calculation.thermostat_fs,
    )


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return list(csv.DictReader(file))


def _frames(path: Path) -> list[int]:
    """The steps in a trajectory, in its order."""
    from ase.io.trajectory import Trajectory

    with Trajectory(str(path)) as trajectory:
        return [int(frame.info["step"]) for frame in trajectory]


def _check_steps(path: Path, found: list[int], wanted: list[int]) -> None:
    if found != wanted:
        odd = sorted(set(found) ^ set(wanted)) or sorted({step for step in found if found.count(step) > 1})
        raise EngineError(
            f"{path}: has not every step from {wanted[0]} to {wanted[-1]} once; see step {odd[0] if odd else found[0]}",
            "calculate again in a new folder, and report this with the old one",
        )
