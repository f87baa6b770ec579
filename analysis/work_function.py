"""Work functions: what it takes to bring an electron from the Fermi level into the vacuum, on each side of a slab."""

from __future__ import annotations

from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.planar_potential import (
    BOUNDARY_A,
    TOLERANCE_EV,
    WINDOW_A,
    Plateau,
    Side,
    find_plateau,
    vacuum_regions,
)
from natrium.structures.slab_geometry import cell_height_a, heights_a
from natrium.structures.system import System


class SideWorkFunction(BaseModel):
    """One side of a slab."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    work_function_ev: float = Field(description="Vacuum level of this side minus the Fermi level, eV")
    vacuum_level_ev: float = Field(description="Level of the plateau of the potential, eV, on the engine's scale")
    plateau: Plateau = Field(description="Where the vacuum level was read, and how flat the potential is there")


class WorkFunction(BaseModel):
    """Both sides of a slab. There is no average: the sides of an asymmetric slab have nothing in common but E_F."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fermi_level_ev: float = Field(description="Fermi level, eV, on the engine's scale")
    bottom: SideWorkFunction = Field(description="The side of layer 1, at lower heights")
    top: SideWorkFunction = Field(description="The side of the last layer and of adsorbates, at greater heights")
    difference_ev: float = Field(
        description="Work function of the top minus that of the bottom, eV: the potential step of the dipole layer"
    )


def work_functions(
    z_a: ArrayLike,
    potential_ev: ArrayLike,
    fermi_level_ev: float,
    system: System,
    *,
    dipole_layer_z_a: float = 0.0,
    boundary_a: float = BOUNDARY_A,
    window_a: float = WINDOW_A,
    tolerance_ev: float = TOLERANCE_EV,
) -> WorkFunction:
    """The work function of each side of a slab from its planar-averaged potential.

    Potential and Fermi level must come from the same static calculation.

    Args:
        z_a: Heights of the planes above the cell's origin, ascending, shape (n,), Å.
        potential_ev: Electrostatic potential energy of an electron (Hartree and ionic, without exchange-correlation),
            averaged over each plane, shape (n,), eV.
        fermi_level_ev: Fermi level on the same scale, eV.
        system: The slab that was calculated, at its final geometry.
        dipole_layer_z_a: Height of the dipole layer, Å. GPAW's is the boundary of the cell.
        boundary_a: Left out on each side of the dipole layer, Å.
        window_a: Length over which a plateau must be flat, Å.
        tolerance_ev: Largest difference within a plateau, eV.

    Raises:
        NoPlateauError: a side has no vacuum level.
        PlanarPotentialError: the potential is none.
        InputError: the system is not a slab.
    """
    period_a = cell_height_a(system)
    regions = vacuum_regions(heights_a(system), period_a, dipole_layer_z_a=dipole_layer_z_a, boundary_a=boundary_a)

    def side(name: Side) -> SideWorkFunction:
        plateau = find_plateau(
            z_a, potential_ev, regions[name], period_a=period_a, window_a=window_a, tolerance_ev=tolerance_ev
        )
        return SideWorkFunction(
            work_function_ev=plateau.level_ev - fermi_level_ev, vacuum_level_ev=plateau.level_ev, plateau=plateau
        )

    bottom, top = side("bottom"), side("top")
    return WorkFunction(
        fermi_level_ev=fermi_level_ev,
        bottom=bottom,
        top=top,
        difference_ev=top.work_function_ev - bottom.work_function_ev,
    )
