"""Results of parts of one study, calculated in runs of their own, as one result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from natrium.structures.errors import InputError
from natrium.workflows.calculation import Calculation
from natrium.workflows.result import StudyResult
from natrium.workflows.study import Poolable, Study, study

SAME_ENERGY_EV = 0.005
"""Two runs of one calculation differ by less: what SCF and a relaxation's threshold leave."""


def common_settings(result: StudyResult) -> tuple[object, ...]:
    """What results have in common that are told as one: study, preset, engine, and changes but for which parts."""
    chosen = study(result.study)
    parts = chosen.parts if isinstance(chosen, Poolable) else ()
    return result.study, result.preset, result.engine, sorted(_of_all(result, parts).items())


def pooled(chosen: Study, results: Sequence[StudyResult]) -> StudyResult:
    """Results of parts of a study as one; a single one is returned as it is.

    Args:
        chosen: The study.
        results: At least one; what differs between them is which parts were calculated, and nothing else.

    Raises:
        InputError: the study has no parts, or the results are not of one method, or have a part in common.
    """
    first, *others = results
    if not others:
        return first
    if not isinstance(chosen, Poolable):
        raise InputError(f"{len(results)} results of {first.study} {first.preset}", "name one of them")
    difference = next((told for other in others for told in _differences(first, other, chosen.parts)), None)
    if difference is not None:
        raise InputError(
            f"results of {first.study} {first.preset} that are not of one method: {difference}",
            f"name only runs that differ in nothing but {' and '.join(chosen.parts)}",
        )
    there = Counter(name for result in results for name in chosen.part_names(result))
    twice = [name for name, times in there.items() if times > 1]
    if twice:
        raise InputError(f"several results of {first.study} have {', '.join(twice)}", "name one run with each")
    reasons = dict.fromkeys(reason for result in results for reason in getattr(result, "missing", ()))
    return chosen.pool(results).model_copy(
        update={
            "overrides": _of_all(first, chosen.parts),
            "calculations": {name: one for result in reversed(results) for name, one in result.calculations.items()},
            # what one run lacks and another one has is not missing
            "missing": [reason for reason in reasons if reason.partition(":")[0] not in there],
        }
    )


def _of_all(result: StudyResult, parts: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in result.overrides.items() if name not in parts}


def _differences(one: StudyResult, other: StudyResult, parts: Sequence[str]) -> Iterator[str]:
    for name in ("study", "preset", "engine", "quality", "assumptions"):
        if getattr(one, name) != getattr(other, name):
            yield f"{name} {getattr(one, name)} and {getattr(other, name)}"
    mine, theirs = _of_all(one, parts), _of_all(other, parts)
    if mine != theirs:
        yield f"--set {mine} and {theirs}"
    known = _by_step(one)
    for step, calculation in _by_step(other).items():
        # what a part is decides on seed and length, and not on the method
        changes = {"seed": None, "steps": 1}
        here, there = (each.model_copy(update=changes) for each in (known.get(step, calculation), calculation))
        if here != there:
            field = next(name for name in type(here).model_fields if getattr(here, name) != getattr(there, name))
            yield f"{field} of {step} is {getattr(here, field)} and {getattr(there, field)}"
    # the model (layers, vacuum) is in no calculation's settings, but in what both have calculated
    for name in one.calculations.keys() & other.calculations.keys():
        told = [(result.calculations[name].formula, result.calculations[name].energy_ev) for result in (one, other)]
        (formula, energy_ev), (formula_there, energy_there_ev) = told
        if formula != formula_there or abs(energy_ev - energy_there_ev) > SAME_ENERGY_EV:
            yield f"{name} is {formula}, {energy_ev:.3f} eV, and {formula_there}, {energy_there_ev:.3f} eV"


def _by_step(result: StudyResult) -> dict[str, Calculation]:
    """A calculation of each kind of step: relax, for hollow-upright-relax and all the others; md for fec-1-md-2."""
    return {re.sub(r"-\d+$", "", name).rpartition("-")[2]: one.calculation for name, one in result.calculations.items()}
