"""Volumetric data on a grid, and the files that documents name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from natrium.analysis.volumetric import E_A3_PER_E_BOHR3, VolumetricData, VolumetricFile, VolumetricFileError
from natrium.structures.errors import InputError

CELL = np.array([[4.0, 0.0, 0.0], [-1.0, 5.0, 0.0], [0.5, 1.0, 6.0]])
SHAPE = (12, 18, 24)
KIND = "all-electron density, core included"


def density(sharpness: float = 1.0) -> VolumetricData:
    x, y, z = np.meshgrid(*[2 * np.pi * np.arange(n) / n for n in SHAPE], indexing="ij")
    return VolumetricData(np.exp(sharpness * (np.cos(x) + np.cos(y - 1) + np.sin(z))), CELL, "test", 400.0)


def test_integral_of_a_constant_is_the_volume() -> None:
    data = VolumetricData(np.full(SHAPE, 0.5), CELL)
    assert data.integral_e == pytest.approx(0.5 * 120.0)
    assert data.grid_spacing_a == pytest.approx((4 / 12, 26**0.5 / 18, 37.25**0.5 / 24))
    assert pytest.approx(6.7483, abs=1e-4) == E_A3_PER_E_BOHR3


@pytest.mark.parametrize("factor", [1, 2, 3, 6])
@pytest.mark.parametrize("sharpness", [1.0, 8.0])
def test_coarsening_keeps_integral_sign_and_place(factor: int, sharpness: float) -> None:
    fine = density(sharpness)
    coarse = fine.coarsened(factor)
    assert coarse.shape == tuple(n // factor for n in SHAPE)
    assert coarse.integral_e == pytest.approx(fine.integral_e, rel=1e-12)
    assert coarse.values_e_a3.min() > 0
    # the first Fourier component keeps its phase: a box that is not centred on the point would shift it
    for axis in range(3):
        phases = [
            np.angle(np.fft.fft(data.values_e_a3.sum(axis=tuple(i for i in range(3) if i != axis)))[1])
            for data in (fine, coarse)
        ]
        assert np.cos(phases[0] - phases[1]) == pytest.approx(1.0, abs=2e-2)


@pytest.mark.parametrize("factor", [0, -1, 4, 5])
def test_a_factor_that_does_not_divide_is_refused(factor: int) -> None:
    with pytest.raises(InputError, match="12×18×24"):
        density().coarsened(factor)


def test_planar_average_times_area_is_the_integral() -> None:
    data = density()
    for axis in (0, 1, 2):
        z, mean = data.planar_average(axis)
        height = len(z) * (z[1] - z[0])
        assert mean.sum() * data.volume_a3 / len(z) == pytest.approx(data.integral_e)
        normal = np.cross(*np.delete(CELL, axis, axis=0))
        assert height == pytest.approx(abs(CELL[axis] @ normal) / np.linalg.norm(normal))


@pytest.mark.parametrize(
    ("values", "cell"),
    [
        (np.zeros((2, 4, 4, 4)), CELL),
        (np.zeros(0), CELL),
        (np.zeros((4, 4, 4), dtype=complex), CELL),
        (np.zeros((4, 4, 4)), np.zeros((3, 3))),
        (np.zeros((4, 4, 4)), CELL[:2]),
    ],
)
def test_what_is_no_density_is_refused(values: np.ndarray, cell: np.ndarray) -> None:
    with pytest.raises(InputError):
        VolumetricData(values, cell)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    data = density()
    written = VolumetricFile.written(tmp_path / "density.npy", data, KIND)
    there = VolumetricFile.model_validate_json(written.model_dump_json())
    assert there == written
    loaded = there.load()
    assert isinstance(loaded.values_e_a3, np.memmap)
    assert np.array_equal(loaded.values_e_a3, data.values_e_a3)
    assert np.array_equal(loaded.cell_a, CELL)
    assert (loaded.name, loaded.cutoff_ev) == ("test", 400.0)
    with pytest.raises(InputError, match="exists"):
        VolumetricFile.written(tmp_path / "density.npy", data, KIND)


def _other_numbers(path: Path) -> None:
    np.save(path, density(2.0).values_e_a3)


def _other_grid(path: Path) -> None:
    np.save(path, np.zeros((4, 4, 4)))


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.unlink, "is gone"),
        (_torn, "cannot be read"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_text("no array"), "cannot be read"),
        (_other_grid, "4×4×4"),
        (_other_numbers, "was changed"),
    ],
)
def test_a_file_that_is_not_the_one_says_so(tmp_path: Path, harm: Callable[[Path], object], said: str) -> None:
    written = VolumetricFile.written(tmp_path / "density.npy", density(), KIND)
    harm(tmp_path / "density.npy")
    with pytest.raises(VolumetricFileError, match=said) as caught:
        written.load()
    assert "density.npy" in caught.value.problem
    assert "'test'" in str(caught.value)
