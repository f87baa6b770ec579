"""How an engine process ended: a small value that handlers, verdicts and people all read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Every way in which one start of an engine can end."""

    FINISHED = "finished"
    STOPPED = "stopped"
    SCF_NOT_CONVERGED = "scf not converged"
    TOO_FEW_BANDS = "too few bands"
    LINEAR_DEPENDENCY = "linear dependency in the basis"
    POISSON_NOT_CONVERGED = "poisson solver not converged"
    RELAXATION_NOT_CONVERGED = "relaxation not converged"
    ATOMS_TOO_CLOSE = "atoms too close"
    BOX_TOO_SMALL = "box too small"
    ENERGY_NOT_A_NUMBER = "energy is not a number"
    MISSING_DATASET = "missing dataset"
    OUT_OF_MEMORY = "out of memory"
    DISK_FULL = "disk full"
    KILLED = "killed by signal 9"
    CRASHED = "crashed"
    FOLDER_BUSY = "folder busy"
    NOT_STARTED = "engine did not start"
    UNKNOWN = "unknown failure"
    VANISHED = "no end was seen"


REMEDIES = {
    Outcome.STOPPED: "continue with natrium run --resume: the checkpoint is in the folder",
    Outcome.SCF_NOT_CONVERGED: "look at the geometry and the spin state; then raise max_scf_iterations or energy_ev",
    Outcome.TOO_FEW_BANDS: "set bands to a larger number",
    Outcome.LINEAR_DEPENDENCY: "a basis with fewer diffuse functions; look at the distances of the atoms too",
    Outcome.POISSON_NOT_CONVERGED: "more vacuum around the system, or a finer grid (grid_spacing_a)",
    Outcome.RELAXATION_NOT_CONVERGED: "look at relaxation.traj; repeated, it goes on for as many steps again",
    Outcome.ATOMS_TOO_CLOSE: "correct the starting geometry: system.json names the atoms",
    Outcome.BOX_TOO_SMALL: "more room between the atoms and the walls of the cell where it is not periodic",
    Outcome.ENERGY_NOT_A_NUMBER: "the geometry or the spin state is unphysical: look at system.json",
    Outcome.MISSING_DATASET: "install gpaw-data, or set GPAW_SETUP_PATH where the engine runs",
    Outcome.OUT_OF_MEMORY: "fewer MPI processes (NATRIUM_RANKS), a larger machine, fewer k-points or a lower cutoff",
    Outcome.DISK_FULL: "make room, or ask for a larger quota; then natrium run --resume continues",
    Outcome.KILLED: "if nobody killed it, the machine ran out of memory: see OUT_OF_MEMORY in docs/troubleshooting.md",
    Outcome.CRASHED: "look at engine.*.err in the folder; natrium doctor checks the installation",
    Outcome.FOLDER_BUSY: "wait for the other run, or end it",
    Outcome.NOT_STARTED: "natrium doctor checks the engine and MPI",
    Outcome.UNKNOWN: "look at engine.*.err in the folder",
    Outcome.VANISHED: "natrium run --resume continues it",
}


@dataclass(frozen=True)
class Finding:
    """What happened, and the line that shows it."""

    outcome: Outcome
    evidence: str
