"""Files for other programs, read back by other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.io.cube import read_cube
from pymatgen.io.vasp import Chgcar

from natrium.analysis.volumetric import E_A3_PER_E_BOHR3, VolumetricData
from natrium.analysis.volumetric_files import write_chgcar, write_cube
from natrium.structures.errors import InputError
from natrium.structures.system import System

CELL = np.array([[5.0, 0.0, 0.0], [-1.5, 5.5, 0.0], [0.7, 0.3, 7.0]])
FRACTIONS = np.array([[0.1, 0.2, 0.3], [0.6, 0.6, 0.1], [0.0, 0.5, 0.9]])
SYSTEM = System(
    label="Na2O ×1",
    symbols=("Na", "O", "Na"),  # not sorted: CHGCAR must be
    positions_a=FRACTIONS @ CELL,
    cell_a=CELL,
    pbc=(True, True, True),
)
DATA = VolumetricData(np.random.default_rng(3).normal(size=(5, 6, 7)) * 10.0 ** np.arange(-3, 4), CELL, "Δρ of Na2O")


def test_ase_reads_the_cube_file(tmp_path: Path) -> None:
    with write_cube(tmp_path / "d.cube", DATA, SYSTEM).open() as file:
        found = read_cube(file)
    assert found["data"] * E_A3_PER_E_BOHR3 == pytest.approx(DATA.values_e_a3, rel=1e-7)
    assert found["atoms"].cell.array == pytest.approx(CELL, abs=1e-6)
    assert found["atoms"].positions == pytest.approx(np.array(SYSTEM.positions_a), abs=1e-6)
    assert tuple(found["atoms"].symbols) == SYSTEM.symbols


def test_pymatgen_reads_the_chgcar(tmp_path: Path) -> None:
    found = Chgcar.from_file(write_chgcar(tmp_path / "CHGCAR", DATA, SYSTEM))
    assert found.data["total"] / DATA.volume_a3 == pytest.approx(DATA.values_e_a3, rel=1e-9)
    assert found.structure.lattice.matrix == pytest.approx(CELL)
    assert [site.specie.symbol for site in found.structure] == ["Na", "Na", "O"]
    assert found.structure.frac_coords == pytest.approx(FRACTIONS[[0, 2, 1]])


@pytest.mark.parametrize(("write", "name"), [(write_cube, "d.cube"), (write_chgcar, "CHGCAR")])
def test_files_are_ascii_and_never_overwritten_unasked(tmp_path: Path, write: Callable[..., Path], name: str) -> None:
    path = write(tmp_path / name, DATA, SYSTEM)
    before = path.read_bytes()
    before.decode("ascii")
    other = VolumetricData(DATA.values_e_a3 * 2, CELL, "other")
    with pytest.raises(InputError, match="exists"):
        write(path, other, SYSTEM)
    assert path.read_bytes() == before
    write(path, other, SYSTEM, overwrite=True)
    assert path.read_bytes() != before


@pytest.mark.parametrize(("write", "name"), [(write_cube, "d.cube"), (write_chgcar, "CHGCAR")])
def test_what_cannot_be_written_leaves_no_file(tmp_path: Path, write: Callable[..., Path], name: str) -> None:
    stretched = VolumetricData(DATA.values_e_a3, CELL * 1.01, "stretched")
    with pytest.raises(InputError, match="stretched"):
        write(tmp_path / name, stretched, SYSTEM)
    with pytest.raises(InputError, match="does not exist"):
        write(tmp_path / "no" / name, DATA, SYSTEM)
    assert not list(tmp_path.iterdir())
    if write is write_cube:
        with pytest.raises(InputError, match=r"\.cube"):
            write(tmp_path / "d.txt", DATA, SYSTEM)
