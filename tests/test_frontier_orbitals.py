"""Which level a name such as homo-1 means, and what of the levels is reported, on levels made up here."""

from __future__ import annotations

import numpy as np
import pytest

from natrium.structures.errors import InputError
from natrium.workflows.frontier_orbitals import SpinChannel, find_orbital, frontier_ev, levels, levels_needed

DOUBLET = (
    SpinChannel("up", np.array([-10.0, -5.0, -1.0, 2.0]), np.array([1.0, 1.0, 2e-16, 0.0])),
    SpinChannel("down", np.array([-9.0, -3.0, 1.0, 3.0]), np.array([1.0, 0.0, 0.0, 0.0])),
)
CLOSED = (SpinChannel("both", np.array([-8.0, -6.0, 1.0]), np.array([2.0, 2.0, 0.0])),)
ONE_ELECTRON = (
    SpinChannel("up", np.array([-13.6, -3.4]), np.array([1.0, 0.0])),
    SpinChannel("down", np.array([-12.0, -3.0]), np.array([0.0, 0.0])),
)

NAMES = {
    "closed shell": (CLOSED, {"homo": (0, 1), "homo-1": (0, 0), "lumo": (0, 2)}),
    "each frontier has its spin": (DOUBLET, {"homo": (0, 1), "homo-1": (0, 0), "lumo": (1, 1), "lumo+2": (1, 3)}),
    "a spin without electrons": (ONE_ELECTRON, {"homo": (0, 0), "lumo": (1, 0), "lumo+1": (1, 1)}),
}


@pytest.mark.parametrize("case", NAMES)
def test_names(case: str) -> None:
    channels, expected = NAMES[case]
    assert {name: find_orbital(channels, name) for name in expected} == expected


@pytest.mark.parametrize("name", ["homo-2", "lumo+1"])
def test_no_such_orbital(name: str) -> None:
    with pytest.raises(InputError, match=f"no orbital {name[:4]}"):
        find_orbital(CLOSED, name)


FRONTIERS = {"closed": (CLOSED, (-6.0, 1.0)), "doublet": (DOUBLET, (-5.0, -3.0)), "one": (ONE_ELECTRON, (-13.6, -12.0))}


@pytest.mark.parametrize("case", FRONTIERS)
def test_frontier_of_both_spins(case: str) -> None:
    channels, expected = FRONTIERS[case]
    assert frontier_ev(channels) == expected


def test_no_empty_level() -> None:
    assert frontier_ev([SpinChannel("both", np.array([-6.0]), np.array([2.0]))]) == (-6.0, None)


def test_levels_are_those_near_the_gap() -> None:
    many = SpinChannel("both", np.arange(40.0), np.where(np.arange(40) < 15, 2.0, 0.0))
    (listed,) = levels([many])
    assert (listed["first"], listed["energies_ev"]) == (6, list(range(5, 25)))
    assert sum(listed["occupations"]) == 20


@pytest.mark.parametrize(
    ("names", "expected"), [((), (0, 0)), (("homo",), (1, 0)), (("lumo", "homo-2", "lumo+3"), (3, 4))]
)
def test_how_far_names_reach(names: tuple[str, ...], expected: tuple[int, int]) -> None:
    assert levels_needed(names) == expected
