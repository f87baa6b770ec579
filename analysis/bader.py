"""Bader charges: the electrons in the basin of each atom, bounded by surfaces of zero flux of the density's gradient.

The weight method of Yu and Trinkle, J. Chem. Phys. 134, 064111 (2011): the cell of a grid point drains into its denser
neighbours, in proportion to the flux through the facets they share, and so a point may belong to several basins. All
of it is one triangular system of equations in the order of the density; there is no bias by the grid's directions, and
no iteration. The same code runs everywhere, so a charge does not depend on which programs a machine has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.density_difference import CELL_TOLERANCE_A, GridMismatchError
from natrium.analysis.volumetric import VolumetricData
from natrium.analysis.voronoi_cell import facets
from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import System

ELECTRON_TOLERANCE_E = 1e-3
VACUUM_E_A3 = 1e-3
"""Below this density a point is vacuum: its volume belongs to no atom. Its electrons do, so that charges add up."""
SAME_DISTANCE_A = 0.05
"""Atoms that are as near to a maximum as the nearest one, within this, share its basin: one between two equal atoms."""
NUCLEAR_A = 0.5
"""A maximum farther than this from every atom is none of a nucleus; bonds and cavities of simple metals have such."""
FEWEST_ELECTRONS_E = 0.1
"""A maximum with fewer electrons than these is a ripple of the grid and no nucleus."""


class BaderError(NatriumError):
    """A density that gives no Bader charges: electrons are missing, or an atom has no basin."""


class BaderCharges(BaseModel):
    """Charges by Bader's partition, atoms in the order of the system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: tuple[str, ...] = Field(description="Chemical symbols")
    charges_e: tuple[float, ...] = Field(description="Positive charge of nucleus (and core) minus electrons, e")
    electrons: tuple[float, ...] = Field(description="Electrons in the basins of each atom")
    volumes_a3: tuple[float, ...] = Field(description="Volume of the basins of each atom, without vacuum, Å³")
    vacuum_electrons: float = Field(
        description="Electrons where the density is below the vacuum's; they are counted for the atoms of their basins"
    )
    vacuum_volume_a3: float = Field(description="Volume of the vacuum, Å³")
    non_nuclear_electrons: float = Field(
        description="Electrons in basins whose maximum is at no atom; they are counted for the atoms nearest to it"
    )
    expected_electrons: float = Field(description="Electrons there must be in all: valence of the atoms minus charge")
    total_electrons: float = Field(description="Electrons found, of all atoms")
    partitioned: str = Field(description="Which density was partitioned")
    integrated: str = Field(description="Which density was integrated in these basins")
    grid: tuple[int, int, int] = Field(description="Grid points along each lattice vector")
    method: str = Field(
        "weight method, Yu and Trinkle 2011, natrium's own implementation", description="How, and by which program"
    )


def bader_charges(
    partitioned: VolumetricData,
    integrated: VolumetricData,
    system: System,
    valence_electrons: Sequence[float],
    *,
    vacuum_e_a3: float = VACUUM_E_A3,
    electron_tolerance_e: float = ELECTRON_TOLERANCE_E,
) -> BaderCharges:
    """Partition one density and integrate another, or the same, in its basins.

    Args:
        partitioned: All-electron density with cores. A valence density has its maxima on shells around some nuclei.
        integrated: The same, or the all-electron valence density, on the same grid.
        system: The atoms in the cell of the densities.
        valence_electrons: Electrons of each neutral atom in `integrated`: its atomic number where that has the cores.
        vacuum_e_a3: Density of `partitioned` below which the volume of a point is vacuum, e/Å³.
        electron_tolerance_e: Greatest difference of the electrons found from those expected, e.

    Raises:
        GridMismatchError: grids or cells differ.
        InputError: not one number of electrons an atom.
        BaderError: electrons are missing, or there is no maximum at an atom.
    """
    _check_inputs(partitioned, integrated, system, valence_electrons)
    expected = float(sum(valence_electrons)) - system.charge
    found = integrated.integral_e
    if not abs(found - expected) <= electron_tolerance_e:
        raise BaderError(
            f"{integrated.name}: the density has {found:.4f} electrons on its grid, the atoms {expected:.4f}",
            "say the valence electrons of the datasets (atomic numbers for a density with cores), and take a density"
            " whose integral is exact",
        )
    density = np.asarray(partitioned.values_e_a3, dtype=np.float64)
    inside = density >= vacuum_e_a3
    electrons_e_a3 = np.asarray(integrated.values_e_a3, dtype=np.float64)
    maxima, drained = drain(density, partitioned.cell_a, np.stack([electrons_e_a3, inside * 1.0]))
    drained = drained * partitioned.volume_element_a3
    shares, nearest_a = _shares(maxima / density.shape, system)
    electrons, volumes_a3 = drained @ shares
    near = nearest_a <= NUCLEAR_A
    _check_every_atom_has_a_maximum(drained[0, near] @ shares[near], system, partitioned)
    return BaderCharges(
        symbols=system.symbols,
        charges_e=tuple((np.asarray(valence_electrons, dtype=np.float64) - electrons).tolist()),
        electrons=tuple(electrons.tolist()),
        volumes_a3=tuple(volumes_a3.tolist()),
        vacuum_electrons=float(electrons_e_a3[~inside].sum()) * partitioned.volume_element_a3,
        vacuum_volume_a3=float(np.count_nonzero(~inside)) * partitioned.volume_element_a3,
        non_nuclear_electrons=float(drained[0, nearest_a > NUCLEAR_A].sum()),
        expected_electrons=expected,
        total_electrons=float(electrons.sum()),
        partitioned=partitioned.name,
        integrated=integrated.name,
        grid=partitioned.shape,
    )


def drain(
    density: NDArray[np.float64], cell_a: NDArray[np.float64], quantities: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Let quantities flow uphill on the density until they are at its maxima.

    A point i gives the fraction f_ij ∝ (ρ_j − ρ_i) a_ij / l_ij (facet area over distance; ρ_j > ρ_i) to its neighbour
    j: x = q + fᵀx. In descending order of ρ the matrix is triangular.

    Args:
        density: Shape (nx, ny, nz).
        cell_a: Lattice vectors in rows, Å.
        quantities: One field a row, shape (quantities, nx, ny, nz).

    Returns:
        Grid indices of the maxima, shape (maxima, 3), and what arrived at them, shape (quantities, maxima).
    """
    from scipy.sparse import csr_matrix, identity
    from scipy.sparse.linalg import spsolve_triangular

    size = density.size
    order = np.argsort(-density, axis=None, kind="stable")
    # rank decides between equal densities, so a plateau drains too, and never in a circle
    ranks = np.empty(size, dtype=np.int32)
    ranks[order] = np.arange(size, dtype=np.int32)
    rank = ranks.reshape(density.shape)
    senders, receivers, fluxes = [], [], []
    for neighbour, conductance in facets(cell_a, density.shape):
        shift = tuple(-neighbour)
        rank_there = np.roll(rank, shift, (0, 1, 2))
        uphill = rank_there < rank
        flux = (np.roll(density, shift, (0, 1, 2))[uphill] - density[uphill]) * conductance
        senders.append(rank[uphill])
        receivers.append(rank_there[uphill])
        fluxes.append(np.maximum(flux, np.finfo(np.float64).tiny))
    sender, receiver, flux = np.concatenate(senders), np.concatenate(receivers), np.concatenate(fluxes)
    outflow = np.bincount(sender, weights=flux, minlength=size)
    fraction = csr_matrix((-flux / outflow[sender], (receiver, sender)), shape=(size, size))
    arrived = spsolve_triangular(
        (identity(size, format="csr") + fraction).tocsr(),
        quantities.reshape(len(quantities), size)[:, order].T,
        lower=False,
        unit_diagonal=True,
    )
    tops = np.flatnonzero(outflow == 0)
    return np.stack(np.unravel_index(order[tops], density.shape), axis=1), arrived[tops].T


def _shares(fractions: NDArray[np.float64], system: System) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whose the maxima are: shape (maxima, atoms), rows add up to one; and the distance of the nearest atom, Å."""
    cell = np.array(system.cell_a)
    atoms = np.linalg.solve(cell.T, np.array(system.positions_a).T).T
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    distances = np.empty((len(fractions), len(atoms)))
    for column, atom in enumerate(atoms):
        offsets = fractions - atom
        vectors = (offsets - np.round(offsets)) @ cell
        distances[:, column] = np.linalg.norm(vectors[:, None, :] + images, axis=-1).min(axis=1)
    nearest = distances.min(axis=1)
    shares = (distances <= nearest[:, None] + SAME_DISTANCE_A) * 1.0
    return shares / shares.sum(axis=1, keepdims=True), nearest


def _check_inputs(
    partitioned: VolumetricData, integrated: VolumetricData, system: System, valence_electrons: Sequence[float]
) -> None:
    for name, cell, shape in (
        (integrated.name, integrated.cell_a, integrated.shape),
        (system.label, np.array(system.cell_a), partitioned.shape),
    ):
        if shape != partitioned.shape or not np.allclose(cell, partitioned.cell_a, rtol=0, atol=CELL_TOLERANCE_A):
            raise GridMismatchError(
                f"{name} (grid {shape}, cell {cell.tolist()} Å) and {partitioned.name} (grid {partitioned.shape}, cell"
                f" {partitioned.cell_a.tolist()} Å) are not of one calculation",
                "take both densities and the atoms from the same static calculation",
            )
    if len(valence_electrons) != len(system.symbols):
        raise InputError(
            f"{system.label}: {len(valence_electrons)} numbers of valence electrons for {len(system.symbols)} atoms",
            "give one number an atom, in the order of the atoms",
        )


def _check_every_atom_has_a_maximum(electrons: NDArray[np.float64], system: System, data: VolumetricData) -> None:
    for index, symbol in enumerate(system.symbols):
        if electrons[index] < FEWEST_ELECTRONS_E:
            raise BaderError(
                f"{data.name}: no maximum of the density near atom {index} ({symbol}), only {electrons[index]:.4f}"
                " electrons drain there",
                "partition the all-electron density with cores, and look whether the atoms are those of the density",
            )
