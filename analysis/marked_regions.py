"""Regions of a document that a program writes, between marks that people set.

<!-- natrium report: na110-o2 standard -->
<!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from natrium.structures.errors import InputError

_BEGIN = re.compile(r"^<!-- natrium report:\s*(.*?)\s*-->\s*$")
_END = re.compile(r"^<!-- end -->\s*$")


def region_names(text: str) -> list[str]:
    """What stands in the opening marks, in the order of the document.

    Raises:
        InputError: a region without an end, or an end without a region; the message says in which line.
    """
    return [name for _, _, name in _regions(text.splitlines())]


def with_regions(text: str, contents: Mapping[str, str]) -> str:
    """The document with new contents of some regions; everything else stays as it is, the marks too.

    Args:
        text: The document.
        contents: By the name of a region what shall be in it.

    Raises:
        InputError: as `region_names`.
    """
    lines = text.splitlines()
    for begin, end, name in reversed(_regions(lines)):
        if name in contents:
            lines[begin + 1 : end] = ["", *contents[name].splitlines(), ""]
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")


def _regions(lines: list[str]) -> list[tuple[int, int, str]]:
    """Positions of the opening and the closing mark, and the name, of each region."""
    found = []
    opened: tuple[int, str] | None = None
    for position, line in enumerate(lines):
        begins, ends = _BEGIN.match(line), _END.match(line)
        if (begins and opened) or (ends and not opened):
            raise InputError(
                f"line {position + 1}: {line.strip()} {'within another region' if begins else 'ends nothing'}",
                "close every <!-- natrium report: … --> with <!-- end -->, each on a line of its own",
            )
        if begins:
            opened = position, begins[1]
        elif ends and opened:
            found.append((opened[0], position, opened[1]))
            opened = None
    if opened:
        raise InputError(f"line {opened[0] + 1}: the region {opened[1]!r} has no end", "close it with <!-- end -->")
    return found
