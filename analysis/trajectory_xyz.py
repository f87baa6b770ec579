"""xyz files: plain, with a comment line as CP2K writes it, and extended (Lattice, Properties, pbc)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.trajectory_frames import Frame, Frames, element_symbols
from natrium.analysis.trajectory_lines import Lines

_PLAIN = "species:S:1:pos:R:3"
_NO_CELL = np.zeros((3, 3))


def _entry(key: str) -> re.Pattern[str]:
    return re.compile(rf"""(?<![\w-]){key}\s*=\s*(?:["'{{]([^"'}}]*)["'}}]|([^\s,;]+))""", re.IGNORECASE)


_LATTICE, _PROPERTIES, _PBC = map(_entry, ("lattice", "properties", "pbc"))
_TIME = _entry("time(?:_fs)?")


def is_xyz(head: str) -> bool:
    """Whether a file begins as an xyz file: a number of atoms, a comment, an atom with three coordinates."""
    lines = head.splitlines()
    return len(lines) > 1 and lines[0].strip().isdecimal() and (len(lines) == 2 or len(lines[2].split()) > 3)


def xyz_frames(path: Path) -> Frames:
    """The frames, at the times that their comments give as time_fs or time, both in fs.

    Without Lattice there is no cell and no periodicity; with it, pbc is T T T unless the comment says otherwise.

    Raises:
        InputError: no xyz file; the message names the line.
        CutError: the file ends within a frame.
    """
    with Lines(path) as lines:
        labels: list[str] = []
        symbols: tuple[str, ...] = ()
        while (line := lines.next()) is not None:
            if not line.strip():
                continue
            if not line.strip().isdecimal() or not int(line):
                raise lines.wrong(
                    f"{line.strip()!r} is no number of atoms", "is it an xyz file, with as many atoms as it says?"
                )
            comment = lines.take(1)[0]
            words, columns = lines.table(int(line))
            properties = _value(_PROPERTIES, comment)
            species, position, needed = _columns(lines, properties or _PLAIN)
            # plain files may have more columns than anyone announced
            if columns < needed or (columns > needed and properties):
                raise lines.wrong(f"atoms have {columns} columns, not {needed}", "correct Properties=… or the atoms")
            if words[species::columns] != labels:
                labels = words[species::columns]
                symbols = element_symbols(labels, f"{path}, frame that ends in line {lines.number}")
            coordinates = [lines.numbers(words[position + axis :: columns]) for axis in range(3)]
            cell_a = _cell(lines, comment)
            yield Frame(
                symbols, _pbc(lines, comment), cell_a, np.stack(coordinates, axis=1), None, _time(lines, comment)
            )


def _value(entry: re.Pattern[str], comment: str) -> str | None:
    found = entry.search(comment)
    return found and (found[1] if found[2] is None else found[2])


def _columns(lines: Lines, properties: str) -> tuple[int, int, int]:
    """Where the species and the first coordinate are, and how many columns there are."""
    words = properties.split(":")
    start, at = 0, {}
    for name, width in zip(words[::3], words[2::3], strict=False):
        at[name.lower()] = start
        start += int(width) if width.isdecimal() else 0
    species = at.get("species", at.get("z"))
    if species is None or "pos" not in at:
        raise lines.wrong(f"Properties={properties} has no species or no pos", "write the file with both")
    return species, at["pos"], start


def _cell(lines: Lines, comment: str) -> NDArray[np.float64]:
    lattice = _value(_LATTICE, comment)
    if lattice is None:
        return _NO_CELL
    numbers = lines.numbers(lattice.split())
    if len(numbers) != 9:
        raise lines.wrong(f"Lattice has {len(numbers)} numbers, not 9", "write the three vectors one after the other")
    return numbers.reshape(3, 3)


def _pbc(lines: Lines, comment: str) -> tuple[bool, bool, bool]:
    value = _value(_PBC, comment)
    if value is None:
        return (True, True, True) if _LATTICE.search(comment) else (False, False, False)
    flags = re.findall(r"\w+", value.upper())
    if len(flags) != 3 or not set(flags) <= {"T", "F", "TRUE", "FALSE", "1", "0"}:
        raise lines.wrong(f"pbc={value!r} is not three of T and F", 'write pbc="T T F"')
    along = [flag in {"T", "TRUE", "1"} for flag in flags]
    return along[0], along[1], along[2]


def _time(lines: Lines, comment: str) -> float | None:
    value = _value(_TIME, comment)
    return None if value is None else float(lines.numbers([value])[0])
