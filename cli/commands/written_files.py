"""Which function writes each file that a command is asked for: known before the first one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Writer = TypeVar("Writer")


def chosen_writers(paths: Sequence[Path], writers: Mapping[str, Writer], *, force: bool) -> list[tuple[Path, Writer]]:
    """Each file with what writes it.

    Args:
        paths: Files to write.
        writers: By suffix (.png) or by whole name (CHGCAR).
        force: Whether files that exist may be replaced.

    Raises:
        InputError: a file that nothing writes, or that exists and may not be replaced.
    """
    from natrium.analysis.figure_file import suffix_of
    from natrium.structures.errors import InputError

    chosen = []
    for path in paths:
        writer = writers.get(path.name, writers.get(suffix_of(path)))
        if writer is None:
            raise InputError(f"{path}: no such format", f"use a name that ends in {', '.join(writers)}")
        chosen.append((path, writer))
    for path in paths:
        if path.exists() and not force:
            raise InputError(f"{path} exists", "choose another name, or replace it with --force")
    return chosen
