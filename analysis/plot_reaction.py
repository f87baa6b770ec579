"""Figures: bond lengths of a molecule over time, with what broke and formed, and fluorine on its way to sodium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from natrium.analysis.figure_file import FIGURES, checked_path
from natrium.analysis.figure_labels import SMALL, Panel, write_panels
from natrium.analysis.reaction import Reaction
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRETCHED_A = 1.6
"""A reference bond that was ever longer is drawn in colour, even if it held; those of heavier atoms by their scale."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette: told apart in print and by colour-blind readers."""
_GREY, _DARK = "#A0A0A0", "#505050"
_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
_HIGHEST_A = 4.5  # fragments that drift apart would flatten all that matters
_MOST_LABELLED = 12
_MOST_COMPARED = 3  # of PF6 only the fluorine that leaves is named
_LONG_FS = 5000.0

_Look = tuple[str, Any]
"""Colour and line style."""


def plot_reaction(path: Path | str, reaction: Reaction, *, title: str | None = None, overwrite: bool = False) -> Path:
    """Draw the lengths of the reference bonds over time; below, the distance from fluorine to the nearest sodium.

    Coloured and named are bonds that broke, and those that were ever longer than 1.6 Å, no more than twelve; the others
    are grey. A vertical line stands where a bond that broke or formed for good crossed its threshold, the dashed line
    is the threshold. The lower panel is there when the molecule has fluorine and the cell sodium (or what the settings
    name); its horizontal line is their distance in the crystal. Curves that were thinned have bands from the shortest
    to the longest length.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        reaction: What to draw.
        title: Above everything.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: neither bonds nor such distances, an unknown suffix, no such folder, or a file that exists.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    bonds, metals = bool(reaction.reference_bonds), bool(reaction.crystal_contacts)
    if not (bonds or metals):
        raise InputError(
            f"{path}: {reaction.source} has neither bonds nor distances to metal to draw",
            "give the atoms of a molecule: their indices in the trajectory",
        )
    looks = _looks([reaction])
    heights = [2.7] * bonds + [1.4] * metals

    def draw(figure: Figure) -> list[Panel]:
        grid = figure.subplots(len(heights), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
        panels = [Panel(axes, _fs_per_unit([reaction])) for axes in grid]
        _time_axis([reaction], [panels[-1].axes])
        if bonds:
            panels[0].axes.set(ylabel="bond length (Å)", ylim=_bond_range_a([reaction]))
            _draw_bonds(panels[0], reaction, looks)
        if metals:
            metal, element = reaction.settings.crystal
            panels[-1].axes.set_ylabel(f"nearest {element}–{metal} (Å)")
            _draw_metals(panels[-1], reaction, looks)
        _draw_events(panels, reaction, looks)
        figure.align_ylabels()
        return panels

    write_panels(path, (6.0, 0.5 + sum(heights)), 1, title, draw)
    return path


def plot_reactions(
    path: Path | str, reactions: Mapping[str, Reaction], *, title: str | None = None, overwrite: bool = False
) -> Path:
    """Draw several trajectories, a panel for each, all with the same axes: bond lengths, and fluorine to sodium.

    Drawn as `plot_reaction` does, with the distance to the nearest metal atom dotted among the bonds. Bonds of the same
    name have the same colour in all panels. More than four trajectories stand in two columns, in the order of reading.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        reactions: What to draw, and what each is called in its panel.
        title: Above everything.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: no trajectories, an unknown suffix, no such folder, or a file that exists.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    if not reactions:
        raise InputError(f"{path}: no trajectories to draw", "see what failed, and run it again")
    shown = list(reactions.values())
    columns = 1 if len(shown) <= 4 else 2
    rows = -(-len(shown) // columns)
    looks = _looks(shown)

    def draw(figure: Figure) -> list[Panel]:
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        grid[0, 0].set_ylim(_bond_range_a(shown, together=True))
        figure.supylabel("distance (Å)", fontsize=9)
        used = list(grid.ravel()[: len(shown)])
        _time_axis(shown, used[-columns:])
        for axes in used[-columns:]:
            axes.tick_params(labelbottom=True)
        for axes in grid.ravel()[len(shown) :]:
            axes.remove()
        panels = [Panel(axes, _fs_per_unit(shown)) for axes in used]
        at: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": 8.5}
        for panel, (name, reaction) in zip(panels, reactions.items(), strict=True):
            _draw_bonds(panel, reaction, looks)
            _draw_metals(panel, reaction, looks, together=True)
            _draw_events([panel], reaction, looks)
            panel.axes.annotate(name, (0, 1), (5, -5), **at, fontweight="bold", bbox=_WHITE)
        return panels

    write_panels(path, (6.0 if columns == 1 else 10.0, 0.5 + 1.7 * rows), columns, title, draw)
    return path


def _draw_bonds(panel: Panel, reaction: Reaction, looks: Mapping[str, _Look]) -> None:
    """The reference bonds, and when they are broken."""
    ends_a = []
    for name in reaction.reference_bonds:
        colour, style = looks.get(name, (_GREY, "-"))
        end_a = _draw_curve(panel, reaction, name, colour, style, thin=name not in looks)
        if name in looks:
            panel.names.append((end_a, name, colour))
        else:
            ends_a.append(end_a)
    if not reaction.reference_bonds:
        return
    if ends_a:
        panel.names.append((float(np.median(ends_a)), "other bonds" if len(ends_a) > 1 else "other bond", _GREY))
    scale = _scale(reaction)
    shown = {scale.get(name, 1.0) for name in reaction.reference_bonds if name in looks}
    for factor in sorted(shown) or [max(scale.values(), default=1.0)]:
        cutoff_a = factor * reaction.settings.broken_a
        panel.axes.axhline(cutoff_a, color=_DARK, ls="--", lw=0.8, zorder=1)
        panel.names.append((cutoff_a, f"broken: {_length(cutoff_a)} Å", _DARK))


def _draw_metals(panel: Panel, reaction: Reaction, looks: Mapping[str, _Look], *, together: bool = False) -> None:
    """The nearest metal of each compared atom; in a panel of its own also the metal that came with the molecule."""
    metal, element = reaction.settings.crystal
    many = len(reaction.crystal_contacts) > _MOST_COMPARED
    for one in reaction.crystal_contacts:
        # as the bond that the atom comes from
        bonds = [name for name in reaction.reference_bonds if name in looks and one.name in name.split("–")]
        if many and not bonds:
            _draw_curve(panel, reaction, f"{one.name}–{metal}", _GREY, "-", thin=True)
            continue
        colour = looks[bonds[0]][0] if bonds else _DARK
        end_a = _draw_curve(panel, reaction, f"{one.name}–{metal}", colour, ":" if together else "-")
        panel.names.append((end_a, f"{one.name}–{metal}" + ("" if together else ", nearest"), colour))
        for atom in () if together or many else sorted(set(reaction.molecule) & set(reaction.metals)):
            if (own := f"{one.name}–{metal}{atom}") in reaction.curves.names:
                panel.names.append((_draw_curve(panel, reaction, own, colour, "--"), own, colour))
    if reaction.crystal_contacts:
        distance_a = reaction.settings.crystal_distance_a
        panel.axes.axhline(distance_a, color=_DARK, ls=(0, (1, 1.5)), lw=0.9, zorder=1)
        panel.names.append((distance_a, f"{metal}{element} crystal: {_length(distance_a)} Å", _DARK))


def _draw_curve(panel: Panel, reaction: Reaction, name: str, colour: str, style: Any, *, thin: bool = False) -> float:
    """A distance over time; its last value, Å."""
    curves = reaction.curves
    row = curves.names.index(name)
    times = curves.times_fs / panel.fs_per_unit
    marker = "o" if len(times) == 1 else None
    banded = curves.frames_per_bin > 1
    look: Any = {"color": colour, "ls": style, "marker": marker, "ms": 3, "zorder": 1.5 if thin else 3}
    panel.axes.plot(times, curves.first_a[row], lw=0.6 if thin or banded else 1.1, **look)
    if banded:
        lowest_a, highest_a = curves.lowest_a[row], curves.highest_a[row]
        panel.axes.fill_between(times, lowest_a, highest_a, color=colour, alpha=0.35, lw=0, zorder=1.5 if thin else 2)
    return float(curves.first_a[row, -1])


def _draw_events(panels: Sequence[Panel], reaction: Reaction, looks: Mapping[str, _Look]) -> None:
    """A line through all panels for each covalent event; titles above the first."""
    at: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "annotation_clip": False}
    for number, event in enumerate(sorted(reaction.covalent_events, key=lambda event: event.crossing_fs)):
        time = event.crossing_fs / panels[0].fs_per_unit
        colour = looks.get(event.name, (_DARK, "-"))[0]
        for panel in panels:
            panel.axes.axvline(time, color=colour, lw=0.7, alpha=0.8, zorder=1)
        if number < _MOST_LABELLED:
            line: Any = {"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0)}
            told = f"{time:.0f} fs" if panels[0].fs_per_unit == 1 else f"{time:.3f} ps"
            text = f" {event.title}, {told}"
            panels[0].events.append(
                panels[0].axes.annotate(
                    text, (time, 1), (0, 3), **at, fontsize=SMALL, color=colour, arrowprops=line, va="bottom"
                )
            )


def _time_axis(reactions: Sequence[Reaction], lowest: Sequence[Axes]) -> None:
    per_unit = _fs_per_unit(reactions)
    begin, end = (
        min(reaction.begin_fs for reaction in reactions) / per_unit,
        max(reaction.end_fs for reaction in reactions) / per_unit,
    )
    for axes in lowest:
        axes.set(xlabel="time (fs)" if per_unit == 1 else "time (ps)")
        axes.set_xlim(begin, end if end > begin else begin + 1)


def _fs_per_unit(reactions: Sequence[Reaction]) -> float:
    return 1000.0 if max(reaction.end_fs for reaction in reactions) > _LONG_FS else 1.0


def _bond_range_a(reactions: Sequence[Reaction], *, together: bool = False) -> tuple[float, float]:
    """Both ends of the axis of lengths, Å: with the thresholds, and never so long that bonds look alike."""
    lowest, highest = [reactions[0].settings.broken_a], [0.0]
    for reaction in reactions:
        highest += [reaction.settings.broken_a * 1.2, reaction.settings.crystal_distance_a * 1.1 * together]
        for name, low, high in zip(
            reaction.curves.names, reaction.curves.lowest_a, reaction.curves.highest_a, strict=True
        ):
            if together or name in reaction.reference_bonds:
                lowest.append(float(low.min()))
                highest.append(float(high.max()))
    return min(lowest) - 0.1, min(max(highest) * 1.03, max(_HIGHEST_A, *(r.settings.broken_a * 1.2 for r in reactions)))


def _looks(reactions: Sequence[Reaction]) -> dict[str, _Look]:
    """Of the bonds that are named: those that changed, then those that went furthest."""
    names: dict[str, None] = {}
    for reaction in reactions:
        scale, curves = _scale(reaction), reaction.curves
        changed = {event.name for event in reaction.covalent_events}
        longest = {
            name: float(curves.highest_a[curves.names.index(name)].max()) / max(1.0, scale.get(name, 1.0))
            for name in reaction.reference_bonds
        }
        chosen = [name for name in longest if name in changed or longest[name] > STRETCHED_A]
        chosen.sort(key=lambda name: (name not in changed, -longest[name]))
        names |= dict.fromkeys(chosen[:_MOST_LABELLED])
    styles = ("-", (0, (4, 1.2)), (0, (1, 1)))
    return {
        name: (_COLOURS[number % len(_COLOURS)], styles[number // len(_COLOURS) % len(styles)])
        for number, name in enumerate(names)
    }


def _length(length_a: float) -> str:
    """At least one decimal, at most three."""
    return f"{length_a:.1f}" if round(length_a, 1) == round(length_a, 3) else f"{length_a:.3f}".rstrip("0")


def _scale(reaction: Reaction) -> dict[str, float]:
    """What the threshold of a bond is multiplied with: not 1 for hydrogen and for heavy atoms."""
    return {one.name: one.threshold_a / one.cutoff_a for one in reaction.first_breaks}
