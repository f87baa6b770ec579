"""Figure: the planar-integrated charge density difference across a slab, with the heights of its atoms."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from natrium.analysis.atom_drawing import COLOURS, LOBES, OTHER_COLOUR
from natrium.analysis.density_difference import CELL_TOLERANCE_A, DensityDifference
from natrium.analysis.figure_file import checked_path
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import cell_height_a, heights_a
from natrium.structures.system import System


def plot_density_profile(
    path: Path | str, difference: DensityDifference, system: System, *, preset: str = "", overwrite: bool = False
) -> Path:
    """Draw Δρ(z) in e/Å (filled by sign), the charge transferred up to z in e, and a line at each height of atoms.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        difference: Charge density difference.
        system: The whole slab.
        preset: Name of the preset, for the title.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: not a slab, one in another cell, an unknown suffix, no such folder, or a file that exists.
    """
    path = checked_path(path, (".pdf", ".png", ".svg"), overwrite=overwrite)
    height_a = cell_height_a(system)
    if not np.allclose(np.array(system.cell_a), np.array(difference.cell_a), rtol=0, atol=CELL_TOLERANCE_A):
        raise InputError(
            f"{system.label} is in another cell than the density difference of {difference.whole}",
            "give the slab that the difference was calculated for",
        )
    import matplotlib as mpl
    from matplotlib.figure import Figure

    z_a, profile = np.array(difference.z_a), np.array(difference.profile_e_a)
    with mpl.rc_context({"font.size": 9, "svg.fonttype": "none", "pdf.fonttype": 42}):
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        for sign, label in ((1, "electrons gained"), (-1, "electrons lost")):
            part = np.where(sign * profile > 0, profile, 0.0)
            upper.fill_between(z_a, part, color=LOBES[sign], alpha=0.55, lw=0, label=label)
        upper.plot(z_a, profile, color="black", lw=0.9)
        lower.plot(z_a, difference.cumulative_e, color="black", lw=0.9)
        for axes in (upper, lower):
            axes.axhline(0, color="black", lw=0.5)
            axes.tick_params(direction="in", top=True, right=True)
            for height, symbol in _atoms(system, height_a):
                axes.axvline(height, color=COLOURS.get(symbol, OTHER_COLOUR), lw=0.9, ls=":", zorder=0)
        edge = upper.get_xaxis_transform()
        for height, symbol in _atoms(system, height_a):
            upper.annotate(symbol, (height, 1.01), xycoords=edge, ha="center", va="bottom", fontsize=7)
        upper.set_ylabel("Δρ(z) (e/Å)")
        upper.legend(frameon=False, fontsize=8)
        lower.set(xlabel="height z (Å)", ylabel="∫ Δρ dz (e)", xlim=(0, height_a))
        words = (system.label, f"{difference.charge_moved_e:.3f} e moved", preset and f"preset {preset}")
        figure.suptitle("  ·  ".join(filter(None, words)), fontsize=9)
        figure.savefig(path, dpi=300)
    return path


def _atoms(system: System, height_a: float) -> list[tuple[float, str]]:
    """Heights within the cell and symbols, each once to 0.05 Å."""
    heights = np.mod(heights_a(system), height_a)
    seen = {(round(height / 0.05), symbol): height for height, symbol in zip(heights, system.symbols, strict=True)}
    return sorted((float(height), symbol) for (_, symbol), height in seen.items())
