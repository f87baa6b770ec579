"""VASP's vasprun.xml as a stream: the structures of a molecular dynamics run, one in memory at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.trajectory_frames import CutError, Frame, Frames, element_symbols
from natrium.analysis.trajectory_lines import open_bytes, read_some
from natrium.structures.errors import InputError

_BYTES_PER_READ = 1 << 18
_TAGS = ("incar", "parameters", "atominfo", "structure", "calculation")


def is_vasprun(head: str) -> bool:
    """Whether a file begins as a vasprun.xml."""
    return head.startswith("<?xml") and "<modeling>" in head


def vasprun_frames(path: Path) -> Frames:
    """The structures of the ionic steps, the first at 0 fs, POTIM apart.

    A step whose structure is whole counts, even where the run was killed before its forces were written.

    Raises:
        InputError: the run is no molecular dynamics, does not write every step, or the file is damaged.
        CutError: the file ends within the document.
    """
    from lxml.etree import XMLPullParser, XMLSyntaxError  # type: ignore[import-untyped, unused-ignore]

    settings: dict[str, str] = {}
    symbols: tuple[str, ...] = ()
    step = 0
    parser = XMLPullParser(events=("end",), tag=_TAGS, huge_tree=True, resolve_entities=False)
    with open_bytes(path) as file:
        while data := read_some(file, _BYTES_PER_READ):
            damage = None
            try:
                parser.feed(data)
            except XMLSyntaxError as error:
                damage = error  # told below: what these bytes have before it is whole
            for _, element in parser.read_events():
                if element.tag in ("incar", "parameters"):
                    settings |= {i.get("name"): (i.text or "").strip() for i in element.iter("i")}
                elif element.tag == "atominfo":
                    rows = element.iterfind("array[@name='atoms']/set/rc")
                    symbols = element_symbols([(row[0].text or "").strip() for row in rows], str(path))
                elif element.tag == "calculation":
                    # the tree behind the parser is what would fill the memory
                    while (parent := element.getparent()) is not None and parent[0] is not element:
                        del parent[0]
                    element.clear()
                elif element.getparent().tag == "calculation":
                    cell_a = _vectors(element, "crystal/varray[@name='basis']", path, step)
                    fractions = _vectors(element, "varray[@name='positions']", path, step)
                    time_fs = step * _potim_fs(settings, path)
                    yield Frame(symbols, (True, True, True), cell_a, fractions @ cell_a, step, time_fs)
                    step += 1
            if damage is not None:
                raise InputError(
                    f"{path} is damaged behind step {step}: {damage}", "read the XDATCAR, or cut the file off there"
                )
    try:
        parser.close()
    except XMLSyntaxError:
        raise CutError(f"NSW = {settings.get('NSW', 'unknown')}") from None


def _vectors(structure: Any, where: str, path: Path, step: int) -> NDArray[np.float64]:
    found = structure.find(where)
    words = " ".join(vector.text or "" for vector in ([] if found is None else found)).split()
    try:
        return np.fromiter(map(float, words), np.float64, len(words)).reshape(-1, 3)
    except ValueError as error:
        raise InputError(
            f"step {step + 1} of {path} has no right {where}: {error}", "cut the file off before this step"
        ) from None


def _potim_fs(settings: dict[str, str], path: Path) -> float:
    if settings.get("IBRION") != "0":
        raise InputError(
            f"{path} is no molecular dynamics: IBRION = {settings.get('IBRION', 'unknown')}",
            "give the vasprun.xml of a run with IBRION = 0",
        )
    if settings.get("ML_OUTBLOCK", "1") != "1":
        # which files it thins out depends on the version of VASP
        raise InputError(
            f"{path} may leave steps out (ML_OUTBLOCK = {settings['ML_OUTBLOCK']}) and does not number them",
            "read the XDATCAR of the run, with --time-step-fs",
        )
    try:
        return float(settings.get("POTIM", ""))
    except ValueError:
        raise InputError(f"{path} has no readable POTIM", "read the XDATCAR of the run, with --time-step-fs") from None
