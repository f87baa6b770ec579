"""Volumetric data for other programs: Gaussian cube (VMD, Jmol, bader) and VASP's CHGCAR (VESTA, pymatgen, bader)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.density_difference import CELL_TOLERANCE_A
from natrium.analysis.figure_file import checked_path
from natrium.analysis.volumetric import BOHR_A, E_A3_PER_E_BOHR3, VolumetricData, VolumetricFile
from natrium.structures.errors import InputError
from natrium.structures.system import System


def write_cube(path: Path | str, data: VolumetricData, system: System, *, overwrite: bool = False) -> Path:
    """A Gaussian cube file: lengths in Bohr, values in e/Bohr³, z the fastest.

    Raises:
        InputError: the suffix is not .cube, the file exists, no such folder, or the atoms are in another cell.
    """
    path = checked_path(path, (".cube",), overwrite=overwrite)
    _check_cell(data, system)
    with path.open("w", encoding="utf-8") as file:
        _write_cube_head(
            file, f"{data.name}\n{system.label}; values in e/Bohr^3", np.zeros(3), data.cell_a, data.shape, system
        )
        _write_cube_values(file, data.values_e_a3, 1 / E_A3_PER_E_BOHR3)
    return path


def write_orbital_cube(path: Path | str, orbital: VolumetricFile, system: System, *, overwrite: bool = False) -> Path:
    """A Gaussian cube file of an orbital: lengths in Bohr, amplitudes in Bohr^-3/2, z the fastest.

    Args:
        path: Where to; the suffix is .cube.
        orbital: From `CalculationResult.orbitals`.
        system: The molecule that it belongs to.
        overwrite: Whether the file may be there.

    Raises:
        InputError: the suffix is not .cube, the file exists, no such folder, or it is no orbital.
        VolumetricFileError: the array is gone or was changed.
    """
    if orbital.unit != "Å^-3/2":
        raise InputError(f"{orbital.path}, the {orbital.kind}, is no orbital", "use write_cube for densities")
    path = checked_path(path, (".cube",), overwrite=overwrite)
    values = orbital.values()
    title = f"{orbital.kind}\n{system.label}; amplitudes in Bohr^-3/2"
    with path.open("w", encoding="utf-8") as file:
        _write_cube_head(file, title, np.array(orbital.origin_a), np.array(orbital.cell_a), orbital.shape, system)
        _write_cube_values(file, values, BOHR_A**1.5)
    return path


def _write_cube_head(
    file: TextIO,
    title: str,
    origin_a: NDArray[np.float64],
    cell_a: NDArray[np.float64],
    shape: tuple[int, int, int],
    system: System,
) -> None:
    from ase.data import atomic_numbers

    # cube files are read by old programs: ASCII only
    file.write("".join(f"{_ascii(line)}\n" for line in f"{title}, lengths in Bohr".split("\n")))
    file.write(f"{len(system.symbols):5d}" + "".join(f"{x:12.6f}" for x in origin_a / BOHR_A) + "\n")
    for n, vector in zip(shape, cell_a / BOHR_A, strict=True):
        file.write(f"{n:5d}" + "".join(f"{x:18.12f}" for x in vector / n) + "\n")
    for symbol, position in zip(system.symbols, np.array(system.positions_a) / BOHR_A, strict=True):
        number = atomic_numbers[symbol]
        file.write(f"{number:5d}{number:12.6f}" + "".join(f"{x:18.12f}" for x in position) + "\n")


def _write_cube_values(file: TextIO, values: NDArray[Any], factor: float) -> None:
    for plane in values:
        for row in np.asarray(plane, dtype=np.float64) * factor:
            _write_numbers(file, row.tolist(), 6, "%15.7E")


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
