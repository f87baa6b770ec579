"""What a check found: a value that the command line prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from natrium.structures.errors import NatriumError

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """What was tried, how it went, and what shows it."""

    what: str
    state: State
    evidence: str
    remedy: str = ""


def tried(what: str, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of one part; what it raises is one more."""
    try:
        yield from part()
    except NatriumError as error:
        yield Finding(what, "problem", error.problem, error.remedy)
    except Exception as error:
        yield Finding(what, "problem", f"{type(error).__name__}: {error}", "report it, this was not expected")
