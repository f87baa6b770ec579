"""From the exit code and the files of a PySCF run to what happened.

Its program ends as GPAW's does (exit codes, output.json, failure.K.json), and processes are killed and run out of
memory in the same way; only the classes of its own exceptions are new.
"""

from __future__ import annotations

import json
from pathlib import Path

from natrium.hpc import gpaw_diagnosis
from natrium.hpc.outcome import Finding, Outcome

_CLASSES = {
    "ScfNotConvergedError": Outcome.SCF_NOT_CONVERGED,
    "LinearDependencyError": Outcome.LINEAR_DEPENDENCY,
}


def diagnose(folder: Path, attempt: int, returncode: int) -> Finding:
    """Say how attempt number `attempt` in `folder` ended."""
    failure = folder / f"failure.{attempt}.json"
    try:
        facts = json.loads(failure.read_text())
        cls, message = facts["classes"][0], facts["message"]
    except (OSError, ValueError, LookupError, TypeError):
        return gpaw_diagnosis.diagnose(folder, attempt, returncode)
    if cls in _CLASSES:
        return Finding(_CLASSES[cls], f"{cls}: {message} ({failure.name})")
    return gpaw_diagnosis.diagnose(folder, attempt, returncode)
