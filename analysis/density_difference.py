"""Charge density difference: what moves when parts are joined. Δρ = ρ(whole) − Σ ρ(part), all on one grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.stored_array import StoredArray
from natrium.analysis.volumetric import VolumetricData, plane_area_a2
from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import Vectors

CELL_TOLERANCE_A = 1e-8
CHARGE_TOLERANCE_E = 1e-3


class GridMismatchError(NatriumError):
    """Densities on different grids, in different cells or of different cutoffs: their difference means nothing."""


class MissingPartnerError(NatriumError):
    """A density that the difference needs is not there."""


class LostChargeError(NatriumError):
    """Whole and parts do not have the same number of electrons."""


class DensityDifference(BaseModel):
    """A charge density difference. Electrons count positive: Δρ > 0 where electrons gather."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    whole: str = Field(description="Name of the joined system")
    parts: tuple[str, ...] = Field(description="Names of the parts that were subtracted")
    density_e_a3: StoredArray = Field(description="Δρ on the stored grid, shape (nx, ny, nz), single precision, e/Å³")
    cell_a: Vectors = Field(description="Lattice vectors in rows, shape (3, 3), Å")
    calculated_grid: tuple[int, int, int] = Field(description="Grid points that the numbers below were taken from")
    coarsening: int = Field(description="How many times coarser the stored grid is along each lattice vector")
    integral_e: float = Field(description="∫Δρ, e: zero but for errors of the grid")
    charge_moved_e: float = Field(description="½∫|Δρ|, e: how much charge changed its place")
    minimum_e_a3: float = Field(description="Smallest Δρ, e/Å³")
    maximum_e_a3: float = Field(description="Greatest Δρ, e/Å³")
    z_a: tuple[float, ...] = Field(description="Heights of the planes of the third lattice vector, shape (n,), Å")
    profile_e_a: tuple[float, ...] = Field(description="Δρ integrated over each plane, shape (n,), e/Å")
    cumulative_e: tuple[float, ...] = Field(description="∫ of the profile from the cell's bottom to z, shape (n,), e")

    def volumetric(self) -> VolumetricData:
        """Δρ on the stored grid, for isosurfaces and files."""
        return VolumetricData(self.density_e_a3, np.array(self.cell_a), f"Δρ of {self.whole}")


def density_difference(
    whole: VolumetricData | None,
    parts: Mapping[str, VolumetricData | None],
    *,
    coarsening: int = 1,
    charge_tolerance_e: float = CHARGE_TOLERANCE_E,
) -> DensityDifference:
    """Subtract the densities of the parts, at the geometry they have in the whole, from that of the whole.

    All-electron densities with their cores will do: the cores cancel where the same datasets stand at the same places.

    Args:
        whole: Density of the joined system.
        parts: Density of each part by its name; together they have the electrons of the whole.
        coarsening: Factor by which the stored grid is coarser; every number is taken from the full grid.
        charge_tolerance_e: Greatest |∫Δρ| that passes, e.

    Raises:
        MissingPartnerError: a density is None.
        GridMismatchError: grid, cell or cutoff differ.
        LostChargeError: the electrons of the parts do not add up to those of the whole.
        InputError: no parts, or a coarsening that the grid does not allow.
    """
    if not parts:
        raise InputError("a density difference without parts", "give the density of at least one part")
    missing = [name for name, data in {"whole": whole, **parts}.items() if data is None]
    if whole is None or missing:
        raise MissingPartnerError(
            f"no density of {', '.join(missing)} for the density difference",
            "look at why that calculation has none: it failed, or it was not asked to keep its density",
        )
    difference = np.array(whole.values_e_a3, dtype=np.float64)
    for name, part in parts.items():
        if part is None:
            continue  # cannot be: named above
        _check_same_grid(whole, name, part)
        difference -= part.values_e_a3
    data = VolumetricData(difference, whole.cell_a, f"Δρ of {whole.name}", whole.cutoff_ev)
    integral_e = data.integral_e
    if not abs(integral_e) <= charge_tolerance_e:
        counts = ", ".join(f"{name} {part.integral_e:.4f}" for name, part in parts.items() if part is not None)
        raise LostChargeError(
            f"∫Δρ = {integral_e:+.2e} e, more than {charge_tolerance_e:g}: {whole.name} has {whole.integral_e:.4f}"
            f" electrons, its parts have {counts}",
            "give the parts the charges that add up to that of the whole, and densities whose integral is exact"
            " (cores in all of them or in none)",
        )
    z_a, average_e_a3 = data.planar_average(2)
    profile_e_a = average_e_a3 * plane_area_a2(data.cell_a, 2)
    step_a = data.volume_a3 / plane_area_a2(data.cell_a, 2) / len(z_a)
    # a plane counts half at its own height: the sum up to it is symmetric for a symmetric profile
    cumulative_e = (np.cumsum(profile_e_a) - profile_e_a / 2) * step_a
    return DensityDifference(
        whole=whole.name,
        parts=tuple(parts),
        density_e_a3=data.coarsened(coarsening).values_e_a3.astype(np.float32),
        cell_a=data.cell_a,
        calculated_grid=data.shape,
        coarsening=coarsening,
        integral_e=integral_e,
        charge_moved_e=float(np.abs(difference).sum()) * data.volume_element_a3 / 2,
        minimum_e_a3=float(difference.min()),
        maximum_e_a3=float(difference.max()),
        z_a=tuple(z_a.tolist()),
        profile_e_a=tuple(profile_e_a.tolist()),
        cumulative_e=tuple(cumulative_e.tolist()),
    )


def _check_same_grid(whole: VolumetricData, name: str, part: VolumetricData) -> None:
    cutoffs = {whole.cutoff_ev, part.cutoff_ev} - {None}
    same_cell = np.allclose(whole.cell_a, part.cell_a, rtol=0, atol=CELL_TOLERANCE_A)
    if whole.shape == part.shape and same_cell and len(cutoffs) <= 1:
        return
    raise GridMismatchError(
        f"the density of {name} cannot be subtracted from that of {whole.name}:\n  {_grid(whole)}\n  {_grid(part)}",
        "calculate all of them in the same cell, with the same cutoff and the same grid; a relaxed cell must be given"
        " to the parts too",
    )


def _grid(data: VolumetricData) -> str:
    cell = "; ".join(" ".join(f"{x:.8f}" for x in vector) for vector in data.cell_a)
    cutoff = "unknown" if data.cutoff_ev is None else f"{data.cutoff_ev:g} eV"
    return f"{data.name}: grid {'×'.join(map(str, data.shape))}, cell [{cell}] Å, cutoff {cutoff}"
