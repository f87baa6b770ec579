"""LAMMPS dumps in text (dump custom, dump atom), in `units metal` or `units real`: both mean Å."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.trajectory_frames import CutError, Frame, Frames, element_symbols
from natrium.analysis.trajectory_lines import Lines

FS_PER_UNIT = {"metal": 1000.0, "real": 1.0}
"""Unit of time, fs, in the unit systems that measure lengths in Å; docs.lammps.org/units.html."""
_COORDINATES = (("x", "y", "z"), ("xu", "yu", "zu"), ("xs", "ys", "zs"), ("xsu", "ysu", "zsu"))
_ONE_LINE = ("UNITS", "TIME", "TIMESTEP", "NUMBER OF ATOMS")
_CUSTOM = "write the dump by `dump … custom … id type element x y z`"


def is_lammps_dump(head: str) -> bool:
    """Whether a file begins as a LAMMPS dump."""
    return head.startswith("ITEM: ")


def lammps_frames(path: Path, symbols: Sequence[str] | None = None) -> Frames:
    """The snapshots, numbered by TIMESTEP, atoms sorted by id, periodic along directions whose flags are pp.

    Only files with `dump_modify … units yes time yes` know their times. Units that the file does not name are taken
    to be metal or real.

    Args:
        path: The dump.
        symbols: Elements of the types 1, 2, …: for dumps without the column `element`, or where LAMMPS filled it
            with C because no `dump_modify … element` named them.

    Raises:
        InputError: no ids, coordinates or elements, other units, or no dump; the message names the line.
        CutError: the file ends within a snapshot.
    """
    with Lines(path) as lines:
        items: dict[str, str] = {}
        box: _Box | None = None
        rows = _Rows(lines, symbols)
        while (line := lines.next()) is not None:
            item = line.removeprefix("ITEM:").strip()
            if item in _ONE_LINE:
                items[item] = lines.take(1)[0].strip()
            elif item.startswith("BOX BOUNDS"):
                box = _Box(lines, item.split()[2:])
            elif item.startswith("ATOMS") and box and {"TIMESTEP", "NUMBER OF ATOMS"} <= items.keys():
                named, positions_a = rows.read(_integer(lines, items.pop("NUMBER OF ATOMS")), item.split()[1:], box)
                step, time_fs = _integer(lines, items.pop("TIMESTEP")), _time_fs(lines, items)
                yield Frame(named, box.pbc, box.cell_a, positions_a, step, time_fs)
                box = None
            else:
                raise lines.wrong(f"{line.strip()!r} is unexpected in a dump of atoms", _CUSTOM)
        if box or "TIMESTEP" in items:
            raise CutError


def _integer(lines: Lines, word: str) -> int:
    return int(lines.numbers([word])[0])


def _time_fs(lines: Lines, items: dict[str, str]) -> float | None:
    unit = items.get("UNITS")
    if unit is not None and unit not in FS_PER_UNIT:
        raise lines.wrong(f"the dump is in units {unit}, lengths in Å are needed", "run LAMMPS in units metal or real")
    time = items.pop("TIME", None)
    return None if unit is None or time is None else float(lines.numbers([time])[0]) * FS_PER_UNIT[unit]


class _Box:
    """Cell, origin and periodicity; docs.lammps.org/Howto_triclinic.html."""

    def __init__(self, lines: Lines, words: list[str]) -> None:
        table, columns = lines.table(3)
        bounds = lines.numbers(table).reshape(3, columns)
        flags = [word for word in words if len(word) == 2 and set(word) <= set("pfsm")]
        if len(flags) != 3 or columns != (4 if "abc" in words else 3 if "xy" in words else 2):
            raise lines.wrong(
                "the box that ends here is not as LAMMPS writes it since 2010",
                "the line before it is 'ITEM: BOX BOUNDS pp pp ff' or 'ITEM: BOX BOUNDS xy xz yz pp pp ff'",
            )
        self.pbc = (flags[0] == "pp", flags[1] == "pp", flags[2] == "pp")
        if "abc" in words:
            self.cell_a, self.origin_a = bounds[:, :3], bounds[:, 3]
            return
        # what is written bounds the tilted box, which is wider than its edges along x and y
        low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
        xy, xz, yz = bounds[:, 2] if "xy" in words else np.zeros(3)
        low[:2] -= min(0.0, xy, xz, xy + xz), min(0.0, yz)
        high[:2] -= max(0.0, xy, xz, xy + xz), max(0.0, yz)
        self.origin_a = low
        self.cell_a = np.diag(high - low)
        self.cell_a[1, 0], self.cell_a[2, 0], self.cell_a[2, 1] = xy, xz, yz


class _Rows:
    """The rows of atoms; what changes between snapshots, and only that, is worked out again."""

    def __init__(self, lines: Lines, symbols: Sequence[str] | None) -> None:
        self.lines = lines
        self.by_type = None if symbols is None else element_symbols(symbols, "the symbols given")
        self.order: NDArray[np.intp] = np.zeros(0, np.intp)
        self.ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self.labels: list[list[str] | None] = []
        self.symbols: tuple[str, ...] = ()

    def read(self, atoms: int, names: list[str], box: _Box) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Symbols and positions by ascending id."""
        words, columns = self.lines.table(atoms)
        if columns != len(names):
            raise self.lines.wrong(f"atoms have {columns} words for the columns {' '.join(names)}", _CUSTOM)
        at = {name: words[column::columns] for column, name in enumerate(names)}
        coordinates = next((xyz for xyz in _COORDINATES if at.keys() >= set(xyz)), None)
        if coordinates is None or "id" not in at:
            raise self.lines.wrong(f"ids or coordinates are missing among the columns {' '.join(names)}", _CUSTOM)
        if (labels := [at.get(name) for name in ("id", "type", "element")]) != self.labels:
            self._sort(at["id"])
            self._name(*([found[row] for row in self.order] if found else None for found in labels[1:]))
            self.labels = labels
        values = np.stack([self.lines.numbers(at[name]) for name in coordinates], axis=1)[self.order]
        return self.symbols, box.origin_a + values @ box.cell_a if coordinates[0].startswith("xs") else values

    def _sort(self, id_words: list[str]) -> None:
        ids = self.lines.numbers(id_words).astype(np.int64)
        order = np.argsort(ids)
        changed = len(ids) == len(self.ids) and (ids[order] != self.ids).any()
        if changed or len(set(id_words)) < len(ids):
            raise self.lines.wrong(
                "the ids of this snapshot's atoms are not those of the last one, each once",
                "dump a group that does not change (no region, no threshold)",
            )
        self.order, self.ids = order, ids[order]

    def _name(self, types: list[str] | None, elements: list[str] | None) -> None:
        # LAMMPS writes C for every atom when nobody named the elements
        only_c = elements is not None and set(elements) == {"C"}
        if self.by_type is None:
            if elements is None or (only_c and types is not None and len(set(types)) > 1):
                raise self.lines.wrong(
                    "the dump does not name the elements"
                    + (": C for all types is what LAMMPS writes" if only_c else ""),
                    "give the elements of the types 1, 2, … (symbols=), or dump the column element and name them by "
                    "`dump_modify … element Na O`",
                )
            self.symbols = element_symbols(elements, str(self.lines.path))
        else:
            of_type = {str(number): symbol for number, symbol in enumerate(self.by_type, 1)}
            if types is None or not of_type.keys() >= set(types):
                found = "no types" if types is None else f"the types {' '.join(sorted(set(types)))}"
                raise self.lines.wrong(
                    f"symbols were given for the types {' '.join(of_type)}, the dump has {found}",
                    "give one symbol for each type, or none where the dump names the elements",
                )
            self.symbols = tuple(of_type[number] for number in types)
            if elements and not only_c and element_symbols(elements, str(self.lines.path)) != self.symbols:
                raise self.lines.wrong(
                    f"by the symbols given the types are {' '.join(self.by_type)}, the dump itself says otherwise",
                    "leave symbols out: the dump names the elements",
                )
