"""Figure: the planar-averaged potential across a slab with its Fermi level, vacuum levels and work functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from natrium.analysis.figure_file import FIGURES, STYLE, checked_path
from natrium.analysis.work_function import SideWorkFunction, WorkFunction
from natrium.structures.slab_geometry import cell_height_a, heights_a
from natrium.structures.system import System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart in print and by colour-blind readers.
_POTENTIAL, _FERMI, _VACUUM, _ATOMS = "#0072B2", "#D55E00", "#009E73", "#555555"

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def plot_planar_potential(
    path: Path | str,
    z_a: ArrayLike,
    potential_ev: ArrayLike,
    work_function: WorkFunction,
    system: System,
    *,
    preset: str = "",
    overwrite: bool = False,
) -> Path:
    """Draw the potential relative to E_F, both plateaus (shaded), both work functions and the heights of the atoms.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        z_a: Heights of the planes, ascending, shape (n,), Å.
        potential_ev: Planar-averaged potential energy of an electron, shape (n,), eV.
        work_function: What was read off this potential.
        system: The slab, for its name and its atoms.
        preset: Name of the preset that was calculated with, for the title.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: an unknown suffix, no such folder, or a file that exists and may not be replaced.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    # Figure and not pyplot: no global state, no display, no memory kept in a process that lives on.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    z, potential = np.asarray(z_a, dtype=np.float64), np.asarray(potential_ev, dtype=np.float64)
    relative = potential - work_function.fermi_level_ev
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(z, relative, color=_POTENTIAL, lw=1.4, label="planar average")
        axes.axhline(0, color=_FERMI, lw=1.0, ls="--", label="Fermi level")
        height_a = cell_height_a(system)
        _draw_frame(axes, relative, work_function, height_a)
        _draw_side(axes, work_function.bottom, "left", height_a, label="vacuum level")
        _draw_side(axes, work_function.top, "right", height_a)
        _draw_atoms(axes, system)
        axes.set_title(_title(system, preset))
        figure.legend(
            loc="outside lower center",
            ncols=5,
            frameon=False,
            fontsize=8,
            columnspacing=1.2,
            handlelength=1.5,
            handletextpad=0.4,
        )
        figure.savefig(path, dpi=300)
    return path


def _title(system: System, preset: str) -> str:
    # The numbers of a charged formula could be counts or the charge: only a neutral one gets subscripts.
    formula = system.formula if system.charge else system.formula.translate(_SUBSCRIPTS)
    return "  ·  ".join(filter(None, (system.label, formula, preset and f"preset {preset}")))


def _draw_frame(axes: Axes, relative: Any, work_function: WorkFunction, height_a: float) -> None:
    top = max(work_function.bottom.work_function_ev, work_function.top.work_function_ev)
    bottom = min(float(relative.min()), 0.0)
    span = top - bottom
    axes.set_xlim(0, height_a)
    # Room above for the labels of the work functions, below for the atoms.
    axes.set_ylim(bottom - 0.16 * span, top + 0.14 * span)
    axes.set_xlabel("height z (Å)")
    axes.set_ylabel("electrostatic potential − $E_\\mathrm{F}$ (eV)")
    axes.minorticks_on()


def _draw_side(
    axes: Axes, side: SideWorkFunction, text_at: Literal["left", "right"], height_a: float, label: str | None = None
) -> None:
    """Plateau window, vacuum level and an arrow from the Fermi level up to it."""
    phi = side.work_function_ev
    # Heights are continued over the boundary for a slab that lies across it; the figure shows one cell.
    shift = height_a * np.floor((side.plateau.z_from_a + side.plateau.z_to_a) / 2 / height_a)
    z_from, z_to = side.plateau.z_from_a - shift, side.plateau.z_to_a - shift
    middle = (z_from + z_to) / 2
    axes.axvspan(z_from, z_to, color=_VACUUM, alpha=0.18, lw=0, label=label)
    reach = 0.16 * height_a
    axes.plot(
        [max(middle - reach, 0), min(middle + reach, height_a)], [phi, phi], color=_VACUUM, lw=0.9, ls=":", zorder=1
    )
    arrow = {"arrowstyle": "<->", "color": "black", "lw": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=(middle, phi), xytext=(middle, 0.0), arrowprops=arrow)
    axes.annotate(
        f"Φ = {phi:.3f} eV",
        xy=(z_from if text_at == "left" else z_to, phi),
        xytext=(0, 4),
        textcoords="offset points",
        ha=text_at,
        va="bottom",
        fontsize=8.5,
    )


def _draw_atoms(axes: Axes, system: System) -> None:
    """One dot a height and element, along the lower edge; filled where the atoms are fixed."""
    heights = np.round(np.mod(heights_a(system), cell_height_a(system)), 2)
    fixed = [index in system.fixed for index in range(len(heights))]
    dots = sorted(set(zip(heights.tolist(), system.symbols, fixed, strict=True)))
    host = max(set(system.symbols), key=system.symbols.count)
    at_edge = axes.get_xaxis_transform()
    named: set[bool] = set()
    for height, symbol, is_fixed in dots:
        label = None if is_fixed in named else "fixed atoms" if is_fixed else "atoms"
        named.add(is_fixed)
        axes.plot(
            height,
            0.05,
            ls="none",
            marker="o",
            ms=5,
            transform=at_edge,
            mec=_ATOMS,
            mfc=_ATOMS if is_fixed else "white",
            mew=1.0,
            zorder=3,
            label=label,
        )
        if symbol != host:
            axes.annotate(
                symbol, (height, 0.05), (5, 0), xycoords=at_edge, textcoords="offset points", va="center", fontsize=8
            )
