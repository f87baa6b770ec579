"""Volumetric data for other programs: Gaussian cube (VMD, Jmol, bader) and VASP's CHGCAR (VESTA, pymatgen, bader)."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import numpy as np

from natrium.analysis.density_difference import CELL_TOLERANCE_A
from natrium.analysis.figure_file import checked_path
from natrium.analysis.volumetric import BOHR_A, E_A3_PER_E_BOHR3, VolumetricData
from natrium.structures.errors import InputError
from natrium.structures.system import System


def write_cube(path: Path | str, data: VolumetricData, system: System, *, overwrite: bool = False) -> Path:
    """A Gaussian cube file: lengths in Bohr, values in e/Bohr³, z the fastest.

    Raises:
        InputError: the suffix is not .cube, the file exists, no such folder, or the atoms are in another cell.
    """
    from ase.data import atomic_numbers

    path = checked_path(path, (".cube",), overwrite=overwrite)
    _check_cell(data, system)
    with path.open("w", encoding="utf-8") as file:
        # cube files are read by old programs: ASCII only
        file.write(f"{_ascii(data.name)}\n{_ascii(system.label)}; values in e/Bohr^3, lengths in Bohr\n")
        file.write(f"{len(system.symbols):5d}{0:12.6f}{0:12.6f}{0:12.6f}\n")
        for n, vector in zip(data.shape, data.cell_a / BOHR_A, strict=True):
            file.write(f"{n:5d}" + "".join(f"{x:18.12f}" for x in vector / n) + "\n")
        for symbol, position in zip(system.symbols, np.array(system.positions_a) / BOHR_A, strict=True):
            number = atomic_numbers[symbol]
            file.write(f"{number:5d}{number:12.6f}" + "".join(f"{x:18.12f}" for x in position) + "\n")
        for plane in data.values_e_a3:
            for row in np.asarray(plane, dtype=np.float64) / E_A3_PER_E_BOHR3:
                _write_numbers(file, row.tolist(), 6, "%15.7E")
    return path


def write_chgcar(path: Path | str, data: VolumetricData, system: System, *, overwrite: bool = False) -> Path:
    """VASP's CHGCAR format: value times volume of the cell (e), x the fastest; atoms sorted by element.

    Raises:
        InputError: the file exists, no such folder, or the atoms are in another cell.
    """
    path = checked_path(path, (), overwrite=overwrite)
    _check_cell(data, system)
    elements = list(dict.fromkeys(system.symbols))
    fractions = np.linalg.solve(data.cell_a.T, np.array(system.positions_a).T).T
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{_ascii(data.name)}\n   1.00000000000000\n")
        for vector in data.cell_a:
            file.write("".join(f"{x:22.16f}" for x in vector) + "\n")
        file.write("".join(f"{element:>6}" for element in elements) + "\n")
        file.write("".join(f"{system.symbols.count(element):6d}" for element in elements) + "\nDirect\n")
        for element in elements:
            for symbol, fraction in zip(system.symbols, fractions, strict=True):
                if symbol == element:
                    file.write("".join(f"{x:20.16f}" for x in fraction) + "\n")
        file.write("\n" + "".join(f"{n:5d}" for n in data.shape) + "\n")
        values = np.asarray(data.values_e_a3, dtype=np.float64) * data.volume_a3
        _write_numbers(file, values.ravel(order="F").tolist(), 5, "%18.11E")
    return path


def _write_numbers(file: TextIO, numbers: list[float], a_line: int, form: str) -> None:
    line = " ".join([form] * a_line) + "\n"
    whole = len(numbers) // a_line * a_line
    file.write(line * (whole // a_line) % tuple(numbers[:whole]))
    if rest := numbers[whole:]:
        file.write(" ".join([form] * len(rest)) % tuple(rest) + "\n")


def _check_cell(data: VolumetricData, system: System) -> None:
    if not np.allclose(data.cell_a, np.array(system.cell_a), rtol=0, atol=CELL_TOLERANCE_A):
        raise InputError(
            f"{data.name} has the cell {data.cell_a.tolist()} Å, {system.label} {np.array(system.cell_a).tolist()} Å",
            "give the atoms of the calculation that the density is from",
        )


def _ascii(text: str) -> str:
    plain = text.replace("Δρ", "density difference").replace("×", "x")
    return " ".join(plain.encode("ascii", "replace").decode("ascii").split())
