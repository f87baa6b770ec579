"""Where the atoms of a slab are along its surface normal: heights, layers, thickness, vacuum, area."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError
from natrium.structures.system import System


def surface_normal(system: System) -> NDArray[np.float64]:
    """Unit vector normal to the first two lattice vectors, on the side of the third.

    Raises:
        InputError: the system is not a slab.
    """
    if not system.is_slab:
        raise InputError(f"{system.label}: not a slab, pbc is {system.pbc}", "use a system with pbc (T, T, F)")
    a, b, c = np.array(system.cell_a)
    normal = np.cross(a, b)
    if not abs(normal @ c) > 0:
        raise InputError(f"{system.label}: its cell has no volume", "give three independent lattice vectors")
    return np.asarray(normal / np.linalg.norm(normal) * np.sign(normal @ c), dtype=np.float64)


def surface_area_a2(system: System) -> float:
    """Area of one side of the slab's cell, Å²."""
    surface_normal(system)
    a, b, _ = np.array(system.cell_a)
    return float(np.linalg.norm(np.cross(a, b)))


def cell_height_a(system: System) -> float:
    """Distance of the cell's bottom from its top along the surface normal, Å."""
    return float(surface_normal(system) @ np.array(system.cell_a[2]))


def heights_a(system: System) -> NDArray[np.float64]:
    """Height of each atom above the cell's origin along the surface normal, shape (atoms,), Å."""
    return np.asarray(np.array(system.positions_a) @ surface_normal(system), dtype=np.float64)


def vacuum_thickness_a(system: System) -> float:
    """Empty height between the topmost atom and the periodic image of the lowest one, Å."""
    heights = heights_a(system)
    return cell_height_a(system) - float(np.ptp(heights))


def layer_heights_a(system: System) -> dict[int, NDArray[np.float64]]:
    """Heights of the atoms of each layer, Å, by layer number from the bottom (1) to the top.

    Atoms with a layer number below 1 (an adsorbate's) belong to no layer.

    Raises:
        InputError: the system does not say its layers.
    """
    if system.layers is None:
        raise InputError(f"{system.label}: its layers are not numbered", "build it with metal_slab, which numbers them")
    heights, layers = heights_a(system), np.array(system.layers)
    return {int(layer): heights[layers == layer] for layer in sorted(set(system.layers)) if layer >= 1}
