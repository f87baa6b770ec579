"""Interactive figure: isosurfaces among their atoms as one HTML file that needs nothing else to be opened."""

from __future__ import annotations

from collections.abc import Sequence
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
    cell_edges,
    sticks,
)
from natrium.analysis.figure_file import checked_path
from natrium.analysis.isosurface import Isosurface, Region, isosurfaces
from natrium.analysis.volumetric import VolumetricData, VolumetricFile
from natrium.structures.system import System

_PIXELS_PER_A = 26


def write_isosurface_page(
    path: Path | str,
    data: VolumetricData | VolumetricFile,
    system: System,
    *,
    isovalues: Sequence[float] | None = None,
    region: Region | None = None,
    title: str = "",
    overwrite: bool = False,
) -> Path:
    """A page to turn and zoom; the drawing library is part of it (about 5 MB), so it opens without a network.

    Args:
        path: HTML file to write.
        data: Density, usually a density difference, or orbital of a molecule.
        system: Its atoms.
        isovalues: Values of the surfaces: e/Bohr³ of a density, Bohr⁻³ᐟ² of an orbital; None: the usual ones.
        region: What is shown; None shows one cell, or all of a molecule's grid.
        title: Above the figure.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        The path that was written.

    Raises:
        InputError: not .html, a file that exists, no such folder, or values that the data do not reach.
        VolumetricFileError: the file of an orbital is gone or was changed.
    """
    path = checked_path(path, (".html",), overwrite=overwrite)
    region = Region.whole(system, data.shape) if region is None else region
    surfaces = isosurfaces(data, region, isovalues)
    import plotly.graph_objects as go

    frame = [_frame(region, system)] if any(system.pbc) else []
    figure = go.Figure([*_lobes(surfaces), *_atoms(region, system), *frame])
    axis = {"visible": False}
    figure.update_layout(
        title=title or system.label,
        scene={"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data"}
        | {"camera": {"projection": {"type": "orthographic"}}},
        legend={"itemsizing": "constant"},
        margin={"l": 0, "r": 0, "b": 0, "t": 40},
    )
    figure.write_html(path, include_plotlyjs=True, full_html=True)
    return path


def _lobes(surfaces: Sequence[Isosurface]) -> list[Any]:
    import plotly.graph_objects as go

    return [
        go.Mesh3d(
            **dict(zip("xyz", surface.vertices_a.astype(np.float32).T, strict=True)),
            **dict(zip("ijk", surface.triangles.astype(np.int32).T, strict=True)),
            color=LOBES[surface.sign],
            opacity=0.6,
            name=surface.label,
            showlegend=True,
            hoverinfo="name",
            lighting={"ambient": 0.5, "diffuse": 0.7, "specular": 0.3},
        )
        for surface in surfaces
    ]


def _atoms(region: Region, system: System) -> list[Any]:
    import plotly.graph_objects as go

    symbols, positions_a = region.atoms(system)
    drawn = []
    for name in dict.fromkeys(symbols):
        mine = positions_a[[symbol == name for symbol in symbols]]
        drawn.append(
            go.Scatter3d(
                **_xyz(mine),
                mode="markers",
                name=name,
                marker={
                    "size": _PIXELS_PER_A * RADII_A.get(name, OTHER_RADIUS_A),
                    "color": COLOURS.get(name, OTHER_COLOUR),
                    "line": {"color": "#333333", "width": 1},
                },
                hovertemplate=f"{name} (%{{x:.3f}}, %{{y:.3f}}, %{{z:.3f}}) Å<extra></extra>",
            )
        )
    joined = sticks(system, symbols, positions_a)
    if joined.pairs:
        lines = np.array([(positions_a[a], positions_a[b]) for a, b in joined.pairs])
        line = {"color": joined.colour, "width": 6}
        drawn.append(go.Scatter3d(**_xyz(_strokes(lines)), mode="lines", name=joined.name, line=line))
    return drawn


def _frame(region: Region, system: System) -> Any:
    import plotly.graph_objects as go

    edges = cell_edges(region.corners_a(np.array(system.cell_a)))
    line = {"color": "#444444", "width": 2}
    return go.Scatter3d(**_xyz(_strokes(edges)), mode="lines", name="region", line=line, hoverinfo="skip")


def _strokes(lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Separate lines, shape (n, 2, 3), as one with gaps."""
    gaps = np.full((len(lines), 1, 3), np.nan)
    return np.concatenate([lines, gaps], axis=1).reshape(-1, 3)


def _xyz(points: NDArray[np.float64]) -> dict[str, Any]:
    return dict(zip("xyz", points.astype(np.float32).T, strict=True))
