"""Text files of frames, plain or gzip'd, read line by line with an eye on where a file was cut off."""

from __future__ import annotations

import gzip
import zlib
from gzip import GzipFile
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.trajectory_frames import CutError
from natrium.structures.errors import InputError

GZIP = b"\x1f\x8b"


def open_bytes(path: Path) -> BufferedReader | GzipFile:
    """A file for reading, unpacked on the way if it is gzip'd, whatever its name is."""
    with path.open("rb") as file:
        gzipped = file.read(len(GZIP)) == GZIP
    return GzipFile(path) if gzipped else path.open("rb")


def read_some(file: BufferedReader | GzipFile, size: int) -> bytes:
    """Some of the bytes that follow, none at the end, which a packed file that was cut has too.

    Raises:
        InputError: the packed file is damaged.
    """
    try:
        return file.read1(size)  # read() would lose what is unpacked already where the end is missing
    except EOFError:
        return b""
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{file.name} cannot be unpacked: {error}", "copy it again") from None


def read_head(path: Path, size: int = 4096) -> str:
    """The first bytes of a file as text.

    Raises:
        InputError: the packed file is damaged.
    """
    head = b""
    with open_bytes(path) as file:
        while len(head) < size and (some := read_some(file, size)):
            head += some
    return head.decode("latin-1")


class Lines:
    """The lines of a file, which end with a line end unless the file was cut there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        # Latin-1 decodes every byte: comment lines come in all encodings
        self._file = TextIOWrapper(open_bytes(path), encoding="latin-1")

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def take(self, count: int) -> list[str]:
        """The next lines.

        Raises:
            CutError: there are fewer, or the last one has no line end: its last number may be cut.
            InputError: the packed file is damaged.
        """
        lines = self._take(count)
        if len(lines) < count or not lines[-1].endswith("\n"):
            raise CutError
        return lines

    def next(self) -> str | None:
        """The next line, None at the end of the file.

        Raises:
            CutError: the line has no end.
            InputError: the packed file is damaged.
        """
        lines = self._take(1)
        if not lines or lines[0].endswith("\n"):
            return lines[0] if lines else None
        if lines[0].strip():
            raise CutError
        return None

    def _take(self, count: int) -> list[str]:
        try:
            lines = list(islice(self._file, count))
        except EOFError:
            raise CutError from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"{self.path} is damaged after line {self.number}: {error}", "copy it again") from None
        self.number += len(lines)
        return lines

    def wrong(self, problem: str, remedy: str) -> InputError:
        """An error that names the last line read."""
        return InputError(f"{self.path}, line {self.number}: {problem}", remedy)

    def numbers(self, words: list[str]) -> NDArray[np.float64]:
        """Words as numbers.

        Raises:
            InputError: one is none, such as the stars that Fortran writes for numbers too long.
        """
        try:
            return np.fromiter(map(float, words), np.float64, len(words))
        except ValueError as error:
            raise self.wrong(str(error), "correct or cut out this frame (the line is the frame's last)") from None

    def table(self, rows: int) -> tuple[list[str], int]:
        """The words of the next lines, row after row, and how many there are in each row.

        Raises:
            CutError: the file ends before.
            InputError: the rows are not equally long.
        """
        if rows < 1:
            raise self.wrong(f"the frame has {rows} atoms", "correct or cut out this frame")
        lines = self.take(rows)
        words = "".join(lines).split()
        columns = len(lines[0].split())
        if len(words) != rows * columns:
            raise self.wrong(
                f"the {rows} lines up to here do not all have the {columns} words of the first",
                "is the number of atoms right? Correct or cut out this frame",
            )
        return words, columns
