"""How a SLURM job of natrium ended: what handlers of whole jobs, the rerun policy and people read."""

from __future__ import annotations

from enum import StrEnum


class JobOutcome(StrEnum):
    """Every way in which a submitted calculation can end."""

    COMPLETED = "completed"
    STOPPED = "stopped with a checkpoint"
    TIME_LIMIT = "time limit"
    OUT_OF_MEMORY = "out of memory"
    NODE_FAILURE = "node failure"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    INPUT_ERROR = "input error"
    ENGINE_FAILURE = "engine failure"
    ENGINE_CRASHED = "engine crashed"
    KILLED = "job killed"
    DISK_FULL = "disk full"
    BUSY = "folder busy"
    REFUSED = "refused by SLURM"
    NOT_STARTED = "not started"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"
