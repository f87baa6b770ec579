"""Slabs: the geometry that every surface calculation rests on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from natrium.structures.crystals import bulk_metal, lattice_of
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import (
    cell_height_a,
    heights_a,
    layer_heights_a,
    surface_area_a2,
    surface_normal,
    vacuum_thickness_a,
)
from natrium.structures.slabs import SMALLEST_VACUUM_WITH_DIPOLE_LAYER_A, metal_slab
from natrium.structures.system import System

MG_C = 3.21 * 1.624

# element, face, interlayer spacing and area of the 1×1 cell (Å, Å²) from the reference lattice constants
SURFACES = [
    ("Na", "110", 4.23 / 2**0.5, 4.23**2 / 2**0.5),
    ("Na", "100", 4.23 / 2, 4.23**2),
    ("Na", "111", 4.23 / 12**0.5, 4.23**2 * 3**0.5),
    ("Li", "110", 3.49 / 2**0.5, 3.49**2 / 2**0.5),
    ("K", "110", 5.23 / 2**0.5, 5.23**2 / 2**0.5),
    ("Al", "111", 4.05 / 3**0.5, 4.05**2 * 3**0.5 / 4),
    ("Al", "100", 4.05 / 2, 4.05**2 / 2),
    ("Al", "110", 4.05 / 8**0.5, 4.05**2 / 2**0.5),
    ("Mg", "0001", MG_C / 2, 3.21**2 * 3**0.5 / 2),
]


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 7, 8])
@pytest.mark.parametrize(("element", "face", "spacing", "area"), SURFACES)
def test_geometry(element: str, face: str, spacing: float, area: float, layers: int, orthogonal: bool) -> None:
    slab = metal_slab(element, face, layers=layers, size=(1, 2), vacuum_a=15.0, orthogonal=orthogonal)
    cell = np.array(slab.cell_a)
    assert slab.pbc == (True, True, False)
    assert (slab.charge, slab.multiplicity, slab.fixed) == (0, None, ())
    # the third vector is the normal, the first two lie in the surface, right-handed
    assert cell[2, :2] == pytest.approx([0, 0])
    assert cell[:2, 2] == pytest.approx([0, 0])
    assert np.linalg.det(cell) > 0
    assert surface_normal(slab) == pytest.approx([0, 0, 1])
    if orthogonal:
        assert cell[0] @ cell[1] == pytest.approx(0)
    # layers, counted from the bottom, planar and evenly spaced, with the right number of atoms on the right area
    heights = layer_heights_a(slab)
    assert list(heights) == list(range(1, layers + 1))
    assert all(len(layer) == 2 and np.ptp(layer) < 1e-9 for layer in heights.values())
    assert np.diff([layer[0] for layer in heights.values()]) == pytest.approx(spacing)
    assert surface_area_a2(slab) == pytest.approx(2 * area)
    # vacuum along c only, the slab in its middle, all atoms in the cell
    assert vacuum_thickness_a(slab) == pytest.approx(15.0)
    assert cell_height_a(slab) == pytest.approx(15.0 + (layers - 1) * spacing)
    assert heights_a(slab).min() == pytest.approx(7.5)
    scaled = slab.atoms().get_scaled_positions(wrap=False)
    assert scaled.min() > -1e-6
    assert scaled.max() < 1


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize(("element", "face", "spacing", "area"), SURFACES)
def test_the_middle_of_a_slab_is_the_bulk(
    element: str, face: str, spacing: float, area: float, orthogonal: bool
) -> None:
    """Every shell of neighbours, so that a wrong stacking (hcp for fcc) or a wrong shift of layers shows."""
    bulk = bulk_metal(element)
    reach = 2.3 * bulk.atoms().get_volume() ** (1 / 3) / len(bulk.symbols) ** (1 / 3)
    layers = 2 * int(reach / spacing + 1) + 1
    slab = metal_slab(element, face, layers=layers, size=(2, 2), vacuum_a=20.0, orthogonal=orthogonal)
    assert slab.layers is not None
    middle = slab.layers.index((layers + 1) // 2)
    i, d = neighbor_list("id", slab.atoms(), reach)
    j, wanted = neighbor_list("id", bulk.atoms(), reach)
    assert np.sort(d[i == middle]) == pytest.approx(np.sort(wanted[j == 0]))


def test_lattice_constant_of_the_relaxed_bulk() -> None:
    relaxed = bulk_metal("Na", lattice_constant_a=4.199)
    slab = metal_slab("Na", layers=7, vacuum_a=15.0, lattice_constant_a=lattice_of(relaxed).a_a)
    assert np.diff(np.sort(heights_a(slab))) == pytest.approx(4.199 / 2**0.5)
    magnesium = metal_slab("Mg", "0001", layers=3, vacuum_a=15.0, lattice_constant_a=3.2, c_over_a=1.6)
    assert np.diff(np.sort(heights_a(magnesium))) == pytest.approx(3.2 * 1.6 / 2)
    close_packed = metal_slab("Na", "0001", structure="hcp", lattice_constant_a=3.77, layers=2, vacuum_a=15.0)
    assert np.diff(np.sort(heights_a(close_packed))) == pytest.approx(3.77 * (8 / 3) ** 0.5 / 2)


@pytest.mark.parametrize("fixed_layers", [0, 1, 2, 6])
def test_fixed_layers_are_the_lowest(fixed_layers: int) -> None:
    slab = metal_slab("Na", layers=7, size=(2, 2), vacuum_a=15.0, fixed_layers=fixed_layers)
    assert slab.layers is not None
    assert len(slab.fixed) == 4 * fixed_layers
    assert {slab.layers[index] for index in slab.fixed} == set(range(1, fixed_layers + 1))
    heights = heights_a(slab)
    free = [index for index in range(len(heights)) if index not in slab.fixed]
    assert all(heights[index] < heights[free].min() for index in slab.fixed)


@pytest.mark.parametrize(
    ("arguments", "label"),
    [
        ({"element": "Na", "layers": 7}, "Na(110) 1×1, 7 layers"),
        ({"element": "Al", "face": "111", "layers": 1, "size": (2, 3)}, "Al(111) 2×3, 1 layer"),
    ],
)
def test_label(arguments: dict[str, Any], label: str) -> None:
    assert metal_slab(**arguments, vacuum_a=15.0).label == label


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "layers=0"),
        ({"layers": -3}, "layers=-3"),
        ({"fixed_layers": 7}, "fixed_layers=7 of 7 layers leaves nothing"),
        ({"fixed_layers": 9}, "fixed_layers=9 of 7"),
        ({"fixed_layers": -1}, "fixed_layers=-1"),
        ({"size": (0, 1)}, "size 0×1"),
        ({"size": (1, -1)}, "size 1×-1"),
        ({"vacuum_a": 12.9}, "vacuum_a=12.9 Å is too thin for a dipole layer"),
        ({"vacuum_a": -15.0}, "too thin"),
        ({"vacuum_a": float("nan")}, "vacuum_a=nan"),
        ({"vacuum_a": float("inf")}, "vacuum_a=inf"),
        ({"vacuum_a": 4.0, "dipole_layer": False}, "vacuum_a=4 Å is too thin"),
        ({"face": "0001"}, "Na is bcc, which has no face '0001'.*100, 110, 111"),
        ({"face": "210"}, "use one of 100, 110, 111"),
        ({"element": "Mg"}, "Mg is hcp.*use one of 0001"),
        ({"orthogonal": True}, "no rectangular cell of size 1×1.*such as 1×2"),
        ({"element": "Al", "face": "111", "orthogonal": True, "size": (2, 3)}, "such as 2×4"),
        ({"element": "C"}, "not a bcc, fcc or hcp metal"),
        ({"lattice_constant_a": 42.0}, "not within 3.72 to 4.74 Å"),
    ],
)
def test_the_impossible_is_refused_with_a_remedy(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}") as refusal:
        metal_slab(**{"element": "Na", "layers": 7, "vacuum_a": 15.0} | changes)
    assert refusal.value.remedy


def test_thin_vacuum_without_a_dipole_layer() -> None:
    assert vacuum_thickness_a(metal_slab("Na", layers=3, vacuum_a=8.0, dipole_layer=False)) == pytest.approx(8.0)
    smallest = SMALLEST_VACUUM_WITH_DIPOLE_LAYER_A
    assert vacuum_thickness_a(metal_slab("Na", layers=3, vacuum_a=smallest)) == pytest.approx(smallest)


def test_slab_geometry_of_a_turned_cell() -> None:
    """Heights are along the normal and not along z, for slabs that other programs made."""
    slab = metal_slab("Na", layers=5, vacuum_a=15.0)
    turn = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    turned = slab.moved(np.array(slab.positions_a) @ turn, np.array(slab.cell_a) @ turn)
    assert surface_normal(turned) == pytest.approx([1, 0, 0])
    assert heights_a(turned) == pytest.approx(heights_a(slab))
    assert surface_area_a2(turned) == pytest.approx(surface_area_a2(slab))
    a, b, c = slab.cell_a
    left_handed = slab.moved(slab.positions_a, (b, a, c))
    assert heights_a(left_handed) == pytest.approx(heights_a(slab))
    oblique = slab.moved(slab.positions_a, (a, b, np.array(c) + a))
    assert cell_height_a(oblique) == pytest.approx(cell_height_a(slab))


def test_adsorbates_belong_to_no_layer() -> None:
    slab = metal_slab("Na", layers=3, vacuum_a=15.0)
    x, y, z = slab.positions_a[-1]
    assert slab.layers is not None
    covered = System.model_validate(
        slab.model_dump()
        | {
            "symbols": (*slab.symbols, "O"),
            "positions_a": (*slab.positions_a, (x, y, z + 1.5)),
            "layers": (*slab.layers, 0),
        }
    )
    assert list(layer_heights_a(covered)) == [1, 2, 3]
    assert vacuum_thickness_a(covered) == pytest.approx(13.5)


def test_what_is_no_slab_has_no_surface() -> None:
    bulk = bulk_metal("Na")
    for question in (surface_normal, surface_area_a2, heights_a, cell_height_a, vacuum_thickness_a):
        with pytest.raises(InputError, match="not a slab"):
            question(bulk)
    unlayered = metal_slab("Na", layers=2, vacuum_a=15.0).model_copy(update={"layers": None})
    with pytest.raises(InputError, match="layers are not numbered"):
        layer_heights_a(unlayered)
    flat = unlayered.model_copy(update={"cell_a": ((4.0, 0.0, 0.0), (8.0, 0.0, 0.0), (0.0, 0.0, 20.0))})
    with pytest.raises(InputError, match="no volume"):
        heights_a(flat)
