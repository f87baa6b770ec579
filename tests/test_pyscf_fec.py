"""Fluoroethylene carbonate (FEC) and its complex with Na⁺ against values that were computed independently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from gaussian import B3LYP, atom, run

from natrium.analysis.published import published
from natrium.structures.system import System
from natrium.workflows.result import CalculationResult

pytestmark = pytest.mark.slow

LARGE = B3LYP | {"basis": "6-311+G(d,p)"}
MEDIA = {"gas": {}, "pcm": {"solvent": "iefpcm", "epsilon": 107}}

# B3LYP/6-31G(d), forces below 0.01 and 0.03 eV/Å
FEC = {
    "symbols": "OCOCCFOHHH",
    "positions_a": [
        [2.70176, -0.1955, -0.04997],
        [1.51242, -0.13344, -0.04891],
        [0.66266, -1.162, 0.19895],
        [-0.6863, -0.7313, -0.00551],
        [-0.56669, 0.79431, -0.04249],
        [-0.87319, 1.32775, 1.18577],
        [0.78847, 1.00911, -0.32322],
        [-1.0578, -1.14246, -0.94954],
        [-1.30489, -1.06982, 0.82678],
        [-1.17339, 1.30193, -0.79413],
    ],
}
COMPLEX = {
    "symbols": "OCOCCFOHHHNa",
    "positions_a": [
        [2.7006, -0.2066, -0.0633],
        [1.4842, -0.1342, -0.0626],
        [0.6779, -1.1593, 0.1743],
        [-0.6963, -0.73, -0.0062],
        [-0.5768, 0.7969, -0.0356],
        [-0.8444, 1.331, 1.1815],
        [0.8136, 0.9982, -0.3191],
        [-1.0649, -1.1515, -0.9436],
        [-1.2855, -1.0817, 0.8402],
        [-1.1575, 1.3145, -0.7984],
        [4.8131, -0.2866, -0.0223],
    ],
}
BONDS = {
    "C=O": [(1, 0)],
    "C(=O)-O": [(1, 6), (1, 2)],
    "CHF-O": [(4, 6)],
    "CH2-O": [(3, 2)],
    "C-F": [(4, 5)],
    "C-C": [(4, 3)],
}


def fec() -> System:
    return System.from_atoms(Atoms(FEC["symbols"], FEC["positions_a"]), "FEC", multiplicity=1)


def complex_with_sodium() -> System:
    """Na⁺ at the oxygen of the carbonyl group, relaxed as FEC was."""
    return System.from_atoms(Atoms(COMPLEX["symbols"], COMPLEX["positions_a"]), "FEC-Na+", charge=1, multiplicity=1)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Callable[[System, str], CalculationResult]:
    """B3LYP/6-311+G(d,p) in a medium; each is calculated once."""
    results: dict[tuple[str, str], CalculationResult] = {}

    def calculated(system: System, medium: str) -> CalculationResult:
        key = system.label, medium
        if key not in results:
            results[key] = run(LARGE | MEDIA[medium], system, tmp_path_factory.mktemp("fec"), ranks=2)
        return results[key]

    return calculated


LEVELS = {
    ("FEC", "gas"): (fec, "fec_b3lyp"),
    ("FEC", "pcm"): (fec, "fec_b3lyp"),
    ("FEC-Na+", "gas"): (complex_with_sodium, "fec_na_b3lyp"),
    ("FEC-Na+", "pcm"): (complex_with_sodium, "fec_na_b3lyp"),
}


@pytest.mark.parametrize("case", LEVELS, ids="-".join)
def test_frontier_levels(case: tuple[str, str], result: Callable[[System, str], CalculationResult]) -> None:
    build, identifier = LEVELS[case]
    value = published(identifier)
    found = result(build(), case[1])
    assert (found.homo_ev, found.lumo_ev) == pytest.approx(tuple(value.value[case[1]]), abs=value.tolerance)


def test_sodium_lowers_the_empty_level(result: Callable[[System, str], CalculationResult]) -> None:
    """The claim of Lu et al. (Chem. Sci. 2019): FEC with Na⁺ takes up an electron more easily, in every medium."""
    for medium in MEDIA:
        alone, bound = result(fec(), medium).lumo_ev, result(complex_with_sodium(), medium).lumo_ev
        assert alone is not None
        assert bound is not None
        assert bound < alone - 0.5, medium


def test_binding_energy(result: Callable[[System, str], CalculationResult], tmp_path: Path) -> None:
    ion = run(LARGE, atom("Na", charge=1), tmp_path)
    bound_ev = result(complex_with_sodium(), "gas").energy_ev - result(fec(), "gas").energy_ev - ion.energy_ev
    value = published("na_binding_fec")
    assert bound_ev == pytest.approx(value.value, abs=value.tolerance)


def test_levels_of_pbe(tmp_path: Path) -> None:
    value = published("fec_pbe_gas")
    found = run(LARGE | {"functional": "PBE"}, fec(), tmp_path, ranks=2)
    assert (found.homo_ev, found.lumo_ev) == pytest.approx(tuple(value.value), abs=value.tolerance)


def test_bonds(tmp_path: Path) -> None:
    """Relaxed from a geometry in which every bond is too long."""
    start = fec().moved(np.array(fec().positions_a) * 1.03)
    found = run(B3LYP | {"kind": "relax"}, start, tmp_path, ranks=2).system.atoms()
    value: Any = published("fec_bonds")
    for bond, pairs in BONDS.items():
        lengths = [found.get_distance(*pair) for pair in pairs]
        assert lengths == pytest.approx(np.atleast_1d(value.value[bond]).tolist(), abs=value.tolerance), bond
