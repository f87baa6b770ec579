"""The same molecule by both engines in one geometry: PBE levels of GPAW's grid against those of Gaussian bases."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from gaussian import run as run_gaussian
from supervised import run as run_grid

from natrium.structures.boxes import boxed
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule
from natrium.structures.system import System

GRID = {"mode": "fd", "grid_spacing_a": 0.2, "smearing": "none", "energy_ev": 1e-4}
GAUSSIAN = {"mode": "gto", "functional": "PBE", "smearing": "none"}
FEC = library_molecule("FEC")
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
