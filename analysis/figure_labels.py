"""Labels beside and above the axes of a figure, moved apart so that none covers another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natrium.analysis.figure_file import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

SMALL = 7.0
"""Size of the labels, points."""


@dataclass
class Panel:
    """Axes, and the labels around them: they find their places when all else has."""

    axes: Axes
    fs_per_unit: float
    names: list[tuple[float, str, str]] = field(default_factory=list)
    """Height of a curve's end or of a line, Å, its name, its colour."""
    events: list[Annotation] = field(default_factory=list)

    def named(self) -> list[Annotation]:
        """The names beside the axes, each at its height."""
        low_a, high_a = self.axes.get_ylim()
        at: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
        return [
            self.axes.annotate(
                f"{text} ↑" if y_a > high_a else text,
                (1, min(max(y_a, low_a), high_a)),
                (4, 0),
                **at,
                fontsize=SMALL,
                color=colour,
                va="center",
            )
            for y_a, text, colour in self.names
        ]


def write_panels(
    path: Path, inches: tuple[float, float], columns: int, title: str | None, draw: Callable[[Figure], list[Panel]]
) -> None:
    """Write a figure, a little higher than asked for when events need the room.

    Args:
        path: File to write.
        inches: Width and height without labels of events.
        columns: Of panels beside one another.
        title: Above everything.
        draw: Draws on a figure, and returns its panels with names and events yet to be placed.
    """
    # Figure and not pyplot: no global state, no display, no memory kept in a process that lives on.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=inches, layout="constrained")
        panels = draw(figure)
        if title:
            figure.suptitle(title, fontsize=9)
        beside = [panel.named() for panel in panels]
        figure.draw_without_rendering()  # lays out, so that sizes and places of texts are known
        above_inch = sum(_stack_above(figure, panel.events) for panel in panels) / columns
        figure.set_size_inches(inches[0], inches[1] + above_inch)
        figure.draw_without_rendering()
        for labels in beside:
            _spread_beside(figure, labels)
        figure.savefig(path, dpi=300)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, each as near to the wanted one as its neighbours allow, in the same order.

    Neighbours that are too close become a group around the middle of their wanted places (isotonic regression).

    Args:
        wanted: In any order.
        gap: Least distance between two.
        low: No place is below.
        high: No place is above, unless there are too many for both.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[tuple[float, int]] = []
    for position, index in enumerate(order):
        # without the gaps before it, a place only has to be no lower than the one before
        middle, count = min(max(wanted[index], low), high) - position * gap, 1
        while groups and groups[-1][0] > middle:
            before, others = groups.pop()
            middle, count = (before * others + middle * count) / (others + count), others + count
        groups.append((middle, count))
    even = [middle for middle, count in groups for _ in range(count)]
    even = [max(min(middle, high - (len(order) - 1) * gap), low) for middle in even]
    places = dict(zip(order, (middle + position * gap for position, middle in enumerate(even)), strict=True))
    return [places[index] for index in range(len(wanted))]


def stacked(starts: Sequence[float], widths: Sequence[float]) -> list[int]:
    """Rows, from 0 up, for labels that begin at their place and hang on a line from there down, all uncrossed.

    Args:
        starts: Where each label begins, and its line goes down.
        widths: Of the labels.
    """
    free: list[float] = []
    rows = [0] * len(starts)
    # from the right: the line of a label then only meets labels that begin further right
    for index in sorted(range(len(starts)), key=lambda index: -starts[index]):
        end = starts[index] + widths[index]
        row = next((row for row, left in enumerate(free) if end <= left), len(free))
        rows[index] = row
        # lines pass through all rows below
        free = [min(left, starts[index]) for left in free[: row + 1]] + free[row + 1 :]
        free += [starts[index]] * (row + 1 - len(free))
    return rows


def _spread_beside(figure: Figure, labels: Sequence[Annotation]) -> None:
    """Move labels at the right of one pair of axes apart, up and down. The figure must have been laid out."""
    if not labels:
        return
    assert labels[0].axes is not None
    box = labels[0].axes.get_window_extent()
    per_point = figure.dpi / 72
    heights = [label.axes.transData.transform((0, label.xy[1]))[1] for label in labels if label.axes is not None]
    gap = 1.12 * max(label.get_window_extent().height for label in labels)
    places = spread(heights, gap, box.y0, box.y1)
    for label, height, place in zip(labels, heights, places, strict=True):
        label.xyann = (label.xyann[0], (place - height) / per_point)


def _stack_above(figure: Figure, labels: Sequence[Annotation]) -> float:
    """Put labels above one pair of axes into rows; how high all rows are, inches. The figure must be laid out."""
    if not labels:
        return 0.0
    boxes = [label.get_window_extent() for label in labels]
    per_point = figure.dpi / 72
    row_points = 1.15 * max(box.height for box in boxes) / per_point
    rows = stacked([box.x0 for box in boxes], [box.width + 4 * per_point for box in boxes])
    for label, row in zip(labels, rows, strict=True):
        label.xyann = (label.xyann[0], label.xyann[1] + row * row_points)
    return (max(rows) + 1) * row_points / 72
