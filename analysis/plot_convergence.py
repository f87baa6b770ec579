"""Figure: numbers on ladders of ever more demanding settings, with their error bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from natrium.analysis.convergence import KnobConvergence, QuantityConvergence, told
from natrium.analysis.figure_file import FIGURES, STYLE, checked_path
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart in print and by colour-blind readers.
_LADDER, _REFERENCE, _BAND = "#0072B2", "#D55E00", "#009E73"


def plot_convergence(
    path: Path | str, quantities: Sequence[QuantityConvergence], *, title: str = "", overwrite: bool = False
) -> Path:
    """Draw each quantity (rows) against each knob (columns): the rungs, the reference, and the knob's error as a band.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        quantities: All with the same knobs.
        title: Above everything.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: nothing to draw, an unknown suffix, no such folder, or a file that exists and may not be replaced.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    shown = [quantity for quantity in quantities if any(_known(knob) for knob in quantity.knobs)]
    if not shown:
        raise InputError("no rung of any ladder has a value", "see what failed, and run it again")
    # Figure and not pyplot: no global state, no display, no memory kept in a process that lives on.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        columns = len(shown[0].knobs)
        figure = Figure(figsize=(1.2 + 2.0 * columns, 0.7 + 1.6 * len(shown)), layout="constrained")
        grid = figure.subplots(len(shown), columns, squeeze=False, sharex="col", sharey="row")
        for quantity, row in zip(shown, grid, strict=True):
            for knob, axes in zip(quantity.knobs, row, strict=True):
                _draw(axes, knob, quantity.value)
            row[0].set_ylabel(f"{quantity.symbol} ({quantity.unit})" if quantity.unit else quantity.symbol)
        for knob, axes in zip(shown[0].knobs, grid[-1], strict=True):
            axes.set_xlabel(f"{knob.knob} ({knob.unit})" if knob.unit else knob.knob)
        figure.suptitle("\n".join([title, *(told(quantity) for quantity in shown)]).strip(), fontsize=9)
        figure.savefig(path, dpi=300)
    return path


def _known(knob: KnobConvergence) -> list[tuple[float, float]]:
    return [(rung.setting, rung.value) for rung in knob.rungs if rung.value is not None]


def _draw(axes: Axes, knob: KnobConvergence, value: float | None) -> None:
    known = _known(knob)
    axes.plot([x for x, _ in known], [y for _, y in known], "o-", color=_LADDER, mfc="white", ms=4.5, lw=1.2)
    axes.set_xticks([rung.setting for rung in knob.rungs])
    axes.tick_params(axis="x", labelsize=8)
    if value is None:
        return
    reference = next(rung.setting for rung in knob.rungs if rung.is_reference)
    axes.plot(reference, value, "o", color=_REFERENCE, ms=5.5, zorder=3)
    if knob.error is not None:
        axes.axhspan(value - knob.error, value + knob.error, color=_BAND, alpha=0.18, lw=0)
