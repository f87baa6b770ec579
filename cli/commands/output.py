"""How the command line prints: tables, JSON, and documents with the meaning and the unit of every number.

A terminal has a width, and tables fit themselves to it, but nothing is ever cut off. A pipe or a file has none: there
every row is one line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, TextIO

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_ENDLESS = 100_000
_NOISE = 1e-10  # rounding errors of double precision; no number of ours is so small and not zero
UNITS = {
    "_ev_a3": "eV/Å³",
    "_ev_a2": "eV/Å²",
    "_ev_a": "eV/Å",
    "_j_m2": "J/m²",
    "_e_a3": "e/Å³",
    "_ev": "eV",
    "_ea": "e·Å",
    "_a2": "Å²",
    "_a": "Å",
    "_e": "e",
    "_s": "s",
    "_mb": "MB",
    "_percent": "%",
}
"""What the end of a field's name says about its value; the longest end comes first."""


def _console(stream: TextIO, stderr: bool) -> Console:
    has_width = stream.isatty() or "COLUMNS" in os.environ
    return Console(stderr=stderr, width=None if has_width else _ENDLESS, highlight=False)


console = _console(sys.stdout, stderr=False)
notes = _console(sys.stderr, stderr=True)
"""For what people should know and a program that reads the output should not find in it."""


def line(text: str, title: str = "", style: str = "bold") -> None:
    """A title in a style and a text, on one line that may be copied: the terminal breaks it, not we."""
    console.print(Text.assemble((title, style), text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Plain JSON on standard output, whatever the terminal."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def table(rows: Sequence[dict[str, Any]], nothing: str = "nothing found") -> None:
    """A table whose columns are the keys of the first row. The first one is there to be copied: it is never broken."""
    if not rows:
        notes.print(nothing)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(rows[0]):
        shown.add_column(name, no_wrap=position == 0, overflow="fold")
    for row in rows:
        shown.add_row(*(escape(str(value)) for value in row.values()))
    console.print(shown)


def numbers(document: BaseModel, leave_out: Sequence[str] = ()) -> None:
    """Every field of a document with its value, its unit and its meaning; what is long is counted, not printed."""
    for is_table, group in groupby(_facts(document, "", leave_out), key=lambda fact: isinstance(fact, tuple)):
        shown = Table(box=None, pad_edge=False, show_header=False)
        for style, width in ((None, 25), (None, 18), ("dim", None)):
            shown.add_column(style=style, min_width=width, overflow="fold")
        for fact in group:
            if isinstance(fact, tuple):
                shown.add_row(*fact)
            else:
                console.print(fact)
        if is_table:
            console.print(shown)


def _facts(document: BaseModel, indent: str, leave_out: Sequence[str]) -> Iterator[tuple[str, str, str] | Padding]:
    """Rows of a table, and paragraphs where a field is a list of documents."""
    for name, field in type(document).model_fields.items():
        value = getattr(document, name)
        meaning = escape(field.description or "")
        if name in leave_out or value is None or (isinstance(value, dict) and not value):
            continue
        if isinstance(value, BaseModel) and "label" not in type(value).model_fields:
            yield f"{indent}[bold]{spoken(name)}[/]", "", meaning or escape((type(value).__doc__ or "").split("\n")[0])
            yield from _facts(value, indent + "  ", ())
        elif isinstance(value, list | tuple) and value and isinstance(value[0], BaseModel):
            yield f"{indent}[bold]{spoken(name)}[/]", "", meaning
            for item in value:
                parts = [(of, part) for of, part in item if part is not None]
                named = isinstance(parts[0][1], str)
                title = f"[bold]{escape(parts.pop(0)[1])}[/]: " if named else ""
                told = title + escape(", ".join(f"{spoken(of)} {with_unit(of, part)}" for of, part in parts))
                yield Padding(told, (0, 0, 0, len(indent) + 2), expand=False)
        else:
            yield indent + spoken(name), escape(with_unit(name, value)), meaning


def spoken(name: str) -> str:
    """A field's name in words, without its unit: work_function_ev is called 'work function'."""
    return name.removesuffix(_ending(name)).replace("_", " ")


def with_unit(name: str, value: Any) -> str:
    """A field's value with the unit that its name says."""
    unit = UNITS.get(_ending(name))
    separator = ", " if isinstance(value, list | tuple) else " "
    return short(value) + (separator + unit if unit else "")


def _ending(name: str) -> str:
    return next((ending for ending in UNITS if name.endswith(ending)), "")


def short(value: Any) -> str:
    """A value for people."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if 100 <= abs(value) < 1e7:
            return f"{value:.4f}".rstrip("0").rstrip(".")
        return f"{value:.6g}" if abs(value) > _NOISE else "0"
    if isinstance(value, list | tuple) and len(value) > 8:
        return f"{len(value)} values"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(short(item) for item in value) + "]"
    if isinstance(value, dict):
        return ", ".join(f"{key}={short(item)}" for key, item in value.items()) or "–"
    if isinstance(value, BaseModel):
        return str(getattr(value, "label", value))
    shape = getattr(value, "shape", None)
    return f"array {' × '.join(map(str, shape))}" if shape is not None else str(value)
