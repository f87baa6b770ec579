"""The figure of Δρ(z): it is written for a slab, with its numbers, and refused for anything else."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from natrium.analysis.density_difference import DensityDifference, density_difference
from natrium.analysis.plot_density_profile import plot_density_profile
from natrium.analysis.volumetric import VolumetricData
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

SLAB = metal_slab("Na", layers=3, vacuum_a=13.0)


def difference(slab: System) -> DensityDifference:
    cell = np.array(slab.cell_a)
    wave = np.sin(2 * np.pi * np.arange(60) / 60)
    moved = VolumetricData(np.broadcast_to(1 + 0.01 * wave, (4, 4, 60)).copy(), cell, "whole")
    rest = VolumetricData(np.ones((4, 4, 60)), cell, "part")
    return density_difference(moved, {"part": rest})


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_figure_is_written_and_not_overwritten(tmp_path: Path, suffix: str) -> None:
    path = plot_density_profile(tmp_path / f"profile{suffix}", difference(SLAB), SLAB, preset="preview")
    before = path.read_bytes()
    assert len(before) > 3000
    with pytest.raises(InputError, match="exists"):
        plot_density_profile(path, difference(SLAB), SLAB)
    assert path.read_bytes() == before
    if suffix == ".svg":
        text = path.read_text()
        moved = f"{difference(SLAB).charge_moved_e:.3f} e moved"
        for words in (moved, "electrons gained", "electrons lost", "preset preview", "height z"):
            assert words in text
        assert len(re.findall(r">Na<", text)) == 3, "one height a layer"


@pytest.mark.parametrize(
    ("system", "name", "said"),
    [
        (bulk_metal("Na"), "p.png", "not a slab"),
        (metal_slab("Na", layers=5, vacuum_a=13.0), "p.png", "another cell"),
        (SLAB, "p.jpg", r"\.jpg"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, system: System, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        plot_density_profile(tmp_path / name, difference(SLAB), system)
    assert not list(tmp_path.iterdir())
