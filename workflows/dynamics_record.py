"""The files of a molecular dynamics run: the state that the next step begins from, the trajectory, the scalars.

A step is finished when dynamics.json says so. It holds everything that the next step needs (positions, momenta, forces,
the thermostat, the random numbers), each number to its last bit, and names the files with the electrons. The
trajectory and the table are written after it, and completed from it where a kill came in between: no step is missing
and none is there twice. All three are on the disk, not just with the system, before the next step begins.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from natrium.workflows.atomic_file import replace_text

STATE, TRAJECTORY, SCALARS = "dynamics.json", "trajectory.traj", "dynamics.csv"
TORN = "trajectory.torn"
"""What a kill during the very first frame leaves of the trajectory."""
COLUMNS = (
    "step",
    "time_fs",
    "potential_ev",
    "free_energy_ev",
    "kinetic_ev",
    "conserved_ev",
    "temperature_k",
    "max_force_ev_a",
)
"""Of the table. The forces are the gradient of the electronic free energy; conserved is its sum with the kinetic energy
and the thermostat's, and empty where the thermostat is random."""


class Moment(NamedTuple):
    """A finished step: what the next one begins from."""

    step: int
    """Counted from the beginning of the dynamics, over all runs that continue one another."""
    first_step: int
    """The step that the run in this folder began from."""
    time_fs: float
    positions_a: list[list[float]]
    momenta: list[list[float]]
    """In ASE's unit √(eV·u), in which they are integrated: a conversion would cost the last bit."""
    forces_ev_a: list[list[float]]
    potential_ev: float
    free_energy_ev: float
    conserved_ev: float | None
    thermostat: dict[str, list[float]]
    """The variables of the thermostat, by their names."""
    random: dict[str, Any]
    """State of the random number generator."""
    electrons: str
    """The files with the electrons, see the engine."""

    @property
    def first_frame(self) -> int:
        """The first step of this folder's trajectory: that of a later segment is the last of the one before."""
        return self.first_step + (self.first_step > 0)


def reached(folder: Path) -> Moment | None:
    """The last finished step of the run in this folder; None before the first."""
    path = folder / STATE
    return Moment(**json.loads(path.read_text())) if path.exists() else None


class Record:
    """Writes the files of a run. Only the first MPI rank does."""

    def __init__(self, folder: Path, comm: Any) -> None:
        self.folder = folder
        self.comm = comm

    def finish(self, moment: Moment, atoms: Any) -> None:
        """Make a step count: the state first, so that the rest can be completed from it."""
        if self.comm.rank == 0:
            replace_text(self.folder / STATE, json.dumps(moment._asdict()))
            self._append(moment, atoms)
        self.comm.barrier()

    def complete(self, moment: Moment, atoms: Any) -> None:
        """After an interruption: leave no half line, and add the last step where it is missing.

        Raises:
            EngineError: more than the last frame or line is missing, or the trajectory cannot be read.
        """
        if self.comm.rank == 0:
            table = self.folder / SCALARS
            lines = table.read_text().splitlines(keepends=True) if table.exists() else []
            whole = [line for line in lines if line.endswith("\n")]
            if whole != lines:
                replace_text(table, "".join(whole))
            told = int(whole[-1].split(",")[0]) if len(whole) > 1 else -1
            last = self._last_frame(moment)
            for name, ends in ((TRAJECTORY, last), (SCALARS, told)):
                if ends < moment.step - 1 and moment.step > moment.first_frame:
                    self._refuse(name, "is not there" if ends < 0 else f"ends at step {ends}", moment)
            if last < moment.step:
                self._append_frame(moment, atoms)
            if told < moment.step:
                self._append_scalars(moment, atoms)
        self.comm.barrier()

    def _append(self, moment: Moment, atoms: Any) -> None:
        self._append_frame(moment, atoms)
        self._append_scalars(moment, atoms)

    def _append_frame(self, moment: Moment, atoms: Any) -> None:
        from ase.calculators.singlepoint import SinglePointCalculator
        from ase.io.trajectory import Trajectory
        from ase.parallel import DummyMPI

        frame = atoms.copy()
        frame.info = {"step": moment.step, "time_fs": moment.time_fs}
        frame.calc = SinglePointCalculator(
            frame,
            energy=moment.potential_ev,
            free_energy=moment.free_energy_ev,
            forces=np.array(moment.forces_ev_a),
        )
        with Trajectory(str(self.folder / TRAJECTORY), "a", comm=DummyMPI()) as trajectory:
            trajectory.write(frame)
        with (self.folder / TRAJECTORY).open("rb") as file:
            os.fsync(file.fileno())

    def _append_scalars(self, moment: Moment, atoms: Any) -> None:
        table = self.folder / SCALARS
        kinetic_ev = atoms.get_kinetic_energy()
        free = np.ones(len(atoms), bool)
        for constraint in atoms.constraints:
            free[constraint.get_indices()] = False
        largest = float(np.linalg.norm(np.array(moment.forces_ev_a)[free], axis=1).max(initial=0.0))
        values = (
            moment.step,
            round(moment.time_fs, 6),
            moment.potential_ev,
            moment.free_energy_ev,
            kinetic_ev,
            "" if moment.conserved_ev is None else moment.conserved_ev,
            atoms.get_temperature(),
            largest,
        )
        with table.open("a") as file:
            if not file.tell():
                file.write(",".join(COLUMNS) + "\n")
            file.write(",".join(str(value) for value in values) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _last_frame(self, moment: Moment) -> int:
        """Number of the last step in the trajectory; -1 without one. A file torn in its first frame is put aside."""
        from ase.io.trajectory import Trajectory

        path = self.folder / TRAJECTORY
        if not path.exists():
            return -1
        try:
            with Trajectory(str(path)) as trajectory:
                return int(trajectory[-1].info["step"])
        except Exception as error:  # of any class: what damaged bytes say is read as offsets and sizes
            if moment.step > moment.first_frame:
                self._refuse(TRAJECTORY, f"cannot be read at its end ({type(error).__name__}: {error})", moment)
            path.replace(self.folder / TORN)
            return -1

    def _refuse(self, name: str, what: str, moment: Moment) -> NoReturn:
        # here, because with it come the documents of all results, and most runs do not fail
        from natrium.workflows.engine import EngineError

        raise EngineError(
            f"{self.folder / name} {what}, but the dynamics had reached step {moment.step}",
            "calculate again in a new folder: what was written is lost, as when a machine or its disk fails",
        )
