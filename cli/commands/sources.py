"""Results that a command was given, as IDs or as files, with the calculations they rest on."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from natrium.analysis.results_store import ResultsStore, StudyRow
    from natrium.workflows.reproduction import Source


def named_source(store: ResultsStore, name: str) -> Source:
    """The result with this ID, or in this file of `natrium show --json` (FILE.json).

    Raises:
        InputError: there is none, or it is another file, or another version of natrium wrote it.
    """
    from natrium.structures.errors import InputError

    if name.endswith(".json"):
        return _file_source(Path(name))
    if name.startswith(("/", ".")) or Path(name).is_file():
        raise InputError(f"{name} is neither an ID nor a FILE.json", "write one: natrium show ID --json > FILE.json")
    return _address_source(store, name)


def _address_source(store: ResultsStore, address: str) -> Source:
    run = store.get(address.partition("/")[0])["metadata"]["natrium"]["run"]
    (row,) = store.find(run=run, limit=1)
    return row_source(store, row)


def row_source(store: ResultsStore, row: StudyRow) -> Source:
    """The result in this row of the database.

    Raises:
        InputError: another version of natrium wrote it.
    """
    calculations = {
        one.address: one.output for one in reversed(store.find(run=row.address, kind="calculation", limit=0))
    }
    return _source(row.study, row.address, row.completed_at, row.output, list(calculations.values()))


def _file_source(path: Path) -> Source:
    """The result in what `natrium show --json` printed."""
    from natrium.structures.errors import InputError

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        known = document["metadata"]["natrium"]
        told = (
            known["study"],
            known["run"],
            datetime.fromisoformat(document["completed_at"]).astimezone(),
            document["output"],
        )
        calculations = document["executed"]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name a file that is there") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no result of a study ({type(error).__name__}: {error})",
            "name a file with what natrium show --json ID printed, ID without a step",
        ) from None
    return _source(*told, calculations)


def _source(study_name: str, address: str, completed_at: datetime, output: Any, calculations: list[Any]) -> Source:
    from pydantic import ValidationError

    from natrium.structures.errors import InputError
    from natrium.workflows.reproduction import Executed, Source
    from natrium.workflows.study import study

    try:
        result = study(study_name).result.model_validate(output)
        executed = [Executed.model_validate(one) for one in calculations]
    except ValidationError as error:
        raise InputError(
            f"{address} was written by another version of natrium: {error.error_count()} fields differ",
            "calculate it again, or report with the version that wrote it",
        ) from None
    return Source(address, completed_at, result, executed)
