"""Distances against ASE, against all images within reach, and against themselves in other blocks."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from ase import Atoms

from natrium.analysis.minimum_image import MinimumImage
from natrium.structures.errors import InputError

PERIODIC = list(product((True, False), repeat=3))
SKEWED = np.array([[5.0, 0, 0], [9.0, 4.5, 0], [-7.0, 6.0, 5.5]])
HEXAGONAL = np.array([[3.7, 0, 0], [-1.85, 3.7 * 3**0.5 / 2, 0], [0, 0, 30.0]])
TURNED = np.array([[1.0, 2, 2], [2, 1, -2], [2, -2, 1]]) * [[1.5], [2.0], [3.0]]
CELLS = {"skewed": SKEWED, "hexagonal": HEXAGONAL, "turned": TURNED, "box": np.diag([4.0, 5.0, 6.0])}


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.array(list(combinations(range(count), 2))).T
    return first, second


@pytest.mark.parametrize("pbc", [(True, True, True), (False, False, False)])
def test_agrees_with_ase_in_random_cells_that_change_every_frame(pbc: tuple[bool, bool, bool]) -> None:
    # Not every cell: where a sum of lattice vectors is shorter than each, or a direction that is not periodic is
    # tilted, ASE 3.29 misses the nearest image. The next test covers those.
    rng = np.random.default_rng(0)
    cells = np.diag([5.0, 5.5, 6.0]) + rng.uniform(-1.5, 1.5, (100, 3, 3))
    positions = rng.uniform(-20, 20, (100, 5, 3))
    first, second = pairs(5)
    fast = MinimumImage("", pbc).distances_a(positions, cells, first, second)
    for frame in range(100):
        atoms = Atoms("H5", positions=positions[frame], cell=cells[frame], pbc=pbc)
        slow = [atoms.get_distance(i, j, mic=True) for i, j in zip(first, second, strict=True)]
        assert fast[frame] == pytest.approx(slow, abs=1e-9)


@pytest.mark.parametrize("pbc", PERIODIC)
@pytest.mark.parametrize("name", CELLS)
def test_agrees_with_all_images(name: str, pbc: tuple[bool, bool, bool]) -> None:
    rng = np.random.default_rng(1)
    positions = rng.uniform(-3, 3, (30, 4, 3)) @ CELLS[name]
    cells = np.broadcast_to(CELLS[name], (30, 3, 3))
    first, second = pairs(4)
    fast = MinimumImage("", pbc).distances_a(positions, cells, first, second)
    apart = positions[:, second] - positions[:, first]
    # How far the nearest image can be; fewer periodic directions leave a tilted rest that reaches over more cells.
    reach = {0: 0, 1: 60, 2: 30, 3: 14}[sum(pbc)]
    steps = np.array(list(product(*(range(-reach, reach + 1) if periodic else (0,) for periodic in pbc))))
    slow = np.full(fast.shape, np.inf)
    for step in steps @ CELLS[name]:
        slow = np.minimum(slow, np.linalg.norm(apart + step, axis=-1))
    assert fast == pytest.approx(slow, abs=1e-9)


def test_cells_that_need_reductions_of_their_own() -> None:
    rng = np.random.default_rng(3)
    cells = np.array([SKEWED, HEXAGONAL, SKEWED @ TURNED, SKEWED[[2, 0, 1]], SKEWED])
    positions = rng.uniform(0, 1, (5, 40, 3)) @ cells
    first, second = pairs(40)
    together = MinimumImage("", (True,) * 3).distances_a(positions, cells, first, second)
    for frame in range(5):
        alone = MinimumImage("", (True,) * 3).distances_a(positions[[frame]], cells[[frame]], first, second)
        assert together[frame] == pytest.approx(alone[0], abs=1e-9)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_last_digit_does_not_depend_on_the_block(size: int) -> None:
    rng = np.random.default_rng(2)
    positions = rng.uniform(0, 10, (60, 6, 3))
    # Right angles and oblique cells, constant and changing, in one trajectory.
    cells = np.concatenate(
        [np.broadcast_to(np.diag([4.0, 5, 6]), (20, 3, 3)), SKEWED + rng.normal(0, 0.1, (20, 3, 3)), [HEXAGONAL] * 20]
    )
    first, second = pairs(6)
    whole = MinimumImage("", (True,) * 3).distances_a(positions, cells, first, second)
    image = MinimumImage("", (True,) * 3)
    parts = [
        image.distances_a(positions[at : at + size], cells[at : at + size], first, second) for at in range(0, 60, size)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


def test_vectors_that_span_no_cell_are_refused() -> None:
    flat = np.array([[[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1]]])
    for pbc, cell in (((True, True, False), flat), ((True, False, False), np.zeros((1, 3, 3)))):
        with pytest.raises(InputError, match=r"run\.traj: periodic"):
            MinimumImage("run.traj", pbc).distances_a(np.zeros((1, 2, 3)), cell, *pairs(2))
