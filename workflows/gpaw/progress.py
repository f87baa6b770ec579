"""What the GPAW program does between SCF iterations: report, write checkpoints, stop in time. On every MPI rank."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ase.units import Hartree

from natrium.workflows.atomic_file import replace_text
from natrium.workflows.program import STATUS, STOP, StopRequestedError

CHECKPOINT = "checkpoint.gpw"


class Progress:
    """Reports, checkpoints and stop requests of one run.

    Decisions that all ranks must share (is it time for a checkpoint? must we stop?) are taken by rank 0 and broadcast.

    Args:
        world: GPAW's communicator.
        folder: Where the files go.
        deadline: Unix time at which the process will be killed, or None.
        checkpoint_interval_s: A checkpoint is written during SCF when the last one is older than this; 0: always; None:
            never, because a calculation of many steps goes on from the last whole one.
    """

    def __init__(self, world: Any, folder: Path, deadline: float | None, checkpoint_interval_s: float | None) -> None:
        self.world = world
        self.folder = folder
        self.deadline = deadline
        self.checkpoint_interval_s = checkpoint_interval_s
        self.started = time.time()
        self.last_iteration = self.last_checkpoint = self.last_report = self.started
        self.longest_iteration_s = 0.0
        self.checkpoint_cost_s = 0.0
        self.step = 0
        self.status: dict[str, Any] = {"phase": "starting"}

    def report(self, force: bool = True, **facts: Any) -> None:
        """Write the status file that a person's progress display reads; at most twice a second unless forced."""
        self.status |= facts
        now = time.time()
        if self.world.rank != 0 or not (force or now - self.last_report > 0.5):
            return
        self.last_report = now
        replace_text(self.folder / STATUS, json.dumps(self.status | {"elapsed_s": round(now - self.started, 2)}))

    def scf_step(self, calc: Any) -> Callable[[Any], None]:
        """The hook that GPAW calls after each SCF iteration."""

        def hook(context: Any) -> None:
            now = time.time()
            self.longest_iteration_s = max(self.longest_iteration_s, now - self.last_iteration)
            self.last_iteration = now
            self.report(
                force=False,
                phase="scf",
                step=self.step,
                iteration=context.niter,
                bands=int(context.ibzwfs.nbands),
                density_error_e=float(context.dens.error),
                energy_ev=float(context.energies.total_extrapolated) * Hartree,
            )
            stop, checkpoint = self._decide(now)
            if (stop or checkpoint) and self.checkpoint_interval_s is not None:
                self.write_checkpoint(calc)
            if stop:
                raise StopRequestedError

        return hook

    def _decide(self, now: float) -> tuple[bool, bool]:
        decision = None
        if self.world.rank == 0:
            margin_s = 2.0 * (self.longest_iteration_s + self.checkpoint_cost_s) + 2.0
            in_time = self.deadline is None or now + margin_s < self.deadline
            # never spend more than a twentieth of the time on checkpoints, unless told so
            interval_s = self.checkpoint_interval_s and max(self.checkpoint_interval_s, 20 * self.checkpoint_cost_s)
            due = interval_s is not None and now - self.last_checkpoint >= interval_s
            decision = ((self.folder / STOP).exists() or not in_time, due)
        from gpaw.mpi import broadcast

        stop, checkpoint = broadcast(decision, comm=self.world)
        return stop, checkpoint

    def check_stop(self) -> None:
        """Stop here if asked to: for the moments between SCF cycles, where the checkpoint has just been written."""
        if self._decide(time.time())[0]:
            raise StopRequestedError

    def keep_unconverged(self, calc: Any) -> None:
        """What an SCF cycle without convergence has reached, where the next attempt would continue from it."""
        if self.checkpoint_interval_s is not None:
            self.write_checkpoint(calc)

    def write_checkpoint(self, calc: Any) -> None:
        """Density, potential and wave functions to disk; the previous checkpoint stays until the new one is whole."""
        begin = time.time()
        temporary = self.folder / f"{CHECKPOINT}.part"
        # mode 'all': without the wave functions a restart throws the density away
        calc.write(str(temporary), mode="all")
        if self.world.rank == 0:
            temporary.replace(self.folder / CHECKPOINT)
        self.world.barrier()
        self.last_checkpoint = self.last_iteration = time.time()
        self.checkpoint_cost_s = self.last_checkpoint - begin
