"""Slabs of elemental metals: low-index faces, counted layers, vacuum along the surface normal, fixed bottom layers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from natrium.structures.crystals import Lattice, Structure, metal_lattice
from natrium.structures.errors import InputError
from natrium.structures.system import System


class Face(NamedTuple):
    """A low-index face: which function of ase.build makes it, and whether its smallest cell is oblique."""

    builder: str
    oblique: bool


FACES: dict[Structure, dict[str, Face]] = {
    "bcc": {"100": Face("bcc100", False), "110": Face("bcc110", True), "111": Face("bcc111", True)},
    "fcc": {"100": Face("fcc100", False), "110": Face("fcc110", False), "111": Face("fcc111", True)},
    "hcp": {"0001": Face("hcp0001", True)},
}

SMALLEST_VACUUM_A = 5.0
"""Below, the densities of the two surfaces overlap and the slab is no slab."""

SMALLEST_VACUUM_WITH_DIPOLE_LAYER_A = 13.0
"""Half of it, less what the dipole layer takes, must hold a plateau of the potential beyond the tail of the slab.
Measured on Na(110) with PBE: with 8, 10 and 12 Å even the outermost potential is off by 57, 17 and 5 meV against 20 Å,
and with 12 Å it still falls by 28 meV over the window in which the vacuum level is read."""


def metal_slab(
    element: str,
    face: str = "110",
    *,
    layers: int,
    size: tuple[int, int] = (1, 1),
    vacuum_a: float,
    fixed_layers: int = 0,
    lattice_constant_a: float | None = None,
    c_over_a: float | None = None,
    orthogonal: bool = False,
    structure: Structure | None = None,
    dipole_layer: bool = True,
) -> System:
    """A bulk-terminated slab of a bcc, fcc or hcp metal, centred in its cell, neutral, its spin left open.

    The third lattice vector is the surface normal (+z), the first two lie in the surface; periodic (T, T, F);
    right-handed. Layers are numbered from 1 at the bottom, and by this number the lowest `fixed_layers` are fixed.

    Args:
        element: Chemical symbol.
        face: Miller indices without spaces: 100, 110, 111 (bcc, fcc) or 0001 (hcp).
        layers: Number of atomic planes; for bcc(111) these are the close ones, a/√12 apart.
        size: Repetitions of the surface cell along the first two lattice vectors.
        vacuum_a: Empty height between the topmost atoms and the periodic image of the lowest ones, Å.
        fixed_layers: How many layers, from the bottom, do not move in a relaxation.
        lattice_constant_a: Lattice constant of the conventional cell, Å, best relaxed with the same settings; None
            takes the reference value.
        c_over_a: Axial ratio of an hcp metal.
        orthogonal: A rectangular cell where the smallest one is oblique.
        structure: bcc, fcc or hcp; None takes the element's own.
        dipole_layer: Whether a dipole layer will be put into the vacuum, which must then be thick enough for it.

    Raises:
        InputError: anything of the above that cannot be.

    >>> metal_slab("Na", layers=7, vacuum_a=15.0, fixed_layers=2).label
    'Na(110) 1×1, 7 layers'
    """
    lattice = metal_lattice(element, structure=structure, lattice_constant_a=lattice_constant_a, c_over_a=c_over_a)
    faces = FACES[lattice.structure]
    if face not in faces:
        raise InputError(
            f"{element} is {lattice.structure}, which has no face {face!r} here", f"use one of {', '.join(faces)}"
        )
    label = f"{element}({face})"
    _check_counts(label, layers, size, fixed_layers)
    _check_vacuum(label, vacuum_a, dipole_layer)
    rectangular = orthogonal or not faces[face].oblique
    if rectangular and faces[face].oblique and size[1] % 2:
        raise InputError(
            f"{label}: no rectangular cell of size {size[0]}×{size[1]}",
            f"make the second number even, such as {size[0]}×{size[1] + 1}, or use orthogonal=false",
        )
    # here, because with them comes scipy, and most who read or plan a study build nothing
    from ase import build
    from ase.constraints import FixAtoms

    make = getattr(build, faces[face].builder)
    atoms = make(element, (*size, layers), orthogonal=rectangular, **_lattice_arguments(lattice))
    atoms.center(vacuum=vacuum_a / 2, axis=2)
    atoms.pbc = (True, True, False)
    atoms.wrap()
    # ASE counts its tags from the top.
    numbers = layers + 1 - atoms.get_tags()
    atoms.set_constraint(FixAtoms(mask=numbers <= fixed_layers) if fixed_layers else None)
    return System.from_atoms(
        atoms,
        f"{label} {size[0]}×{size[1]}, {layers} layer{'s' if layers > 1 else ''}",
        layers=tuple(int(number) for number in numbers),
    )


def _lattice_arguments(lattice: Lattice) -> dict[str, float]:
    arguments = {"a": lattice.a_a}
    if lattice.c_over_a is not None:
        arguments["c"] = lattice.a_a * lattice.c_over_a
    return arguments


def _check_counts(label: str, layers: int, size: tuple[int, int], fixed_layers: int) -> None:
    if layers < 1:
        raise InputError(
            f"{label}: layers={layers}", "use at least 1; a converged work function of a metal needs about 7"
        )
    if min(size) < 1:
        raise InputError(f"{label}: size {size[0]}×{size[1]}", "use at least 1×1")
    if not 0 <= fixed_layers < layers:
        raise InputError(
            f"{label}: fixed_layers={fixed_layers} of {layers} layers leaves nothing to relax"
            if fixed_layers > 0
            else f"{label}: fixed_layers={fixed_layers}",
            f"use 0 to {layers - 1}, or more layers",
        )


def _check_vacuum(label: str, vacuum_a: float, dipole_layer: bool) -> None:
    smallest_a = SMALLEST_VACUUM_WITH_DIPOLE_LAYER_A if dipole_layer else SMALLEST_VACUUM_A
    # Written so that not-a-number is refused too.
    if not smallest_a <= vacuum_a < np.inf:
        reason = " for a dipole layer with a plateau of the potential on both of its sides" if dipole_layer else ""
        raise InputError(
            f"{label}: vacuum_a={vacuum_a:g} Å is too thin{reason}"
            if vacuum_a < smallest_a
            else f"{label}: vacuum_a={vacuum_a}",
            f"use at least {smallest_a:g} Å; 15 Å is usual",
        )
