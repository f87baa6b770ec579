"""Where a figure or a data file may be written, and the style of figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from natrium.structures.errors import InputError

FIGURES = (".pdf", ".png", ".svg")
"""Suffixes of figures."""

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.linewidth": 0.8,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
"""matplotlib's settings for figures that go into a paper."""


def suffix_of(path: Path) -> str:
    """The suffix that says what is in a file: .png, but .xyz.gz of what is compressed."""
    return "".join(path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:])


def checked_path(path: Path | str, suffixes: Sequence[str], *, overwrite: bool) -> Path:
    """The path, if it may be written.

    Args:
        path: File to write.
        suffixes: The suffixes that we can write; empty where any will do.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        InputError: an unknown suffix, no such folder, or a file that exists and may not be replaced.
    """
    path = Path(path)
    suffix = suffix_of(path)
    if suffixes and suffix.lower() not in suffixes:
        raise InputError(f"{path}: cannot write a {suffix or 'file without a suffix'}", f"use {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist", "create it, or choose another")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists", "choose another name, or say that it may be overwritten")
    return path
