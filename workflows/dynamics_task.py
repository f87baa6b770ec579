"""What a program is told of molecular dynamics, and whether it may go on from an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.dynamics_record import reached
from natrium.workflows.program import SYSTEM

_SETTINGS = ("steps", "time_step_fs", "ensemble", "temperature_k", "thermostat_fs", "seed")


def dynamics_task(calculation: Calculation, system: System, continue_from: Path | None) -> dict[str, Any]:
    """The part `md` of input.json.

    Args:
        calculation: Of kind md.
        system: What moves.
        continue_from: Folder of an earlier calculation. Dynamics goes on from its last step: its time, velocities,
            thermostat and random numbers. A calculation of another kind gives its density at most.

    Raises:
        InputError: the earlier dynamics was of other atoms or ended elsewhere.
    """
    task: dict[str, Any] = {name: getattr(calculation, name) for name in _SETTINGS}
    before = None if continue_from is None else reached(continue_from)
    if continue_from is None or before is None:
        return task | {"continue_from": None}
    there = System.model_validate_json((continue_from / SYSTEM).read_text()).moved(before.positions_a)
    same = there.model_dump(exclude={"label"}) == system.model_dump(exclude={"label"})
    if not same:
        raise InputError(
            f"{system.label}: not what the dynamics in {continue_from} ended with",
            "go on with the system of its result",
        )
    return task | {"continue_from": str(continue_from.absolute())}
