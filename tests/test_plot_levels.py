"""Level diagrams and rankings: read back from the text of the SVG file, where every number has its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.plot_levels import plot_levels
from natrium.structures.errors import InputError


def levels(
    species: str,
    molecule: str | None,
    homo_ev: float | None,
    lumo_ev: float | None,
    *,
    level: str = "b3lyp",
    shift_ev: float | None = None,
    reduction_ev: float | None = None,
) -> FrontierLevels:
    return FrontierLevels(
        name=f"{species}, {level}",
        species=species,
        molecule=molecule,
        level=level,
        homo_ev=homo_ev,
        lumo_ev=lumo_ev,
        gap_ev=None if homo_ev is None or lumo_ev is None else lumo_ev - homo_ev,
        lumo_shift_ev=shift_ev,
        reduction_ev=reduction_ev,
    )


ION = levels("Na+", None, -38.1, -5.6)
FEC = levels("FEC", "FEC", -8.64, 0.35)
COMPLEX = levels("FEC–Na+", "FEC", -12.6, -3.46, shift_ev=-3.81)
EC = levels("EC", "EC", -8.2, -0.95)


def drawn(tmp_path: Path, rows: Sequence[FrontierLevels]) -> list[tuple[str, float, float]]:
    """Texts of the figure with their places, x to the right and y downwards, in points."""
    path = plot_levels(tmp_path / "levels.svg", rows, title="orbitals", overwrite=True)
    texts = re.findall(r"<text style=\"([^\"]*)\"([^>]*)>([^<]+)</text>", path.read_text())
    found = []
    for _, places, text in texts:
        moved = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", places)
        at = re.search(r'x="([-\d.]+)" y="([-\d.]+)"', places)
        place = moved or at
        assert place is not None, (text, places)
        found.append((text, float(place[1]), float(place[2])))
    return found


def place(texts: list[tuple[str, float, float]], wanted: str) -> tuple[float, float]:
    [found] = [(x, y) for text, x, y in texts if text == wanted]
    return found


def test_each_level_is_at_its_height_in_the_column_of_its_species(tmp_path: Path) -> None:
    texts = drawn(tmp_path, [ION, COMPLEX, FEC, EC])
    columns = [place(texts, name)[0] for name in ("FEC", "FEC–Na⁺", "EC", "Na⁺")]
    assert columns == sorted(columns), "a molecule comes before its complexes, and the ion last"
    lumos = {-5.6: "−5.60", -3.46: "−3.46", -0.95: "−0.95", 0.35: "0.35"}
    heights = [place(texts, text)[1] for text in lumos.values()]
    per_ev = (heights[0] - heights[-1]) / 5.95
    for energy_ev, height in zip(lumos, heights, strict=True):
        assert height == pytest.approx(heights[0] - per_ev * (energy_ev + 5.6), abs=0.2)
    assert place(texts, "−8.64")[0] == pytest.approx(columns[0], abs=12)
    assert place(texts, "−12.60")[0] == pytest.approx(columns[1], abs=12)
    for told in ("(−3.81)", "8.99", "9.14", "b3lyp", "orbitals", "vacuum"):
        place(texts, told)
    # the ion's HOMO is named at the edge: the axis ends below the complex
    assert place(texts, "−38.10")[1] > place(texts, "−12.60")[1]
    assert not [text for text, *_ in texts if text in ("−20", "−30", "−40")]


def test_panels_share_their_scale_and_a_lone_ion_has_its_own(tmp_path: Path) -> None:
    solvent = [levels("FEC", "FEC", -8.64, 0.15, level="b3lyp-pcm")]
    texts = drawn(tmp_path, [FEC, EC, *solvent])
    (left, first), (right, second) = (
        next((x, y) for text, x, y in texts if text == "b3lyp"),
        next((x, y) for text, x, y in texts if text == "b3lyp-pcm"),
    )
    assert first == pytest.approx(second)
    assert left < right
    same = [y for text, _, y in texts if text == "−8.64"]
    assert len(same) == 2
    assert same[0] == pytest.approx(same[1])
    alone = drawn(tmp_path, [ION])
    assert place(alone, "−38.10")[1] > place(alone, "−5.60")[1] + 100


@pytest.mark.parametrize(
    ("rows", "told", "untold"),
    [
        ([FEC, COMPLEX], ["LUMO, unbound", "shift by the ion (eV)"], []),
        ([EC], ["LUMO"], ["LUMO, unbound", "shift by the ion (eV)"]),
        ([levels("FEC", "FEC", -8.64, None), EC], ["−8.64", "7.25"], ["0.00", "8.64"]),
        ([levels("FEC", "FEC", None, None), EC], ["EC"], ["FEC", "0.00"]),
        ([levels("FEC", "FEC", -8.64, None), COMPLEX], ["(−3.81)", "9.14"], ["0.00"]),
    ],
)
def test_what_is_missing_or_not_there_is_not_drawn(
    rows: list[FrontierLevels], told: list[str], untold: list[str], tmp_path: Path
) -> None:
    texts = {text for text, *_ in drawn(tmp_path, rows)}
    assert texts >= set(told)
    assert texts.isdisjoint(untold)


def test_many_molecules_are_ranked_at_the_first_level_of_theory(tmp_path: Path) -> None:
    rows = [levels(f"M{n}", f"M{n}", -8.0, 0.45 - 0.3 * n, reduction_ev=-0.1 * n if n % 2 else None) for n in range(7)]
    rows += [levels("M7", "M7", -8.0, None, reduction_ev=-0.3), levels("M8", "M8", -8.0, None)]
    rows += [levels("M3–Na+", "M3", -9.0, -4.0, shift_ev=-3.5), ION]
    rows += [levels("M9", "M9", -8.0, -9.0, level="other")]
    texts = drawn(tmp_path, rows)
    order = sorted((y, text) for text, _, y in texts if re.match(r"M\d", text))
    # below those with a LUMO the one with a reduction energy alone; nothing of what has neither or is a complex
    assert [text for _, text in order] == ["M6", "M5", "M4", "M3", "M2", "M1", "M0", "M7"]
    names = {text for text, *_ in texts}
    assert {"b3lyp", "LUMO from the vacuum level (eV)", "reduction energy, adiabatic (eV)"} <= names
    without = [row.model_copy(update={"reduction_ev": None}) for row in rows]
    assert "reduction energy, adiabatic (eV)" not in {text for text, *_ in drawn(tmp_path, without)}


@pytest.mark.parametrize("name", ["levels.png", "levels.pdf"])
def test_figures_for_print(name: str, tmp_path: Path) -> None:
    path = plot_levels(tmp_path / name, [FEC, COMPLEX, ION])
    if name.endswith(".png"):
        with Image.open(path) as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=1)
            assert image.width > 900
    else:
        assert path.read_bytes().startswith(b"%PDF")


def test_what_cannot_be_drawn_leaves_no_file(tmp_path: Path) -> None:
    many = [levels(f"M{n}", f"M{n}", -8.0, None) for n in range(9)]
    for rows in ([], [levels("FEC", "FEC", None, None)], many):
        with pytest.raises(InputError, match="no levels to draw"):
            plot_levels(tmp_path / "levels.png", rows)
    with pytest.raises(InputError, match="cannot write"):
        plot_levels(tmp_path / "levels.jpg", [FEC])
    assert not list(tmp_path.iterdir())
    (tmp_path / "levels.png").write_text("mine")
    with pytest.raises(InputError, match="exists"):
        plot_levels(tmp_path / "levels.png", [FEC])
    assert (tmp_path / "levels.png").read_text() == "mine"
