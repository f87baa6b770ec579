"""The sign that `natrium watch` leaves in the database, so that people are told when nobody watches."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database

from natrium.hpc.queue.submission import now

_COLLECTION = "watchers"
_SLACK = timedelta(seconds=30)


def give_sign(database: Database[dict[str, Any]], interval_s: float) -> None:
    """Say that somebody watches, and how often."""
    sign = {"host": socket.gethostname(), "pid": os.getpid(), "seen": now().isoformat(), "interval_s": interval_s}
    database[_COLLECTION].update_one({"_id": "watch"}, {"$set": sign}, upsert=True)


def is_watched(database: Database[dict[str, Any]]) -> bool:
    """Whether somebody has been watching lately."""
    sign = database[_COLLECTION].find_one({"_id": "watch"})
    if sign is None:
        return False
    return now() - datetime.fromisoformat(sign["seen"]) < 3 * timedelta(seconds=sign["interval_s"]) + _SLACK
