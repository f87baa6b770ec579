"""A movie of a trajectory: a molecule on a slab from the side, its bonds as they break, the time, the events.

movie("fec.gif", trajectory, reaction=analyse(trajectory, molecule))
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.figure_file import checked_path
from natrium.analysis.movie_file import FASTEST_PER_S, MOVIES, Picture, movie_writer
from natrium.analysis.moving_bonds import JoinedAt, joined_at
from natrium.analysis.reaction import BondEvent, Reaction
from natrium.analysis.side_view import Camera, SideView, element_legend, survey
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.unwrapped_frames import evenly_spaced, picked
from natrium.structures.errors import InputError

WIDTH_PX = 480
TITLE_S = 2.0
"""How long the title of an event stays, in seconds of the movie."""

_DPI = 100
_WORDS_PX, _LEGEND_PX = 28, 24


def movie(
    path: Path | str,
    trajectory: Trajectory,
    *,
    reaction: Reaction | None = None,
    frames: int = 100,
    frames_per_s: float = 15,
    overwrite: bool = False,
) -> Path:
    """Film a trajectory from the side, along the shorter vector of the surface, at one scale and from one place.

    Bonds are sticks, contacts of fluorine with sodium dashed, atoms paler the farther they are. A molecule stays whole
    across periodic boundaries. The picture shows one period of the slab, more where it would be too high for its width:
    what is on the slab is then seen again at the sides. The trajectory is read twice; one frame is drawn at a time.

    Args:
        path: File to write: .gif, or .mp4 where ffmpeg is on the PATH.
        trajectory: Positions over time, wrapped or not.
        reaction: Its analysis. Bonds and contacts then change when an event is confirmed, and the covalent event's
            title with the time of its crossing is shown for two seconds of the movie. None: bonds by distance.
        frames: So many of the trajectory's frames at most, evenly spaced in time, the first and the last among them.
        frames_per_s: Pictures a second, at most 50.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: a file that cannot be written, less than one frame, an impossible speed, a reaction of other atoms,
            or a trajectory without frames, without numbers or without a cell where it is periodic.
    """
    path = checked_path(path, MOVIES, overwrite=overwrite)
    write = movie_writer(path.suffix)
    if frames < 1:
        raise InputError(f"{path}: a movie of {frames} frames", "give one at least")
    if not 0 < frames_per_s <= FASTEST_PER_S:
        raise InputError(f"{path}: {frames_per_s} frames a second", f"give more than 0, at most {FASTEST_PER_S:g}")
    joined = joined_at(trajectory, reaction)
    times_fs, camera = survey(trajectory)
    chosen = evenly_spaced(times_fs, frames)
    titles = event_titles(reaction, times_fs[chosen], math.ceil(TITLE_S * frames_per_s))
    # Beside its place until it is whole: a run that fails leaves what was there.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".movie-") as folder:
        unfinished = Path(folder) / f"movie{path.suffix.lower()}"
        write(unfinished, _pictures(trajectory, camera, joined, chosen, titles), frames_per_s)
        unfinished.replace(path)
    return path


def event_titles(reaction: Reaction | None, times_fs: NDArray[np.float64], pictures: int) -> list[str]:
    """For each time the last covalent event, if at most so many pictures have shown it: 'C–F cleavage, 117 fs'."""
    titles = [""] * len(times_fs)
    for event in () if reaction is None else reaction.covalent_events:
        begin = int(np.searchsorted(times_fs, event.confirmed_fs))
        for number in range(begin, min(begin + pictures, len(titles))):
            titles[number] = dated(event)
        # An earlier event gives way and does not come back.
        titles[begin + pictures :] = [""] * len(titles[begin + pictures :])
    return titles


def dated(event: BondEvent) -> str:
    """An event's title with the time at which it crossed its threshold: 'C–F cleavage, 117 fs'."""
    return f"{event.title}, {event.crossing_fs:.0f} fs"


def _pictures(
    trajectory: Trajectory, camera: Camera, joined: JoinedAt, chosen: NDArray[np.int64], titles: list[str]
) -> Iterator[Picture]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width_a, height_a = camera.size_a
    # Video asks for even numbers of pixels.
    drawn_px = 2 * round(WIDTH_PX * height_a / width_a / 2)
    height_px = drawn_px + _WORDS_PX + _LEGEND_PX
    figure = Figure(figsize=(WIDTH_PX / _DPI, height_px / _DPI), dpi=_DPI)
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    axes = figure.add_axes((0, _LEGEND_PX / height_px, 1, drawn_px / height_px))
    element_legend(figure, trajectory.symbols)
    words_y = 1 - _WORDS_PX / 2 / height_px
    time = figure.text(1 - 8 / WIDTH_PX, words_y, "", ha="right", va="center", fontsize=10)
    title = figure.text(8 / WIDTH_PX, words_y, "", ha="left", va="center", fontsize=10, weight="bold")
    view = SideView(axes, camera, trajectory)
    for frame, words in zip(picked(trajectory, chosen.tolist()), titles, strict=True):
        view.show(frame, joined(frame))
        time.set_text(f"{frame.time_fs:.1f} fs")
        title.set_text(words)
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()
