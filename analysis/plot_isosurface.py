"""Figure: isosurfaces of a density or an orbital among its atoms, drawn in parallel projection with one light."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.atom_drawing import (
    COLOURS,
    LOBES,
    OTHER_COLOUR,
    OTHER_RADIUS_A,
    RADII_A,
    cell_edges,
    sticks,
)
from natrium.analysis.figure_file import checked_path
from natrium.analysis.isosurface import QUANTITIES, Isosurface, Region, isosurfaces
from natrium.analysis.volumetric import VolumetricData, VolumetricFile
from natrium.structures.system import System

WIDTH_INCH, DPI = 4.0, 300

_SUPERSAMPLING = 2  # drawn larger without smoothing and scaled down: smoothed edges would show every triangle
_SEE_THROUGH = {QUANTITIES["e/Å³"].unit: ((-1,), 0.38), QUANTITIES["Å^-3/2"].unit: ((1, -1), 0.62)}
"""Which signs are transparent, and their opacity: where electrons gather is often inside where they are taken from; a
molecule is inside its orbital, whose phases mean the same."""
_LIGHT = np.array([-0.45, 0.55, 0.70]) / np.linalg.norm([-0.45, 0.55, 0.70])  # from the upper left, behind the eye
_AMBIENT, _DIFFUSE, _SPECULAR, _SHININESS = 0.46, 0.56, 0.28, 24
_BOND_RADIUS_A = 0.09
_LEGEND_COLUMNS = 5
_TITLE_CHARACTERS, _TITLE_LINE_INCH = 56, 0.16
_LINE_PARTS = 12

Floats = NDArray[np.float64]


def plot_isosurfaces(
    path: Path | str,
    data: VolumetricData | VolumetricFile,
    system: System,
    *,
    isovalues: Sequence[float] | None = None,
    region: Region | None = None,
    azimuth_deg: float = 25.0,
    elevation_deg: float = 15.0,
    title: str = "",
    overwrite: bool = False,
) -> Path:
    """Draw the surfaces, gold for positive and blue for negative values, with atoms and their bonds.

    A crystal or a slab is seen in its own axes, with the frame of the region and the contacts of oxygen; a molecule
    with its longest extent from left to right and its thinnest upwards, as large as it and the surfaces are.

    Args:
        path: PNG file to write.
        data: Density, usually a density difference, or orbital of a molecule.
        system: Its atoms.
        isovalues: Values of the surfaces: e/Bohr³ of a density, Bohr⁻³ᐟ² of an orbital; None: the usual ones.
        region: What is shown; None shows one cell, or all of a molecule's grid. `Region.around(system, atom)` puts an
            atom into the middle.
        azimuth_deg: Where the eye is, turned about z from the x axis, degrees.
        elevation_deg: How far the eye is above the horizon, degrees.
        title: Above the figure, in as many lines as it needs.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: not a PNG, a file that exists, no such folder, or values that the data do not reach.
        VolumetricFileError: the file of an orbital is gone or was changed.
    """
    path = checked_path(path, (".png",), overwrite=overwrite)
    region = Region.whole(system, data.shape) if region is None else region
    surfaces = isosurfaces(data, region, isovalues)
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure
    from PIL import Image

    view = _view(azimuth_deg, elevation_deg) @ _axes(system)
    low, high = _limits(surfaces, region, system, view)
    legend = _legend_rows(surfaces, system)
    title_lines = wrap(title, _TITLE_CHARACTERS, break_on_hyphens=False)
    words_inch = 0.55 + 0.3 * (len(legend) - 1) + _TITLE_LINE_INCH * (len(title_lines) - 1)
    height_inch = min(WIDTH_INCH * (high - low)[1] / (high - low)[0] + words_inch, 2.2 * WIDTH_INCH)
    figure = Figure(figsize=(WIDTH_INCH, height_inch), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.set_axis_off()
    axes.set_title("\n".join(title_lines), fontsize=9)
    _draw_legend(axes, legend)
    # the layout is settled once: it would move between the two pictures
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    # opaque twice, with and without the transparent surfaces, and mixed: each triangle of one would show
    pictures = []
    transparent, opacity = _SEE_THROUGH[surfaces[0].unit]
    for drawn in ([one for one in surfaces if one.sign not in transparent], surfaces):
        polygons, colours = _scene(drawn, region, system, view)
        collection = PolyCollection(polygons, facecolors=colours, edgecolors="none", antialiaseds=False)
        axes.add_collection(collection, autolim=False)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=_SUPERSAMPLING * DPI)
        collection.remove()
        with Image.open(buffer) as large:
            size = (large.width // _SUPERSAMPLING, large.height // _SUPERSAMPLING)
            pictures.append(large.convert("RGB").resize(size, Image.Resampling.BOX))
    mixed = Image.blend(pictures[0], pictures[1], opacity)
    # 256 colours, fitted, are enough for a few hues in one light, and a third of the file
    mixed.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4).save(path, dpi=(DPI, DPI), optimize=True)
    return path


def _view(azimuth_deg: float, elevation_deg: float) -> Floats:
    """Rotation into the picture: rows are right, up and towards the eye."""
    a, e = np.radians([azimuth_deg, elevation_deg])
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return np.stack([right, np.cross(towards, right), towards])


def _axes(system: System) -> Floats:
    """A system's own axes in rows. The eye is near the first one: the second runs to the right, the third upwards."""
    if any(system.pbc):
        return np.eye(3)
    positions_a = np.array(system.positions_a)
    spread = positions_a - positions_a.mean(axis=0)
    _, vectors = np.linalg.eigh(spread.T @ spread)  # ascending
    thin, middle, long = vectors.T * np.sign(vectors[np.abs(vectors).argmax(axis=0), range(3)])[:, None]
    # a molecule must not become its mirror image
    return np.stack([middle * np.sign(np.dot(np.cross(middle, long), thin)), long, thin])


def _limits(surfaces: Sequence[Isosurface], region: Region, system: System, view: Floats) -> tuple[Floats, Floats]:
    """The lowest and highest right, up and towards of the picture: around the region, or around all that is drawn.

    The region of a slab is taken without its vacuum, where nothing is.
    """
    drawn_a = np.concatenate([region.atoms(system)[1], *(one.vertices_a for one in surfaces)])
    if not any(system.pbc):
        points, margin_a = drawn_a, 0.65
    else:
        occupied = region.around_points(system, drawn_a)
        points, margin_a = occupied.corners_a(np.array(system.cell_a)).reshape(-1, 3), 0.9
    seen = points @ view.T
    return seen.min(axis=0) - margin_a, seen.max(axis=0) + margin_a


def _scene(surfaces: Sequence[Isosurface], region: Region, system: System, view: Floats) -> tuple[list[Any], Floats]:
    """Everything as polygons in the picture, the farthest first, and their colours."""
    symbols, positions_a = region.atoms(system)
    meshes: list[tuple[Floats, Floats, str]] = []  # corners, normals, colour
    for surface in surfaces:
        normals = surface.vertex_normals()[surface.triangles].mean(axis=1)
        meshes.append((surface.vertices_a[surface.triangles], normals, LOBES[surface.sign]))
    ball_corners, ball_normals = _ball()
    for symbol, position in zip(symbols, positions_a, strict=True):
        corners = ball_corners * RADII_A.get(symbol, OTHER_RADIUS_A) + position
        meshes.append((corners, ball_normals, COLOURS.get(symbol, OTHER_COLOUR)))
    for first, second in sticks(system, symbols, positions_a).pairs:
        middle = (positions_a[first] + positions_a[second]) / 2
        for atom in (first, second):
            corners, normals = _tube(positions_a[atom], middle)
            meshes.append((corners, normals, COLOURS.get(symbols[atom], OTHER_COLOUR)))
    frame = cell_edges(region.corners_a(np.array(system.cell_a)))
    depths, polygons, colours = [], [], []
    for corners, normals, colour in meshes:
        seen = corners @ view.T
        depths.append(seen[..., 2].mean(axis=1))
        polygons += list(seen[..., :2])
        colours.append(_lit(normals @ view.T, colour))
    for edge in frame if any(system.pbc) else ():
        seen = _ribbon(edge @ view.T)
        depths.append(seen[..., 2].mean(axis=1))
        polygons += list(seen[..., :2])
        colours.append(np.full((len(seen), 3), 0.25))
    order = np.argsort(np.concatenate(depths), kind="stable")
    return [polygons[i] for i in order], np.concatenate(colours)[order]


def _lit(normals: Floats, colour: str) -> Floats:
    """Blinn and Phong's reflection, seen from the front; the inside of an open lobe is lit like the outside."""
    from matplotlib.colors import to_rgb

    towards_eye = np.where(normals[:, 2:] < 0, -normals, normals)
    half_way = _LIGHT + np.array([0.0, 0.0, 1.0])
    half_way = half_way / np.linalg.norm(half_way)
    diffuse = np.clip(towards_eye @ _LIGHT, 0, 1)[:, None]
    shine = np.clip(towards_eye @ half_way, 0, 1)[:, None] ** _SHININESS
    rgb = np.array(to_rgb(colour)) * (_AMBIENT + _DIFFUSE * diffuse) + _SPECULAR * shine
    return np.asarray(np.clip(rgb, 0, 1), dtype=np.float64)


def _ball() -> tuple[Floats, Floats]:
    """Quadrilaterals of a unit sphere, shape (n, 4, 3), and their normals, shape (n, 3)."""
    theta, phi = np.meshgrid(np.linspace(0, np.pi, 25), np.linspace(0, 2 * np.pi, 49), indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    return _patches(points)


def _tube(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Quadrilaterals along a bond and their normals."""
    along = (end - start) / np.linalg.norm(end - start)
    side = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    side /= np.linalg.norm(side)
    around = np.linspace(0, 2 * np.pi, 17)
    ring = np.outer(np.cos(around), side) + np.outer(np.sin(around), np.cross(along, side))
    corners, _ = _patches(
        start + np.outer(np.linspace(0, 1, _LINE_PARTS), end - start)[:, None] + _BOND_RADIUS_A * ring
    )
    normals = np.tile((ring[1:] + ring[:-1]) / 2, (_LINE_PARTS - 1, 1))
    return corners, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _patches(points: Floats) -> tuple[Floats, Floats]:
    """Quadrilaterals of a grid of points, and their middles as directions."""
    corners = np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], axis=2).reshape(-1, 4, 3)
    middles = corners.mean(axis=1)
    return corners, middles / np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-12)


def _ribbon(edge: Floats, width_a: float = 0.035) -> Floats:
    """A line in the picture as short quadrilaterals, which can be hidden one by one."""
    points = edge[0] + np.linspace(0, 1, 4 * _LINE_PARTS)[:, None] * (edge[1] - edge[0])
    direction = edge[1, :2] - edge[0, :2]
    length = float(np.linalg.norm(direction))
    across = np.array([-direction[1], direction[0], 0]) / max(length, 1e-9) * width_a / 2
    return np.stack([points[:-1] + across, points[1:] + across, points[1:] - across, points[:-1] - across], axis=1)


def _legend_rows(surfaces: Sequence[Isosurface], system: System) -> list[list[Any]]:
    """Surfaces and elements, in one row where there are few."""
    from matplotlib.lines import Line2D

    def dot(colour: str, label: str, marker: str) -> Line2D:
        return Line2D([], [], ls="none", marker=marker, ms=7, mfc=colour, mec="none", label=label)

    lobes = [dot(LOBES[surface.sign], surface.label.replace("-", "−"), "s") for surface in surfaces]
    atoms = [dot(COLOURS.get(name, OTHER_COLOUR), name, "o") for name in dict.fromkeys(system.symbols)]
    return [lobes + atoms] if len(lobes + atoms) <= _LEGEND_COLUMNS else [lobes, atoms]


def _draw_legend(axes: Any, rows: list[list[Any]]) -> None:
    for row, handles in enumerate(rows):
        if row:
            axes.add_artist(axes.get_legend())  # else the next one would replace it
        axes.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            borderaxespad=0.5 + 2 * row,
            ncols=len(handles),
            frameon=False,
            fontsize=8,
            handletextpad=0.2,
            columnspacing=1.2,
        )
