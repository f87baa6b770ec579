"""What custodian does about the failures of PySCF. What no class cures ends the run.

Never changed: basis, functional, integration grid, solvent, convergence; anything that would move the energy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from natrium.hpc.attempts import read_attempts
from natrium.hpc.cure import Again, Cure
from natrium.hpc.engine_job import Launch
from natrium.hpc.outcome import Outcome
from natrium.workflows.program import STATUS


class SteadierScf(Cure):
    """SCF that does not converge: continue from the checkpoint in another way to the same minimum.

    A level shift with damping holds occupied and empty orbitals apart while they swap; PySCF takes the shift out of the
    levels at the end. Where the energy goes down too slowly, the second-order solver takes longer steps.
    """

    outcomes = (Outcome.SCF_NOT_CONVERGED,)
    section = "pyscf"
    max_num_corrections = 2
    level_shift: ClassVar[dict[str, Any]] = {"level_shift_ev": 8.0, "damping": 0.3, "second_order": False}
    second_order: ClassVar[dict[str, Any]] = {"level_shift_ev": None, "damping": None, "second_order": True}

    def changes(self, folder: Path) -> dict[str, Any] | None:
        """The first way that was not tried yet; which one comes first depends on how the energy went."""
        try:
            slow = json.loads((folder / STATUS).read_text()).get("trend") == "slow"
        except (OSError, ValueError):
            slow = False
        ways = [self.second_order, self.level_shift] if slow else [self.level_shift, self.second_order]
        tried = [attempt.changes for attempt in read_attempts(folder)]
        return next((dict(way) for way in ways if way not in tried), None)


def handlers(launch: Launch) -> list[Cure]:
    """A fresh set for one run: handlers count their corrections, so they are never shared."""
    return [cure(launch) for cure in (SteadierScf, Again)]
