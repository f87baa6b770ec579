"""How far a number is from convergence: values on a ladder of ever more demanding settings, and their error bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import fsum, hypot
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

SLOWEST_DECAY = 0.8
"""Steps that shrink by less than this, from one rung to the next, do not show where they lead."""

Rule = Literal["extrapolated", "spread", "drifts", "unknown"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RungValue(_Document):
    """A quantity on one rung of a ladder."""

    label: str = Field(description="Value of the knob for people, with its unit")
    setting: float = Field(description="Value of the knob, in the knob's unit; greater is more demanding")
    value: float | None = Field(description="Value of the quantity, in its unit; none where the rung failed")
    difference: float | None = Field(description="Value less that of the most demanding rung, in the quantity's unit")
    wall_time_s: float | None = Field(description="Of all calculations behind the rung, shared ones included, s")
    is_reference: bool = Field(description="Whether the rung is the study with its settings as they were given")


class KnobConvergence(_Document):
    """A quantity along one ladder."""

    knob: str
    unit: str = Field(description="Of the knob's values; nothing for a plain number")
    rungs: list[RungValue] = Field(description="In the order of demand")
    error: float | None = Field(description="What the reference may be off by, in the quantity's unit")
    rule: Rule = Field(
        description="Where the error comes from: a ladder that decays was extrapolated; any other has its spread for"
        " an error, which is a lower bound where the ladder drifts"
    )


class QuantityConvergence(_Document):
    """A quantity with its error bar."""

    name: str
    symbol: str
    unit: str
    structure: str = Field("", description="That the number is of; empty: of none")
    value: float | None = Field(description="With the settings as they were given, in `unit`")
    error: float | None = Field(description="Root of the sum of the squares of the knobs' errors, in `unit`")
    error_sum: float | None = Field(description="Plain sum of the knobs' errors, in `unit`: none of them cancels")
    knobs: list[KnobConvergence]


class Measured(NamedTuple):
    """One rung before it is judged: see `RungValue`."""

    label: str
    setting: float
    value: float | None
    wall_time_s: float | None
    is_reference: bool


def error_bar(values: Sequence[float | None], reference: int) -> tuple[float | None, Rule]:
    """What a value on a ladder may be off by.

    The steps between the last four rungs (of three, where there are no more) decay if each is of the same sign as the
    one before it and at most 0.8 of it. Let d₁ and d₂ be the last two and q = d₂/d₁: what remains beyond the last rung
    is the geometric series d₂·q/(1 − q) (Aitken's Δ² process). It is exact for an error that falls exponentially on
    equidistant rungs, or as a power on rungs in geometric progression; equidistant rungs and a power law give too
    little by a factor of order one. The error is then the distance of the reference from the limit, but not less than
    its distance from any more demanding rung.

    Without decay (quantum-size oscillations with the number of layers) the error is the spread, greatest less
    smallest, of the last three rungs and all from the reference on; that the last two agree proves nothing. Steps that
    go one way and do not decay, or have a failed rung among them, lead nobody knows where, and so does a single step:
    the same spread is a lower bound.

    Args:
        values: In the order of demand; None where a rung failed.
        reference: Position of the value in question.

    Returns:
        The error, not negative, in the unit of the values, and the rule; (None, "unknown") where the reference failed
        or stands alone.
    """
    at = values[reference]
    known = [value for value in values if value is not None]
    if at is None or len(known) < 2:
        return None, "unknown"
    beyond = [value for value in values[reference:] if value is not None]
    steps = [after - before for before, after in pairwise(known[-4:])]
    ratios = [after / before if before else 0.0 for before, after in pairwise(steps)]
    if ratios and all(0 < ratio <= SLOWEST_DECAY for ratio in ratios) and None not in values[-4:]:
        limit = known[-1] + steps[-1] * ratios[-1] / (1 - ratios[-1])
        return max(abs(at - value) for value in (limit, *beyond)), "extrapolated"
    window = [*beyond, *known[-3:]]
    # a knob that the number has nothing to do with takes steps of zero
    one_way = all(ratio > 0 for ratio in ratios) and any(steps)
    drifts = one_way or any(ratio > SLOWEST_DECAY for ratio in ratios[-1:])
    return max(window) - min(window), "drifts" if drifts else "spread"


def along_ladder(knob: str, unit: str, ladder: Sequence[Measured]) -> KnobConvergence:
    """Judge a quantity along one ladder.

    Args:
        knob: Its name.
        unit: Of its values.
        ladder: The rungs in any order, exactly one of them the reference.
    """
    rungs = sorted(ladder, key=lambda rung: rung.setting)
    (reference,) = (position for position, rung in enumerate(rungs) if rung.is_reference)
    error, rule = error_bar([rung.value for rung in rungs], reference)
    last = next((rung.value for rung in reversed(rungs) if rung.value is not None), None)
    return KnobConvergence(
        knob=knob,
        unit=unit,
        rungs=[
            RungValue(**rung._asdict(), difference=None if rung.value is None or last is None else rung.value - last)
            for rung in rungs
        ],
        error=error,
        rule=rule,
    )


def with_error_bar(
    name: str, symbol: str, unit: str, value: float | None, ladders: Mapping[str, tuple[str, Sequence[Measured]]]
) -> QuantityConvergence:
    """A quantity with the errors of all knobs, and the two ways to add them.

    Args:
        name: Of the quantity.
        symbol: Of the quantity.
        unit: Of the quantity.
        value: With the reference settings.
        ladders: By knob the unit of its values, and its rungs.
    """
    knobs = [along_ladder(knob, unit_of_knob, ladder) for knob, (unit_of_knob, ladder) in ladders.items()]
    errors = [knob.error for knob in knobs if knob.error is not None]
    # zero from all of them: no knob changed a calculation that the number comes from, so nothing was measured
    complete = any(errors) and len(errors) == len(knobs)
    return QuantityConvergence(
        name=name,
        symbol=symbol,
        unit=unit,
        value=value,
        error=hypot(*errors) if complete else None,
        error_sum=fsum(errors) if complete else None,
        knobs=knobs,
    )


def told(quantity: QuantityConvergence) -> str:
    """A quantity in one line: Φ = 2.831 ± 0.015 eV (layers 0.014, kpoints 0.004)."""
    if quantity.value is None:
        return f"{quantity.symbol} is not known: the calculation with the settings as given failed"
    unit = f" {quantity.unit}" if quantity.unit else ""
    digits = decimals(quantity.error)
    parts = ", ".join(
        f"{knob.knob} {'not known' if knob.error is None else f'{knob.error:.{digits}f}'}" for knob in quantity.knobs
    )
    error = "" if quantity.error is None else f" ± {quantity.error:.{digits}f}"
    return f"{quantity.symbol} = {quantity.value:.{digits}f}{error}{unit} ({parts})"


def decimals(error: float | None) -> int:
    """As many decimals as two digits of the error need; from three to five."""
    from math import floor, log10

    return 3 if not error else min(5, max(3, 1 - floor(log10(error))))
