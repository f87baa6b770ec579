"""Labels of figures: apart, in order, and no further from their place than they must be."""

from __future__ import annotations

import numpy as np
import pytest

from natrium.analysis.figure_labels import spread, stacked


@pytest.mark.parametrize("seed", range(20))
def test_places_are_apart_in_order_and_within_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = rng.uniform(-1, 11, rng.integers(1, 10)).tolist()
    places = spread(wanted, 1.0, 0.0, 10.0)
    order = np.argsort(wanted, kind="stable")
    sorted_places = np.array(places)[order]
    assert (np.diff(sorted_places) >= 1 - 1e-9).all()
    assert sorted_places.min() >= -1e-9
    assert sorted_places.max() <= 10 + 1e-9
    alone = [i for i, one in enumerate(wanted) if 0 <= one <= 10 and all(abs(one - o) > 9 for o in wanted if o != one)]
    assert all(places[i] == pytest.approx(wanted[i]) for i in alone)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([5.0], [5.0]),
        ([2.0, 8.0], [2.0, 8.0]),
        ([5.0, 5.0], [4.5, 5.5]),
        ([5.2, 5.0, 5.1], [6.1, 4.1, 5.1]),
        ([0.0, 0.2, 9.0], [0.0, 1.0, 9.0]),
        ([10.0, 12.0], [9.0, 10.0]),
    ],
)
def test_places_move_no_further_than_they_must(wanted: list[float], expected: list[float]) -> None:
    assert spread(wanted, 1.0, 0.0, 10.0) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_stacked_labels_neither_overlap_nor_meet_a_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts, widths = rng.uniform(0, 30, 12), rng.uniform(1, 9, 12)
    rows = stacked(starts.tolist(), widths.tolist())
    for label, row in enumerate(rows):
        for other, other_row in enumerate(rows):
            # the line of a label goes through its own row and all below
            if other != label and other_row >= row:
                assert not starts[label] < starts[other] < starts[label] + widths[label]
    assert stacked([0.0, 10.0, 20.0], [9.0, 9.0, 9.0]) == [0, 0, 0]
    assert stacked([0.0, 1.0, 2.0], [9.0, 9.0, 9.0]) == [2, 1, 0]
