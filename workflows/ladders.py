"""Ladders: values of a knob (layers, k-points, cutoff …) at which a study is repeated, as changes of its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError
from natrium.workflows.study import StudySettings

_LADDERS = "ladders.yaml"


class Rung(BaseModel):
    """One value of one knob."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    knob: str = Field(description="layers, kpoints, cutoff, vacuum or grid")
    value: float = Field(description="Value of the knob, in the knob's unit; greater is more demanding")
    label: str = Field(description="The value for people")
    unit: str = Field(description="Unit of the value; nothing for a plain number")
    part: str = Field(description="Name of the repetition of the study that stands on this rung")


class Knob(NamedTuple):
    """Something that a number must be converged in.

    Attributes:
        unit: Of its values; nothing for a plain number.
        reference: Its value in a study's settings; None where the study has no such setting.
        changes: The settings to change, as --set takes them, for a value.
        label: A value for people.
    """

    unit: str
    reference: Callable[[StudySettings], float | None]
    changes: Callable[[StudySettings, float], dict[str, Any]]
    label: Callable[[StudySettings, float], str]


def available(settings: StudySettings) -> dict[str, Knob]:
    """The knobs that a study with these settings has."""
    return {name: knob for name, knob in KNOBS.items() if knob.reference(settings) is not None}


def chosen_ladders(
    study_name: str, settings: StudySettings, over: Mapping[str, Sequence[float] | None] | Sequence[str] | None
) -> dict[str, list[float]]:
    """The values to climb by knob, in ascending order, the settings' own value among them.

    Args:
        study_name: Whose own ladders are taken where none is given.
        settings: The study's settings.
        over: Knobs with their values (None: the study's own ladder); or names of knobs; None: all its ladders.

    Raises:
        InputError: an unknown knob, no values, or values that cannot be.
    """
    own = _own_ladders(study_name)
    knobs = available(settings)
    if isinstance(over, str):
        over = over.split(",")
    if over is None:
        over = [name for name in own if name in knobs]
    wanted: dict[str, Any] = dict(over) if isinstance(over, Mapping) else dict.fromkeys(over)
    if not wanted:
        raise InputError(f"{study_name}: nothing to converge over", f"name a knob with values: {_example(knobs)}")
    ladders = {}
    for name, given in wanted.items():
        if name not in knobs:
            raise InputError(
                f"{study_name} has no knob {name!r}",
                f"there are {', '.join(knobs)}" if knobs else f"this study has none of {', '.join(KNOBS)}",
            )
        values = own.get(name) if given is None else given
        if values is None:
            raise InputError(f"{study_name} has no ladder for {name}", f"give its values: {_example({name: 1})}")
        reference = knobs[name].reference(settings)
        assert reference is not None
        ladders[name] = sorted({reference, *_positive(name, values)})
    return ladders


def _example(knobs: Mapping[str, Any]) -> str:
    examples = {
        "layers": "5/7/9",
        "kpoints": "0.8/1/1.2",
        "cutoff": "250/350/500",
        "vacuum": "13/15/20",
        "grid": "4/5/6.25",
    }
    return ",".join(f"{name}={examples[name]}" for name in knobs) or "layers=5/7/9"


def _positive(name: str, values: Any) -> list[float]:
    listed = values if isinstance(values, list | tuple) else [values]
    for value in listed:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise InputError(f"{name}={value!r} is no value of a ladder", f"write {_example({name: 1})}")
        if name == "layers" and value != int(value):
            raise InputError(f"layers={value:g}: layers are whole", f"write {_example({name: 1})}")
    return list(listed)


def _own_ladders(study_name: str) -> dict[str, list[float]]:
    raw = yaml.safe_load(files("natrium.workflows.presets").joinpath(_LADDERS).read_text())
    ladders: dict[str, list[float]] = raw.get(study_name, {})
    return ladders


def _setting(name: str, unit: str, number: type[int] | type[float]) -> Knob:
    """A knob that is a setting of the study itself."""

    def reference(settings: StudySettings) -> float | None:
        value = getattr(settings, name, None)
        return None if value is None else number(value)

    return Knob(
        unit,
        reference,
        lambda _, value: {name: number(value)},
        lambda _, value: f"{value:g}" + (f" {unit}" if unit else ""),
    )


def _cutoff(settings: StudySettings) -> float | None:
    """The greatest of the calculations' cutoffs, eV."""
    cutoffs_ev = [calculation.cutoff_ev for calculation in settings.calculations.values() if calculation.cutoff_ev]
    return max(cutoffs_ev, default=None)


def _other_cutoff(settings: StudySettings, cutoff_ev: float) -> dict[str, Any]:
    """Calculations with smaller cutoffs keep their ratio."""
    greatest_ev = _cutoff(settings)
    return {
        f"{name}.cutoff_ev": cutoff_ev
        if calculation.cutoff_ev == greatest_ev
        else calculation.cutoff_ev * cutoff_ev / greatest_ev
        for name, calculation in settings.calculations.items()
        if calculation.cutoff_ev and greatest_ev
    }


def _is_sampled(settings: StudySettings) -> float | None:
    return 1.0 if any(max(calculation.kpoints) > 1 for calculation in settings.calculations.values()) else None


def _other_kpoints(settings: StudySettings, factor: float) -> dict[str, Any]:
    return {
        f"{name}.kpoints": [scaled(points, factor) for points in calculation.kpoints]
        for name, calculation in settings.calculations.items()
        if max(calculation.kpoints) > 1
    }


def scaled(points: int, factor: float) -> int:
    """Number of k-points along a direction times a factor, 1 staying 1.

    Even stays even and odd odd: the two are different families of grids, with and without the zone boundary.

    >>> [scaled(10, factor) for factor in (0.6, 1, 1.25)], scaled(5, 1.5), scaled(1, 3)
    ([6, 10, 12], 7, 1)
    """
    if points == 1:
        return 1
    odd = points % 2
    return max(2 + odd, odd + 2 * round((points * factor - odd) / 2))


def _grid(settings: StudySettings, factor: float) -> str:
    """The factor, with the grid of the last calculation, which is mostly that of the number itself."""
    *_, grid = _other_kpoints(settings, factor).values()
    return f"×{factor:g} ({'×'.join(map(str, grid))})"


_ON_GRIDS = ("fd", "pw")
"""Modes whose numbers depend on the spacing: in a basis of atomic orbitals the grid is not what limits."""


def _fineness(settings: StudySettings) -> float | None:
    """Points per Å of the finest real-space grid of a static calculation."""
    spacings_a = [
        calculation.grid_spacing_a
        for calculation in settings.calculations.values()
        if calculation.grid_spacing_a and calculation.mode in _ON_GRIDS
    ]
    return 1 / min(spacings_a) if spacings_a else None


def _other_fineness(settings: StudySettings, points_a: float) -> dict[str, Any]:
    return {
        f"{name}.grid_spacing_a": 1 / points_a
        for name, calculation in settings.calculations.items()
        if calculation.grid_spacing_a and calculation.mode in _ON_GRIDS
    }


KNOBS: dict[str, Knob] = {
    "layers": _setting("layers", "", int),
    "kpoints": Knob("× the grid", _is_sampled, _other_kpoints, _grid),
    "cutoff": Knob("eV", _cutoff, _other_cutoff, lambda _, value: f"{value:g} eV"),
    "vacuum": _setting("vacuum_a", "Å", float),
    "grid": Knob("points/Å", _fineness, _other_fineness, lambda _, value: f"h = {1 / value:.3g} Å"),
}
