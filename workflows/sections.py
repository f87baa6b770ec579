"""The sections of a study's settings: which of its steps they are for, and what must be alike in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.study import Study, StudySettings


class Planned(NamedTuple):
    """A calculation on the system that it is planned for, which may still have to be relaxed, and its engine."""

    calculation: Calculation
    system: System
    engine: str


def section_of(settings: StudySettings, step: str) -> str | None:
    """The section of the settings that a step's calculation has: named like the step, or like the end of its name.

    The section `relax` is that of the steps hollow-upright-relax and hollow-flat-001-relax. None for a step that
    calculates nothing.
    """
    words = step.replace("_", "-").split("-")
    names = ("_".join(words[first:]) for first in range(len(words)))
    return next((name for name in names if name in settings.calculations), None)


def require_alike(settings: StudySettings, sections: Iterable[str], *, sampling: bool) -> None:
    """Refuse settings by which energies or densities of different methods would be subtracted.

    Args:
        settings: Of the study.
        sections: Those that are subtracted from one another.
        sampling: Whether they are in one cell, so that their k-points must agree too.

    Raises:
        InputError: with the first difference.
    """
    first, *others = sections

    def alike(section: str) -> dict[str, object]:
        calculation = settings.calculations[section]
        kpoints = {"kpoints": calculation.kpoints, "gamma_centred": calculation.gamma_centred}
        return calculation.method | (kpoints if sampling else {})

    for section in others:
        for name, value in alike(section).items():
            if value != alike(first)[name]:
                raise InputError(
                    f"{name} is {alike(first)[name]} for {first} and {value} for {section}, which are subtracted",
                    f"set {name} for {', '.join((first, *others))} alike",
                )


def planned(chosen: Study, settings: StudySettings) -> dict[str, Planned]:
    """Every calculation of a study by its step."""
    systems = {name.replace("_", "-"): system for name, system in chosen.systems(settings).items()}
    sections = {step: section_of(settings, step) for step in systems}
    return {
        step: Planned(settings.calculations[section], systems[step], settings.engine_of(section))
        for step, section in sections.items()
        if section is not None
    }
