"""Figure: frontier levels on the vacuum scale, a panel for each level of theory; many molecules become a ranking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from natrium.analysis.figure_file import FIGURES, STYLE, checked_path
from natrium.analysis.frontier import FrontierLevels
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOMO, LUMO, COMPLEX, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
MOST_MOLECULES = 8
"""So many are drawn as level diagrams; more are ranked."""

_COLUMN_INCH, _MOST_INCH = 0.78, 13.0
_BAR = 0.33  # half the length of a bar, in columns
_FAR_EV = 8.0  # a lone ion's HOMO so far below all others would squeeze them together: it is named at the edge
_SMALL = 6.5
_LABEL: Any = {"textcoords": "offset points", "fontsize": _SMALL}
_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}


def plot_levels(path: Path | str, rows: Sequence[FrontierLevels], *, title: str = "", overwrite: bool = False) -> Path:
    """Draw HOMO and LUMO of each species, as Lu et al., Chem. Sci. 10, 4306 (2019), Fig. 1c.

    One panel for each level of theory, one column for each species, with the gap, and dashed the shift of the LUMO from
    a molecule to its complexes. A LUMO above the vacuum level is dotted. More than 8 molecules are ranked by their LUMO
    instead, with their reduction energies, at the first level of theory. What is missing is left out.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        rows: Species and their levels, in the order of the figure.
        title: Above the figure.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: no levels at all, an unknown suffix, no such folder, or a file that exists.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    molecules = {row.molecule for row in rows if row.molecule is not None}
    ranked = len(molecules) > MOST_MOLECULES
    known = [row for row in rows if row.homo_ev is not None or row.lumo_ev is not None]
    known = _ranking(rows) if ranked else known
    if not known:
        raise InputError(f"{path}: no levels to draw", "natrium show says why the calculations gave none")
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = _rank(known) if ranked else _diagram(known)
        if title:
            figure.suptitle(title, fontsize=9)
        figure.savefig(path, dpi=300)
    return path


def _diagram(rows: Sequence[FrontierLevels]) -> Figure:
    from matplotlib.figure import Figure

    panels = {level: _columns([row for row in rows if row.level == level]) for level in _distinct(rows, "level")}
    widest = max(map(len, panels.values()))
    beside = max(1, min(len(panels), int(_MOST_INCH / (_COLUMN_INCH * widest))))
    down = -(-len(panels) // beside)
    size = (max(_COLUMN_INCH * widest * beside + 0.9, 3.3), 3.7 * down + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(down, beside, sharey=True, squeeze=False).ravel()
    low, high = _energy_range(rows)
    for axes, (level, columns) in zip(grid, panels.items(), strict=False):
        axes.set(ylim=(low, high), xlim=(-0.55, len(columns) - 0.45), title=level)
        _draw_panel(axes, columns)
        if axes.get_subplotspec().is_last_col() or level == list(panels)[-1]:
            beyond: Any = {"xytext": (3, 0), "xycoords": ("axes fraction", "data"), "va": "center"}
            axes.annotate("vacuum", (1, 0), **beyond, **_LABEL, color=GREY)
    for axes in grid[len(panels) :]:
        axes.remove()
    for axes in grid[::beside]:
        axes.set_ylabel("energy from the vacuum level (eV)")
    _legend(figure, rows)
    return figure


def _draw_panel(axes: Axes, columns: Sequence[FrontierLevels]) -> None:
    low = axes.get_ylim()[0]
    axes.axhline(0, color=GREY, lw=0.7, zorder=0)
    axes.tick_params(axis="x", length=0)
    crowded = max(len(row.species) for row in columns) > 9
    turned: Any = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(columns)), [_spoken(row.species) for row in columns], fontsize=8, **turned)
    for column, row in enumerate(columns):
        for level_ev, colour, away in ((row.homo_ev, HOMO, -1), (row.lumo_ev, LUMO, 1)):
            if level_ev is None:
                continue
            if level_ev < low:
                text = f"{_number(level_ev)}\n↓"
                axes.annotate(text, (column, low), (0, 2), **_LABEL, color=colour, ha="center", va="bottom")
                continue
            axes.hlines(level_ev, column - _BAR, column + _BAR, colour, linestyles=_line(level_ev, colour), lw=2.2)
            offset, side = (0, 2.5 * away), "bottom" if away > 0 else "top"
            axes.annotate(
                _number(level_ev), (column, level_ev), offset, **_LABEL, color=colour, ha="center", va=side, bbox=_WHITE
            )
        if row.homo_ev is not None and row.lumo_ev is not None and row.homo_ev >= low:
            _draw_gap(axes, column, row.homo_ev, row.lumo_ev)
    _draw_shifts(axes, columns)


def _draw_gap(axes: Axes, column: int, homo_ev: float, lumo_ev: float) -> None:
    ends: Any = {"arrowstyle": "<->", "color": GREY, "lw": 0.6, "shrinkA": 1.5, "shrinkB": 1.5}
    axes.annotate("", (column, lumo_ev), (column, homo_ev), arrowprops=ends)
    low, high = axes.get_ylim()
    if lumo_ev - homo_ev > 0.12 * (high - low):  # else the number is longer than the arrow
        middle = (column, (homo_ev + lumo_ev) / 2)
        text = _number(lumo_ev - homo_ev)
        axes.annotate(text, middle, (-1.5, 0), **_LABEL, color=GREY, rotation=90, ha="right", va="center")


def _draw_shifts(axes: Axes, columns: Sequence[FrontierLevels]) -> None:
    at = {row.species: (column, row.lumo_ev) for column, row in enumerate(columns)}
    for column, row in enumerate(columns):
        if row.lumo_ev is None or row.lumo_shift_ev is None:
            continue
        text, below = f"({_number(row.lumo_shift_ev, '+')})", (2.5, -2.5)
        axes.annotate(text, (column, row.lumo_ev), below, **_LABEL, color=LUMO, ha="left", va="top")
        start, start_ev = at.get(row.molecule or "", (column, None))
        if start_ev is not None and start != column:
            axes.plot((start + _BAR, column - _BAR), (start_ev, row.lumo_ev), color=LUMO, ls="--", lw=0.8)


def _line(level_ev: float, colour: str) -> Any:
    """Solid; dotted for an empty level above the vacuum level, which holds no electron."""
    return (0, (0.7, 0.5)) if colour == LUMO and level_ev > 0 else "solid"


def _legend(figure: Figure, rows: Sequence[FrontierLevels]) -> None:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour, lw=2.2, label=name) for colour, name in ((LUMO, "LUMO"), (HOMO, "HOMO"))]
    if any(row.lumo_is_bound is False for row in rows):
        lines.append(Line2D([], [], color=LUMO, lw=2.2, ls=_line(1.0, LUMO), label="LUMO, unbound"))
    if any(row.lumo_shift_ev is not None for row in rows):
        lines.append(Line2D([], [], color=LUMO, lw=0.8, ls="--", label="shift by the ion (eV)"))
    lines.append(Line2D([], [], color=GREY, lw=0.6, marker="|", ms=5, label="gap (eV)"))
    figure.legend(handles=lines, loc="outside lower center", ncols=min(len(lines), 3), frameon=False, fontsize=7.5)


def _energy_range(rows: Sequence[FrontierLevels]) -> tuple[float, float]:
    """Both ends of the energy axis, eV: all levels but those of lone ions far below the molecules'."""
    levels = sorted(level for row in rows for level in (row.homo_ev, row.lumo_ev) if level is not None)
    of_molecules = [row for row in rows if row.molecule is not None]
    near = [level for row in of_molecules for level in (row.homo_ev, row.lumo_ev) if level is not None]
    lowest = min([level for level in levels if not near or level > min(near) - _FAR_EV] or levels)
    highest = max(levels[-1], 0.0)
    margin = 0.11 * (highest - lowest) + 0.2
    return lowest - margin * (2 if lowest > levels[0] else 1), highest + margin


def _columns(rows: Sequence[FrontierLevels]) -> list[FrontierLevels]:
    """Each molecule before its complexes, so that shifts are short; ions alone come last."""
    molecules = list(_distinct(rows, "molecule"))
    places = {name: place for place, name in enumerate(name for name in molecules if name is not None)}
    return sorted(rows, key=lambda row: (places.get(row.molecule, len(places)), row.species != row.molecule))


def _ranking(rows: Sequence[FrontierLevels]) -> list[FrontierLevels]:
    """The molecules themselves at the first level of theory, the lowest LUMO first, unknown ones last."""
    of_first = [row for row in rows if row.level == rows[0].level and row.species == row.molecule]
    known = [row for row in of_first if row.lumo_ev is not None or row.reduction_ev is not None]
    return sorted(known, key=lambda row: (row.lumo_ev is None, row.lumo_ev or 0.0))


def _rank(rows: Sequence[FrontierLevels]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    values = [
        ("LUMO from the vacuum level (eV)", LUMO, [row.lumo_ev for row in rows]),
        ("reduction energy, adiabatic (eV)", HOMO, [row.reduction_ev for row in rows]),
    ]
    shown = [one for one in values if any(value is not None for value in one[2])]
    figure = Figure(figsize=(2.2 + 2.6 * len(shown), 1.1 + 0.2 * len(rows)), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (name, colour, column) in zip(panels, shown, strict=True):
        known = [(value, place) for place, value in enumerate(column) if value is not None]
        fills = ["white" if value > 0 else colour for value, _ in known]
        axes.scatter(*zip(*known, strict=True), s=22, c=fills, edgecolors=colour, linewidths=1.0, zorder=3)
        if min(value for value, _ in known) < 0 < max(value for value, _ in known):
            axes.axvline(0, color=GREY, lw=0.7)
        axes.set_xlabel(name)
        axes.grid(axis="y", lw=0.3, alpha=0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(rows) - 0.4, -0.6)
    panels[0].set_yticks(range(len(rows)), [_spoken(row.species) for row in rows], fontsize=7.5)
    panels[0].set_title(rows[0].level)
    hollow = Line2D(
        [], [], ls="none", marker="o", ms=5, mfc="white", mec=GREY, label="above 0: the electron is not bound"
    )
    if any(value is not None and value > 0 for _, _, column in shown for value in column):
        figure.legend(handles=[hollow], loc="outside lower center", frameon=False, fontsize=7.5)
    return figure


def _distinct(rows: Sequence[FrontierLevels], field: str) -> list[Any]:
    return list(dict.fromkeys(getattr(row, field) for row in rows))


def _number(value_ev: float, sign: str = "") -> str:
    return f"{value_ev:{sign}.2f}".replace("-", "−")


def _spoken(species: str) -> str:
    """FEC–Na+ is written with its charge above."""
    return re.sub(r"\+$", "⁺", re.sub(r"-$", "⁻", species))
