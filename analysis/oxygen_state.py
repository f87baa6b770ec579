"""What oxygen on a sodium slab has become in a relaxation: adsorbed, embedded, dissociated or desorbed, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.adsorbates import contacts
from natrium.structures.adsorption_sites import SiteName, SurfaceLattice, surface_lattice
from natrium.structures.errors import InputError
from natrium.structures.oxygen import BONDED_A
from natrium.structures.slab_geometry import layer_heights_a
from natrium.structures.system import System
from natrium.structures.voids import VoidName, from_surface_frame, nearest_void

if TYPE_CHECKING:
    from ase import Atoms

Place = SiteName | VoidName | Literal["subsurface", "desorbed"]

COORDINATED_A = 2.8
"""Sodium nearer than this to an oxygen atom is counted as its neighbour, Å: Na2O has 2.40, NaO2 2.4 to 2.7."""

DESORBED_A = 3.2
"""Oxygen that has no sodium within this distance is not bound to the slab, Å."""

FAR_A = 3.5
"""Sodium further from all oxygen than this, Å, is taken not to be displaced by it."""

AT_VOID_A = 0.5
"""Oxygen so near to the centre of a void is in it, Å: octahedral and tetrahedral centres are a/4, 1.05 Å, apart."""

BELOW = 0.25
"""Lower than the top layer by more than this part of the distance of two layers is under the surface: nearer to the
mid-way voids than to the layer."""

IN_LAYER = 0.125
"""Deeper oxygen within this part of the distance of two layers is in a layer: the voids are 0, ¼, ½ and ¾ below one."""

ORIENTATION_TOLERANCE_DEG = 30.0
"""Angles up to this are along a direction, up to this from the plane are in it, and what is between is tilted."""


class OxygenState(BaseModel):
    """Where the oxygen of a structure is, and whether it is still a molecule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="As the structures to start from are named: 'hollow-flat-001', 'dissociated: ...'")
    state: Literal["adsorbed", "embedded", "dissociated", "desorbed"] = Field(
        description="On the top layer, under it, two atoms apart, or with no sodium near"
    )
    molecular: bool = Field(description="Two oxygen atoms within 1.8 Å of one another")
    o_o_distance_a: float | None = Field(description="Distance of both oxygen atoms, Å; none for a single atom")
    heights_a: tuple[float, ...] = Field(description="Height of each oxygen atom above the top sodium layer, Å")
    sites: tuple[Place, ...] = Field(
        description="Of each oxygen atom: the laterally nearest high-symmetry site, below the top layer the void;"
        " desorbed where it came off a molecule and has no sodium near"
    )
    na_coordination: tuple[int, ...] = Field(description="Sodium atoms within 2.8 Å of each oxygen atom")
    nearest_na_o_a: float = Field(description="Shortest Na–O distance, Å")


def oxygen_state(system: System) -> OxygenState:
    """What the oxygen on or in a bcc(110) sodium slab is.

    The height of the top layer is the median over its sodium atoms far from oxygen; where too few are far, it is
    continued from the bottom layer by the layer distance of the crystal, a/√2, since near oxygen the top layer rumples
    by up to 1 Å. Sites are those of the undistorted lattice.

    Raises:
        InputError: not a bcc(110) slab, or not one or two oxygen atoms on it.
    """
    oxygen = [index for index, symbol in enumerate(system.symbols) if symbol == "O"]
    sodium = [index for index, symbol in enumerate(system.symbols) if symbol == "Na"]
    if len(oxygen) not in (1, 2) or not sodium:
        raise InputError(
            f"{system.label}: {len(oxygen)} oxygen and {len(sodium)} sodium atoms",
            "give a sodium slab with one oxygen atom or one O2",
        )
    lattice = surface_lattice(system)
    atoms = system.atoms()
    distances = np.array([atoms.get_distances(index, sodium, mic=True) for index in oxygen])
    top_a = _top_height_a(system, lattice, np.array(sodium), distances.min(axis=0))
    positions = np.array(system.positions_a)[oxygen] - [0, 0, top_a]
    bond = _bond(atoms, oxygen)
    o_o_a = None if bond is None else float(np.linalg.norm(bond))
    molecular = o_o_a is not None and o_o_a < BONDED_A
    alone = distances.min(axis=1) > (np.inf if molecular else DESORBED_A)
    sites = tuple(
        "desorbed" if gone else _place(position, lattice) for position, gone in zip(positions, alone, strict=True)
    )
    # Of a molecule across the cell's boundary the mean of the positions is not the middle.
    middle = positions[0] if bond is None else positions[0] + bond / 2
    nearest_a = float(distances.min())
    state = _state(nearest_a, o_o_a, middle, lattice)
    near = contacts(system, COORDINATED_A)
    return OxygenState(
        name=_name(state, sites, middle, bond, lattice),
        state=state,
        molecular=molecular,
        o_o_distance_a=o_o_a,
        heights_a=tuple(float(height) for height in positions[:, 2]),
        sites=sites,
        na_coordination=tuple(
            sum(index in pair[:2] and "Na" in (system.symbols[i] for i in pair[:2]) for pair in near)
            for index in oxygen
        ),
        nearest_na_o_a=nearest_a,
    )


def became(start_name: str, state: OxygenState) -> str | None:
    """A sentence about what a structure has become; None where it is still what it was at the start.

    Args:
        start_name: Its name among `oxygen_structures`.
        state: What it is now.
    """
    if state.name == start_name:
        return None
    what = "O2" if len(state.sites) == 2 else "O"
    if state.state == "desorbed":
        return f"{what} desorbed: no Na within {DESORBED_A:g} Å (nearest {state.nearest_na_o_a:.2f} Å)"
    if state.state == "dissociated":
        first, second = (_IN_WORDS[site] for site in sorted(state.sites))
        return f"O2 dissociated: O {first} and O {second}, {state.o_o_distance_a:.2f} Å apart"
    began_embedded = start_name.startswith("embedded-")
    if state.state == "embedded" and not began_embedded:
        return f"{what} went under the top layer: {state.name}"
    if state.state == "adsorbed" and began_embedded:
        return f"{what} came up to the surface: {state.name}"
    return f"{what} moved from {start_name} to {state.name}"


_IN_WORDS: dict[Place, str] = {
    "on-top": "on top",
    "short-bridge": "on the short bridge",
    "long-bridge": "on the long bridge",
    "hollow": "in the hollow",
    "octahedral": "in an octahedral void",
    "tetrahedral": "in a tetrahedral void",
    "subsurface": "under the top layer",
    "desorbed": "with no sodium near",
}


def _top_height_a(
    system: System, lattice: SurfaceLattice, sodium: NDArray[np.int_], to_oxygen_a: NDArray[np.float64]
) -> float:
    heights = layer_heights_a(system)
    top = max(heights)
    in_top = np.array(system.layers)[sodium] == top
    far = np.array(system.positions_a)[sodium[in_top & (to_oxygen_a > FAR_A)], 2]
    # One far atom may still be pushed by its neighbours; half of the layer is not.
    if 2 * len(far) >= len(heights[top]) or top == 1:
        return float(np.median(far if len(far) else heights[top]))
    return float(np.median(heights[1])) + (top - 1) * _layer_distance_a(lattice)


def _layer_distance_a(lattice: SurfaceLattice) -> float:
    return float(lattice.lattice_constant_a / np.sqrt(2))


def _bond(atoms: Atoms, oxygen: list[int]) -> NDArray[np.float64] | None:
    """Vector from the first to the second oxygen atom, Å."""
    if len(oxygen) == 1:
        return None
    return np.asarray(atoms.get_distance(*oxygen, mic=True, vector=True), dtype=np.float64)


def _below(position: NDArray[np.float64], lattice: SurfaceLattice) -> bool:
    return bool(position[2] < -BELOW * _layer_distance_a(lattice))


def _place(position: NDArray[np.float64], lattice: SurfaceLattice) -> Place:
    """Site or void of a position whose height counts from the top layer."""
    if not _below(position, lattice):
        return lattice.nearest_site(position[:2])[0]
    lateral = lattice.coordinates(position[:2]) / lattice.rectangle_a
    depth = -position[2] / _layer_distance_a(lattice)
    void, distance = nearest_void(from_surface_frame(np.array([*lateral, depth])))
    return void if distance * lattice.lattice_constant_a < AT_VOID_A else "subsurface"


def _state(
    nearest_a: float, o_o_a: float | None, middle: NDArray[np.float64], lattice: SurfaceLattice
) -> Literal["adsorbed", "embedded", "dissociated", "desorbed"]:
    if nearest_a > DESORBED_A:
        return "desorbed"
    if o_o_a is not None and o_o_a >= BONDED_A:
        return "dissociated"
    return "embedded" if _below(middle, lattice) else "adsorbed"


def _name(
    state: str,
    sites: tuple[Place, ...],
    middle: NDArray[np.float64],
    bond: NDArray[np.float64] | None,
    lattice: SurfaceLattice,
) -> str:
    if state == "desorbed":
        return state
    if state == "dissociated":
        return f"dissociated: {' + '.join(sorted(sites))}"
    place = _place(middle, lattice)
    if bond is None:
        return f"embedded-o-{place}{_deeper(middle, lattice)}" if state == "embedded" else f"o-{place}"
    name = f"{place}-{_orientation(bond, lattice)}"
    return f"embedded-o2-{name}{_deeper(middle, lattice)}" if state == "embedded" else name


def _deeper(middle: NDArray[np.float64], lattice: SurfaceLattice) -> str:
    """What tells embedded oxygen from that between the top two layers, where all of it starts."""
    depth = -middle[2] / _layer_distance_a(lattice)
    layer = round(depth)
    if layer and abs(depth - layer) <= IN_LAYER:
        return f"-in-layer-{layer + 1}"
    return f"-under-layer-{int(depth) + 1}" if depth > 1 else ""


def _orientation(bond: NDArray[np.float64], lattice: SurfaceLattice) -> str:
    in_plane = np.abs(lattice.axes @ bond[:2])
    from_normal_deg = np.degrees(np.arctan2(np.linalg.norm(in_plane), abs(bond[2])))
    if from_normal_deg <= ORIENTATION_TOLERANCE_DEG:
        return "upright"
    if from_normal_deg < 90 - ORIENTATION_TOLERANCE_DEG:
        return "tilted"
    from_001_deg = np.degrees(np.arctan2(in_plane[1], in_plane[0]))
    if from_001_deg <= ORIENTATION_TOLERANCE_DEG:
        return "flat-001"
    return "flat-turned" if from_001_deg < 90 - ORIENTATION_TOLERANCE_DEG else "flat-110"
