"""One engine process as a custodian Job: start it under MPI, wait for its end, say how it ended."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from custodian.custodian import Job

from natrium.hpc.attempts import begin_attempt, end_attempt
from natrium.hpc.blas_kernels import kernel_variables
from natrium.hpc.oom_kills import oom_kills
from natrium.hpc.outcome import Finding, Outcome
from natrium.workflows.engine import Engine, Parallelism

Diagnosis = Callable[[Path, int, int], Finding]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

# What an MPI launcher tells its processes: a launcher among them would take itself for one of them. Settings that a
# person may have exported (OMPI_MCA_btl, PMIX_MCA_…, OMPI_ALLOW_RUN_AS_ROOT) stay. The last line would override
# OMP_NUM_THREADS.
_FOREIGN = re.compile(
    r"(PMI|PMIX|PRTE|OMPI|HYDI)_(?!MCA_|ALLOW_)"
    r"|OMPI_MCA_(orte_|ess|pmix$|initial_wdir|mpi_oversubscribe|shmem_RUNTIME)"
    r"|(OPENBLAS|GOTO|MKL|BLIS)_NUM_THREADS"
)
# Several runs on one machine would share its first cores if bound. Variables, not options: other launchers ignore them.
_UNBOUND = {
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


@dataclass
class Launch:
    """How engine processes are started on this machine.

    Args:
        ranks: Cores to use: MPI processes, or threads of an engine that uses those.
        launcher: Command of the MPI launcher, with its options.
        deadline: Unix time at which the whole job ends, or None.
        memory_limit_mb: Address space that one process may use, MB; None for no limit.
        patience_s: How long an engine that was asked to stop may take for its checkpoint.
        queued: A queue watches over the whole job: it can give more memory, which is better than fewer processes.
    """

    ranks: int
    launcher: str = "mpiexec"
    deadline: float | None = None
    memory_limit_mb: int | None = None
    patience_s: float = 120.0
    queued: bool = False

    def command(self, program: list[str], parallelism: Parallelism = "processes") -> list[str]:
        """The full command line."""
        if self.ranks == 1 or parallelism == "threads":
            return program
        return [*shlex.split(self.launcher), "-n", str(self.ranks), *program]

    def environment(self, parallelism: Parallelism = "processes") -> dict[str, str]:
        """The environment of the engine: one thread a core, fast kernels, and no traces of another MPI launch.

        GPAW would refuse those.
        """
        environment = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
        environment = _UNBOUND | kernel_variables() | environment
        environment["OMP_NUM_THREADS"] = str(self.ranks) if parallelism == "threads" else "1"
        if os.geteuid() == 0:  # Open MPI refuses root unless told twice
            environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        return environment


class EngineJob(Job):
    """Runs an engine once each time custodian asks, and records the attempt.

    The process is waited for here instead of by custodian's polling, which costs up to its polling interval at every
    end; wall time and stop requests are watched by the engine's own program.
    """

    def __init__(self, engine: Engine, launch: Launch, diagnose: Diagnosis) -> None:
        self.engine = engine
        self.launch = launch
        self.diagnose = diagnose

    @property
    def name(self) -> str:
        """For custodian's log."""
        return self.engine.name

    def as_dict(self) -> dict[str, object]:
        """For custodian's log; an engine is not rebuilt from it."""
        return {"engine": self.engine.name, "ranks": self.launch.ranks}

    def setup(self, directory: str = "./") -> None:
        """Nothing: the inputs are there."""

    def postprocess(self, directory: str = "./") -> None:
        """Nothing: outputs are read by the engine."""

    def run(self, directory: str = "./") -> None:
        """Start the engine, wait for it, record how it ended.

        Raises:
            KeyboardInterrupt: after the engine has written its checkpoint and ended.
        """
        folder = Path(directory).absolute()
        self.engine.withdraw_stop(folder)
        checkpoint = self.engine.checkpoint(folder)
        attempt = begin_attempt(folder, self.launch.ranks, checkpoint.name if checkpoint else None)
        command = self.launch.command(self.engine.command(attempt, self.launch.deadline), self.engine.parallelism)
        interrupted: BaseException | None = None
        kills = oom_kills()
        with (folder / f"engine.{attempt}.out").open("w") as out, (folder / f"engine.{attempt}.err").open("w") as err:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=self.launch.environment(self.engine.parallelism),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,  # Ctrl-C is for us: the engine is asked to stop in its own way
                    preexec_fn=partial(self._in_child, os.getpid()),
                )
            except OSError as error:
                end_attempt(folder, Finding(Outcome.NOT_STARTED, f"{command[0]}: {error}"))
                return
            try:
                returncode = process.wait()
            except BaseException as error:
                interrupted = error
                returncode = self._stop(process, folder)
        finding = self.diagnose(folder, attempt, returncode)
        if finding.outcome in (Outcome.KILLED, Outcome.CRASHED, Outcome.UNKNOWN) and oom_kills() > kills:
            finding = Finding(Outcome.OUT_OF_MEMORY, f"the kernel's out-of-memory killer; {finding.evidence}")
        end_attempt(folder, finding, int(self.engine.progress(folder).get("step", 0)))
        if interrupted is not None:
            raise interrupted

    def terminate(self, directory: str = "./") -> None:
        """Custodian's way to end a run; the engine is waited for in `run`, so it is a stop request."""
        self.engine.request_stop(Path(directory))

    def _in_child(self, parent: int) -> None:
        # the launcher must not outlive us: a killed natrium would leave an engine writing into the folder
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # we were killed before that
            os._exit(1)
        if self.launch.memory_limit_mb is not None:
            import resource

            limit = self.launch.memory_limit_mb * 1024**2
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def _stop(self, process: subprocess.Popen[bytes], folder: Path) -> int:
        """Ask for a checkpoint and an end; insist after a while, or at the second interrupt."""
        self.engine.request_stop(folder)
        for patience_s, action in ((self.launch.patience_s, process.terminate), (10.0, process.kill)):
            try:
                return process.wait(patience_s)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                action()
        return process.wait()
