"""The electrostatic potential along a surface normal: its planar average and its plateaus in the vacuum."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import NatriumError

Side = Literal["bottom", "top"]

WINDOW_A = 1.5
"""Length over which a plateau must be flat, Å."""

BOUNDARY_A = 0.75
"""Left out on each side of the dipole layer, Å: GPAW smooths its step over 0.5 Å on each side, and the plane-wave
cutoff adds a ripple of less than a meV next to it."""

CLEARANCE_A = 2.0
"""Left out next to the outermost atom, Å: the potential turns there, and is flat where it turns."""

TOLERANCE_EV = 0.02
"""Largest difference within a plateau, eV. The exponential tail of the slab then shifts the level by less than half."""


class PlanarPotentialError(NatriumError):
    """A planar potential that cannot be what it is taken for."""


class NoPlateauError(PlanarPotentialError):
    """The potential beside a slab is not flat, so there is no vacuum level on this side.

    Attributes:
        side: bottom or top.
        flatness_ev: Smallest difference within a window, eV; None where the vacuum is thinner than a window.
        tolerance_ev: Difference that was allowed, eV.
    """

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        side: Side | None = None,
        flatness_ev: float | None = None,
        tolerance_ev: float | None = None,
    ) -> None:
        super().__init__(problem, remedy)
        self.side = side
        self.flatness_ev = flatness_ev
        self.tolerance_ev = tolerance_ev


class Plateau(BaseModel):
    """A stretch of vacuum where the planar-averaged potential is flat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level_ev: float = Field(
        description="Mean potential energy of an electron over the window, eV, on the potential's scale"
    )
    z_from_a: float = Field(description="Lower end of the window, height above the cell's origin, Å")
    z_to_a: float = Field(description="Upper end of the window, height above the cell's origin, Å")
    flatness_ev: float = Field(description="Largest minus smallest potential within the window, eV")
    slope_ev_a: float = Field(description="Slope of the potential over the window, fitted, eV/Å")


class VacuumRegion(NamedTuple):
    """Heights between which the vacuum of one side lies, z_from_a < z_to_a, Å."""

    side: Side
    z_from_a: float
    z_to_a: float


def planar_average(values_xyz: ArrayLike, axis: int = 2) -> NDArray[np.float64]:
    """Average over the planes of grid points that are normal to an axis of the cell.

    In an oblique cell too: the points of one index lie in one plane, each standing for the same area.

    Args:
        values_xyz: Values on the grid, shape (nx, ny, nz).
        axis: The axis that is kept.

    Returns:
        Shape (values_xyz.shape[axis],), in the unit of the values.

    Raises:
        PlanarPotentialError: the values are not on a three-dimensional grid.
    """
    values = np.asarray(values_xyz, dtype=np.float64)
    if values.ndim != 3:
        raise PlanarPotentialError(
            f"a planar average needs values on a grid (nx, ny, nz), not of shape {values.shape}",
            "give one potential, spin channels and several structures apart",
        )
    return np.asarray(values.mean(axis=tuple(other for other in range(3) if other != axis % 3)))


def vacuum_regions(
    atom_heights_a: ArrayLike,
    cell_height_a: float,
    *,
    dipole_layer_z_a: float = 0.0,
    boundary_a: float = BOUNDARY_A,
    clearance_a: float = CLEARANCE_A,
) -> dict[Side, VacuumRegion]:
    """The vacuum below and above a slab, without the surroundings of the dipole layer and of the outermost atoms.

    The dipole layer (or, without one, any height within the vacuum) divides the periodic vacuum into the two sides.
    Heights are continued from there over one period: a slab may lie across the cell's boundary if its dipole layer does
    not.

    Args:
        atom_heights_a: Heights of the atoms above the cell's origin, shape (atoms,), Å.
        cell_height_a: Period along the normal, Å.
        dipole_layer_z_a: Height of the dipole layer, Å. GPAW's is the boundary of the cell.
        boundary_a: Left out on each side of the dipole layer, Å.
        clearance_a: Left out next to the outermost atoms, Å.

    Returns:
        Both sides; a region may be empty, with z_from_a > z_to_a.
    """
    heights = dipole_layer_z_a + np.mod(np.asarray(atom_heights_a, dtype=np.float64) - dipole_layer_z_a, cell_height_a)
    return {
        "bottom": VacuumRegion("bottom", dipole_layer_z_a + boundary_a, float(heights.min()) - clearance_a),
        "top": VacuumRegion("top", float(heights.max()) + clearance_a, dipole_layer_z_a + cell_height_a - boundary_a),
    }


def find_plateau(
    z_a: ArrayLike,
    potential_ev: ArrayLike,
    region: VacuumRegion,
    *,
    period_a: float | None = None,
    window_a: float = WINDOW_A,
    tolerance_ev: float = TOLERANCE_EV,
) -> Plateau:
    """The flattest window of the potential in the vacuum of one side.

    Near the slab the potential decays exponentially to the vacuum level, so the flattest window is far from it. A field
    tilts the potential, and where tilt and decay cancel there is a flat stretch that is no vacuum level: therefore the
    potential must also stay within the tolerance from the window outwards to the end of the region.

    Args:
        z_a: Heights of the planes, ascending, shape (n,), Å.
        potential_ev: Planar-averaged potential energy of an electron, shape (n,), eV.
        region: Where to look, from `vacuum_regions`.
        period_a: Period along the normal, for a region that reaches beyond the grid; None for none.
        window_a: Length of the window, Å.
        tolerance_ev: Largest difference within the window, and of anything further out from its level, eV.

    Raises:
        NoPlateauError: the vacuum is thinner than the window, or the potential in it is not flat.
        PlanarPotentialError: heights and potential are no potential on a grid fine enough.
    """
    z, potential = _within(*_checked(z_a, potential_ev), region, period_a)
    length = region.z_to_a - region.z_from_a
    if length < window_a:
        raise NoPlateauError(
            f"no plateau of the potential on the {region.side} side: only {max(length, 0):.2f} Å of vacuum between the"
            f" surroundings of the slab and of the dipole layer, {window_a:g} Å are needed",
            "use more vacuum (15 Å is usual), and keep the slab in the middle between two dipole layers",
            side=region.side,
            tolerance_ev=tolerance_ev,
        )
    windows = _windows(z, window_a)
    flatness = [float(np.ptp(potential[window])) for window in windows]
    best = int(np.argmin(flatness))
    window = windows[best]
    level = float(potential[window].mean())
    slope = float(np.polyfit(z[window] - z[window].mean(), potential[window], 1)[0])
    beyond = potential[: window.start] if region.side == "bottom" else potential[window.stop :]
    drift = float(np.abs(beyond - level).max(initial=0.0))
    # Not `>`: a potential that is not a number must not pass.
    if not max(flatness[best], drift) <= tolerance_ev:
        raise NoPlateauError(
            f"no plateau of the potential on the {region.side} side: it changes by {flatness[best] * 1000:.0f} meV over"
            f" {z[window][0]:.1f} to {z[window][-1]:.1f} Å ({slope * 1000:+.0f} meV/Å) and by"
            f" {drift * 1000:.0f} meV from there to the end of the vacuum, {tolerance_ev * 1000:.0f} meV are allowed",
            "a field tilts the potential: use a dipole layer, the sides of the slab differ"
            if drift > flatness[best]
            else "use more vacuum (15 Å is usual) if the tail of the slab reaches this far, and a dipole layer if the"
            " sides of the slab differ and a field tilts the potential",
            side=region.side,
            flatness_ev=flatness[best],
            tolerance_ev=tolerance_ev,
        )
    return Plateau(
        level_ev=level,
        z_from_a=float(z[window][0]),
        z_to_a=float(z[window][-1]),
        flatness_ev=flatness[best],
        slope_ev_a=slope,
    )


def _checked(z_a: ArrayLike, potential_ev: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    z, potential = np.asarray(z_a, dtype=np.float64), np.asarray(potential_ev, dtype=np.float64)
    if z.ndim != 1 or z.shape != potential.shape or len(z) < 2:
        raise PlanarPotentialError(
            f"heights of shape {z.shape} and a potential of shape {potential.shape} do not belong together",
            "give one potential a height, averaged over the plane",
        )
    if not np.all(np.diff(z) > 0):
        raise PlanarPotentialError("the heights of the planes do not ascend", "sort heights and potential together")
    if not np.all(np.isfinite(potential)):
        raise PlanarPotentialError(
            f"the potential is not a number on {np.count_nonzero(~np.isfinite(potential))} of {len(z)} planes",
            "look at the calculation that it comes from, it has not converged to anything",
        )
    return z, potential


def _within(
    z: NDArray[np.float64], potential: NDArray[np.float64], region: VacuumRegion, period_a: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points of the region, continued periodically where there is a period."""
    if period_a is not None:
        # A grid that repeats its first plane as its last would give that plane twice.
        unique = z < z[0] + period_a - 1e-6
        start = region.z_from_a
        z, potential = start + np.mod(z[unique] - start, period_a), potential[unique]
        order = np.argsort(z)
        z, potential = z[order], potential[order]
    inside = (z >= region.z_from_a - 1e-9) & (z <= region.z_to_a + 1e-9)
    return z[inside], potential[inside]


def _windows(z: NDArray[np.float64], window_a: float) -> list[slice]:
    """Stretches of points that span at least the window, as tightly as the grid allows.

    The last point of a region may lie one spacing before its end, so a region as long as the window still holds one.
    """
    spacing = float(np.diff(z).max(initial=0.0))
    if len(z) < 5 or spacing > window_a / 4:
        raise PlanarPotentialError(
            f"{len(z)} planes in {window_a:g} Å of vacuum or more are too few to tell a plateau",
            f"use a grid with a spacing below {window_a / 4:.2f} Å",
        )
    reach = min(window_a, float(z[-1] - z[0])) - 1e-9
    stops = np.searchsorted(z, z + reach, side="left")
    return [slice(start, int(stop) + 1) for start, stop in enumerate(stops) if stop < len(z)]
