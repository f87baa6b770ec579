"""All-electron densities: against GPAW's own, their integrals, and the charges of a supervised calculation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from natrium.analysis.hirshfeld import FreeAtom
from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.ionic_crystals import rock_salt
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.density import free_atom_density
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.makers import with_charges
from natrium.workflows.result import CalculationResult

pytestmark = pytest.mark.gpaw

NAF = rock_salt("Na", "F")
SLAB = metal_slab("Na", "110", layers=3, vacuum_a=13.0, lattice_constant_a=4.2)
SODIUM_7, SODIUM_1 = {"Na": 7}, {"Na": 1}
CHEAP = {"energy_ev": 1e-3, "keep_density": True}

OURS_AND_THEIRS = """
import json, sys
import numpy as np
from gpaw.dft import GPAW
from gpaw.mpi import world
from natrium.workflows.gpaw.density import all_electron_density

calc = GPAW(sys.argv[1], txt=None, legacy_gpaw=False)
ours = all_electron_density(calc.dft)
theirs = calc.dft.densities().all_electron_densities(grid_refinement=2)
theirs = theirs.to_pbc_grid().gather()
assert (ours is None) == (world.rank > 0)
if ours is not None:
    reference = theirs.data.sum(axis=0)  # e/Å³ already
    facts = {"shapes": [ours.shape, reference.shape], "apart": float(np.abs(ours - reference).max())}
    print("FACTS " + json.dumps(facts | {"ranks": world.size}))
"""


def calculated(folder: Path, system: System, ranks: int = 1, **settings: Any) -> CalculationResult:
    calculation = Calculation.model_validate(CHEAP | settings)
    return supervise(GPAW(), calculation, system, folder, launch=Launch(ranks=ranks))


@pytest.fixture(scope="module")
def naf(tmp_path_factory: pytest.TempPathFactory) -> CalculationResult:
    """Rock salt on one rank, with charges asked for."""
    folder = tmp_path_factory.mktemp("naf")
    settings = {"cutoff_ev": 300, "kpoints": (2, 2, 2), "valence_electrons": SODIUM_7, "charges": True}
    return calculated(folder, NAF, **settings)


@pytest.fixture(scope="module")
def slab(tmp_path_factory: pytest.TempPathFactory) -> CalculationResult:
    """Three layers of sodium, not periodic along the normal."""
    return calculated(tmp_path_factory.mktemp("slab"), SLAB, cutoff_ev=200, valence_electrons=SODIUM_1)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("name", ["naf", "slab"])
def test_the_density_is_that_of_gpaw(name: str, ranks: int, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = Path(request.getfixturevalue(name).provenance.folder)
    script = tmp_path / "compare.py"
    script.write_text(OURS_AND_THEIRS)
    gpaw = [str(Path(sys.executable).with_name("gpaw")), "python"]
    command = ["mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), *gpaw]
    done = subprocess.run(
        [*command, str(script), str(folder / "checkpoint.gpw")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    facts = json.loads(line.removeprefix("FACTS "))
    assert facts["ranks"] == ranks
    assert facts["shapes"][0] == facts["shapes"][1]
    assert facts["apart"] < 1e-8


@pytest.mark.parametrize("name", ["naf", "slab"])
def test_the_integral_is_the_number_of_all_electrons(name: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(name)
    data = result.density.load()
    assert data.integral_e == pytest.approx(result.system.electrons, abs=1e-4)
    assert data.shape == tuple(2 * n for n in result.grid)
    # densest at a nucleus
    densest = np.unravel_index(int(data.values_e_a3.argmax()), data.shape)
    at = np.array(densest) / data.shape @ data.cell_a
    distances = result.system.atoms().get_positions() - at
    assert min(np.linalg.norm(distances, axis=1)) < max(data.grid_spacing_a)


def test_two_ranks_give_the_same_density(naf: CalculationResult, tmp_path: Path) -> None:
    settings = {"cutoff_ev": 300, "kpoints": (2, 2, 2), "valence_electrons": SODIUM_7}
    other = calculated(tmp_path, NAF, ranks=2, **settings)
    assert naf.density is not None
    assert other.density is not None
    one, two = (each.load().values_e_a3 for each in (naf.density, other.density))
    assert two == pytest.approx(one, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("dataset", "electrons"), [("Na.PBE", 11), ("Na.1.PBE", 11), ("O.PBE", 8), ("F.PBE", 9)])
def test_a_free_atom_has_all_its_electrons(dataset: str, electrons: int) -> None:
    from gpaw.setup import create_setup

    symbol, _, rest = dataset.partition(".")
    kind = rest.removesuffix("PBE").removesuffix(".") or "paw"
    found = FreeAtom.model_validate(free_atom_density(create_setup(symbol, "PBE", type=kind)))
    r_a, density_e_a3 = np.array(found.r_a), np.array(found.density_e_a3)
    assert r_a[0] == 0
    assert (np.diff(r_a) > 0).all()
    assert np.trapezoid(4 * np.pi * r_a**2 * density_e_a3, r_a) == pytest.approx(electrons, abs=5e-3)


def test_charges_of_a_calculation(naf: CalculationResult) -> None:
    result = with_charges(naf)
    assert result.charges is not None
    assert result.free_atoms is None  # they served their purpose, and are large
    fluorine = NAF.symbols.index("F")
    for charges in (result.charges.bader_e, result.charges.hirshfeld_e):
        assert sum(charges) == pytest.approx(0.0, abs=1e-3)
        assert charges[fluorine] < -0.1
    assert result.charges.bader_e[fluorine] == pytest.approx(-0.88, abs=0.03)
    # Hirshfeld's charges are always the smaller ones
    assert abs(result.charges.hirshfeld_e[fluorine]) < abs(result.charges.bader_e[fluorine])


def test_no_charges_without_a_density(naf: CalculationResult) -> None:
    result = with_charges(naf.model_copy(update={"density": None}))
    assert result.charges is None
    assert result.no_charges_because is not None
    assert "no density was kept" in result.no_charges_because


def test_a_density_that_cannot_be_partitioned_leaves_the_rest(naf: CalculationResult) -> None:
    displaced = naf.system.moved(np.array(naf.system.positions_a) + 1.0)
    result = with_charges(naf.model_copy(update={"system": displaced}))
    assert (result.charges, result.energy_ev) == (None, naf.energy_ev)
    assert result.no_charges_because is not None
    assert "no maximum of the density" in result.no_charges_because
