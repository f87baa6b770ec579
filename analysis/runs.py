"""The records of runs: what was started where, which of its steps are done, and what can be continued."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from pymongo.collection import Collection


class State(StrEnum):
    """Where a run, or one of its steps, stands."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


ACTIVE = (State.WAITING, State.QUEUED, State.RUNNING)
"""Of a run that goes on by itself."""
UNFINISHED = tuple(state for state in State if state != State.COMPLETED)


LATER: Literal["ignore"] = "ignore"
"""What a later version of natrium wrote into the same database must not keep this one from reading it."""


class RunStep(BaseModel):
    """One job of a run."""

    model_config = ConfigDict(extra=LATER)

    name: str
    uuid: str = Field(description="jobflow's id of the job")
    engine: str | None = Field(
        None, description="What calculates it; of old runs and of steps in Python perhaps nothing"
    )
    state: State = State.WAITING


class Run(BaseModel):
    """One start of a study."""

    model_config = ConfigDict(extra=LATER)

    address: str = Field(description="na110-3f9c2a")
    study: str
    preset: str
    overrides: dict[str, Any] = Field(default_factory=dict, description="Settings that differ from the preset")
    folder: str = Field(description="Where its files are")
    host: str
    created: datetime = Field(description="With a time zone")
    state: State = State.RUNNING
    steps: list[RunStep] = Field(default_factory=list)
    error: str | None = Field(None, description="Why it failed")
    cluster: str | None = Field(None, description="Where it was submitted to; none: it runs on its host")
    request_sha256: str | None = Field(None, description="Hash of study and settings: the same request, the same hash")
    changes: list[dict[str, Any]] = Field(default_factory=list, description="Settings that a rerun changed, and when")


class Runs:
    """The records of runs in one collection."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self._collection = collection
        for name in ("created", "state", "folder", "request_sha256"):
            collection.create_index(name)

    def insert_run(self, run: Run) -> None:
        """Add the record of a new run.

        Raises:
            InputError: There is a run with this address.
        """
        try:
            self._collection.insert_one(_to_document(run))
        except DuplicateKeyError:
            raise InputError(f"there is a run {run.address} already", "continue it, or start a new run") from None

    def update_run(self, address: str, *, state: State | None = None, error: str | None = None) -> None:
        """Change the state of a run; a run that is no longer failed has no error.

        Raises:
            InputError: There is no such run.
        """
        changes: dict[str, Any] = {"error": error} | ({} if state is None else {"state": state.value})
        self._update({"_id": address}, {"$set": changes}, address)

    def amend_run(self, address: str, overrides: dict[str, Any], changed_at: datetime) -> None:
        """Record that settings were changed after the run began.

        Args:
            address: The run.
            overrides: All overrides that hold from now on.
            changed_at: When.

        Raises:
            InputError: There is no such run.
        """
        change = {"changed_at": changed_at.astimezone(UTC).isoformat(timespec="seconds"), "overrides": overrides}
        update = {"$set": {"overrides": overrides, "request_sha256": None}, "$push": {"changes": change}}
        self._update({"_id": address}, update, address)

    def update_step(self, address: str, name: str, state: State) -> None:
        """Change the state of one step.

        Raises:
            InputError: There is no such run or step.
        """
        change = {"$set": {"steps.$.state": state.value}}
        self._update({"_id": address, "steps.name": name}, change, f"{address}/{name}")

    def add_step(self, address: str, step: RunStep) -> None:
        """Add a step that was decided on while the run went on.

        Raises:
            InputError: There is no such run.
        """
        self._update({"_id": address}, {"$push": {"steps": step.model_dump(mode="json")}}, address)

    def get_run(self, prefix: str) -> Run:
        """The run whose address begins like this.

        Raises:
            InputError: No run or several do; the message names candidates.
        """
        matches = [_from_document(found) for found in self._collection.find(prefix_filter("_id", prefix)).limit(20)]
        exact = [run for run in matches if run.address == prefix]
        if len(exact or matches) == 1:
            return (exact or matches)[0]
        if matches:
            names = ", ".join(run.address for run in matches)
            raise InputError(f"{prefix} begins several runs: {names}", "write more of the address")
        raise _unknown(prefix)

    def list_runs(self, *, state: State | None = None, study: str | None = None, limit: int = 50) -> list[Run]:
        """Records of runs, the newest first."""
        query: dict[str, Any] = {} if state is None else {"state": state.value}
        return self._newest(query | ({} if study is None else {"study": study}), limit)

    def same_request(self, request_sha256: str) -> list[Run]:
        """Records of runs with the same request, the newest first."""
        return self._newest({"request_sha256": request_sha256}, 20)

    def get_runs(self, addresses: Iterable[str]) -> list[Run]:
        """The records at these addresses; those that are not there are left out."""
        return [_from_document(found) for found in self._collection.find({"_id": {"$in": list(addresses)}})]

    def on_clusters(self, states: Iterable[State]) -> list[Run]:
        """Runs that were submitted to a cluster and are in one of these states."""
        query = {"state": {"$in": [State(state).value for state in states]}, "cluster": {"$nin": [None]}}
        return [_from_document(found) for found in self._collection.find(query)]

    def _newest(self, query: dict[str, Any], limit: int) -> list[Run]:
        # The lower bound is no restriction: it lets the index on `created` answer.
        found = self._collection.find({"created": {"$gte": ""}} | query).sort("created", DESCENDING).limit(limit)
        return [_from_document(document) for document in found]

    def _update(self, query: dict[str, Any], change: dict[str, Any], what: str) -> None:
        if not self._collection.update_one(query, change).matched_count:
            raise _unknown(what)


def prefix_filter(field: str, prefix: str) -> dict[str, Any]:
    """What begins with the prefix, as a range, which an index answers."""
    return {field: {"$gte": prefix, "$lt": prefix + "\uffff"}}


def _unknown(what: str) -> InputError:
    return InputError(f"there is no run {what}", "`natrium status` lists the runs")


def _to_document(run: Run) -> dict[str, Any]:
    document = run.model_dump(mode="json")
    # Text in UTC sorts by time and keeps its zone; BSON dates lose it.
    document["created"] = run.created.astimezone(UTC).isoformat(timespec="microseconds")
    return {"_id": document.pop("address"), **document}


def _from_document(document: dict[str, Any]) -> Run:
    return Run(address=document.pop("_id"), **document)
