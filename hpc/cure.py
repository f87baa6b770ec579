"""What a cure of an engine's failure is, for custodian: one small class each; and the one that all engines share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from custodian.custodian import ErrorHandler

from natrium.hpc.attempts import read_attempts, record_changes
from natrium.hpc.engine_job import Launch
from natrium.hpc.outcome import Outcome
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.program import INPUT


class Cure(ErrorHandler, ABC):
    """A handler for one kind of outcome of the last attempt."""

    outcomes: ClassVar[tuple[Outcome, ...]]
    section: ClassVar[str] = "gpaw"
    """The part of input.json that is the engine's own."""
    # when the budget is spent custodian goes on to the validator, which ends the run
    raise_on_max = False

    def __init__(self, launch: Launch) -> None:
        self.launch = launch

    def as_dict(self) -> dict[str, object]:
        """For custodian's log."""
        return {"handler": type(self).__name__}

    def check(self, directory: str = "./") -> bool:
        """Whether the last attempt ended in what this class cures, and there is something left to try."""
        attempts = read_attempts(Path(directory))
        return bool(attempts) and attempts[-1].outcome in self.outcomes and self.changes(Path(directory)) is not None

    @abstractmethod
    def changes(self, folder: Path) -> dict[str, Any] | None:
        """What to change for the next attempt; an empty dictionary for 'simply again', None for nothing left to try."""

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Apply the changes; the input as it was stays as input.K.json."""
        folder = Path(directory)
        attempt = read_attempts(folder)[-1]
        changes = self.changes(folder) or {}
        if "ranks" in changes:
            self.launch.ranks = changes["ranks"]
        keywords = {name: value for name, value in changes.items() if name != "ranks"}
        if keywords:
            before = (folder / INPUT).read_text()
            (folder / f"input.{attempt.number}.json").write_text(before)
            task = json.loads(before)
            task[self.section] |= keywords
            if "nbands" in keywords:
                task["start_from"] = None
            replace_text(folder / INPUT, json.dumps(task, indent=1))
        record_changes(folder, changes)
        return {"errors": [f"{attempt.outcome}: {attempt.evidence}"], "actions": [changes or {"again": True}]}


class Again(Cure):
    """A process was killed or crashed: continue from the checkpoint, at the same step twice at the most."""

    outcomes = (Outcome.KILLED, Outcome.CRASHED)
    retries: ClassVar[int] = 2

    def changes(self, folder: Path) -> dict[str, Any] | None:
        """Nothing: the same again; None where that has got no further."""
        first, *later = read_attempts(folder)[-self.retries - 1 :]
        spent = self.n_applied_corrections >= self.retries
        return None if spent and not any(attempt.reached > first.reached for attempt in later) else {}
