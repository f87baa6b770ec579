"""Figure: a trajectory at chosen times, side by side.

snapshots("fec.pdf", trajectory, [0, 60, 120, 180], reaction=reaction)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.figure_file import FIGURES, STYLE, checked_path
from natrium.analysis.movie import dated
from natrium.analysis.moving_bonds import joined_at
from natrium.analysis.reaction import Reaction
from natrium.analysis.side_view import SideView, element_legend, survey
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.unwrapped_frames import nearest_frames, picked
from natrium.structures.errors import InputError

MOST = 48
"""More are no figure: a movie shows them."""

_COLUMN_INCH, _WORDS_INCH, _LEGEND_INCH, _GAP_INCH, _DPI = 1.7, 0.4, 0.3, 0.14, 200


def snapshots(
    path: Path | str,
    trajectory: Trajectory,
    times_fs: Sequence[float],
    *,
    reaction: Reaction | None = None,
    columns: int = 4,
    overwrite: bool = False,
) -> Path:
    """Draw a molecule on a slab at some times, as `movie` does, from one place and at one scale.

    Above each is its time and, of a reaction, the last covalent event that was confirmed since the picture before.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        trajectory: Positions over time, wrapped or not.
        times_fs: When, in any order; of each time the nearest frame is drawn, fs.
        reaction: Its analysis, for the events and the bonds; None: bonds by distance.
        columns: Pictures in a row.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: a file that cannot be written; no times, more than 48, times outside the trajectory or two of one
            frame; and what `movie` refuses of a trajectory and its reaction.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    if columns < 1 or not 0 < len(times_fs) <= MOST:
        raise InputError(
            f"{path}: {len(times_fs)} snapshots in {columns} columns",
            f"give from 1 to {MOST} times, one column at least",
        )
    joined = joined_at(trajectory, reaction)
    found_fs, camera = survey(trajectory)
    chosen = _frames(trajectory.source, found_fs, times_fs)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    columns = min(columns, len(chosen))
    rows = -(-len(chosen) // columns)
    width_a, height_a = camera.size_a
    drawn_inch = _COLUMN_INCH * height_a / width_a
    size_inch = np.array(
        [columns * (_COLUMN_INCH + _GAP_INCH) - _GAP_INCH, rows * (drawn_inch + _WORDS_INCH) + _LEGEND_INCH]
    )
    events = () if reaction is None else reaction.covalent_events
    with rc_context(STYLE):
        figure = Figure(figsize=tuple(size_inch))
        shown_fs = -np.inf
        for number, frame in enumerate(picked(trajectory, chosen.tolist())):
            row, column = divmod(number, columns)
            lower_inch = size_inch[1] - (row + 1) * (drawn_inch + _WORDS_INCH)
            place = (column * (_COLUMN_INCH + _GAP_INCH), lower_inch, _COLUMN_INCH, drawn_inch)
            axes = figure.add_axes(tuple(np.array(place) / np.tile(size_inch, 2)))
            SideView(axes, camera, trajectory).show(frame, joined(frame))
            new = [dated(event) for event in events if shown_fs < event.confirmed_fs <= frame.time_fs]
            axes.set_title("\n".join([new[-1] if new else "", f"{frame.time_fs:.1f} fs"]), fontsize=8, pad=3)
            shown_fs = frame.time_fs
        element_legend(figure, trajectory.symbols)
        figure.savefig(path, dpi=_DPI)
    return path


def _frames(source: str, found_fs: NDArray[np.float64], wanted_fs: Sequence[float]) -> NDArray[np.int64]:
    """Numbers of the frames, ascending.

    Raises:
        InputError: times outside the trajectory, or two of one frame.
    """
    wanted = np.sort(np.asarray(wanted_fs, dtype=np.float64))
    outside = [f"{time:g}" for time in wanted if not found_fs[0] <= time <= found_fs[-1]]
    if outside:
        raise InputError(
            f"{source}: no frames at {', '.join(outside)} fs",
            f"give times from {found_fs[0]:g} to {found_fs[-1]:g} fs",
        )
    chosen = nearest_frames(found_fs, wanted)
    (twice,) = np.nonzero(np.diff(chosen) == 0)
    if len(twice):
        both = wanted[twice[0] : twice[0] + 2]
        raise InputError(
            f"{source}: {both[0]:g} and {both[1]:g} fs are the same frame, at {found_fs[chosen[twice[0]]]:g} fs",
            "give one of them",
        )
    return chosen
