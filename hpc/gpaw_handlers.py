"""What custodian does about the failures of GPAW. One small class per cure; what no class cures ends the run.

Never changed: occupation widths, cutoffs, k-points, anything that would move the energy.
"""

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
from natrium.workflows.gpaw.driver import INPUT
from natrium.workflows.gpaw.progress import CHECKPOINT, STATUS


class Cure(ErrorHandler, ABC):
    """A handler for one kind of outcome of the last attempt."""

    outcomes: ClassVar[tuple[Outcome, ...]]
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
            task["gpaw"] |= keywords
            if "nbands" in keywords:
                task["start_from"] = None
            replace_text(folder / INPUT, json.dumps(task, indent=1))
        record_changes(folder, changes)
        return {"errors": [f"{attempt.outcome}: {attempt.evidence}"], "actions": [changes or {"again": True}]}


class SofterMixing(Cure):
    """SCF that does not converge: continue from the checkpoint with smaller density steps."""

    outcomes = (Outcome.SCF_NOT_CONVERGED,)
    max_num_corrections = 3
    mixers: ClassVar[list[dict[str, Any]]] = [
        {"name": "msr1", "beta": 0.03, "max_A": 0.3},
        {"name": "pulay", "beta": 0.03, "nmaxold": 6, "weight": 50.0},
        {"name": "pulay", "beta": 0.01, "nmaxold": 4, "weight": 100.0},
    ]

    def changes(self, folder: Path) -> dict[str, Any] | None:
        """The first mixer that was not tried yet."""
        tried = [attempt.changes.get("mixer") for attempt in read_attempts(folder)]
        left = [mixer for mixer in self.mixers if mixer not in tried]
        return {"mixer": left[0]} if left else None


class MoreBands(Cure):
    """Too few bands for the convergence that was asked for: start again with more of them."""

    outcomes = (Outcome.TOO_FEW_BANDS,)
    max_num_corrections = 2

    def changes(self, folder: Path) -> dict[str, Any] | None:
        """Half as many again. Not in percent of the occupied ones: for few electrons that is less than the default."""
        bands = json.loads((folder / STATUS).read_text()).get("bands")
        return {"nbands": max(bands + 4, bands * 3 // 2)} if bands else None

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """A checkpoint has its number of bands: our own is put aside, another calculation's is not used."""
        folder = Path(directory)
        checkpoint = folder / CHECKPOINT
        if checkpoint.exists():
            checkpoint.replace(folder / f"checkpoint.too-few-bands-{read_attempts(folder)[-1].number}.gpw")
        return super().correct(directory)


class FewerRanks(Cure):
    """Too little memory: half as many processes need less of it together."""

    outcomes = (Outcome.OUT_OF_MEMORY,)
    max_num_corrections = 2

    def changes(self, folder: Path) -> dict[str, Any] | None:  # noqa: ARG002
        """Half the ranks, while there is more than one; nothing where a queue can give more memory."""
        return {"ranks": self.launch.ranks // 2} if self.launch.ranks > 1 and not self.launch.queued else None


class Again(Cure):
    """A process was killed or crashed: continue from the checkpoint, twice at the most."""

    outcomes = (Outcome.KILLED, Outcome.CRASHED)
    max_num_corrections = 2

    def changes(self, folder: Path) -> dict[str, Any] | None:  # noqa: ARG002
        """Nothing: the same again."""
        return {}


def handlers(launch: Launch) -> list[Cure]:
    """A fresh set for one run: handlers count their corrections, so they are never shared."""
    return [cure(launch) for cure in (SofterMixing, MoreBands, FewerRanks, Again)]
