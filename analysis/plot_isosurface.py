"""Figure: isosurfaces of a density among its atoms, drawn in parallel projection with one light."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.atom_drawing import (
    COLOURS,
    LOBES,
    OTHER_COLOUR,
    OTHER_RADIUS_A,
    RADII_A,
    bonds_to_oxygen,
    cell_edges,
)
from natrium.analysis.figure_file import checked_path
from natrium.analysis.isosurface import DENSITY_DIFFERENCE_E_BOHR3, Isosurface, Region, isosurfaces
from natrium.analysis.volumetric import VolumetricData
from natrium.structures.system import System

WIDTH_INCH, DPI = 4.0, 300

_SUPERSAMPLING = 2  # drawn larger without smoothing and scaled down: smoothed edges would show every triangle
_LOSS_OPACITY = 0.38  # where electrons gather is often inside where they are taken from
_LIGHT = np.array([-0.45, 0.55, 0.70]) / np.linalg.norm([-0.45, 0.55, 0.70])  # from the upper left, behind the eye
_AMBIENT, _DIFFUSE, _SPECULAR, _SHININESS = 0.46, 0.56, 0.28, 24
_BOND_RADIUS_A = 0.09
_LINE_PARTS = 12

Floats = NDArray[np.float64]


def plot_isosurfaces(
    path: Path | str,
    data: VolumetricData,
    system: System,
    *,
    values_e_bohr3: Sequence[float] = DENSITY_DIFFERENCE_E_BOHR3,
    region: Region | None = None,
    azimuth_deg: float = 25.0,
    elevation_deg: float = 15.0,
    title: str = "",
    overwrite: bool = False,
) -> Path:
    """Draw the surfaces, gold for positive and blue for negative values, with atoms and their bonds to oxygen.

    Args:
        path: PNG file to write.
        data: Density, usually a density difference.
        system: Its atoms.
        values_e_bohr3: Densities of the surfaces, e/Bohr³.
        region: What is shown; None shows one cell. `Region.around(system, atom)` puts an atom into the middle.
        azimuth_deg: Where the eye is, turned about z from the x axis, degrees.
        elevation_deg: How far the eye is above the horizon, degrees.
        title: Above the figure.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: not a PNG, a file that exists, no such folder, or a value that the density does not reach.
    """
    path = checked_path(path, (".png",), overwrite=overwrite)
    region = Region.around(system) if region is None else region
    surfaces = isosurfaces(data, region, values_e_bohr3)
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure
    from PIL import Image

    view = _view(azimuth_deg, elevation_deg)
    edges = cell_edges(region.corners_a(data.cell_a)) @ view.T
    low, high = edges.reshape(-1, 3).min(axis=0) - 0.9, edges.reshape(-1, 3).max(axis=0) + 0.9
    height_inch = min(WIDTH_INCH * (high - low)[1] / (high - low)[0] + 0.55, 2.2 * WIDTH_INCH)
    figure = Figure(figsize=(WIDTH_INCH, height_inch), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=9)
    _legend(axes, surfaces, system)
    # the layout is settled once: it would move between the two pictures
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    # opaque twice, with and without the lobes of loss, and mixed: each triangle of a transparent surface would show
    pictures = []
    for drawn in ([one for one in surfaces if one.value_e_bohr3 > 0], surfaces):
        polygons, colours = _scene(drawn, region, system, view)
        collection = PolyCollection(polygons, facecolors=colours, edgecolors="none", antialiaseds=False)
        axes.add_collection(collection, autolim=False)
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=_SUPERSAMPLING * DPI)
        collection.remove()
        with Image.open(buffer) as large:
            size = (large.width // _SUPERSAMPLING, large.height // _SUPERSAMPLING)
            pictures.append(large.convert("RGB").resize(size, Image.Resampling.BOX))
    mixed = Image.blend(pictures[0], pictures[1], _LOSS_OPACITY)
    # 256 colours, fitted, are enough for a few hues in one light, and a third of the file
    mixed.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4).save(path, dpi=(DPI, DPI), optimize=True)
    return path


def _view(azimuth_deg: float, elevation_deg: float) -> Floats:
    """Rotation into the picture: rows are right, up and towards the eye."""
    a, e = np.radians([azimuth_deg, elevation_deg])
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return np.stack([right, np.cross(towards, right), towards])


def _scene(surfaces: Sequence[Isosurface], region: Region, system: System, view: Floats) -> tuple[list[Any], Floats]:
    """Everything as polygons in the picture, the farthest first, and their colours."""
    symbols, positions_a = region.atoms(system)
    meshes: list[tuple[Floats, Floats, str]] = []  # corners, normals, colour
    for surface in surfaces:
        normals = surface.vertex_normals()[surface.triangles].mean(axis=1)
        sign = 1 if surface.value_e_bohr3 > 0 else -1
        meshes.append((surface.vertices_a[surface.triangles], normals, LOBES[sign]))
    ball_corners, ball_normals = _ball()
    for symbol, position in zip(symbols, positions_a, strict=True):
        corners = ball_corners * RADII_A.get(symbol, OTHER_RADIUS_A) + position
        meshes.append((corners, ball_normals, COLOURS.get(symbol, OTHER_COLOUR)))
    for first, second in bonds_to_oxygen(symbols, positions_a):
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
    for edge in frame:
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


def _legend(axes: Any, surfaces: Sequence[Isosurface], system: System) -> None:
    from matplotlib.lines import Line2D

    def dot(colour: str, label: str, marker: str) -> Line2D:
        return Line2D([], [], ls="none", marker=marker, ms=7, mfc=colour, mec="none", label=label)

    handles = [
        dot(LOBES[1 if s.value_e_bohr3 > 0 else -1], f"{s.value_e_bohr3:+.2g} e/Bohr³".replace("-", "−"), "s")
        for s in surfaces
    ]
    handles += [dot(COLOURS.get(name, OTHER_COLOUR), name, "o") for name in dict.fromkeys(system.symbols)]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        handletextpad=0.2,
        columnspacing=1.2,
    )
