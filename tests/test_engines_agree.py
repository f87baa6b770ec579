"""The same molecule by both engines in one geometry: PBE levels of GPAW's grid against those of Gaussian bases."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from gaussian import run as run_gaussian
from supervised import run as run_grid

from natrium.analysis.published import published
from natrium.structures.boxes import boxed
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule
from natrium.structures.system import System

GRID = {"mode": "fd", "grid_spacing_a": 0.2, "smearing": "none", "energy_ev": 1e-4}
GAUSSIAN = {"mode": "gto", "functional": "PBE", "smearing": "none"}
FEC = library_molecule("FEC")
FEC_GFN2_XTB_A = """
O  2.6844 -0.2045 -0.0341
C  1.5080 -0.1361 -0.0442
O  0.6652 -1.1712  0.0724
C -0.6749 -0.7373 -0.0103
C -0.5467  0.7979 -0.0485
F -0.9576  1.3299  1.1442
O  0.8048  1.0240 -0.2138
H -1.1357 -1.1444 -0.9139
H -1.2229 -1.0645  0.8766
H -1.1246  1.3060 -0.8284
"""
"""Relaxed by tblite 0.8.0 with GFN2-xTB to 0.001 eV/Å, from the library's FEC."""
CASES = {
    # its 2p level is -36.25, -36.52, -36.65 eV in 6-311+G(d,p), def2-QZVP and aug-cc-pVQZ, -36.37 eV uncontracted
    "Na+": (System.from_atoms(Atoms("Na"), "Na+", charge=1, multiplicity=1), "def2-QZVP", 0.2),
    "FEC": (FEC, "6-311+G(d,p)", 0.1),
    "FEC–Na+": (ion_complexes(FEC)["carbonyl-o"], "6-311+G(d,p)", 0.1),
}


@pytest.mark.gpaw
@pytest.mark.parametrize(
    "name", ["Na+", pytest.param("FEC", marks=pytest.mark.slow), pytest.param("FEC–Na+", marks=pytest.mark.slow)]
)
def test_levels_agree(name: str, tmp_path: Path) -> None:
    """Of a cation too: its levels on the grid count from the same vacuum."""
    system, basis, tolerance_ev = CASES[name]
    gaussian = run_gaussian(GAUSSIAN | {"basis": basis}, system, tmp_path / "gaussian")
    grid = run_grid(GRID, boxed(system, 6.0, multiple_a=0.8), tmp_path / "grid")
    assert grid.homo_ev == pytest.approx(gaussian.homo_ev, abs=tolerance_ev)
    assert grid.lumo_ev == pytest.approx(gaussian.lumo_ev, abs=0.1)


@pytest.mark.gpaw
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gpaw", "pyscf"])
def test_levels_in_the_geometry_of_the_published_value(engine: str, tmp_path: Path) -> None:
    lines = [line.split() for line in FEC_GFN2_XTB_A.split("\n") if line]
    symbols, positions = [line[0] for line in lines], [[float(x) for x in line[1:]] for line in lines]
    molecule = System.from_atoms(Atoms(symbols, positions), "FEC", multiplicity=1)
    if engine == "gpaw":
        found = run_grid(GRID, boxed(molecule, 6.0, multiple_a=0.8), tmp_path)
    else:
        found = run_gaussian(GAUSSIAN | {"basis": "6-311+G(d,p)"}, molecule, tmp_path)
    told = published("fec_pbe_gas")
    assert (found.homo_ev, found.lumo_ev) == pytest.approx(told.value, abs=told.tolerance)
