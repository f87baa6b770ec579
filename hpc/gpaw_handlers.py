"""What custodian does about the failures of GPAW. One small class per cure; what no class cures ends the run.

Never changed: occupation widths, cutoffs, k-points, anything that would move the energy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from natrium.hpc.attempts import read_attempts
from natrium.hpc.cure import Again, Cure
from natrium.hpc.engine_job import Launch
from natrium.hpc.outcome import Outcome
from natrium.workflows.gpaw.progress import CHECKPOINT
from natrium.workflows.program import STATUS


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


def handlers(launch: Launch) -> list[Cure]:
    """A fresh set for one run: handlers count their corrections, so they are never shared."""
    return [cure(launch) for cure in (SofterMixing, MoreBands, FewerRanks, Again)]
