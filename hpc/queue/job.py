"""The program that a SLURM job runs: `python -m natrium.hpc.queue.job FOLDER…`, one or several submissions in turn.

It works from the files in each folder and reports by files, so that no outage of the database costs a calculation.
At its end it tries to bring the result in and to submit what comes next; where it cannot, `natrium watch` does.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.outcome import Outcome
from natrium.hpc.queue.attendance import is_attended, ring
from natrium.hpc.queue.job_files import (
    ENDED,
    EXIT_OF_BUSY,
    EXIT_OF_DISK_FULL,
    PAYLOAD,
    RESULT,
    STARTED,
    WORKING,
    Ended,
    is_current,
    read_ended,
    write_ended,
)
from natrium.hpc.queue.light_imports import import_jobflow
from natrium.workflows.atomic_file import replace_bytes, replace_text

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_OUTCOMES: dict[Outcome | None, JobOutcome] = {
    # of the engine's process, where it is not a plain engine failure
    Outcome.STOPPED: JobOutcome.STOPPED,
    Outcome.OUT_OF_MEMORY: JobOutcome.OUT_OF_MEMORY,
    Outcome.DISK_FULL: JobOutcome.DISK_FULL,
    Outcome.KILLED: JobOutcome.ENGINE_CRASHED,
    Outcome.CRASHED: JobOutcome.ENGINE_CRASHED,
    Outcome.VANISHED: JobOutcome.ENGINE_CRASHED,
    Outcome.FOLDER_BUSY: JobOutcome.BUSY,
    Outcome.NOT_STARTED: JobOutcome.ENGINE_CRASHED,
    Outcome.MISSING_DATASET: JobOutcome.INPUT_ERROR,
    Outcome.ATOMS_TOO_CLOSE: JobOutcome.INPUT_ERROR,
    Outcome.BOX_TOO_SMALL: JobOutcome.INPUT_ERROR,
}


class Alarm:
    """The signals by which SLURM announces an end; the first one interrupts the work, later ones change nothing."""

    def __init__(self) -> None:
        self.heard: int | None = None
        self.silenced = False
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._hear)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.heard is None and not self.silenced:
            self.heard = number
            raise KeyboardInterrupt


class Spool:
    """Stands for the job store while a job runs: the result goes to a file, whole, before anything else sees it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def update(self, docs: Any, key: Any = None, save: Any = None) -> None:  # noqa: ARG002
        """Keep the document as jobflow would store it."""
        import bson
        from monty.json import jsanitize

        document = jsanitize(docs, strict=True, allow_bson=True)
        replace_bytes(self._folder / RESULT, bson.encode({"document": document, "save": save}))


def main() -> int:
    """Run the submissions in the folders named on the command line.

    Returns:
        The exit code: 0, or that of the last submission that did not complete.
    """
    alarm = Alarm()
    code = 0
    folders = [Path(argument) for argument in sys.argv[1:]]
    for folder in folders:
        if alarm.heard is not None:
            break
        try:
            code = perform(folder, alarm) or code
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            print(f"{folder}: {error}", file=sys.stderr)
            code = EXIT_OF_DISK_FULL
    if alarm.heard != signal.SIGTERM:  # a job that was told to terminate does not know its own fate
        alarm.silenced = True
        _hand_over(folders)
    return code


def perform(folder: Path, alarm: Alarm | None = None) -> int:
    """Carry out one submission and leave the end marker.

    Args:
        folder: The submission's folder.
        alarm: Tells by which signal the work was interrupted.

    Returns:
        The exit code.

    Raises:
        OSError: the disk is full, so that nothing could be left.
    """
    payload = json.loads((folder / PAYLOAD).read_text())
    step_folder = folder.parent
    ended = read_ended(folder)
    if ended is not None and not ended.provisional:
        return 0  # SLURM started the job a second time after it had ended
    if not is_current(step_folder, payload["submission"]):
        write_ended(folder, Ended(JobOutcome.SUPERSEDED, "another submission has taken over", time.time()))
        return 0
    with (step_folder / WORKING).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # SLURM lost sight of an earlier job, which goes on
            write_ended(folder, Ended(JobOutcome.BUSY, f"another process holds {lock.name}", time.time()))
            return EXIT_OF_BUSY
        return _work(folder, payload, alarm)


def _work(folder: Path, payload: dict[str, Any], alarm: Alarm | None) -> int:
    """Do what the payload says, as the only one in the step's folder."""
    replace_text(folder / STARTED, json.dumps(_start(payload)))
    os.environ |= payload["environment"]
    try:
        decided = _run(payload, folder)
        ended, code = Ended(JobOutcome.COMPLETED, RESULT, time.time(), decided), 0
    except KeyboardInterrupt:
        by_slurm = alarm is not None and alarm.heard == signal.SIGTERM
        evidence = "asked to terminate" if by_slurm else "the time limit is near"
        ended, code = Ended(JobOutcome.STOPPED, evidence, time.time(), provisional=by_slurm), 0
    except Exception as error:
        ended, code = _failure(error, folder)
    write_ended(folder, ended)
    return code


def _start(payload: dict[str, Any]) -> dict[str, Any]:
    restart = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    place = {"slurm_id": os.environ.get("SLURM_JOB_ID"), "host": os.environ.get("SLURMD_NODENAME")}
    return {
        "submission": payload["submission"],
        **place,
        "machine": socket.gethostname(),
        "pid": os.getpid(),
        "time": time.time(),
        "restart": restart,
    }


def _run(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    import_jobflow()
    from monty.json import MontyDecoder

    job = MontyDecoder().process_decoded(payload["job"])
    with contextlib.chdir(folder.parent):
        response = job.run(store=Spool(folder))
    names = ("replace", "detour", "addition", "stop_children", "stop_jobflow")
    return {name: getattr(response, name) for name in names if getattr(response, name)}


def _failure(error: Exception, folder: Path) -> tuple[Ended, int]:
    """What an exception says of the end, and the exit code."""
    from natrium.structures.errors import InputError, NatriumError

    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return Ended(JobOutcome.DISK_FULL, str(error), time.time()), EXIT_OF_DISK_FULL
    if isinstance(error, NatriumError):
        default = JobOutcome.INPUT_ERROR if isinstance(error, InputError) else JobOutcome.ENGINE_FAILURE
        # a failed calculation says how its engine ended
        outcome = _OUTCOMES.get(getattr(error, "outcome", None), default)
        return Ended(outcome, error.problem, time.time()), error.exit_code
    if isinstance(error, MemoryError):
        return Ended(JobOutcome.OUT_OF_MEMORY, f"MemoryError: {error}", time.time()), 3
    log = folder / "error.txt"
    log.write_text("".join(traceback.format_exception(error)))
    first_line = str(error).partition("\n")[0]
    return Ended(JobOutcome.ENGINE_FAILURE, f"{type(error).__name__}: {first_line} ({log})", time.time()), 3


def _hand_over(folders: list[Path]) -> None:
    """Leave the results to whoever watches, or else bring them in, if the database can be reached from here."""
    payloads = {folder: json.loads((folder / PAYLOAD).read_text()) for folder in folders}
    # the embedded database is on one machine: from another it must not even be tried
    here = (None, socket.gethostname())
    runs = {
        payload["run"]
        for folder, payload in payloads.items()
        if not _left_to_watch(folder, payload) and payload["hand_over"] and payload["database_host"] in here
    }
    if runs:
        from natrium.hpc.queue.hand_over import hand_over

        hand_over(sorted(runs), payloads[folders[0]]["database"])


def _left_to_watch(folder: Path, payload: dict[str, Any]) -> bool:
    runs = Path(payload["run_folder"]).parent
    return is_attended(runs, folder / ENDED, payload["database"]) and ring(runs, payload["run"])


if __name__ == "__main__":
    sys.exit(main())
