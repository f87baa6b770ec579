"""How fast the embedded database is: `python benchmarks/database.py [documents]`, in a temporary folder."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from natrium.analysis.results_store import ResultsStore
from natrium.hpc.configuration import load_configuration
from natrium.hpc.databases import results_store
from natrium.hpc.embedded.lifecycle import start, stop


@contextmanager
def timed(what: str, times: int = 1) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what:45s} {1000 * (time.perf_counter() - began) / times:9.1f} ms")


def documents(count: int) -> list[dict[str, object]]:
    first = datetime(2026, 1, 1)
    facts = {"study": "na110", "preset": "standard", "engine": "gpaw", "formula": "Na7"}
    return [
        {
            "uuid": str(number),
            "index": 1,
            "completed_at": (first + timedelta(minutes=number)).isoformat(),
            "output": {"text": "x" * 1000},
            "metadata": {
                "natrium": facts
                | {
                    "run": f"na110-{number // 5:06x}",
                    "step": f"step-{number % 5}",
                    "kind": "calculation" if number % 5 else "study",
                }
            },
        }
        for number in range(count)
    ]


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        configuration = load_configuration(data_dir=Path(folder))
        with timed("first start"):
            start(configuration.embedded_folder)
        with timed("stop"):
            stop(configuration.embedded_folder)
        with timed("start"):
            start(configuration.embedded_folder)
        with results_store(configuration) as jobstore:
            store = ResultsStore(jobstore)
            with timed(f"store {count} documents, each", count):
                store._documents.insert_many(documents(count))
            with timed("store one document more, each", 50):
                for number in range(50):
                    jobstore.update({"uuid": f"more {number}", "index": 1, "completed_at": "2025", "metadata": {}})
            with timed("get by the beginning of an address"):
                store.get("na110-000000/step-1")
            with timed("the last 50 studies of all"):
                store.find()
            with timed("the last 50 studies of one day"):
                store.find(since=datetime(2026, 1, 1) + timedelta(minutes=count - 1440))
        stop(configuration.embedded_folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
