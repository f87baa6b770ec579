"""Trajectories of the study na-fec-md in segments that nobody calculated, and what the study decides from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase.io.trajectory import Trajectory as Writer
from jobflow import Response
from synthetic import calculated
from synthetic_trajectories import ring_opened

from natrium.analysis.volumetric import file_sha256
from natrium.structures.interface_contacts import molecule_atoms
from natrium.structures.system import System
from natrium.workflows.dynamics_document import Dynamics
from natrium.workflows.dynamics_result import judged
from natrium.workflows.result import CalculationResult
from natrium.workflows.studies.na_fec_md import NaFecMd
from natrium.workflows.studies.reaction_trajectory import Goal, Segment, events, go_on
from natrium.workflows.study import settle

STUDY = NaFecMd()
SETTINGS = settle(STUDY, "preview", {})
MD = SETTINGS.calculations["md"]
START = STUDY.systems(SETTINGS)["fec-1-md"]
MAKER = {"name": "fec-1-md", "calculation": MD.model_dump(), "engine": "gpaw"}
GOAL = {
    "name": "fec-1",
    "species": "fec",
    "seed": 1,
    "steps": 80,
    "segment_steps": 30,
    "stop_after": None,
    "stop_delay_fs": 5.0,
}
OPENS_FS, CLEAVES_FS = 8.0, 14.0
HOT_K = 450.0


def motion(times: np.ndarray) -> np.ndarray:
    """The ring opens at 0.2 Å/fs from 5 fs on, and fluorine leaves from 11 fs on."""
    first = molecule_atoms(START)[0]
    positions = ring_opened(np.array(START.positions_a), np.clip((times - 5) * 0.2, 0, 4), first)
    carbon, fluorine = positions[:, first + 4], positions[:, first + 5]
    away = (fluorine - carbon) / np.linalg.norm(fluorine - carbon, axis=-1, keepdims=True)
    positions[:, first + 5] += away * np.clip((times - 11) * 0.2, 0, 4)[:, None]
    return positions


def still(times: np.ndarray) -> np.ndarray:
    return motion(0 * times)


def segment(
    folder: Path, first_step: int, last_step: int, *, moves: Callable[[np.ndarray], np.ndarray] = motion
) -> CalculationResult:
    """A segment of dynamics that was written down and never calculated."""
    steps = np.arange(first_step + (first_step > 0), last_step + 1)
    times = 0.5 * steps
    positions = moves(times)
    path = folder / f"{first_step}-{last_step}.traj"
    with Writer(str(path), "w") as trajectory:
        for step, time_fs, place in zip(steps, times, positions, strict=True):
            frame = START.moved(place).atoms()
            frame.info = {"step": int(step), "time_fs": float(time_fs)}
            trajectory.write(frame)
    table = path.with_suffix(".csv")
    rows = [f"{step},{time_fs},-80.0,{HOT_K}" for step, time_fs in zip(steps, times, strict=True)]
    table.write_text("\n".join(["step,time_fs,conserved_ev,temperature_k", *rows]) + "\n")
    dynamics = Dynamics(
        first_step=first_step,
        last_step=last_step,
        time_step_fs=0.5,
        trajectory=str(path),
        sha256=file_sha256(path),
        scalars=str(table),
        quality=judged([table], MD, START),
    )
    return calculated(START.moved(positions[-1]), MD, -80.0, dynamics=dynamics)


def decided(
    before: list[CalculationResult],
    last: CalculationResult | None,
    *,
    criteria: dict[str, Any] | None = None,
    crystal: System | None = None,
    **goal: Any,
) -> Any:
    wanted = Goal(**(GOAL | goal))
    known = [Segment.of(one).model_dump(mode="json") for one in before]
    course = go_on.original(START, known, last, MAKER, wanted.model_dump(), criteria or {})
    if isinstance(course, Response):
        return course
    return events.original(START, course, wanted.model_dump(), criteria or {}, crystal)
