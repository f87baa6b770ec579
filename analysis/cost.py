"""What finished calculations cost: the few facts of each result document that estimates learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING

if TYPE_CHECKING:
    from pymongo.collection import Collection

_NATRIUM, _COMPLETED = "metadata.natrium", "completed_at"
_INDEX = [(f"{_NATRIUM}.engine", ASCENDING), (f"{_NATRIUM}.kind", ASCENDING), (_COMPLETED, ASCENDING)]
_SYSTEM = ("symbols", "cell_a", "charge", "multiplicity", "magnetic_moments", "ghosts")
_OUTPUT = ("calculation", "kpoints_irreducible", "peak_memory_mb", "attempts.ranks", "attempts.wall_time_s")
_FACTS = {
    "_id": 0,
    f"{_NATRIUM}.run": 1,
    f"{_NATRIUM}.step": 1,
    **{f"output.system.{name}": 1 for name in _SYSTEM},
    **{f"output.{name}": 1 for name in _OUTPUT},
}
# The embedded database reads every document that a query finds before it sorts and cuts off: 0.3 s for 10,000.
_SPANS = (timedelta(days=1), timedelta(days=16), timedelta(days=256), None)


@dataclass(frozen=True)
class Cost:
    """What one calculation cost that needed a single attempt.

    Attributes:
        address: <run>/<step>.
        calculation: The `Calculation`, as stored.
        symbols: Chemical symbols, one an atom.
        ghosts: Those of the places that only lent their basis functions.
        cell_a: Lattice vectors in rows, Å.
        charge: Total charge, e.
        multiplicity: Spin multiplicity, or None: open.
        open_spin: Started with magnetic moments.
        kpoints: Irreducible k-points.
        ranks: MPI processes.
        wall_time_s: Wall time, s.
        peak_memory_mb: Largest resident size of one MPI process, MB.
    """

    address: str
    calculation: Mapping[str, Any]
    symbols: tuple[str, ...]
    ghosts: tuple[str, ...]
    cell_a: tuple[tuple[float, ...], ...]
    charge: int
    multiplicity: int | None
    open_spin: bool
    kpoints: int
    ranks: int
    wall_time_s: float
    peak_memory_mb: float


def index_costs(documents: Collection[dict[str, Any]]) -> None:
    """Make the index that `newest_costs` is answered from."""
    documents.create_index(_INDEX)


def newest_costs(documents: Collection[dict[str, Any]], engine: str, limit: int) -> list[Cost]:
    """The costs of an engine's calculations, the newest first; those of several attempts tell nothing and are left out.

    Args:
        documents: The collection of results.
        engine: The engine that calculated.
        limit: Look at no more than so many documents.
    """
    query: dict[str, Any] = {f"{_NATRIUM}.engine": engine, f"{_NATRIUM}.kind": "calculation"}
    found: list[dict[str, Any]] = []
    for span in _SPANS:
        since = "" if span is None else (datetime.now() - span).isoformat()  # jobflow writes local time without a zone
        query[_COMPLETED] = {"$gte": since, "$lte": "9999"}
        found = list(documents.find(query, _FACTS).sort(_COMPLETED, DESCENDING).limit(limit))
        if len(found) >= limit:
            break
    return list(_costs(found))


def _costs(found: list[dict[str, Any]]) -> Iterator[Cost]:
    for document in found:
        natrium, output = document["metadata"]["natrium"], document["output"]
        attempts = output.get("attempts", [])
        if len(attempts) != 1 or not attempts[0].get("wall_time_s"):
            continue
        system = output["system"]
        yield Cost(
            address=f"{natrium['run']}/{natrium['step']}",
            calculation={name: value for name, value in output["calculation"].items() if not name.startswith("@")},
            symbols=tuple(system["symbols"]),
            ghosts=tuple(symbol for symbol, _ in system.get("ghosts", ())),
            cell_a=tuple(tuple(vector) for vector in system["cell_a"]),
            charge=system["charge"],
            multiplicity=system["multiplicity"],
            open_spin=system.get("magnetic_moments") is not None,
            kpoints=output["kpoints_irreducible"],
            ranks=attempts[0]["ranks"],
            wall_time_s=attempts[0]["wall_time_s"],
            peak_memory_mb=output["peak_memory_mb"],
        )
