"""From the exit code and the files of a GPAW run to what happened.

GPAW's messages are often empty, so the class of the exception counts first; without an exception (a kill, an abort in
C) the MPI launcher's last words do.
"""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

from natrium.hpc.outcome import Finding, Outcome
from natrium.workflows.program import BUSY, FINISHED, OUTPUT, STOPPED

_CLASSES = [
    # the first class in the exception's inheritance that is listed decides
    ("TooFewBandsError", Outcome.TOO_FEW_BANDS),
    ("KohnShamConvergenceError", Outcome.SCF_NOT_CONVERGED),
    ("PoissonConvergenceError", Outcome.POISSON_NOT_CONVERGED),
    ("RelaxationNotConvergedError", Outcome.RELAXATION_NOT_CONVERGED),
    ("AtomsTooClose", Outcome.ATOMS_TOO_CLOSE),
    ("MemoryError", Outcome.OUT_OF_MEMORY),
]
_DISK_FULL = r"No space left on device|[Dd]isk quota exceeded"
_MESSAGES = [
    (_DISK_FULL, Outcome.DISK_FULL),
    (r"Could not find required PAW dataset", Outcome.MISSING_DATASET),
    (r"too close to (boundary|edge)", Outcome.BOX_TOO_SMALL),
    (r"Some energy terms are NaN", Outcome.ENERGY_NOT_A_NUMBER),
    (r"poisson.*not converge", Outcome.POISSON_NOT_CONVERGED),
]
_LAST_WORDS = [
    (_DISK_FULL, Outcome.DISK_FULL),
    (r"gpaw_malloc.*Assertion|Unable to allocate|MemoryError", Outcome.OUT_OF_MEMORY),
    (r"std::bad_alloc|Cannot allocate memory|OpenBLAS.*allocat", Outcome.OUT_OF_MEMORY),
    (r"oom.kill|Out Of Memory|out of memory", Outcome.OUT_OF_MEMORY),
    (r"exited on signal 9|\bKilled\b", Outcome.KILLED),
    (r"exited on signal \d+|MPI_ABORT was invoked|Segmentation fault", Outcome.CRASHED),
    (
        r"could not find an executable|No such file or directory|ORTE was unable|There are not enough slots",
        Outcome.NOT_STARTED,
    ),
    (r"No module named", Outcome.NOT_STARTED),
]


def diagnose(folder: Path, attempt: int, returncode: int) -> Finding:
    """Say how attempt number `attempt` in `folder` ended.

    A run is finished only when its program said so by exit code *and* its output file is of this attempt: a file alone
    proves nothing.
    """
    if returncode == FINISHED:
        return _finished(folder, attempt)
    if returncode == STOPPED:
        return Finding(Outcome.STOPPED, "the program wrote a checkpoint and stopped: " + _reason(folder))
    errors = folder / f"engine.{attempt}.err"
    text = errors.read_text(errors="replace") if errors.exists() else ""
    failure = folder / f"failure.{attempt}.json"
    if failure.exists():
        facts = _read(failure)
        return _from_exception(facts, failure.name)
    if returncode == BUSY:
        return Finding(Outcome.FOLDER_BUSY, _last_line(text))
    for pattern, outcome in _LAST_WORDS:
        match = re.search(pattern, text)
        if match:
            line = text[text.rfind("\n", 0, match.start()) + 1 :].split("\n", 1)[0]
            return Finding(outcome, f"{line.strip()} ({errors.name})")
    # a process ends with -N, a launcher that passes on the end of its process with 128 + N
    number = -returncode if returncode < 0 else returncode - 128
    if number in signal.valid_signals():
        outcome = Outcome.KILLED if number == signal.SIGKILL else Outcome.CRASHED
        return Finding(outcome, f"exit code {returncode}: {signal.Signals(number).name}")
    return Finding(Outcome.UNKNOWN, f"exit code {returncode}; {_last_line(text) or 'no output'} ({errors.name})")


def _finished(folder: Path, attempt: int) -> Finding:
    output = folder / OUTPUT
    written_by = _read(output).get("attempt") if output.exists() else None
    if written_by == attempt:
        return Finding(Outcome.FINISHED, f"{OUTPUT} of attempt {attempt}")
    return Finding(
        Outcome.UNKNOWN, f"exit code 0, but {OUTPUT} is {'missing' if written_by is None else 'an older one'}"
    )


def _from_exception(facts: dict[str, object], name: str) -> Finding:
    classes = facts.get("classes", [])
    message = str(facts.get("message", ""))
    said = f"{classes[0] if isinstance(classes, list) and classes else 'error'}: {message or 'no message'} ({name})"
    for pattern, outcome in _MESSAGES:
        if re.search(pattern, message, re.IGNORECASE):
            return Finding(outcome, said)
    for cls in classes if isinstance(classes, list) else []:
        for known, outcome in _CLASSES:
            if cls == known:
                return Finding(outcome, said)
    return Finding(Outcome.UNKNOWN, said)


def _reason(folder: Path) -> str:
    return str(_read(folder / "status.json").get("reason", "asked to stop"))


def _read(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
