"""Figure: a gallery of structures, each from above and from the side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.figure_file import FIGURES, checked_path
from natrium.structures.errors import InputError
from natrium.structures.system import System

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.axes import Axes

_ROTATIONS = {"above": "0x", "side": "-90x"}

_RADII_A = {"Na": 0.9, "O": 0.5, "F": 0.5, "C": 0.5, "H": 0.3}
_OTHER_RADIUS_A = 0.8

# Okabe and Ito's palette, as for the other figures.
_COLOURS = {"Na": "#56B4E9", "O": "#D55E00", "F": "#009E73", "C": "#444444", "H": "#FFFFFF"}
_OTHER = "#CC79A7"
_PALEST = 0.75

_BOUNDARY = 1e-3
"""In fractions of the cell: atoms so near to its boundary are drawn on both sides."""

_MARGIN_A = 1.0
_COLUMN_INCH, _TITLE_INCH = 1.8, 0.35


class _Drawing(NamedTuple):
    atoms: Atoms
    colours: NDArray[np.float64]
    rotation: str
    extent_a: tuple[float, float]


def plot_structures(path: Path | str, systems: dict[str, System], *, columns: int = 5, overwrite: bool = False) -> Path:
    """Draw each structure from above (along the third lattice vector's direction z) and from the side (along y).

    All are drawn with their cell, at one scale; the vacuum of a slab is cut, and atoms on the boundary of the cell are
    drawn on all its sides. Sodium is paler the further it lies from the eye, or in a slab the deeper its layer.

    Args:
        path: File to write; its suffix (.pdf, .png or .svg) is the format.
        systems: Structures by the name that is written above each.
        columns: Structures in a row.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: nothing to draw, an unknown suffix, no such folder, or a file that may not be replaced.
    """
    path = checked_path(path, FIGURES, overwrite=overwrite)
    if not systems or columns < 1:
        raise InputError(f"{path}: {len(systems)} structures in {columns} columns", "give one of each at least")
    # Figure and not pyplot: no global state, no display, no memory kept in a process that lives on.
    from matplotlib.figure import Figure

    columns = min(columns, len(systems))
    rows = [list(systems.items())[start : start + columns] for start in range(0, len(systems), columns)]
    drawings = {name: {view: _drawable(system, view) for view in _ROTATIONS} for name, system in systems.items()}
    # One scale for all: the widest fills a column, and each row of views is as high as its highest.
    width_a = max(drawing.extent_a[0] for views in drawings.values() for drawing in views.values())
    heights_a = [max(drawings[name][view].extent_a[1] for name, _ in row) for row in rows for view in _ROTATIONS]
    inch_per_a = _COLUMN_INCH / width_a
    height_inch = sum(heights_a) * inch_per_a + _TITLE_INCH * len(rows)
    figure = Figure(figsize=(_COLUMN_INCH * columns, height_inch), layout="constrained")
    grid = figure.subplots(len(heights_a), columns, squeeze=False, gridspec_kw={"height_ratios": heights_a})
    for axes in grid.flat:
        axes.set_axis_off()
    for number, name in enumerate(systems):
        row, column = divmod(number, columns)
        for line, view in enumerate(_ROTATIONS, start=2 * row):
            _draw(grid[line, column], drawings[name][view], (width_a, heights_a[line]))
        grid[2 * row, column].set_title(name, fontsize=6.5)
    figure.savefig(path, dpi=90)
    return path


def _drawable(system: System, view: str) -> _Drawing:
    """The atoms of one cell, with those on its boundary on all sides of it."""
    atoms = system.atoms()
    atoms.set_constraint()
    atoms.set_tags(np.arange(len(atoms)))
    if system.is_slab:
        # Without the vacuum: the cell that is drawn ends with the atoms.
        atoms.center(vacuum=_MARGIN_A, axis=2)
    periodic = np.flatnonzero(system.pbc)
    if len(periodic):
        atoms.wrap(eps=_BOUNDARY)
    copies = atoms.copy()
    for axis in periodic:
        on_boundary = copies[np.abs(copies.cell.scaled_positions(copies.positions)[:, axis]) <= _BOUNDARY]
        on_boundary.positions += on_boundary.cell[axis]
        copies += on_boundary
    drawn = _ase_drawing(copies, _ROTATIONS[view])
    return _Drawing(copies, _colours(copies, system.layers, view), _ROTATIONS[view], (float(drawn.w), float(drawn.h)))


def _ase_drawing(atoms: Atoms, rotation: str) -> Any:
    """ASE's own placing of the atoms in the picture: its width w and height h, Å."""
    from ase.io.utils import PlottingVariables

    return PlottingVariables(atoms, rotation=rotation, radii=_radii_a(atoms), scale=1)


def _radii_a(atoms: Atoms) -> list[float]:
    return [_RADII_A.get(symbol, _OTHER_RADIUS_A) for symbol in atoms.symbols]


def _draw(axes: Axes, drawing: _Drawing, extent_a: tuple[float, float]) -> None:
    from ase.visualize.plot import plot_atoms_raw

    plot_atoms_raw(
        drawing.atoms, axes, rotation=drawing.rotation, radii=_radii_a(drawing.atoms), colors=drawing.colours
    )
    (x, y), (width, height) = (side / 2 for side in drawing.extent_a), extent_a
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(y - height / 2, y + height / 2)


def _colours(atoms: Atoms, layers: tuple[int, ...] | None, view: str) -> NDArray[np.float64]:
    """RGB of each atom, shape (atoms, 3). The tags are the indices in the system, whose layers are given."""
    from matplotlib.colors import to_rgb

    towards_eye_a = atoms.positions[:, 2] if view == "above" else -atoms.positions[:, 1]
    near = towards_eye_a if layers is None else np.array(layers, dtype=np.float64)[atoms.get_tags()]
    sodium = atoms.symbols == "Na"
    rgb = np.array([to_rgb(_COLOURS.get(symbol, _OTHER)) for symbol in atoms.symbols])
    if sodium.any():
        depth = near[sodium].max() - near[sodium]
        pale = _PALEST * depth / (depth.max() or 1.0)
        rgb[sodium] += (1 - rgb[sodium]) * pale[:, None]
    return np.asarray(rgb, dtype=np.float64)
