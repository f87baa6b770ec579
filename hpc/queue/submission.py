"""The record of one SLURM job of one calculation: what it asked for, how it ended, what was decided then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from natrium.hpc.cluster import Resources
from natrium.hpc.job_outcome import JobOutcome

if TYPE_CHECKING:
    from pymongo.collection import Collection

COLLECTION = "submissions"


class Stage(StrEnum):
    """How far a submission has come."""

    PREPARED = "prepared"
    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class Decision(BaseModel):
    """What follows from the end of a submission."""

    again: bool = Field(description="Whether the calculation is submitted again")
    resources: Resources = Field(description="What the next submission asks for")
    why: str = Field(description="In one line, for people")
    not_before: datetime | None = Field(None, description="Earliest time of the next submission")


class Submission(BaseModel):
    """One SLURM job for one step of a run. The id is `<run>/<step>#<number>`, which is also the job's name in SLURM."""

    # a watch that was started before an update meets records with fields of a later version
    model_config = ConfigDict(extra="ignore")

    id: str
    run: str
    step: str
    number: int = Field(description="Counts the submissions of this step from 1")
    uuid: str = Field(description="jobflow's id of the job")
    index: int = Field(description="jobflow's index: grows when a completed step is calculated anew")
    fw_id: int
    launch_id: int
    cluster: str
    folder: str = Field(description="The step's folder; the submission's own files are in job-<number> below it")
    resources: Resources
    basis: str = Field(description="What the request rests on")
    prepared: datetime
    stage: Stage = Stage.PREPARED
    here: bool = Field(
        False, description="Plain Python, without a SLURM job: done by whoever brings the run up to date"
    )
    slurm_id: str | None = None
    job_name: str = Field(description="Name of the SLURM job: the id, or in a shared allocation that of the first")
    started: datetime | None = None
    ended: datetime | None = None
    nodes: str = Field("", description="Where it ran")
    outcome: JobOutcome | None = None
    evidence: str = Field("", description="What shows the outcome, and who says so")
    decision: Decision | None = None
    unseen_since: datetime | None = Field(None, description="Since when SLURM has not known the job")
    held_since: datetime | None = Field(None, description="Since when a person has been holding the job")
    cancel_requested: bool = Field(False, description="natrium was asked to cancel it")
    counts: bool = Field(True, description="Whether it counts against the budgets: a person's rerun starts anew")

    @property
    def job_folder(self) -> Path:
        """Folder of the submission's own files: payload, script, output, end marker."""
        return Path(self.folder) / f"job-{self.number}"


class Submissions:
    """The records of submissions in one collection."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self._collection = collection
        for name in ("stage", "run", "prepared"):
            collection.create_index(name)

    def insert(self, submission: Submission) -> bool:
        """Add a record. False: there is one of this number already, somebody else was first."""
        document = submission.model_dump(mode="json")
        try:
            self._collection.insert_one({"_id": document.pop("id"), **document})
        except DuplicateKeyError:
            return False
        return True

    def update(self, submission: Submission, **changes: Any) -> Submission:
        """Change fields of a record; the changed record."""
        changed = submission.model_copy(update=changes)
        dumped = changed.model_dump(mode="json", include=set(changes))
        self._collection.update_one({"_id": submission.id}, {"$set": dumped})
        return changed

    def open(self) -> list[Submission]:
        """All that have not ended."""
        stages = [stage.value for stage in Stage if stage != Stage.ENDED]
        return self._find({"stage": {"$in": stages}})

    def in_queue(self, cluster: str) -> int:
        """How many SLURM jobs of natrium a cluster has now."""
        return len({sent.job_name for sent in self.open() if sent.cluster == cluster and not sent.here})

    def of_runs(self, runs: Iterable[str]) -> list[Submission]:
        """All of some runs, oldest first."""
        found = self._find({"run": {"$in": list(runs)}})
        return sorted(found, key=lambda submission: submission.prepared)

    def stop_counting(self, run: str, steps: Iterable[str]) -> None:
        """Start the budgets of steps anew."""
        self._collection.update_many({"run": run, "step": {"$in": list(steps)}}, {"$set": {"counts": False}})

    def _find(self, query: dict[str, Any]) -> list[Submission]:
        found = self._collection.find(query).sort("_id", ASCENDING)
        return [Submission(id=document.pop("_id"), **document) for document in found]


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
