"""Figure: oxygen on a slab, one row a structure: adsorption energy, work functions of both sides, charge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from natrium.analysis.figure_file import FIGURES, STYLE, checked_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ENERGY, _TOP, _BOTTOM, _BADER, _HIRSHFELD, _CLEAN = "#0072B2", "#D55E00", "#E69F00", "#009E73", "#56B4E9", "#555555"


class Bar(NamedTuple):
    """The numbers of one structure.

    Attributes:
        name: What it is.
        adsorption_energy_ev: For one O2, eV; negative: bound.
        top_ev: Work function of the side with the oxygen, eV.
        bottom_ev: Work function of the other side, eV.
        bader_e: Bader charge of all oxygen together, e.
        hirshfeld_e: Hirshfeld charge of all oxygen together, e.
    """

    name: str
    adsorption_energy_ev: float
    top_ev: float | None
    bottom_ev: float | None
    bader_e: float | None
    hirshfeld_e: float | None


def plot_oxygen(
    path: Path | str, structures: Sequence[Bar], clean_ev: float | None, *, title: str, overwrite: bool = False
) -> Path:
    """Draw the structures, the one that is strongest bound per O2 at the top.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        structures: Their numbers.
        clean_ev: Work function of the clean slab, eV, where it is known.
        title: Above the figure.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        InputError: an unknown suffix, no such folder, or a file that exists and may not be replaced.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    ordered = sorted(structures, key=lambda one: -one.adsorption_energy_ev)
    with mpl.rc_context(STYLE):
        names = max(len(one.name) for one in ordered) * 0.065  # inches that the longest name takes
        figure = Figure(figsize=(7.0 + names, 1.6 + 0.26 * len(ordered)), layout="constrained")
        energy, work, charge = figure.subplots(1, 3, sharey=True)
        rows = range(len(ordered))
        energy.barh(rows, [one.adsorption_energy_ev for one in ordered], color=_ENERGY, height=0.6)
        energy.set_yticks(rows, [one.name for one in ordered])
        energy.set_xlabel("adsorption energy (eV/O$_2$)")
        _points(work, [one.bottom_ev for one in ordered], _BOTTOM, "s", "bottom")
        _points(work, [one.top_ev for one in ordered], _TOP, "o", "top (oxygen)")
        if clean_ev is not None:
            work.axvline(clean_ev, color=_CLEAN, lw=0.9, ls="--", label="clean")
        work.set_xlabel("work function (eV)")
        _points(charge, [one.hirshfeld_e for one in ordered], _HIRSHFELD, "s", "Hirshfeld")
        _points(charge, [one.bader_e for one in ordered], _BADER, "o", "Bader")
        charge.axvline(0, color=_CLEAN, lw=0.9)
        charge.set_xlabel("charge of oxygen (e)")
        for axes in (work, charge):
            axes.legend(frameon=False, fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
            axes.margins(x=0.1)
        for axes in (energy, work, charge):
            axes.set_ylim(-0.6, len(ordered) - 0.4)
            axes.set_axisbelow(True)
            axes.grid(axis="y", lw=0.3, alpha=0.5)
            axes.tick_params(axis="y", length=0)
        figure.suptitle(title, fontsize=9)
        figure.savefig(path, dpi=200)
    return path


def _points(axes: Axes, values: Sequence[float | None], colour: str, marker: str, label: str) -> None:
    known = [(value, row) for row, value in enumerate(values) if value is not None]
    axes.plot([value for value, _ in known], [row for _, row in known], marker, color=colour, ms=5, label=label)
