"""Values from the literature, each with its source, and the comparison of our numbers with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError


class PublishedValue(BaseModel):
    """A value that somebody else found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    quantity: str
    value: Any = Field(description="A number, or several where the quantity has several")
    unit: str
    tolerance: float | None = Field(description="Largest difference that counts as agreement; None: reported only")
    kind: Literal["paper", "database", "experiment", "computed"]
    method: str = ""
    source: str
    note: str = ""


class Comparison(BaseModel):
    """One of our numbers beside a published one."""

    model_config = ConfigDict(extra="forbid")

    quantity: str
    ours: float
    published: float
    unit: str
    agrees: bool | None = Field(description="Within the tolerance; None where there is no tolerance to judge by")
    kind: str = Field(description="paper, database, experiment or computed")
    source: str = Field(description="Where the published value is from, and by which method")


@cache
def _values() -> dict[str, PublishedValue]:
    raw = json.loads(files("natrium.analysis").joinpath("published.json").read_text(encoding="utf-8"))
    return {entry["id"]: PublishedValue(**entry) for entry in raw["values"]}


def published(identifier: str) -> PublishedValue:
    """The published value of this id in published.json.

    Raises:
        InputError: there is none.
    """
    if identifier not in _values():
        raise InputError(f"there is no published value {identifier!r}", f"choose from {', '.join(_values())}")
    return _values()[identifier]


def compare(ours: float, identifier: str, what: str = "", where: Sequence[str | int] = ()) -> Comparison:
    """Our number beside the published one.

    Args:
        ours: In the unit of the published one.
        identifier: In published.json.
        what: Which of several numbers of ours it is, such as the side of a slab.
        where: Which of several published numbers it is compared with: ("gas", 1) is the second of those in the gas.
    """
    value = published(identifier)
    theirs = value.value
    for step in where:
        theirs = theirs[step]
    agrees = None if value.tolerance is None else abs(ours - theirs) <= value.tolerance
    return Comparison(
        quantity=f"{value.quantity}{', ' if what else ''}{what}",
        ours=ours,
        published=theirs,
        unit=value.unit,
        agrees=agrees,
        kind=value.kind,
        source="; ".join(filter(None, (value.source, value.method))),
    )
