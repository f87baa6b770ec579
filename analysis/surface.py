"""What a surface costs and how it relaxes: surface energy and interlayer spacings of a slab."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from ase.units import J, m
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError
from natrium.structures.slab_geometry import layer_heights_a, surface_area_a2
from natrium.structures.system import System

J_M2_PER_EV_A2 = float(m**2 / J)
"""1 eV/Å² in J/m², 16.02."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SurfaceEnergy(_Document):
    """Energy to make a surface, by area: the mean of both sides of the slab, that of each where they are equal."""

    energy_ev_a2: float = Field(description="Surface energy, eV/Å²")
    energy_j_m2: float = Field(description="Surface energy, J/m²")
    bulk_energy_ev: float = Field(description="Energy of one atom of the bulk that it rests on, eV")
    method: Literal["bulk calculation", "linear fit"] = Field(
        description="Whether the bulk energy was calculated apart or is the slope of the slab energies with thickness"
    )
    area_a2: float = Field(description="Area of one side of the slab, Å²")
    atoms: tuple[int, ...] = Field(description="Number of atoms of each slab that went in")
    residual_ev: float | None = Field(
        None, description="Largest distance of a slab's energy from the fitted line, eV; None without a fit"
    )


def surface_energy(slab: System, slab_energy_ev: float, bulk_energy_ev: float) -> SurfaceEnergy:
    """γ = (E_slab − N·E_bulk) / 2A.

    The bulk energy must be converged as the slab's is: its error enters N times, so γ drifts with the thickness when
    the k-points of the two do not correspond. `surface_energy_from_thickness` is free of that. With fixed layers at the
    bottom γ is the mean of a relaxed and an unrelaxed side.

    Args:
        slab: A slab of one element.
        slab_energy_ev: Its total energy, eV.
        bulk_energy_ev: Energy of the bulk crystal by atom, eV.

    Raises:
        InputError: not a slab of one element.
    """
    area_a2 = _clean_area_a2(slab)
    n = len(slab.symbols)
    gamma = (slab_energy_ev - n * bulk_energy_ev) / (2 * area_a2)
    return SurfaceEnergy(
        energy_ev_a2=gamma,
        energy_j_m2=gamma * J_M2_PER_EV_A2,
        bulk_energy_ev=bulk_energy_ev,
        method="bulk calculation",
        area_a2=area_a2,
        atoms=(n,),
    )


def surface_energy_from_thickness(slabs: Sequence[tuple[System, float]]) -> SurfaceEnergy:
    """γ from the total energies of slabs of several thicknesses: E_slab(N) = 2Aγ + N·E_bulk, fitted to all of them.

    The bulk energy is the slope, so slab and bulk are converged alike by construction (Fiorentini and Methfessel,
    J. Phys.: Condens. Matter 8, 6525, 1996).

    Args:
        slabs: At least three slabs of different thickness, of one element and one lateral cell, each with its total
            energy in eV.

    Raises:
        InputError: fewer than three thicknesses, or slabs that do not belong together.
    """
    atoms = [len(slab.symbols) for slab, _ in slabs]
    if len(set(atoms)) < 3:
        raise InputError(
            f"a linear fit of slab energies with {len(set(atoms))} thicknesses says nothing about its own error",
            "give at least three slabs of different thickness",
        )
    areas = [_clean_area_a2(slab) for slab, _ in slabs]
    elements = sorted({slab.symbols[0] for slab, _ in slabs})
    if len(elements) > 1 or max(areas) - min(areas) > 1e-3 * min(areas):
        raise InputError(
            f"slabs of {', '.join(elements)} with areas from {min(areas):.3f} to {max(areas):.3f} Å² share no line",
            "use one element, face, size and lattice constant for all thicknesses",
        )
    energies = np.array([energy for _, energy in slabs])
    slope, intercept = np.polyfit(atoms, energies, 1)
    area_a2 = float(np.mean(areas))
    gamma = float(intercept) / (2 * area_a2)
    return SurfaceEnergy(
        energy_ev_a2=gamma,
        energy_j_m2=gamma * J_M2_PER_EV_A2,
        bulk_energy_ev=float(slope),
        method="linear fit",
        area_a2=area_a2,
        atoms=tuple(atoms),
        residual_ev=float(np.abs(energies - intercept - slope * np.array(atoms)).max()),
    )


def _clean_area_a2(slab: System) -> float:
    if len(set(slab.symbols)) != 1:
        raise InputError(
            f"{slab.label}: {slab.formula} is not a slab of one element",
            "a surface energy needs the clean slab; for adsorbates take the adsorption energy",
        )
    return surface_area_a2(slab)


class InterlayerSpacing(_Document):
    """Distance of two neighbouring layers, before and after a relaxation."""

    lower_layer: int = Field(description="Number of the lower layer, counted from 1 at the bottom")
    upper_layer: int = Field(description="Number of the upper layer")
    before_a: float = Field(
        description="Spacing before the relaxation, Å: the bulk's, where the slab was bulk-terminated"
    )
    after_a: float = Field(description="Spacing after the relaxation, Å")
    change_percent: float = Field(description="Change of the spacing, % of that before; negative for a contraction")


class LayerRelaxation(_Document):
    """How the layers of a slab moved."""

    spacings: tuple[InterlayerSpacing, ...] = Field(description="From the top down: the first is d12 of the top side")
    largest_rumpling_a: float = Field(description="Largest difference of heights within one relaxed layer, Å")


def layer_relaxation(before: System, after: System) -> LayerRelaxation:
    """Interlayer spacings of a slab before and after its relaxation. A layer's height is the mean over its atoms.

    Args:
        before: The slab as built, with its layers.
        after: The same atoms at their relaxed positions.

    Raises:
        InputError: not the same slab, no numbered layers, or only one.
    """
    if before.symbols != after.symbols or before.layers != after.layers:
        raise InputError(
            f"{before.label} and {after.label} are not one slab before and after a relaxation",
            "give the same atoms in the same order, as System.moved returns them",
        )
    old, new = layer_heights_a(before), layer_heights_a(after)
    if len(old) < 2:
        raise InputError(f"{before.label}: one layer has no interlayer spacing", "use a slab of two layers or more")
    layers = sorted(old, reverse=True)
    spacings = []
    for upper, lower in pairwise(layers):
        before_a = float(old[upper].mean() - old[lower].mean())
        after_a = float(new[upper].mean() - new[lower].mean())
        spacings.append(
            InterlayerSpacing(
                lower_layer=lower,
                upper_layer=upper,
                before_a=before_a,
                after_a=after_a,
                change_percent=100 * (after_a / before_a - 1),
            )
        )
    return LayerRelaxation(
        spacings=tuple(spacings), largest_rumpling_a=max(float(np.ptp(heights)) for heights in new.values())
    )
