"""The figure of the potential: right format, right contents, nothing overwritten unasked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from natrium.analysis.plot_potential import plot_planar_potential
from natrium.analysis.work_function import work_functions
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import cell_height_a, heights_a
from natrium.structures.slabs import metal_slab

SLAB = metal_slab("Na", layers=7, vacuum_a=15.0, fixed_layers=2)
Z_A = np.arange(256) * cell_height_a(SLAB) / 256
BELOW = np.less(Z_A, heights_a(SLAB).mean())
OUTSIDE = np.maximum(np.where(BELOW, heights_a(SLAB).min() - Z_A, Z_A - heights_a(SLAB).max()), 0)
POTENTIAL_EV = np.where(BELOW, 1.5, 1.9) - 13 * np.exp(-1.76 * OUTSIDE)
WORK_FUNCTION = work_functions(Z_A, POTENTIAL_EV, -1.3, SLAB)


def draw(path: Path, overwrite: bool = False) -> Path:
    return plot_planar_potential(path, Z_A, POTENTIAL_EV, WORK_FUNCTION, SLAB, preset="preview", overwrite=overwrite)


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG\r\n"), (".pdf", b"%PDF-"), (".svg", b"<?xml"), (".PNG", b"\x89PNG\r\n")]
)
def test_suffix_is_the_format(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = draw(tmp_path / f"potential{suffix}")
    assert path.read_bytes().startswith(magic)


def test_the_figure_says_what_it_shows(tmp_path: Path) -> None:
    """In an SVG the text stays text."""
    svg = draw(tmp_path / "potential.svg").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<defs>.*?</defs>", "", svg, flags=re.DOTALL)))
    for wanted in (
        "Na(110) 1×1, 7 layers",
        "· Na₇ ·",
        "preset preview",
        "height z (Å)",
        "Fermi level",
        "vacuum level",
        "fixed atoms",
    ):
        assert wanted in text
    # the two sides differ, and both are given: 1.5 + 1.3 and 1.9 + 1.3 less what the tail leaves
    assert re.findall(r"= (\d\.\d{3}) eV", text) == [
        f"{side.work_function_ev:.3f}" for side in (WORK_FUNCTION.bottom, WORK_FUNCTION.top)
    ]


def test_a_figure_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "potential.png"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        draw(path)
    assert path.read_text() == "mine"
    draw(path, overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "message"),
    [("potential", "without a suffix"), ("potential.gif", r"\.gif"), ("no/such/a.png", "does not exist")],
)
def test_a_path_that_cannot_be_written(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_matplotlib_is_loaded_when_it_is_needed() -> None:
    program = "import sys, natrium.analysis.plot_potential; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_no_global_figure_is_left(tmp_path: Path) -> None:
    draw(tmp_path / "potential.png")
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
