"""What the PySCF program does between SCF cycles: report, write checkpoints, stop in time."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from ase.units import Hartree

from natrium.workflows.atomic_file import replace_text
from natrium.workflows.program import STATUS, STOP, StopRequestedError

CHECKPOINT = "checkpoint.chk"
"""In PySCF's own format."""


class Progress:
    """Reports, checkpoints and stop requests of one run.

    Args:
        folder: Where the files go.
        deadline: Unix time at which the process will be killed, or None.
    """

    def __init__(self, folder: Path, deadline: float | None) -> None:
        self.folder = folder
        self.deadline = deadline
        self.started = self.last_iteration = time.time()
        self.last_report = 0.0
        self.longest_iteration_s = 0.0
        self.step = 0
        self.energies_ev: list[float] = []
        self.status: dict[str, Any] = {"phase": "starting"}

    def report(self, force: bool = True, **facts: Any) -> None:
        """Write the status file that a person's progress display reads; at most twice a second unless forced."""
        self.status |= facts
        now = time.time()
        if not (force or now - self.last_report > 0.5):
            return
        self.last_report = now
        replace_text(self.folder / STATUS, json.dumps(self.status | {"elapsed_s": round(now - self.started, 2)}))

    def scf_cycle(self, facts: dict[str, Any]) -> None:
        """PySCF's callback: after every cycle, with the local variables of its SCF loop (DIIS or second-order)."""
        now = time.time()
        self.longest_iteration_s = max(self.longest_iteration_s, now - self.last_iteration)
        self.last_iteration = now
        energy_ev = float(facts["e_tot"]) * Hartree
        self.energies_ev.append(energy_ev)
        self.write_checkpoint(facts)
        self.report(
            force=False,
            phase="scf",
            step=self.step,
            iteration=len(self.energies_ev),
            orbital_gradient=float(facts["norm_gorb"]),
            energy_ev=energy_ev,
        )
        self.check_stop()

    def check_stop(self) -> None:
        """Stop here if asked to, or if the wall time ends; the checkpoint is on disk.

        Raises:
            StopRequestedError: the program must end.
        """
        margin_s = 2.0 * self.longest_iteration_s + 2.0
        late = self.deadline is not None and time.time() + margin_s > self.deadline
        if late or (self.folder / STOP).exists():
            raise StopRequestedError

    def write_checkpoint(self, facts: dict[str, Any]) -> None:
        """Orbitals and occupations to disk; the previous checkpoint stays until the new one is whole."""
        from pyscf.scf import chkfile

        temporary = self.folder / f"{CHECKPOINT}.part"
        temporary.unlink(missing_ok=True)
        mol = getattr(facts["mf"], "mol", None)
        names = ("e_tot", "mo_energy", "mo_coeff", "mo_occ")
        chkfile.dump_scf(mol, str(temporary), *(facts[name] for name in names))
        temporary.replace(self.folder / CHECKPOINT)


def trend(energies_ev: list[float]) -> str:
    """How an SCF that did not converge went: 'slow' where the energy still went down, 'oscillating' otherwise.

    Args:
        energies_ev: Energy after each cycle, eV; the last eight count.
    """
    last = energies_ev[-8:]
    rises = sum(later > earlier for earlier, later in pairwise(last))
    return "oscillating" if rises >= 2 else "slow"
