"""One calculation from its inputs to its result: the engine under custodian, with handlers and a verdict."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from custodian.custodian import Custodian, CustodianError, Validator

from natrium.hpc import gpaw_diagnosis, gpaw_handlers, pyscf_diagnosis, pyscf_handlers
from natrium.hpc.attempts import read_attempts
from natrium.hpc.engine_job import EngineJob, Launch
from natrium.hpc.outcome import REMEDIES, Outcome
from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import Engine
from natrium.workflows.result import Attempt, CalculationResult

# what custodian says is in custodian.json and attempts.json; without a handler Python prints it
logging.getLogger("custodian").addHandler(logging.NullHandler())

SUBMISSION = "NATRIUM_SUBMISSION"
"""Variable that names the submission in a queue that a calculation belongs to."""
_MAX_ERRORS = 100
"""Each cure has its own limit; a long run may be killed many times, as long as it gets on in between."""
_SUPERVISION = {
    "gpaw": (gpaw_diagnosis.diagnose, gpaw_handlers.handlers),
    "pyscf": (pyscf_diagnosis.diagnose, pyscf_handlers.handlers),
}


class CalculationFailedError(NatriumError):
    """The engine could not finish, and nothing is left to try."""

    exit_code = 3

    def __init__(self, folder: Path, attempts: list[Attempt]) -> None:
        last = attempts[-1]
        self.outcome = Outcome(last.outcome)
        self.folder = folder
        history = ", ".join(attempt.outcome for attempt in attempts[:-1])
        before = f" (attempts before: {history})" if history else ""
        super().__init__(f"{folder}: {last.outcome}: {last.evidence}{before}", REMEDIES[self.outcome])


class CalculationStoppedError(CalculationFailedError):
    """The engine stopped with a checkpoint: it was asked to, or its wall time ends. A continuation finishes it."""

    exit_code = 75


class Finished(Validator):
    """The verdict: only the last attempt's own end counts, not the files that lie about."""

    def check(self, directory: str = "./") -> bool:
        """True means not valid, as custodian wants it."""
        return read_attempts(Path(directory))[-1].outcome != Outcome.FINISHED


def supervise(
    engine: Engine,
    calculation: Calculation,
    system: System,
    folder: Path,
    continue_from: Path | None = None,
    launch: Launch | None = None,
) -> CalculationResult:
    """Run the calculation in `folder`, or continue it there, until it is finished or has failed for good.

    A finished calculation is read, not repeated. Nothing in the folder is deleted or overwritten but the status.

    Args:
        engine: What carries it out.
        calculation: What to calculate.
        system: On what.
        folder: An existing folder of its own.
        continue_from: Folder of a finished calculation whose density may serve as the start.
        launch: How processes are started; by default as the configuration says.

    Raises:
        InputError: the request is impossible, or the folder holds another calculation.
        CalculationStoppedError: stopped with a checkpoint; continue later.
        CalculationFailedError: with what happened, the evidence and the remedy.
        KeyboardInterrupt: after the engine wrote its checkpoint.
    """
    folder = folder.absolute()
    with _alone_in(folder), _termination_as_interrupt():
        attempts = read_attempts(folder)
        if (folder / "calculation.json").exists():
            _same_request(folder, calculation, system)
        else:
            engine.write_inputs(calculation, system, folder, continue_from)
        if not attempts or attempts[-1].outcome != Outcome.FINISHED:
            # a copy: handlers change it, and the caller's next calculation must not inherit that
            _run(engine, folder, replace(launch) if launch else _configured_launch())
            attempts = read_attempts(folder)
        outcome = attempts[-1].outcome
        if outcome == Outcome.FINISHED:
            return engine.read_outputs(folder, attempts)
        raise (CalculationStoppedError if outcome == Outcome.STOPPED else CalculationFailedError)(folder, attempts)


def _run(engine: Engine, folder: Path, launch: Launch) -> None:
    diagnose, handlers = _SUPERVISION[engine.name]
    log = folder / Custodian.LOG_FILE
    if log.exists():  # custodian overwrites its log
        log.replace(folder / f"custodian.{len(read_attempts(folder))}.json")
    custodian = Custodian(
        handlers=handlers(launch),
        jobs=[EngineJob(engine, launch, diagnose)],
        validators=[Finished()],
        max_errors=_MAX_ERRORS,
        directory=str(folder),
    )
    try:
        custodian.run()
    except CustodianError:
        return  # what happened is in attempts.json


def _configured_launch() -> Launch:
    from natrium.hpc.configuration import load_configuration

    settings = load_configuration()
    deadline = os.environ.get("NATRIUM_DEADLINE")
    try:
        ends = float(deadline) if deadline else None
    except ValueError:
        raise InputError(f"NATRIUM_DEADLINE is {deadline!r}", "set it to the Unix time at which the job ends") from None
    queued = "SLURM_JOB_ID" in os.environ and SUBMISSION in os.environ
    return Launch(ranks=settings.ranks, launcher=settings.mpi_launcher, deadline=ends, queued=queued)


def _same_request(folder: Path, calculation: Calculation, system: System) -> None:
    # compared as models: a field that a later version added has its default
    wanted: dict[str, Calculation | System] = {"calculation.json": calculation, "system.json": system}
    for name, document in wanted.items():
        if type(document).model_validate_json((folder / name).read_text()) != document:
            raise InputError(f"{folder} already holds another calculation ({name} differs)", "use a new folder")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with (folder / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{folder}: another natrium process is running this calculation", "wait for it, or end it"
            ) from error
        yield


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM (a queue's or a person's) stops the engine with a checkpoint, as Ctrl-C does."""

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    foreign = signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN)
    if foreign or threading.current_thread() is not threading.main_thread():
        yield  # whoever listens already raises the interrupt in his own way
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
