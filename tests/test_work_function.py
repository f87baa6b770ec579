"""Work functions of both sides from potentials with known levels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from natrium.analysis.planar_potential import NoPlateauError
from natrium.analysis.work_function import WorkFunction, work_functions
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import cell_height_a, heights_a
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

MEV = 1e-3
SLAB = metal_slab("Na", layers=7, vacuum_a=15.0)


def potential(slab: System, bottom_ev: float, top_ev: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels below and above, with the tail of Na(110); the step lies sharply at the boundary of the cell."""
    height, atoms = cell_height_a(slab), heights_a(slab)
    z = np.arange(256) * height / 256
    below = z < atoms.mean()
    v = np.where(below, bottom_ev, top_ev)
    outside = np.where(below, atoms.min() - z, z - atoms.max())
    return z, v - 13.0 * np.exp(-1.76 * np.maximum(outside, 0))


@pytest.mark.parametrize(
    ("bottom_ev", "top_ev", "fermi_ev"), [(2.0, 2.0, -0.85), (1.5, 1.9, -1.3), (0.1, -0.1, -2.7), (5.0, 4.0, 2.2)]
)
def test_each_side_has_its_own(bottom_ev: float, top_ev: float, fermi_ev: float) -> None:
    result = work_functions(*potential(SLAB, bottom_ev, top_ev), fermi_ev, SLAB)
    assert result.bottom.work_function_ev == pytest.approx(bottom_ev - fermi_ev, abs=1 * MEV)
    assert result.top.work_function_ev == pytest.approx(top_ev - fermi_ev, abs=1 * MEV)
    assert result.difference_ev == pytest.approx(top_ev - bottom_ev, abs=1 * MEV)
    for side in (result.bottom, result.top):
        assert side.vacuum_level_ev == side.plateau.level_ev
        assert side.work_function_ev == side.vacuum_level_ev - fermi_ev
        assert side.plateau.flatness_ev < 3 * MEV
    assert result.bottom.plateau.z_to_a < heights_a(SLAB).min()
    assert result.top.plateau.z_from_a > heights_a(SLAB).max()


def test_a_slab_that_was_relaxed_out_of_its_cell_is_still_found() -> None:
    """The slab one period further up, as a program that does not wrap positions may leave it."""
    z, v = potential(SLAB, 1.5, 1.9)
    moved = SLAB.moved(np.array(SLAB.positions_a) + SLAB.cell_a[2])
    assert work_functions(z, v, 0.0, moved) == work_functions(z, v, 0.0, SLAB)


def test_document_survives_json_and_says_its_units() -> None:
    result = work_functions(*potential(SLAB, 1.5, 1.9), -1.3, SLAB)
    assert WorkFunction.model_validate_json(result.model_dump_json()) == result
    schema = WorkFunction.model_json_schema()
    for definition in [schema, *schema["$defs"].values()]:
        for name, field in definition["properties"].items():
            if name.endswith(("_ev", "_a", "_ev_a")):
                assert "eV" in field["description"] or "Å" in field["description"], name


def test_there_is_no_average() -> None:
    assert not [name for name in WorkFunction.model_fields if "average" in name or "mean" in name]


def test_thin_vacuum() -> None:
    thin = metal_slab("Na", layers=7, vacuum_a=10.0, dipole_layer=False)
    with pytest.raises(NoPlateauError, match="bottom side"):
        work_functions(*potential(thin, 2.0, 2.0), 0.0, thin)


def test_only_slabs_have_one() -> None:
    with pytest.raises(InputError, match="not a slab"):
        work_functions(np.arange(9.0), np.zeros(9), 0.0, bulk_metal("Na"))
