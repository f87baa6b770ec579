"""VASP's XDATCAR: direct coordinates of a run, with one header or, where the cell moves, one a frame."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.trajectory_frames import CutError, Frame, Frames, element_symbols
from natrium.analysis.trajectory_lines import Lines

_CONFIGURATION = re.compile(r"\s*direct\s+configuration\s*=\s*(\S*)", re.IGNORECASE)
_GLUED = re.compile(r"(?<=\d)-")


def is_xdatcar(head: str) -> bool:
    """Whether a file begins as an XDATCAR, of VASP 4 too."""
    lines = head.splitlines()[:9]
    return any(map(_CONFIGURATION.match, lines)) or (len(lines) > 3 and lines[3].strip() == "CAR")


def xdatcar_frames(path: Path) -> Frames:
    """The frames; configuration n is step n - 1, as VASP's first configuration is where the run begins.

    VASP numbers configurations by ionic steps (with NBLOCK = 10: 10, 20, …); the file does not know POTIM. Words
    after the three coordinates of an atom are passed over.

    Raises:
        InputError: no species names (VASP 4), or no XDATCAR; the message names the line.
        CutError: the file ends within a frame.
    """
    with Lines(path) as lines:
        cell_a = np.zeros((3, 3))
        symbols: tuple[str, ...] = ()
        step, stride = -1, 0
        while (line := lines.next()) is not None:
            if not (found := _CONFIGURATION.match(line)):
                if not (header := _header(lines, line)):
                    return
                cell_a, symbols = header
                line = lines.take(1)[0]
                found = _CONFIGURATION.match(line)
            if not found:
                raise lines.wrong(
                    f"{line.strip()!r} is not 'Direct configuration= n'", "is it an XDATCAR of VASP 5 or 6?"
                )
            coordinates = _coordinates(lines, len(symbols))
            last, step = step, _step(lines, found[1], step + stride if stride else None)
            stride = step - last if last >= 0 else 0
            yield Frame(symbols, (True, True, True), cell_a, coordinates @ cell_a, step)


def _step(lines: Lines, number: str, expected: int | None) -> int:
    if number.isdecimal():
        return int(number) - 1
    # VASP's six digits are stars from step 1000000 on
    if set(number) == {"*"} and expected is not None:
        return expected
    raise lines.wrong(f"the configuration that ends here has no number but {number!r}", "number it by its ionic step")


def _coordinates(lines: Lines, atoms: int) -> NDArray[np.float64]:
    rows = lines.take(atoms)
    words = "".join(rows).split()
    if len(words) != 3 * atoms:
        # labels behind the coordinates, or numbers that touch: VASP's format is too narrow for unwrapped ones
        cells = [_GLUED.sub(" -", row).split()[:3] for row in rows]
        words = [word for row in cells for word in row]
        if len(words) != 3 * atoms:
            raise lines.wrong("an atom of this frame has less than 3 coordinates", "correct or cut out the frame")
    return lines.numbers(words).reshape(-1, 3)


def _header(lines: Lines, comment: str) -> tuple[NDArray[np.float64], tuple[str, ...]] | None:
    """Cell and symbols from the header that begins with the comment; None where only blank lines follow."""
    scale = lines.next()
    while scale is not None and not scale.strip():
        scale = lines.next()
    if scale is None:
        if comment.strip():
            raise CutError
        return None
    if len(scale.split()) != 1 and lines.number > 2:
        raise lines.wrong(
            f"the line before, {comment.strip()!r}, begins neither a configuration nor a header",
            "are there as many atoms as the header says? Correct or cut out this frame",
        )
    rows = [row.split() for row in (scale, *lines.take(4))]
    if len(rows[0]) != 1 or not rows[4] or rows[4][0].isdecimal():
        raise lines.wrong(
            "the header names no species, as VASP 4 wrote it",
            "put a line of element symbols above the numbers of atoms, in the header as VASP 5 writes it",
        )
    counts = lines.take(1)[0].split()
    whole = all(count.isdecimal() and int(count) for count in counts)
    if [len(row) for row in rows] != [1, 3, 3, 3, len(counts)] or not whole:
        raise lines.wrong("the header that ends here is not that of an XDATCAR", "is it an XDATCAR of VASP 5 or 6?")
    numbers = lines.numbers([word for row in rows[:4] for word in row])
    if not numbers[0] > 0:
        raise lines.wrong(f"the scale of the cell is {numbers[0]:g}", "give the vectors in Å and the scale 1")
    # POTCAR names (Na_pv) and, from VASP 6.4 on, their hashes (Na_pv/7a2…)
    elements = element_symbols(
        (re.split("[_/]", word)[0] for word in rows[4]), f"{lines.path}, line {lines.number - 1}"
    )
    symbols = tuple(symbol for symbol, count in zip(elements, counts, strict=True) for _ in range(int(count)))
    return numbers[0] * numbers[1:].reshape(3, 3), symbols
