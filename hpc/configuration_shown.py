"""The configuration as people read it: every setting, its value without secrets, and where the value comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from natrium.hpc.configuration import Configuration, redacted
from natrium.hpc.configuration_sources import Layer
from natrium.hpc.policy import RULES

DEFAULT = "default"
_ONE_LINE_EACH = ("policy", "rules")
_SECRET_ASSIGNMENT = re.compile(r"(?i)(\w*(?:password|passwd|token|secret|api_?key)\w*=)(\"[^\"]*\"|'[^']*'|\S+)")


@dataclass(frozen=True)
class Shown:
    """One setting."""

    setting: str
    value: Any
    source: str
    """default, argument, a variable, or a file."""


def settings_shown(configuration: Configuration, places: Sequence[Layer]) -> Iterator[Shown]:
    """Every setting that holds, those of clusters and of the policy one by one.

    Args:
        configuration: What holds.
        places: The layers it came from, the strongest first.
    """
    values = configuration.model_dump(mode="json")
    if configuration.database_uri is not None:
        values["database_uri"] = redacted(configuration.database_uri.get_secret_value())
    # the whole table: a policy is read when something was not rerun, and what is not said matters then
    rules = {outcome: configuration.policy.rule(outcome).model_dump(mode="json") for outcome in RULES}
    values["policy"] = {**values["policy"], "rules": rules}
    for path, value in _leaves(values, ()):
        yield Shown(".".join(path), _without_secrets(value), _source(path, places))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value and path[:-1] != _ONE_LINE_EACH:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    else:
        yield path, value


def _source(path: Sequence[str], places: Sequence[Layer]) -> str:
    layer = next((layer for layer in places if layer.holds(path)), None)
    if layer is None:
        return DEFAULT
    return layer.spelt(path).partition(": the setting ")[0]


def _without_secrets(value: Any) -> Any:
    """Setup lines may export a token."""
    if isinstance(value, str):
        return _SECRET_ASSIGNMENT.sub(r"\1***", value)
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value
