"""PySCF under natrium: energies and levels against known ones, forces against energies, and what documents hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import molecule
from gaussian import B3LYP, HF, WATER_PCM, atom, hydrogen, oxygen, run, stretched_water, water

from natrium.analysis.volumetric_files import write_orbital_cube
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.pyscf.engine import PySCF
from natrium.workflows.result import CalculationResult

HARTREE_EV = 27.211386

# Szabo and Ostlund, Modern Quantum Chemistry (1996), table 3.11 and section 3.5.2: STO-3G at 1.4 Bohr
SZABO_OSTLUND = {"energy": -1.1167, "homo": -0.578, "lumo": 0.670}


def test_hydrogen_of_the_textbook(tmp_path: Path) -> None:
    result = run(HF, hydrogen(1.4 * 0.529177), tmp_path)
    found = {"energy": result.energy_ev, "homo": result.homo_ev, "lumo": result.lumo_ev}
    for name, hartree in SZABO_OSTLUND.items():
        assert found[name] == pytest.approx(hartree * HARTREE_EV, abs=0.001 * HARTREE_EV), name
    assert result.electrons == pytest.approx(2)
    assert result.kpoints_irreducible == 1
    assert result.grid is None
    assert result.raw["solvent"] is None


def test_sodium_ion(tmp_path: Path) -> None:
    """The charge arrives: ten electrons; the lowest empty level is near minus the ionisation energy of Na, 5.14 eV."""
    ion = run(B3LYP | {"basis": "6-311+G(d,p)"}, atom("Na", charge=1), tmp_path / "ion")
    neutral = run(B3LYP | {"basis": "6-311+G(d,p)"}, atom("Na", multiplicity=2), tmp_path / "atom")
    assert ion.electrons == pytest.approx(10)
    assert neutral.magnetic_moment == 1
    assert ion.energy_ev - neutral.energy_ev == pytest.approx(5.14, abs=0.35)
    assert ion.lumo_ev is not None
    assert neutral.homo_ev is not None
    assert ion.lumo_ev < -5.14 < neutral.homo_ev  # as every approximate functional has it
    assert ion.max_force_ev_a == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def triplet(tmp_path_factory: pytest.TempPathFactory) -> CalculationResult:
    settings = B3LYP | {"keep_orbitals": ("homo", "lumo", "homo-3")}
    return run(settings, oxygen(), tmp_path_factory.mktemp("triplet"))


def test_triplet(triplet: CalculationResult) -> None:
    assert triplet.levels is not None
    up, down = triplet.levels
    assert (up.spin, down.spin, up.first, down.first) == ("up", "down", 1, 1)
    assert (sum(up.occupations), sum(down.occupations)) == (9, 7)
    assert triplet.magnetic_moment == 2
    assert triplet.raw["spin_square"] == pytest.approx(2.0, abs=0.02)
    # the hole of the triplet: the highest level is of spin up, the lowest empty one of spin down
    assert triplet.homo_ev == up.energies_ev[8]
    assert triplet.lumo_ev == down.energies_ev[7]


def test_orbitals_on_the_grid(triplet: CalculationResult) -> None:
    assert triplet.orbitals is not None
    assert set(triplet.orbitals) == {"homo", "lumo", "homo-3"}
    values = {}
    for name, file in triplet.orbitals.items():
        assert file.unit == "Å^-3/2"
        values[name] = np.array(file.values())
        element_a3 = abs(np.linalg.det(np.array(file.cell_a))) / values[name].size
        assert (values[name] ** 2).sum() * element_a3 == pytest.approx(1, abs=0.03)
        with pytest.raises(InputError, match="no density"):
            file.load()
    # π*: antisymmetric about the middle of the bond, and none of it on the axis, which the grid contains nearly
    file = triplet.orbitals["homo"]
    spacing_a = np.diag(np.array(file.cell_a)) / file.shape
    middle = np.array(triplet.system.positions_a).mean(axis=0)
    i, j, k = np.rint((middle - np.array(file.origin_a)) / spacing_a).astype(int)
    homo = values["homo"]
    assert np.abs(homo[i, j]).max() < 0.2 * np.abs(homo).max()
    assert float((homo * values["lumo"]).sum()) == pytest.approx(0, abs=0.5 * homo.size**0.5)
    assert np.sign(homo[i + 3, j + 3, k + 3]) == -np.sign(homo[i + 3, j + 3, k - 3])


def test_orbital_as_a_cube_file(tmp_path: Path) -> None:
    """Read back by ASE, and compared with the amplitude that PySCF has at one of the grid points."""
    from ase.io.cube import read_cube
    from ase.units import Bohr
    from pyscf.dft.numint import eval_ao
    from pyscf.scf import chkfile

    result = run(HF | {"keep_orbitals": ("homo-1",)}, water(), tmp_path / "run")
    assert result.orbitals is not None
    orbital = result.orbitals["homo-1"]
    with write_orbital_cube(tmp_path / "homo-1.cube", orbital, result.system).open() as file:
        read = read_cube(file)
    assert read["atoms"].positions == pytest.approx(np.array(result.system.positions_a), abs=1e-5)
    mol, found = chkfile.load_scf(str(tmp_path / "run" / "checkpoint.chk"))
    index = (31, 34, 35)
    point = read["origin"] + np.array(index) @ read["spacing"]
    amplitude = float((eval_ao(mol, point[None] / Bohr) @ found["mo_coeff"][:, 3])[0])
    assert abs(amplitude) > 0.01
    assert abs(read["datas"][0][index]) == pytest.approx(abs(amplitude), abs=1e-4)
    density = orbital.model_copy(update={"unit": "e/Å³"})
    with pytest.raises(InputError, match="is no orbital"):
        write_orbital_cube(tmp_path / "density.cube", density, result.system)


def test_solvent(tmp_path: Path) -> None:
    gas = run(HF, water(), tmp_path / "gas")
    found = {
        model: run(HF | {"solvent": model, "epsilon": 78.4}, water(), tmp_path / model)
        for model in ("iefpcm", "cpcm", "ssvpe", "cosmo", "ddcosmo")
    }
    for model, result in found.items():
        assert -0.6 < result.energy_ev - gas.energy_ev < -0.05, model
        assert np.linalg.norm(result.dipole_ea) > np.linalg.norm(gas.dipole_ea), model
        assert result.raw["solvent"]["epsilon"] == 78.4
    energies = {round(result.energy_ev, 6) for result in found.values()}
    assert len(energies) == 5  # each is its own model
    facts = found["iefpcm"].raw["solvent"]
    assert facts["model"] == "IEF-PCM"
    assert facts["radii_a"] == pytest.approx({"H": 1.2 * 1.1, "O": 1.2 * 1.52}, abs=1e-4)
    assert found["ddcosmo"].raw["solvent"]["radii_a"] == pytest.approx({"H": 1.1 * 1.443, "O": 1.1 * 1.75}, abs=1e-3)


@pytest.mark.parametrize("more", [{}, WATER_PCM, {"dispersion": "d3-bj"}], ids=["gas", "solvent", "dispersion"])
def test_forces_are_the_slope_of_the_energy(more: dict[str, Any], tmp_path: Path) -> None:
    settings = HF | {"energy_ev": 1e-7} | more
    energies = {}
    for shift_a in (-0.01, 0.0, 0.01):
        atoms = molecule("H2O")
        atoms.positions[0, 2] += shift_a
        system = System.from_atoms(atoms, "water", multiplicity=1)
        energies[shift_a] = run(settings, system, tmp_path / f"{shift_a}")
    slope = (energies[0.01].energy_ev - energies[-0.01].energy_ev) / 0.02
    assert energies[0.0].forces_ev_a[0][2] == pytest.approx(-slope, abs=3e-3)
    assert (energies[0.0].dispersion_ev is not None) == ("dispersion" in more)


def test_relaxation(tmp_path: Path) -> None:
    """Water of HF/STO-3G: 0.989 Å and 100.0° (Hehre et al., Ab Initio Molecular Orbital Theory, 1986)."""
    result = run(HF | {"kind": "relax", "force_ev_a": 0.005}, stretched_water(), tmp_path, ranks=2)
    atoms = result.system.atoms()
    assert [atoms.get_distance(0, n) for n in (1, 2)] == pytest.approx([0.989, 0.989], abs=0.002)
    assert atoms.get_angle(1, 0, 2) == pytest.approx(100.0, abs=0.3)
    assert result.max_force_ev_a <= 0.005
    assert result.relaxation_steps > 2
    assert result.attempts[0].ranks == 2
    assert result.raw["threads"] == 2


def test_fixed_atom_stays(tmp_path: Path) -> None:
    system = System.model_validate(stretched_water().model_dump() | {"fixed": (0, 2)})
    result = run(HF | {"kind": "relax", "force_ev_a": 0.02}, system, tmp_path)
    assert [result.system.positions_a[n] for n in (0, 2)] == [system.positions_a[n] for n in (0, 2)]
    assert result.system.positions_a[1] != system.positions_a[1]
    assert max(np.linalg.norm(result.forces_ev_a, axis=1)) > 0.02


def test_start_from_another_calculation(tmp_path: Path) -> None:
    """Another basis and functional is a start; another charge is none."""
    run(HF, water(), tmp_path / "first")
    (tmp_path / "second").mkdir()
    (tmp_path / "third").mkdir()
    PySCF().write_inputs(Calculation.model_validate(B3LYP), water(), tmp_path / "second", tmp_path / "first")
    result = run(B3LYP, water(), tmp_path / "second")
    assert result.raw["continued_from"] == str(tmp_path / "first" / "checkpoint.chk")
    assert result.energy_ev == pytest.approx(run(B3LYP, water(), tmp_path / "alone").energy_ev, abs=1e-5)
    ion = System.model_validate(water().model_dump() | {"charge": 1, "multiplicity": 2})
    PySCF().write_inputs(Calculation.model_validate(B3LYP), ion, tmp_path / "third", tmp_path / "first")
    assert json.loads((tmp_path / "third" / "input.json").read_text())["start_from"] is None


def test_documents_of_before_are_read(triplet: CalculationResult) -> None:
    """A GPAW result that was stored before there were Gaussian bases."""
    document = triplet.model_dump(mode="json")
    for name in ("levels", "orbitals"):
        del document[name]
    for name in ("solvent", "epsilon", "keep_orbitals"):
        del document["calculation"][name]
    document["calculation"] |= {"mode": "fd", "grid_spacing_a": 0.2, "basis": None}
    document |= {"grid": [24, 24, 48], "kpoints_irreducible": 1}
    read = CalculationResult.model_validate(document)
    assert (read.levels, read.orbitals, read.grid) == (None, None, (24, 24, 48))
    assert read.calculation.solvent is None
    GPAW().check(read.calculation.model_copy(update={"functional": "PBE"}), boxed(read.system))


def boxed(system: System) -> System:
    atoms = system.atoms()
    atoms.center(vacuum=4)
    return System.from_atoms(atoms, system.label, multiplicity=system.multiplicity)
