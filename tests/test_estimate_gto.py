"""Estimates of molecules in Gaussian orbitals: what was measured, what makes them dearer, what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gaussian import atom

from natrium.hpc.estimate import Estimate, estimate
from natrium.hpc.gto_cost import GaussianSize
from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

if TYPE_CHECKING:
    from conftest import CommandLine

SMALL, LARGE = "6-31G(d)", "6-311+G(d,p)"
FEC = library_molecule("FEC")
WITH_ION = next(iter(ion_complexes(FEC).values()))
ANION = System.model_validate(FEC.model_dump() | {"charge": -1, "multiplicity": 2})
PCM = {"solvent": "iefpcm", "epsilon": 107}


def asked(basis: str, **more: Any) -> Calculation:
    given = {"mode": "gto", "functional": "B3LYP", "basis": basis, "smearing": "none"}
    return Calculation.model_validate(given | more)


def cost(system: System, basis: str, threads: int = 1, **more: Any) -> Estimate:
    return estimate("molecule", asked(basis, **more), system, threads, None, "pyscf")


@pytest.mark.parametrize(
    ("system", "basis", "more", "measured_s", "memory_mb", "functions"),
    [
        # processor time of PySCF 2.14 on one core of a 2.6 GHz server
        (library_molecule("H2O"), SMALL, {}, 2.1, 270, 18),
        (library_molecule("H2O"), LARGE, {}, 2.0, 381, 34),
        (library_molecule("H2O"), LARGE, {"kind": "relax"}, 4.9, 385, 34),
        (FEC, SMALL, {}, 33.5, 1078, 104),
        (FEC, SMALL, {"functional": "PBE"}, 34.0, 1077, 104),
        (FEC, SMALL, PCM, 60.1, 1193, 104),
        (ANION, SMALL, {}, 57.8, 1096, 104),
        (WITH_ION, SMALL, {}, 51.3, 1321, 122),
        (FEC, LARGE, {}, 84.9, 2334, 172),
    ],
)
def test_the_model_is_good_to_a_factor_of_two(
    system: System, basis: str, more: dict[str, Any], measured_s: float, memory_mb: float, functions: int
) -> None:
    found = cost(system, basis, **more)
    assert (found.size, found.kpoints, found.basis) == (f"{functions} functions", 1, "a model")
    assert measured_s / 2 < found.wall_time_s < measured_s * 2
    assert memory_mb / 1.5 < found.memory_per_rank_mb < memory_mb * 1.5


@pytest.mark.parametrize(
    ("dearer", "cheaper", "least", "most"),
    [
        ((WITH_ION, SMALL, {"kind": "relax"}), (WITH_ION, SMALL, {}), 20, 30),
        ((FEC, SMALL, {"kind": "relax"}), (FEC, SMALL, {}), 7, 13),
        ((atom("Na", charge=1), SMALL, {"kind": "relax"}), (atom("Na", charge=1), SMALL, {}), 1, 1),
        ((ANION, SMALL, PCM), (FEC, SMALL, {}), 2, 4),
        # 391 functions of 172: the square, and integrals that PySCF makes anew in each cycle
        ((FEC, "aug-cc-pVTZ", {}), (FEC, LARGE, {}), 5.5, 9),
    ],
)
def test_what_makes_it_dearer(dearer: Any, cheaper: Any, least: float, most: float) -> None:
    times_s = [cost(system, basis, **more).wall_time_s for system, basis, more in (dearer, cheaper)]
    assert least <= times_s[0] / times_s[1] <= most


def test_integrals_that_are_not_kept_take_time_instead_of_memory() -> None:
    kept, anew = (cost(FEC, basis) for basis in ("def2-TZVP", "cc-pVTZ"))
    assert (kept.bands, anew.bands) == (235, 252)
    assert anew.memory_per_rank_mb < kept.memory_per_rank_mb / 2
    assert anew.wall_time_s > kept.wall_time_s * 1.5


def test_threads_share_one_process() -> None:
    alone, two = cost(FEC, SMALL, 1), cost(FEC, SMALL, 2)
    # main thread's processor time: 33.5 s alone, 20.8 s of two
    assert alone.wall_time_s / two.wall_time_s == pytest.approx(33.5 / 20.8, rel=0.1)
    assert two.memory_per_rank_mb == pytest.approx(alone.memory_per_rank_mb / 2)


@pytest.mark.parametrize(
    ("system", "basis"),
    [
        (WITH_ION, LARGE),
        (WITH_ION, "def2-TZVP"),
        (atom("I", charge=-1), "def2-SVP"),
        (System.model_validate(FEC.model_dump() | {"ghosts": [["Na", [5.0, 0.0, 0.0]]]}), LARGE),
    ],
)
def test_functions_are_those_of_pyscf(system: System, basis: str) -> None:
    from natrium.workflows.pyscf.molecule import molecule

    assert cost(system, basis).bands == molecule(system, basis).nao


def test_a_basis_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="PySCF has no basis '6-31H'"):
        cost(FEC, "6-31H")


def test_the_size_does_not_depend_on_a_cell() -> None:
    calculation = asked(SMALL)
    sizes = [GaussianSize.of(calculation, FEC.symbols, cell, False, 1) for cell in (FEC.cell_a, ((9, 0, 0),) * 3)]
    assert sizes[0] == sizes[1]


def test_a_dry_run_names_grids_functions_and_threads(natrium: CommandLine) -> None:
    told = natrium("run", "orbitals", "--preset", "standard", "--dry-run").stdout
    sizes = {word for line in told.splitlines() for word in ("functions", "grid", "plane waves") if f" {word} " in line}
    assert sizes == {"functions", "grid"}
    assert "Wall times are for 1 MPI processes or threads of one process on idle cores" in told
