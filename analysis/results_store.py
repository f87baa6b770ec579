"""The results store: what has been calculated, asked for by study, formula, engine, preset and time.

Every job of natrium carries `metadata = {"natrium": {run, study, step, kind, preset, engine, formula}}`. The address of
a document is "<run>/<step>" ("na110-3f9c2a/slab-relax"), that of a study's result is "<run>"; the beginning of an
address will do where it is unique.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field
from pymongo import DESCENDING

from natrium.analysis.cost import Cost, index_costs, newest_costs
from natrium.analysis.runs import Runs, prefix_filter
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from jobflow import JobStore
    from pymongo.collection import Collection

Kind = Literal["calculation", "study", "structure", "evaluation", "part"]
"""A part is a study's result within the run of a larger study, an evaluation what calculations gave together."""

FIELD = "metadata.natrium"
COMPLETED = "completed_at"
HEAD = {"uuid": 1, "index": 1, COMPLETED: 1, FIELD: 1}
INDEXES = ("run", "study", "formula", "engine", "preset", "kind")


class StudyRow(BaseModel):
    """One line of the table of results."""

    address: str = Field(description="<run>, or <run>/<step> of one calculation")
    study: str
    formula: str
    engine: str
    preset: str
    kind: Kind
    completed_at: datetime = Field(description="With the time zone of this machine")
    output: Any = Field(description="The result document; arrays in the additional store are left there")


def address(natrium: Mapping[str, str]) -> str:
    """The address of the document with this metadata."""
    return natrium["run"] if natrium["kind"] == "study" else f"{natrium['run']}/{natrium['step']}"


class ResultsStore:
    """Queries on a connected job store. Every query is answered from an index."""

    def __init__(self, jobstore: JobStore) -> None:
        self._jobstore = jobstore
        self._documents: Collection[dict[str, Any]] = jobstore.docs_store._collection
        self._documents.create_index(COMPLETED)
        for name in INDEXES:
            self._documents.create_index([(f"{FIELD}.{name}", 1), (COMPLETED, 1)])
        index_costs(self._documents)

    @cached_property
    def runs(self) -> Runs:
        """The records of runs, in the same database."""
        return Runs(self._documents.database["runs"])

    def find(
        self,
        *,
        run: str | None = None,
        study: str | None = None,
        formula: str | None = None,
        engine: str | None = None,
        preset: str | None = None,
        kind: Kind | None = "study",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[StudyRow]:
        """Results, the newest first.

        Args:
            run: Only of this run, by its whole address.
            study: Only of this study.
            formula: Only with this formula, in Hill order: Na7.
            engine: Only of this engine.
            preset: Only with this preset.
            kind: Results of studies, single calculations, or None: both.
            since: Completed then or later; without a time zone it is this machine's time.
            until: Completed then or earlier.
            limit: At most so many.
        """
        wanted = {"run": run, "study": study, "formula": formula, "engine": engine, "preset": preset, "kind": kind}
        query: dict[str, Any] = {f"{FIELD}.{name}": value for name, value in wanted.items() if value is not None}
        span = {"$gte": _local_text(since) if since else "", "$lte": _local_text(until) if until else "9999"}
        cursor = self._documents.find(query | {COMPLETED: span, FIELD: {"$exists": True}}).sort(COMPLETED, DESCENDING)
        return [_row(document) for document in cursor.limit(limit)]

    def costs(self, engine: str, limit: int = 50) -> list[Cost]:
        """What an engine's calculations cost, the newest first; those of several attempts are left out.

        Args:
            engine: The engine that calculated.
            limit: Look at no more than so many calculations.
        """
        return newest_costs(self._documents, engine, limit)

    def get(self, address_prefix: str, *, arrays: bool = False) -> dict[str, Any]:
        """The newest document at an address as jobflow stored it: uuid, index, output, completed_at, metadata, name.

        Args:
            address_prefix: The beginning of an address, or all of it; a complete address wins over longer ones.
            arrays: Bring the large arrays along.

        Raises:
            InputError: No document or several begin like this; the message names candidates.
        """
        run, slash, step = address_prefix.partition("/")
        kinds: list[Kind] = ["calculation", "evaluation", "part"] if slash else ["study"]
        query = prefix_filter(f"{FIELD}.run", run) | {f"{FIELD}.kind": {"$in": kinds}}
        newest: dict[str, dict[str, Any]] = {}
        for document in self._documents.find(query, HEAD).sort(COMPLETED, DESCENDING):
            newest.setdefault(address(document["metadata"]["natrium"]), document)
        matches = [found for found in newest if found.partition("/")[2].startswith(step)]
        exact = [found for found in matches if found == address_prefix]
        same_step = [found for found in matches if slash and found.endswith(slash + step)]
        matches = exact or same_step or matches
        if len(matches) != 1:
            raise self._not_one(address_prefix, matches)
        found = newest[matches[0]]
        key = {"uuid": found["uuid"], "index": found["index"]}
        document = self._jobstore.query_one(key, load=arrays)
        assert document is not None
        return dict(document) | {"output": _plain(document["output"])}

    def _not_one(self, prefix: str, matches: list[str]) -> InputError:
        if matches:
            return InputError(f"{prefix!r} begins several addresses: {_some(matches)}", "write more of the address")
        run = prefix_filter(f"{FIELD}.run", prefix.partition("/")[0])
        known = [address(document["metadata"]["natrium"]) for document in self._documents.find(run, HEAD).limit(50)]
        if not known:
            recent = {row.address for row in self.find(kind=None, limit=200)}
            known = difflib.get_close_matches(prefix, recent, n=5, cutoff=0.4)
        hint = f"there are {_some(known)}" if known else "`natrium results` lists what there is"
        return InputError(f"there is no result {prefix!r}", hint)


def _some(addresses: Iterable[str], limit: int = 10) -> str:
    names = sorted(set(addresses))
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _plain(output: Any) -> Any:
    """A result document without jobflow's marks of its class, which the models do not know."""
    if isinstance(output, dict):
        return {name: value for name, value in output.items() if not name.startswith("@")}
    return output


def _row(document: dict[str, Any]) -> StudyRow:
    natrium = document["metadata"]["natrium"]
    completed_at = datetime.fromisoformat(document[COMPLETED]).astimezone()
    names = ("study", "formula", "engine", "preset", "kind")
    return StudyRow(
        address=address(natrium),
        completed_at=completed_at,
        output=_plain(document["output"]),
        **{name: natrium[name] for name in names},
    )


def _local_text(time: datetime) -> str:
    """As jobflow writes completed_at: local time without a zone, ISO 8601, which sorts as text."""
    return (time.astimezone().replace(tzinfo=None) if time.tzinfo else time).isoformat()
