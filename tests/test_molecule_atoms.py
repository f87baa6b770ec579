"""Which atoms of a trajectory are the molecule: ranges, formulas and names, across periodic boundaries."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_trajectories import FEC, OBLIQUE, moving

from natrium.analysis.molecule_atoms import MOST_ATOMS, chosen_atoms, index_ranges
from natrium.analysis.trajectory import Trajectory
from natrium.structures.errors import InputError

UP = np.array([0, 0, 1])


def two_molecules() -> Trajectory:
    """FEC across the boundaries of a very oblique cell, Na, then two H2O."""
    symbols = [*FEC.symbols, "Na", *("OHH" * 2)]
    wet = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    cell = 3 * OBLIQUE
    start = np.concatenate([np.array(FEC.positions_a), [[9, 0, 0]], wet + 6 * UP, wet - 6 * UP])
    return moving(
        symbols,
        lambda times: np.repeat(start[None], len(times), axis=0),
        [0.0],
        cell=cell,
        pbc=(True, True, True),
        wrapped=True,
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], [*range(10), *range(11, 17)]),
        (["0-9"], list(range(10))),
        (["0-9,10"], list(range(11))),
        (["3", "0–1"], [3, 0, 1]),
        (["FEC"], list(range(10))),
        (["C3H3FO3"], list(range(10))),
        (["FC3O3H3"], list(range(10))),
        (["H2O"], list(range(11, 17))),
        (["OH2, 10"], [*range(11, 17), 10]),
    ],
)
def test_which_atoms_are_the_molecule(wanted: list[str], expected: list[int]) -> None:
    trajectory = two_molecules()
    assert chosen_atoms(trajectory, wanted) == expected
    assert sorted(chosen_atoms(trajectory, [index_ranges(expected)])) == sorted(expected)


def test_what_is_there_is_told_when_a_molecule_is_not() -> None:
    with pytest.raises(InputError) as refused:
        chosen_atoms(two_molecules(), ["EC"])
    assert "there is: 2 H2O, 1 FEC (C3H3FO3)" in refused.value.remedy


def test_no_more_atoms_than_memory_holds() -> None:
    trajectory = moving(["He"] * (MOST_ATOMS + 1), lambda times: np.zeros((len(times), MOST_ATOMS + 1, 3)), [0.0])
    assert len(chosen_atoms(trajectory, [f"1-{MOST_ATOMS}"])) == MOST_ATOMS
    with pytest.raises(InputError, match="1001 atoms are too many") as refused:
        chosen_atoms(trajectory)
    assert "--molecule" in refused.value.remedy
