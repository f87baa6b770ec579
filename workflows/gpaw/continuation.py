"""Whether another calculation's density may serve as the start of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from natrium.structures.system import System
from natrium.workflows.gpaw.progress import CHECKPOINT
from natrium.workflows.program import INPUT, OUTPUT, SYSTEM

_MAY_DIFFER = ("convergence", "mixer", "maxiter", "parallel")
"""Keywords in which a calculation may differ from the one whose density it starts from."""


def usable_checkpoint(folder: Path | None, task: dict[str, Any], system: System) -> str | None:
    """The checkpoint of a finished calculation on the same atoms with the same keywords, apart from convergence.

    The atoms must stand where they ended there: GPAW keeps the symmetries of a checkpoint, and would symmetrise the
    forces on atoms that have left them.
    """
    if folder is None or not (folder / CHECKPOINT).exists():
        return None
    try:
        before = json.loads((folder / INPUT).read_text())
        ended = json.loads((folder / OUTPUT).read_text())
        there = System.model_validate_json((folder / SYSTEM).read_text()).moved(ended["positions_a"], ended["cell_a"])
    except (OSError, ValueError, KeyError):
        return None
    names = (before["gpaw"] | task["gpaw"]).keys() - set(_MAY_DIFFER)
    same_method = all(before["gpaw"].get(name) == task["gpaw"].get(name) for name in names)
    same_atoms = (
        there.symbols == system.symbols
        and there.pbc == system.pbc
        and all(
            np.allclose(getattr(there, name), getattr(system, name), rtol=0, atol=1e-8)
            for name in ("positions_a", "cell_a")
        )
    )
    same_spin = before["magnetic_moments"] == task["magnetic_moments"]
    return str((folder / CHECKPOINT).absolute()) if same_method and same_atoms and same_spin else None
