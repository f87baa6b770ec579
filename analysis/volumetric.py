"""Volumetric data: an electron density on the periodic grid of a cell, in memory and as a file that documents name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import Vector, Vectors

BOHR_A = 0.529177210544
"""Bohr radius, Å (CODATA 2022)."""

E_A3_PER_E_BOHR3 = BOHR_A**-3
"""1 e/Bohr³ in e/Å³: 6.748."""

Axis = Literal[0, 1, 2]


class VolumetricFileError(NatriumError):
    """A file of volumetric data is gone, torn, or not the one that the document means."""


@dataclass(frozen=True, eq=False)
class VolumetricData:
    """A scalar field on a uniform grid of a cell. Point i lies at i/n of the lattice vectors; i = n is i = 0 again.

    The direction of a slab's vacuum, which is not periodic, is sampled in the same way.

    Raises:
        InputError: no three-dimensional grid of numbers, or a cell without volume.
    """

    values_e_a3: NDArray[Any]
    """Shape (nx, ny, nz), e/Å³; may be a read-only memory map."""
    cell_a: NDArray[np.float64]
    """Lattice vectors in rows, shape (3, 3), Å."""
    name: str = field(default="density")
    """For people: 'Na54O'."""
    cutoff_ev: float | None = None
    """Plane-wave cutoff it was calculated with, eV, where known."""

    def __post_init__(self) -> None:
        cell = np.asarray(self.cell_a, dtype=np.float64)
        object.__setattr__(self, "cell_a", cell)
        if self.values_e_a3.ndim != 3 or not self.values_e_a3.size or self.values_e_a3.dtype.kind != "f":
            raise InputError(
                f"{self.name}: values of shape {self.values_e_a3.shape} and type {self.values_e_a3.dtype}",
                "give real numbers on a grid (nx, ny, nz), spins added up",
            )
        if cell.shape != (3, 3) or not abs(np.linalg.det(cell)) > 0:
            raise InputError(f"{self.name}: its cell has no volume", "give three independent lattice vectors in rows")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Grid points along each lattice vector."""
        nx, ny, nz = self.values_e_a3.shape
        return nx, ny, nz

    @property
    def volume_a3(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell_a)))

    @property
    def volume_element_a3(self) -> float:
        """Volume that belongs to one grid point, Å³."""
        return self.volume_a3 / self.values_e_a3.size

    @property
    def grid_spacing_a(self) -> tuple[float, float, float]:
        """Distance of neighbouring grid points along each lattice vector, Å."""
        x, y, z = np.linalg.norm(self.cell_a, axis=1) / self.shape
        return float(x), float(y), float(z)

    @property
    def integral_e(self) -> float:
        """Sum over the grid times the volume element: the number of electrons."""
        return float(self.values_e_a3.sum(dtype=np.float64)) * self.volume_element_a3

    def coarsened(self, factor: int) -> VolumetricData:
        """Every `factor`-th point, each the mean over the coarse grid's box around it; the integral stays exactly.

        The box is centred on the point (for an even factor its two end planes count half), so points stay at i/n. This
        is local and keeps signs. Leaving out the high Fourier components would keep the integral too, but rings around
        nuclei, where a density changes by orders of magnitude over one spacing: lobes would appear that are not there.

        Raises:
            InputError: the grid is not divisible by the factor.
        """
        if factor < 1 or any(n % factor for n in self.shape):
            raise InputError(
                f"{self.name}: a grid of {_times(self.shape)} points cannot be coarsened by {factor}",
                "use a factor that divides all three numbers, or 1",
            )
        half = factor // 2
        weights = dict.fromkeys(range(-half, half + 1), 1.0 / factor)
        if factor % 2 == 0:
            weights[-half] = weights[half] = 0.5 / factor
        values = self.values_e_a3
        for axis in range(3):
            n = values.shape[axis]
            kept = np.arange(0, n, factor)
            values = sum(weight * np.take(values, (kept + shift) % n, axis=axis) for shift, weight in weights.items())
        return VolumetricData(np.asarray(values), self.cell_a, self.name, self.cutoff_ev)

    def planar_average(self, axis: Axis = 2) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean over the planes spanned by the two other lattice vectors.

        Returns:
            Heights of the planes above the origin along their normal, shape (n,), Å, and the means, shape (n,), e/Å³.
        """
        others = tuple(i for i in range(3) if i != axis)
        n = self.shape[axis]
        height_a = self.volume_a3 / plane_area_a2(self.cell_a, axis)
        return np.arange(n) * height_a / n, np.asarray(self.values_e_a3.mean(axis=others, dtype=np.float64))


class VolumetricFile(BaseModel):
    """Where volumetric data lie on disk, and what they must be. Travels in result documents; the data do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="The .npy file, absolute path")
    sha256: str = Field(description="SHA-256 of the file")
    shape: tuple[int, int, int] = Field(description="Grid points along each lattice vector")
    unit: Literal["e/Å³", "Å^-3/2"] = Field("e/Å³", description="Unit of the values: of a density, or of an orbital")
    cell_a: Vectors = Field(description="Lattice vectors in rows, shape (3, 3), Å")
    origin_a: Vector = Field((0.0, 0.0, 0.0), description="Where the first grid point lies, Å")
    kind: str = Field(description="What it is, in words: 'all-electron density, core included, spins added up'")
    name: str = Field("density", description="Whose it is, for people: 'na-bulk-o, whole'")
    cutoff_ev: float | None = Field(None, description="Plane-wave cutoff it was calculated with, eV, where known")

    @classmethod
    def written(cls, path: Path, data: VolumetricData, kind: str) -> VolumetricFile:
        """Write the data to a new .npy file, and say what it is.

        Raises:
            InputError: the file exists.
        """
        if path.exists():
            raise InputError(f"{path} exists", "choose another name, or move the file away")
        with path.open("xb") as file:
            np.save(file, np.asarray(data.values_e_a3))
        return cls.of(path, data, kind)

    @classmethod
    def of(cls, path: Path, data: VolumetricData, kind: str) -> VolumetricFile:
        """What a .npy file with these data is."""
        return cls(
            path=str(path.absolute()),
            sha256=file_sha256(path),
            shape=data.shape,
            cell_a=data.cell_a,
            kind=kind,
            name=data.name,
            cutoff_ev=data.cutoff_ev,
        )

    def load(self) -> VolumetricData:
        """The density, mapped into memory and not read until it is used (but for the check of the file).

        Raises:
            InputError: it is an orbital.
            VolumetricFileError: as `values`.
        """
        if self.unit != "e/Å³":
            raise InputError(f"{self.path}, the {self.kind} of {self.name!r}, is no density", "read it with values()")
        return VolumetricData(self.values(), np.array(self.cell_a), self.name, self.cutoff_ev)

    def values(self) -> NDArray[Any]:
        """The numbers in `unit`, mapped into memory, shape (nx, ny, nz).

        Raises:
            VolumetricFileError: the file is gone, torn, or another one than was written.
        """
        path = Path(self.path)
        again = f"run the calculation of {self.name!r} again, or restore the file from a backup"
        if not path.is_file():
            raise VolumetricFileError(f"{path}, the {self.kind} of {self.name!r}, is gone", again)
        try:
            values: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise VolumetricFileError(
                f"{path}, the {self.kind} of {self.name!r}, cannot be read: {error}", again
            ) from error
        if values.shape != self.shape:
            raise VolumetricFileError(
                f"{path} of {self.name!r} holds a grid of {_times(values.shape)} points, not {_times(self.shape)}",
                again,
            )
        if file_sha256(path) != self.sha256:
            raise VolumetricFileError(f"{path} of {self.name!r} was changed since it was written", again)
        return values


def plane_area_a2(cell_a: NDArray[np.float64], axis: Axis) -> float:
    """Area of the cell's face spanned by the two other lattice vectors, Å²."""
    return float(np.linalg.norm(np.cross(*np.delete(cell_a, axis, axis=0))))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
