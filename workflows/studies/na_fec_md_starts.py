"""Where the trajectories of the study `na-fec-md` begin: FEC, or FEC with a sodium ion, on Na(110)."""

from __future__ import annotations

from natrium.structures.boxes import boxed
from natrium.structures.errors import InputError
from natrium.structures.interfaces import interface
from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import molecule
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.studies.na_fec_md_settings import NaFecMdSettings, Species

_BOX_VACUUM_A = 4.5
"""Around a molecule while it is relaxed, in orbitals that end there."""


def unrelaxed(species: Species, settings: NaFecMdSettings) -> System:
    """FEC as force fields have it, or with the ion at its place, as geometry says; in a box.

    Raises:
        InputError: there is no such place.
    """
    if species == "fec":
        return boxed(molecule("FEC"), _BOX_VACUUM_A)
    found = ion_complexes(molecule("FEC"), "Na")
    if settings.coordination not in found:
        raise InputError(f"FEC has no place {settings.coordination!r} for Na+", f"use one of {', '.join(found)}")
    return boxed(found[settings.coordination], _BOX_VACUUM_A)


def on_slab(species: Species, seed: int, own: System, settings: NaFecMdSettings) -> System:
    """The molecule on the slab, where the dynamics begins."""
    slab = metal_slab(
        "Na",
        layers=settings.layers,
        size=settings.size,
        vacuum_a=settings.vacuum_a,
        fixed_layers=settings.fixed_layers,
        lattice_constant_a=settings.lattice_constant_a,
        orthogonal=True,
        dipole_layer=settings.calculations["md"].dipole_layer,
    )
    free = System.model_validate(own.model_dump() | {"cell_a": ((0, 0, 0),) * 3, "pbc": (False,) * 3})
    begin = settings.starts[species]
    return interface(
        slab,
        free,
        begin.orientation,
        height_a=begin.height_a,
        contact_a=begin.contact_a,
        turn_deg=begin.turn_deg,
        seed=seed if begin.orientation == "random" else None,
    )
