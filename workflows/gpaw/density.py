"""All-electron densities from a converged GPAW calculation. Runs on every MPI rank; the first one gets the numbers.

GPAW's own `densities().all_electron_densities()` gives the same numbers, walking the whole grid 27 times an atom:
minutes for a slab. Here each atom has a box of grid points around it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.units import Bohr
from numpy.typing import NDArray

REFINEMENT = 2
"""Of the grid of the wave functions. Bader charges of NaF: 0.873, 0.878, 0.880 e with 1, 2, 4."""


def all_electron_density(dft: Any, refinement: int = REFINEMENT) -> NDArray[np.float64] | None:
    """The density of all electrons, core included and spins added, on a refined grid, e/Å³; None on other ranks.

    The interpolated pseudo density plus φφ − φ̃φ̃ + n_c − ñ_c in each atom's sphere. What the grid misses of an atom's
    correction goes to the grid point nearest to its nucleus, so that the integral is the number of all electrons; the
    cores cancel exactly in a difference of densities on the same grid.

    Args:
        dft: `calc.dft` of a GPAW calculation without core holes, spins collinear.
        refinement: Grid points along each axis, as a multiple of those of the wave functions.

    Returns:
        Shape (nx, ny, nz); point i lies at i/n of the lattice vectors, also along a direction without periodicity.
    """
    from gpaw.mpi import world

    densities = dft.densities()
    pseudo = densities.nt_sR.to_pbc_grid().gather()
    matrices = densities.D_asii.gather(broadcast=True)
    if pseudo is None or world.rank > 0:  # ranks that share the k-points have the whole grid each
        return None
    spins = pseudo.dims[0] % 3
    if refinement > 1:
        pseudo = pseudo.interpolate(grid=pseudo.desc.new(size=pseudo.desc.size * refinement))
    density = np.array(pseudo.data[:spins].sum(axis=0))
    partial_waves: dict[Any, _Sphere] = {}
    for index, matrix in matrices.items():
        setup = densities.setups[index]
        if setup not in partial_waves:
            partial_waves[setup] = _Sphere(setup)
        coefficients = matrix.real[:spins].sum(axis=0)
        partial_waves[setup].add_to(density, pseudo.desc, densities.relpos_ac[index], coefficients)
    return np.asarray(density / Bohr**3)


class _Sphere:
    """What PAW adds to the pseudo density around the atoms of one dataset, as functions of the radius."""

    def __init__(self, setup: Any) -> None:
        self.setup = setup
        waves, pseudo_waves = setup.get_partial_waves()[:2]
        self.radius = max(setup.rcut_j)
        self.waves = list(zip(waves, pseudo_waves, strict=True))
        data = setup.data
        self.core = data.rgd.spline(data.nc_g - data.nct_g, 2 * self.radius, points=1000)

    def add_to(self, density: NDArray[np.float64], grid: Any, relative: Any, coefficients: Any) -> None:
        """Add the correction of the atom at these relative coordinates, in Bohr⁻³."""
        from gpaw.sphere.spherical_harmonics import Y

        vectors, where, centre = _points_within(self.radius, density.shape, grid, relative)
        radii = np.linalg.norm(vectors, axis=1)
        harmonics = [
            np.array([Y(index, *vectors.T) for index in range(wave.l**2, (wave.l + 1) ** 2)]) for wave, _ in self.waves
        ]
        all_electron, smooth = (
            np.concatenate([pair[part].map(radii) * y for pair, y in zip(self.waves, harmonics, strict=True)])
            for part in (0, 1)
        )
        added = ((coefficients @ all_electron) * all_electron - (coefficients @ smooth) * smooth).sum(axis=0)
        added += self.core.map(radii) / np.sqrt(4 * np.pi)
        setup = self.setup
        wanted = np.sqrt(4 * np.pi) * (coefficients * setup.Delta_iiL[:, :, 0]).sum() + setup.Nc - setup.Nct
        np.add.at(density, where, added)
        density[centre] += wanted / grid.dv - added.sum()


def _points_within(radius: float, shape: tuple[int, ...], grid: Any, relative: Any) -> tuple[Any, Any, Any]:
    """Grid points of a box around an atom that are within the radius, Bohr.

    Returns:
        Their vectors from the nucleus, Bohr, shape (points, 3); their indices; the index of the point nearest to it.
    """
    size = np.array(shape)
    plane_distances = 1 / np.linalg.norm(np.linalg.inv(grid.cell_cv), axis=0)
    half = np.ceil(radius / plane_distances * size).astype(int) + 1
    nearest = np.around(relative * size).astype(int)
    along = [np.arange(middle - reach, middle + reach + 1) for middle, reach in zip(nearest, half, strict=True)]
    within = [
        points if periodic else points[(points >= 0) & (points < n)]
        for points, periodic, n in zip(along, grid.pbc, size, strict=True)
    ]
    box = np.stack(np.meshgrid(*within, indexing="ij"), axis=-1)
    vectors = (box / size - relative) @ grid.cell_cv
    inside = np.linalg.norm(vectors, axis=-1) < radius
    return vectors[inside], tuple((box[inside] % size).T), tuple(nearest % size)


def free_atom_density(setup: Any) -> dict[str, list[float]]:
    """Radial density of the free, spherical atom of a dataset: radii, Å, and density of all electrons, e/Å³."""
    data = setup.data
    occupied = sum(f * phi**2 for f, phi in zip(data.f_j, data.phi_jg, strict=True) if f > 0)
    density = data.nc_g / np.sqrt(4 * np.pi) + occupied / (4 * np.pi)
    return {"r_a": (data.rgd.r_g * Bohr).tolist(), "density_e_a3": (density / Bohr**3).tolist()}
