"""Bonds that one geometry of a molecule has and another has not."""

from __future__ import annotations

import numpy as np
import pytest
from fec import FEC

from natrium.structures.broken_bonds import broken_bonds


@pytest.mark.parametrize(
    ("stretch", "broken"),
    [(1.0, 0), (1.1, 0), (1.6, 1)],
)
def test_broken_bonds(stretch: float, broken: int) -> None:
    """A bond that is a little longer is not broken, wherever the limit lies."""
    fluorine = FEC.symbols.index("F")
    positions = np.array(FEC.positions_a)
    distances = np.linalg.norm(positions - positions[fluorine], axis=1)
    carbon = int(np.argsort(distances)[1])
    positions[fluorine] = positions[carbon] + stretch * (positions[fluorine] - positions[carbon])
    assert len(broken_bonds(FEC, FEC.moved(positions))) == broken
