"""A trajectory for pictures: fluorine leaves carbon for sodium, beside the boundary of the cell."""

from __future__ import annotations

import numpy as np
from synthetic_trajectories import TIMES, Array, breaks, moving

from natrium.analysis.reaction import Reaction
from natrium.analysis.reaction_analysis import analyse
from natrium.analysis.trajectory import Trajectory

IN_PLANE = (True, True, False)
BOX = np.diag([12.0, 6.0, 20.0])


def fluorine_leaves(times: Array) -> Array:
    """C and F as `breaks` says, F along x towards Na, all beside the boundary at x = 0."""
    placed = np.zeros((len(times), 3, 3))
    placed[:, 0] = 10.5, 3.0, 4.0
    placed[:, 1] = placed[:, 0]
    placed[:, 1, 0] += breaks(times)
    placed[:, 2] = 10.5 + 6.0, 3.0, 4.0
    return placed


def leaving(times_fs: Array = TIMES) -> Trajectory:
    return moving(["C", "F", "Na"], fluorine_leaves, times_fs, cell=BOX, pbc=IN_PLANE, wrapped=True)


def leaving_analysed() -> Reaction:
    """Its one covalent event is the cleavage, confirmed at 52.5 fs."""
    return analyse(leaving(), [0, 1])
