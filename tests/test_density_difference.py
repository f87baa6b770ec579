"""Density differences of densities with known charge transfer, and what must not be subtracted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from natrium.analysis.density_difference import (
    DensityDifference,
    GridMismatchError,
    LostChargeError,
    MissingPartnerError,
    density_difference,
)
from natrium.analysis.volumetric import VolumetricData
from natrium.structures.errors import InputError

CELL = np.array([[5.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.0, 0.0, 12.0]])
SHAPE = (20, 20, 48)


def layer(electrons: float, z: float, name: str = "layer") -> VolumetricData:
    """A layer of so many electrons, 1.2 Å wide, at the height z (a fraction)."""
    heights = np.arange(SHAPE[2]) / SHAPE[2]
    profile = np.exp(-((((heights - z + 0.5) % 1 - 0.5) * 12 / 0.6) ** 2))
    values = np.broadcast_to(profile, SHAPE).copy()
    data = VolumetricData(values, CELL, name, 400.0)
    return replace(data, values_e_a3=values * electrons / data.integral_e)


def plus(*layers: VolumetricData, name: str = "whole") -> VolumetricData:
    return VolumetricData(np.sum([one.values_e_a3 for one in layers], axis=0), CELL, name, 400.0)


SLAB, OXYGEN = layer(8.0, 0.25, "slab"), layer(6.0, 0.75, "oxygen")
WHOLE = plus(layer(7.2, 0.25), layer(6.8, 0.75))


def test_charge_that_moved_is_found_where_it_went() -> None:
    found = density_difference(WHOLE, {"slab": SLAB, "oxygen": OXYGEN})
    assert found.integral_e == pytest.approx(0.0, abs=1e-9)
    assert found.charge_moved_e == pytest.approx(0.8, abs=1e-6)
    z, profile = np.array(found.z_a), np.array(found.profile_e_a)
    assert z[profile.argmax()] == pytest.approx(9.0)
    assert z[profile.argmin()] == pytest.approx(3.0)
    assert profile.sum() * (z[1] - z[0]) == pytest.approx(found.integral_e, abs=1e-9)
    # below the oxygen, 0.8 e are gone; above it they are back
    assert found.cumulative_e[24] == pytest.approx(-0.8, abs=1e-6)
    assert found.cumulative_e[-1] == pytest.approx(0.0, abs=1e-3)
    assert found.cumulative_e[12] == pytest.approx(-0.4, abs=1e-6)
    assert found.minimum_e_a3 < 0 < found.maximum_e_a3


@pytest.mark.parametrize("coarsening", [1, 2, 4])
def test_the_stored_grid_may_be_coarser_and_the_numbers_do_not_change(coarsening: int) -> None:
    parts = {"slab": SLAB, "oxygen": OXYGEN}
    fine, coarse = density_difference(WHOLE, parts), density_difference(WHOLE, parts, coarsening=coarsening)
    assert coarse.density_e_a3.shape == tuple(n // coarsening for n in SHAPE)
    assert coarse.density_e_a3.dtype == np.float32
    for name in ("charge_moved_e", "integral_e", "minimum_e_a3", "profile_e_a", "calculated_grid"):
        assert getattr(coarse, name) == getattr(fine, name)
    assert coarse.volumetric().integral_e == pytest.approx(0.0, abs=1e-5)


def test_document_survives_json() -> None:
    found = density_difference(WHOLE, {"slab": SLAB, "oxygen": OXYGEN})
    again = DensityDifference.model_validate_json(found.model_dump_json())
    assert np.array_equal(again.density_e_a3, found.density_e_a3)
    assert again.model_dump(exclude={"density_e_a3"}) == found.model_dump(exclude={"density_e_a3"})
    with pytest.raises(ValidationError):
        DensityDifference.model_validate(found.model_dump() | {"charge": 1})


COARSER = VolumetricData(np.zeros((10, 20, 48)), CELL, "slab", 400.0)
STRETCHED = VolumetricData(SLAB.values_e_a3, CELL * (1 + 1e-6), "slab", 400.0)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (COARSER, "grid 10×20×48"),
        (STRETCHED, "12.00001200"),
        (replace(SLAB, cutoff_ev=500.0), "cutoff 500 eV"),
    ],
)
def test_unlike_grids_are_refused_and_both_are_named(part: VolumetricData, said: str) -> None:
    with pytest.raises(GridMismatchError) as caught:
        density_difference(WHOLE, {"slab": part, "oxygen": OXYGEN})
    assert said in caught.value.problem
    assert "whole: grid 20×20×48" in caught.value.problem
    assert "cutoff 400 eV" in caught.value.problem


def test_rounding_of_the_cell_passes() -> None:
    part = replace(SLAB, cell_a=CELL + 1e-10, cutoff_ev=None)
    assert density_difference(WHOLE, {"slab": part, "oxygen": OXYGEN}).charge_moved_e == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(
    ("whole", "parts", "error", "said"),
    [
        (WHOLE, {"slab": SLAB, "oxygen": None}, MissingPartnerError, "oxygen"),
        (None, {"slab": SLAB}, MissingPartnerError, "whole"),
        (WHOLE, {}, InputError, "without parts"),
        (WHOLE, {"slab": SLAB}, LostChargeError, "8.0000"),
        (WHOLE, {"slab": SLAB, "oxygen": layer(6.002, 0.75)}, LostChargeError, "6.0020"),
    ],
)
def test_what_is_missing_is_named(
    whole: VolumetricData | None,
    parts: dict[str, VolumetricData | None],
    error: type[Exception],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        density_difference(whole, parts)
