"""Pictures and pages of isosurfaces: what is drawn where, by its colour, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from natrium.analysis.atom_drawing import LOBES, bonds_to_oxygen, cell_edges
from natrium.analysis.isosurface import Region
from natrium.analysis.isosurface_page import write_isosurface_page
from natrium.analysis.plot_isosurface import plot_isosurfaces
from natrium.analysis.volumetric import E_A3_PER_E_BOHR3, VolumetricData
from natrium.structures.errors import InputError
from natrium.structures.system import System

CELL = np.array([[7.0, 0.0, 0.0], [-1.5, 7.0, 0.0], [0.0, 0.0, 8.0]])
SYSTEM = System(
    label="Na2O",
    symbols=("Na", "Na", "O"),
    positions_a=np.array([[0.5, 0.5, 0.2], [0.5, 0.5, 0.8], [0.5, 0.5, 0.45]]) @ CELL,
    cell_a=CELL,
    pbc=(True, True, True),
)


def difference() -> VolumetricData:
    """Electrons gather above (a fraction 0.75 of the height) and are taken from below."""
    grid = np.stack(np.meshgrid(*[np.arange(24) / 24] * 3, indexing="ij"), axis=-1)
    above, below = (np.exp(-((((grid - [0.5, 0.5, z]) @ CELL) / 0.9) ** 2).sum(axis=-1)) for z in (0.75, 0.25))
    return VolumetricData(0.02 * E_A3_PER_E_BOHR3 * (above - below), CELL, "Δρ")


def hue_rows(path: Path, sign: int) -> np.ndarray:
    """Rows of the picture, apart from the legend, with the hue of a lobe."""
    rgb = np.asarray(Image.open(path).convert("RGB"), dtype=float)[: -300 // 2]
    colour = np.array([int(LOBES[sign][i : i + 2], 16) for i in (1, 3, 5)], dtype=float)
    # the hue alone: white shines through a transparent lobe
    hues, hue = rgb - rgb.min(axis=-1, keepdims=True), colour - colour.min()
    alike = hues @ hue / np.maximum(np.linalg.norm(hues, axis=-1) * np.linalg.norm(hue), 1)
    return np.nonzero((np.ptp(rgb, axis=-1) > 25) & (alike > 0.96))[0]


def test_picture_shows_gold_above_and_blue_below_for_print(tmp_path: Path) -> None:
    path = plot_isosurfaces(tmp_path / "d.png", difference(), SYSTEM, title="Δρ", elevation_deg=5)
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=1)
        assert image.width > 1000
    assert path.stat().st_size < 400_000
    gold, blue = hue_rows(path, 1), hue_rows(path, -1)
    assert len(gold) > 1000
    assert len(blue) > 1000
    assert gold.mean() < blue.mean()
    upside_down = plot_isosurfaces(
        tmp_path / "e.png", difference(), SYSTEM, values_e_bohr3=[-1.5e-3], region=Region.around(SYSTEM, 2)
    )
    assert len(hue_rows(upside_down, 1)) < 200


def test_page_opens_without_a_network_and_names_its_surfaces(tmp_path: Path) -> None:
    path = write_isosurface_page(tmp_path / "d.html", difference(), SYSTEM, title="Na2O")
    text = path.read_text()
    assert "<script src=" not in text
    assert "plotly.js v" in text[:200_000]
    for words in ("+0.0015 e/Bohr", "-0.0015 e/Bohr", '"mesh3d"', '"contacts of O"', '"Na"'):
        assert words in text.replace("\\u002f", "/"), words


@pytest.mark.parametrize(("draw", "name"), [(plot_isosurfaces, "d.png"), (write_isosurface_page, "d.html")])
def test_what_cannot_be_drawn_leaves_no_file(tmp_path: Path, draw: Callable[..., Path], name: str) -> None:
    with pytest.raises(InputError, match="use one between"):
        draw(tmp_path / name, difference(), SYSTEM, values_e_bohr3=[0.5])
    with pytest.raises(InputError, match="cannot write"):
        draw(tmp_path / "d.jpg", difference(), SYSTEM)
    with pytest.raises(InputError, match="does not exist"):
        draw(tmp_path / "no" / name, difference(), SYSTEM)
    assert not list(tmp_path.iterdir())
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="exists"):
        draw(tmp_path / name, difference(), SYSTEM)
    assert (tmp_path / name).read_text() == "mine"


def test_bonds_reach_the_first_shell_of_oxygen_and_no_more() -> None:
    positions = np.array([[0, 0, 0], [2.4, 0, 0], [0, 2.79, 0], [0, 0, 2.81], [-1.2, 0, 0]], dtype=float)
    found = bonds_to_oxygen(("O", "Na", "Na", "Na", "O"), positions)
    assert set(found) == {(0, 1), (0, 2), (0, 4)}


def test_a_box_has_twelve_edges() -> None:
    edges = cell_edges(Region((0.0, 0.0, 0.0), (1.0, 1.0, 2.0)).corners_a(np.diag([2.0, 3.0, 4.0])))
    lengths = sorted(np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1).tolist())
    assert lengths == [2.0] * 4 + [3.0] * 4 + [8.0] * 4
    assert len({tuple(sorted(map(tuple, edge))) for edge in edges.tolist()}) == 12
