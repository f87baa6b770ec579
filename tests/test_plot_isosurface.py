"""Pictures and pages of isosurfaces: what is drawn where, by its colour, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from natrium.analysis.atom_drawing import LOBES, bonds_to_oxygen, cell_edges, sticks
from natrium.analysis.isosurface import Region, isosurfaces
from natrium.analysis.isosurface_page import write_isosurface_page
from natrium.analysis.plot_isosurface import _axes, plot_isosurfaces
from natrium.analysis.volumetric import (
    BOHR_A,
    E_A3_PER_E_BOHR3,
    VolumetricData,
    VolumetricFile,
    VolumetricFileError,
    file_sha256,
)
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
        tmp_path / "e.png", difference(), SYSTEM, isovalues=[-1.5e-3], region=Region.around(SYSTEM, 2)
    )
    assert len(hue_rows(upside_down, 1)) < 200


def test_picture_of_a_slab_leaves_its_vacuum_out_and_shows_a_long_title(tmp_path: Path) -> None:
    tall = CELL * [[1], [1], [2]]
    half_full = np.pad(difference().values_e_a3, ((0, 0), (0, 0), (0, 24)))
    data = VolumetricData(half_full, tall, "Δρ")
    crystal = SYSTEM.model_copy(update={"cell_a": tuple(map(tuple, tall.tolist()))})
    slab = crystal.model_copy(update={"pbc": (True, True, False)})
    title = "Δρ = ±0.0015 e/Bohr³: O2 on Na(110) 2×2, short-bridge, flat along [001]"
    heights = {}
    for name, system, words in (("crystal", crystal, ""), ("slab", slab, ""), ("titled", slab, title)):
        path = plot_isosurfaces(tmp_path / f"{name}.png", data, system, title=words)
        with Image.open(path) as image:
            heights[name], rgb = image.height, np.asarray(image.convert("RGB"))
    assert heights["slab"] < 0.8 * heights["crystal"]
    assert heights["titled"] > heights["slab"]
    assert rgb[:60].min() < 100, "the title is there"
    assert rgb[:60, :10].min() == rgb[:60, -10:].min() == 255, "and ends inside the picture"


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
        draw(tmp_path / name, difference(), SYSTEM, isovalues=[0.5])
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


HEIGHT_BOHR_3_2, WIDTH_A = 0.2, 0.9
CHIRAL = System(
    label="chiral",
    symbols=("C", "F", "O", "N", "H"),
    positions_a=((5.0, 1.0, 0.0), (6.35, 1.0, 0.0), (4.6, 2.3, 0.1), (4.5, 0.4, 1.2), (4.6, 0.4, -0.9)),
    cell_a=np.zeros((3, 3)),
    pbc=(False, False, False),
    multiplicity=2,
)


def orbital(folder: Path, phases: tuple[int, ...] = (1, -1)) -> VolumetricFile:
    """One gaussian on the fluorine and one of the other phase on the oxygen, on a grid that starts anywhere."""
    shape, origin = (60, 50, 45), np.array([0.3, -3.5, -4.2])
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) * 0.2 + origin
    values = sum(
        phase * np.exp(-((points - CHIRAL.positions_a[atom]) ** 2).sum(axis=-1) / (2 * WIDTH_A**2))
        for phase, atom in zip(phases, (1, 2), strict=False)
    )
    path = folder / "orbital.npy"
    np.save(path, HEIGHT_BOHR_3_2 * BOHR_A**-1.5 * np.asarray(values))
    return VolumetricFile(
        path=str(path),
        sha256=file_sha256(path),
        shape=shape,
        unit="Å^-3/2",
        cell_a=np.diag(np.array(shape) * 0.2),
        origin_a=origin.tolist(),
        kind="orbital lumo",
        name="test",
    )


def test_an_orbital_has_both_phases_around_its_atoms_in_its_own_unit(tmp_path: Path) -> None:
    """One phase alone is a sphere of known radius; finer than its grid, it is round to a thousandth."""
    file = orbital(tmp_path, (1,))
    [sphere] = isosurfaces(file, Region.whole(CHIRAL, file.shape))
    distances = np.linalg.norm(sphere.vertices_a - CHIRAL.positions_a[1], axis=1)
    assert distances == pytest.approx(WIDTH_A * np.sqrt(2 * np.log(HEIGHT_BOHR_3_2 / 0.05)), rel=2e-3)
    assert (sphere.label, sphere.sign) == ("+0.05 Bohr⁻³ᐟ²", 1)
    both = isosurfaces(orbital(tmp_path), Region.whole(CHIRAL, file.shape), [0.1, -0.1])
    for surface, atom in zip(both, (1, 2), strict=True):
        off = surface.vertices_a.mean(axis=0) - CHIRAL.positions_a[atom]
        assert np.linalg.norm(off) < 0.3, surface.label


def test_a_surface_ends_at_the_end_of_a_molecule_s_grid(tmp_path: Path) -> None:
    """It is cut there, open, and does not come in again at the other side."""
    file = orbital(tmp_path, (1,))
    last_a = CHIRAL.positions_a[1][0] - file.origin_a[0]
    shape = (round(last_a / 0.2), *file.shape[1:])
    path = tmp_path / "cut.npy"
    np.save(path, file.values()[: shape[0]])
    cell_a = np.diag(np.array(shape) * 0.2)
    cut = VolumetricFile.model_validate(
        file.model_dump() | {"path": str(path), "sha256": file_sha256(path), "shape": shape, "cell_a": cell_a}
    )
    [half] = isosurfaces(cut, Region.whole(CHIRAL, cut.shape))
    assert half.vertices_a[:, 0].max() == pytest.approx(file.origin_a[0] + 0.2 * (cut.shape[0] - 1))
    assert half.vertices_a[:, 0].min() > 3


def test_picture_of_an_orbital_is_cropped_and_has_no_frame(tmp_path: Path) -> None:
    path = plot_isosurfaces(tmp_path / "o.png", orbital(tmp_path), CHIRAL)
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=int)
    assert len(hue_rows(path, 1)) > 10_000
    assert len(hue_rows(path, -1)) > 10_000
    columns = np.nonzero((rgb[:-250] < 250).any(axis=(0, 2)))[0]
    # what is drawn fills the width but for the margins of 0.65 Å on some 6 Å, though the grid is 12 Å long
    assert columns.min() < 0.15 * rgb.shape[1]
    assert columns.max() > 0.85 * rgb.shape[1]
    page = write_isosurface_page(tmp_path / "o.html", orbital(tmp_path), CHIRAL).read_text()
    names = set(re.findall(r'"name":"([^"]+)"', page))
    assert {"bonds", "C", "H", "N"} <= names
    assert names.isdisjoint({"region", "contacts of O"})


def test_a_molecule_is_turned_and_never_mirrored() -> None:
    for order in ((0, 1, 2), (1, 2, 0), (1, 0, 2), (2, 1, 0)):
        positions = np.array(CHIRAL.positions_a)[:, order] * (1, 1.4, 0.8)
        system = CHIRAL.moved(positions)
        axes = _axes(system)
        assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-9)
        assert np.linalg.det(axes) == pytest.approx(1)
        deep, right, up = ((positions - positions.mean(axis=0)) @ axes.T).std(axis=0)
        assert up <= deep <= right
    assert (_axes(SYSTEM) == np.eye(3)).all()


def test_bonds_of_a_molecule_leave_out_what_is_only_near() -> None:
    positions = np.array(CHIRAL.positions_a)
    found = sticks(CHIRAL, CHIRAL.symbols, positions)
    assert (found.name, found.pairs) == ("bonds", [(0, 1), (0, 2), (0, 3), (0, 4)])
    assert sticks(SYSTEM, SYSTEM.symbols, np.array(SYSTEM.positions_a)).name == "contacts of O"


def test_a_changed_file_of_an_orbital_is_not_drawn(tmp_path: Path) -> None:
    file = orbital(tmp_path)
    np.save(file.path, np.zeros(file.shape))
    with pytest.raises(VolumetricFileError, match="was changed"):
        plot_isosurfaces(tmp_path / "o.png", file, CHIRAL)
    assert not (tmp_path / "o.png").exists()
