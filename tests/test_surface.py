"""Surface energy and layer relaxation against numbers that are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from natrium.analysis.surface import (
    J_M2_PER_EV_A2,
    LayerRelaxation,
    layer_relaxation,
    surface_energy,
    surface_energy_from_thickness,
)
from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import surface_area_a2
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System

GAMMA_EV_A2 = 0.0141  # Na(110): about 0.226 J/m²
BULK_EV = -1.3


def na110(layers: int, size: tuple[int, int] = (1, 1)) -> System:
    return metal_slab("Na", layers=layers, size=size, vacuum_a=15.0, lattice_constant_a=4.199)


def energy(slab: System, bulk_ev: float = BULK_EV) -> float:
    return len(slab.symbols) * bulk_ev + 2 * surface_area_a2(slab) * GAMMA_EV_A2


def test_unit() -> None:
    assert pytest.approx(16.0218, abs=1e-4) == J_M2_PER_EV_A2


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("layers", [1, 7])
def test_surface_energy(layers: int, size: tuple[int, int]) -> None:
    slab = na110(layers, size)
    gamma = surface_energy(slab, energy(slab), BULK_EV)
    assert gamma.energy_ev_a2 == pytest.approx(GAMMA_EV_A2)
    assert gamma.energy_j_m2 == pytest.approx(0.2259, abs=1e-4)
    assert gamma.area_a2 == pytest.approx(4.199**2 / 2**0.5 * size[0] * size[1])
    assert (gamma.atoms, gamma.method) == ((layers * size[0] * size[1],), "bulk calculation")


def test_linear_fit_is_free_of_the_error_that_grows_with_thickness() -> None:
    """A bulk energy that is 5 meV off shifts γ by N/2A times that; the fit does not need one."""
    slabs = [na110(layers) for layers in (5, 7, 9, 11)]
    energies = [energy(slab) for slab in slabs]
    drifting = [
        surface_energy(slab, total, BULK_EV + 5e-3).energy_ev_a2 for slab, total in zip(slabs, energies, strict=True)
    ]
    assert np.diff(drifting) == pytest.approx(-2 * 5e-3 / (2 * surface_area_a2(slabs[0])))
    fitted = surface_energy_from_thickness(list(zip(slabs, energies, strict=True)))
    assert fitted.energy_ev_a2 == pytest.approx(GAMMA_EV_A2)
    assert fitted.bulk_energy_ev == pytest.approx(BULK_EV)
    assert fitted.residual_ev == pytest.approx(0, abs=1e-10)
    assert (fitted.method, fitted.atoms) == ("linear fit", (5, 7, 9, 11))


def test_fit_says_how_far_from_a_line_the_slabs_are() -> None:
    slabs = [na110(layers) for layers in (5, 7, 9, 11)]
    bent = [energy(slab) + offset for slab, offset in zip(slabs, (2e-3, -2e-3, -2e-3, 2e-3), strict=True)]
    fitted = surface_energy_from_thickness(list(zip(slabs, bent, strict=True)))
    assert fitted.residual_ev == pytest.approx(2e-3)
    assert fitted.bulk_energy_ev == pytest.approx(BULK_EV)


@pytest.mark.parametrize(
    ("slabs", "message"),
    [
        ([na110(5), na110(7)], "2 thicknesses"),
        ([na110(5), na110(5), na110(7)], "2 thicknesses"),
        ([], "0 thicknesses"),
        ([na110(5), na110(7), na110(9, (2, 1))], "share no line"),
        ([na110(5), na110(7), metal_slab("K", layers=9, vacuum_a=15.0)], "slabs of K, Na"),
    ],
)
def test_slabs_that_do_not_belong_together(slabs: list[System], message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        surface_energy_from_thickness([(slab, energy(slab)) for slab in slabs])
    assert refusal.value.remedy


def test_no_surface_energy_with_an_adsorbate() -> None:
    slab = na110(3)
    covered = slab.model_copy(update={"symbols": ("Na", "Na", "O")})
    with pytest.raises(InputError, match="Na2O is not"):
        surface_energy(covered, 0.0, 0.0)


def test_layer_relaxation() -> None:
    slab = metal_slab("Na", layers=5, size=(2, 2), vacuum_a=15.0, fixed_layers=2)
    d = 4.23 / 2**0.5
    moves = {5: -0.05, 4: 0.01}
    assert slab.layers is not None
    relaxed = np.array(slab.positions_a)
    relaxed[:, 2] += [moves.get(layer, 0.0) for layer in slab.layers]
    # one atom of the top layer up and another down by as much: rumpling without a change of the layer's mean
    first, second = [index for index, layer in enumerate(slab.layers) if layer == 5][:2]
    relaxed[first, 2] += 0.02
    relaxed[second, 2] -= 0.02
    result = layer_relaxation(slab, slab.moved(relaxed))
    assert [(spacing.lower_layer, spacing.upper_layer) for spacing in result.spacings] == [
        (4, 5),
        (3, 4),
        (2, 3),
        (1, 2),
    ]
    assert [spacing.before_a for spacing in result.spacings] == pytest.approx([d] * 4)
    assert [spacing.after_a for spacing in result.spacings] == pytest.approx([d - 0.06, d + 0.01, d, d])
    assert [spacing.change_percent for spacing in result.spacings] == pytest.approx([-6 / d, 1 / d, 0, 0])
    assert result.largest_rumpling_a == pytest.approx(0.04)
    assert LayerRelaxation.model_validate_json(result.model_dump_json()) == result


def test_what_was_not_one_slab() -> None:
    slab = na110(5)
    for other in (na110(7), metal_slab("K", layers=5, vacuum_a=15.0)):
        with pytest.raises(InputError, match="not one slab"):
            layer_relaxation(slab, other)
    with pytest.raises(InputError, match="no interlayer spacing"):
        layer_relaxation(na110(1), na110(1))
