"""How far the runs are, read without helping: a database that is down is not started, as natrium's commands would."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from natrium.hpc.embedded.folder import DatabaseError, DatabaseFolder

from .laptop import Laptop

GOING_ON = ("waiting", "queued", "running")
_PATIENCE_MS = 2000


def states(laptop: Laptop) -> dict[str, str] | None:
    """The state of each run by its address; None while the database does not answer."""
    folder = DatabaseFolder(laptop.database)
    try:
        record = folder.serving()
        if record is None:
            return None
        limits: dict[str, Any] = dict.fromkeys(("serverSelectionTimeoutMS", "socketTimeoutMS"), _PATIENCE_MS)
        with MongoClient[dict[str, Any]](folder.uri(record), **limits) as client:
            return {run["_id"]: run["state"] for run in client["natrium"]["runs"].find({}, {"state": 1})}
    except (PyMongoError, DatabaseError, OSError):
        return None
