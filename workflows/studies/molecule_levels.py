"""One molecule of the study `orbitals`: what its calculations gave together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase.data import covalent_radii
from jobflow import JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.orbital_share import orbital_share
from natrium.structures.bonds import neighbours
from natrium.structures.conformers import RankedConformer, distinct
from natrium.structures.counterpoise import alone
from natrium.structures.ion_complexes import coordination
from natrium.structures.system import System
from natrium.workflows.partners import check_same_method, or_note, require
from natrium.workflows.result import CalculationResult, CalculationSummary
from natrium.workflows.studies.orbital_settings import ION, REJOINED, NamedMolecule, conformer_step, step_name
from natrium.workflows.study import shown

Documents = Mapping[str, CalculationResult | None]

UNBOUND_LUMO = "LUMO is not bound: a state of the basis or of the box"
UNBOUND_ELECTRON = "where it is, it does not bind the extra electron: the electron affinity is that of basis or box"
UNBOUND_REDUCED = "relaxed, it does not bind the extra electron: the reduction energy is that of basis or box"


SAME_PLACE_A = 0.3
"""Relaxed complexes with the same donors are one place where no distance differs by more, Å: an ion at the end of a
carbonyl group swings by 0.2 Å for 0.01 eV."""


class IonPlace(BaseModel):
    """A place where relaxations of a complex ended."""

    model_config = ConfigDict(extra="forbid")

    donors: str = Field(description="What holds the ion there: carbonyl-o, carbonyl-o+ring-o")
    relative_ev: float = Field(description="Energy above the lowest place, eV")
    starts: tuple[str, ...] = Field(description="The places that the ion was put at and that ended here")
    system: System = Field(description="The geometry that lies lowest")


class MoleculeLevels(BaseModel):
    """A molecule, its complex with the ion, and their levels."""

    model_config = ConfigDict(extra="forbid")

    name: str
    source: str = Field(description="Where the molecule comes from: a name of the library, SMILES, a file")
    system: System = Field(description="The relaxed molecule")
    complex: System | None = Field(description="The relaxed complex with the ion")
    places: list[IonPlace] = Field(description="Where the ion ended, by energy")
    levels: list[FrontierLevels]
    missing: list[str] = Field(description="What could not be evaluated, and why")
    calculations: dict[str, CalculationSummary] = Field(description="The calculations behind these numbers")


@job(output_schema=MoleculeLevels, config=JobConfig(on_missing_references=OnMissing.NONE))
def evaluate(
    molecule: Any, documents: dict[str, Any], ions_ev: dict[str, float | None], places: Any, given: dict[str, Any]
) -> MoleculeLevels:
    """One molecule from the documents of its calculations; what is missing is said.

    Args:
        molecule: Its name and where it comes from.
        documents: Its calculations by step; None where one failed.
        ions_ev: Energy of the ion alone at each level of theory, eV.
        places: What the ranking of the places of the ion gave; None where none was asked for, or it failed.
        given: `ion`, `levels` and `geometry` of the settings.
    """
    molecule = NamedMolecule.model_validate(molecule)
    name, base, geometry = molecule.name, molecule.base, given["geometry"]
    found = {step: one and CalculationResult.model_validate(one) for step, one in documents.items()}
    relaxed = found[step_name(base, geometry)]
    require(name, {step_name(base, geometry): relaxed})
    assert relaxed is not None
    missing = [f"{step}: failed" for step, one in found.items() if not one]
    with_ion = f"{base}-{ION}"
    if given["ion"] is not None and step_name(with_ion, geometry) not in found:
        missing.append(f"{given['ion']} finds no place at it, or none of those that were asked for")
    rows: list[FrontierLevels] = []
    for level in given["levels"]:
        own = _levels(name, name, base, level, geometry, found, missing)
        complexed = _levels(f"{name}–{given['ion']}", name, with_ion, level, geometry, found, missing)
        rows += [own] if own else []
        rows += [_bound(complexed, own, base, found, ions_ev.get(level), missing)] if complexed else []
    if not rows:
        require(name, {step_name(base, level): None for level in given["levels"]})
    calculations = {step: CalculationSummary.of(one) for step, one in found.items() if one}
    if places is not None:
        missing += [f"{conformer_step(base, place)}: failed" for place in places["missing"]]
        calculations |= {
            conformer_step(base, place): CalculationSummary.model_validate(one)
            for place, one in places["calculations"].items()
        }
    relaxed_complex = found.get(step_name(with_ion, geometry))
    return MoleculeLevels(
        name=name,
        source=molecule.source,
        system=relaxed.system,
        complex=None if relaxed_complex is None else relaxed_complex.system,
        places=[] if places is None else ion_places([RankedConformer.model_validate(one) for one in places["ranking"]]),
        levels=rows,
        missing=missing,
        calculations=calculations,
    )


def ion_places(ranking: Sequence[RankedConformer]) -> list[IonPlace]:
    """The places where relaxations ended, by energy, each once: the same donors, geometry and energy."""
    starts = {one.name: (one.name, *one.duplicates) for one in ranking}
    merged = distinct(
        {one.name: one.system for one in ranking},
        {one.name: one.energy_ev for one in ranking},
        tolerance_a=SAME_PLACE_A,
    )
    return [
        IonPlace(
            donors=coordination(one.system),
            relative_ev=one.relative_ev,
            starts=tuple(start for name in (one.name, *one.duplicates) for start in starts[name]),
            system=one.system,
        )
        for one in merged
    ]


def ion_levels(ion: str, level: str, document: CalculationResult) -> FrontierLevels:
    """The levels of the ion alone."""
    return _row(ion, None, level, document)


def _row(species: str, molecule: str | None, level: str, document: CalculationResult) -> FrontierLevels:
    homo, lumo = document.homo_ev, document.lumo_ev
    return FrontierLevels(
        name=f"{species}, {level}",
        species=species,
        molecule=molecule,
        level=level,
        homo_ev=homo,
        lumo_ev=lumo,
        gap_ev=None if homo is None or lumo is None else lumo - homo,
        notes=(UNBOUND_LUMO,) if lumo is not None and lumo >= 0 else (),
    )


def _levels(
    species: str, molecule: str, form: str, level: str, geometry: str, found: Documents, missing: list[str]
) -> FrontierLevels | None:
    """A species at a level of theory, with what one more electron does to it; None where its calculation failed."""
    document = found.get(step_name(form, level))
    if document is None:
        return None
    row = _row(species, molecule, level, document)
    vertical = found.get(step_name(f"{form}-electron", level))
    lowest = _lowest_reduced(form, level, found)
    adiabatic = found.get(step_name(lowest, level))
    what = f"{species}, {level}"
    gained = or_note(what, missing, lambda: _difference_ev(vertical, document))
    reduction = or_note(what, missing, lambda: _difference_ev(adiabatic, document))
    relaxed = found.get(step_name(form, geometry))
    relaxed_reduced = found.get(step_name(lowest, geometry))
    broken: tuple[str, ...] = ()
    if relaxed is not None and relaxed_reduced is not None:
        broken = broken_bonds(relaxed.system, relaxed_reduced.system)
    notes = [note for note, value in ((UNBOUND_ELECTRON, gained), (UNBOUND_REDUCED, reduction)) if value and value > 0]
    changes = {
        "electron_affinity_ev": None if gained is None else -gained,
        "reduction_ev": reduction,
        "broken_bonds": broken,
        "notes": (*row.notes, *notes),
    }
    return row.model_copy(update=changes)


def _lowest_reduced(form: str, level: str, found: Documents) -> str:
    """What the steps of the relaxed reduced species begin with: of a complex the lower of its two minima."""
    ways = {way: found.get(step_name(way, level)) for way in (f"{form}-reduced", f"{form}-{REJOINED}")}
    energies = {way: document.energy_ev for way, document in ways.items() if document is not None}
    return min(energies, key=lambda way: energies[way], default=f"{form}-reduced")


def _difference_ev(first: CalculationResult | None, second: CalculationResult) -> float | None:
    """E(first) - E(second), eV; None where there is no first.

    Raises:
        InputError: they were calculated by different methods.
    """
    if first is None:
        return None
    check_same_method((first, second))
    return first.energy_ev - second.energy_ev


def _bound(
    complexed: FrontierLevels,
    own: FrontierLevels | None,
    base: str,
    found: Documents,
    ion_ev: float | None,
    missing: list[str],
) -> FrontierLevels:
    """The complex with what the ion does to the LUMO, and how strongly it is bound."""
    shift = None
    if own is not None and own.lumo_ev is not None and complexed.lumo_ev is not None:
        shift = complexed.lumo_ev - own.lumo_ev
    binding, corrected = _binding(base, complexed.level, found, ion_ev, missing)
    step = step_name(f"{base}-{ION}", complexed.level)
    lowest = _lowest_reduced(f"{base}-{ION}", complexed.level, found)
    changes = {
        "lumo_shift_ev": shift,
        "lumo_at_ion": _at_ion(found.get(step), "lumo", missing),
        "electron_at_ion": _at_ion(found.get(step_name(lowest, complexed.level)), "homo", missing),
        "binding_ev": binding,
        "binding_counterpoise_ev": corrected,
    }
    return complexed.model_copy(update=changes)


def _at_ion(document: CalculationResult | None, name: str, missing: list[str]) -> float | None:
    """Share of an orbital of a complex that is at its ion, which is its last atom; None where it was not kept."""
    kept = None if document is None or document.orbitals is None else document.orbitals.get(name)
    if document is None or kept is None:
        return None
    positions_a = document.system.positions_a
    return or_note(
        f"{document.system.label}, {name}", missing, lambda: orbital_share(kept, positions_a, len(positions_a) - 1)
    )


def _binding(
    base: str, level: str, found: Documents, ion_ev: float | None, missing: list[str]
) -> tuple[float | None, float | None]:
    """Binding energy of the ion, eV, without and with the counterpoise correction.

    The corrected one is E(complex) - E(molecule there, with the ion's functions) - E(ion, with the molecule's
    functions) + E(molecule there) - E(molecule relaxed): the last two say what it costs to deform the molecule.
    """
    form = f"{base}-{ION}"
    whole, molecule = found.get(step_name(form, level)), found.get(step_name(base, level))
    if whole is None or molecule is None or ion_ev is None:
        return None, None
    apart = or_note("binding energy", missing, lambda: _difference_ev(whole, molecule))
    if apart is None:
        return None, None
    deformed, with_ghost, ion_with_ghosts = (
        found.get(step_name(f"{form}-{part}", level)) for part in ("deformed", "molecule", "ion")
    )
    if deformed is None or with_ghost is None or ion_with_ghosts is None:
        return apart - ion_ev, None
    deformation_ev = deformed.energy_ev - molecule.energy_ev
    interaction_ev = whole.energy_ev - with_ghost.energy_ev - ion_with_ghosts.energy_ev
    return apart - ion_ev, interaction_ev + deformation_ev


def broken_bonds(before: System, after: System) -> tuple[str, ...]:
    """Bonds of the first geometry that the second has not, such as C3-F5, with indices counted from 0.

    Contacts of ions of metals are no bonds here. A bond that is longer by less than a tenth of the sum of the radii
    is not called broken, wherever the limit between bonded and not bonded lies.
    """
    old, new = alone(before), alone(after)
    stretched = []
    kept = neighbours(new)
    atoms, atoms_after = old.atoms(), new.atoms()
    for first, others in enumerate(neighbours(old)):
        for second in others:
            if second <= first or second in kept[first]:
                continue
            radii = covalent_radii[atoms.numbers[first]] + covalent_radii[atoms.numbers[second]]
            longer = atoms_after.get_distance(first, second) - atoms.get_distance(first, second)
            if longer > _CLEARLY * radii:
                stretched.append(f"{before.symbols[first]}{first}-{before.symbols[second]}{second}")
    return tuple(stretched)


_CLEARLY = 0.1


def ranked(levels: Sequence[FrontierLevels]) -> list[str]:
    """The molecules with the lowest LUMO and with the most negative reduction energy, at the first level of theory."""
    own = [row for row in levels if row.species == row.molecule and row.level == levels[0].level]
    told = []
    for what, values in (
        ("lowest LUMO", {row.species: row.lumo_ev for row in own}),
        ("most easily reduced", {row.species: row.reduction_ev for row in own}),
    ):
        known = {species: value for species, value in values.items() if value is not None}
        if known:
            best = min(known, key=lambda species: known[species])
            told.append(f"{what}: {best}, {known[best]:.2f} eV ({levels[0].level})")
    return told


def tables(levels: Sequence[FrontierLevels], molecules: Sequence[MoleculeLevels]) -> list[list[dict[str, str]]]:
    """The levels; where the ion was tried; what is missing. Empty tables are left out."""
    rows = list(levels)
    if len(molecules) > 1:
        order = {level: position for position, level in enumerate(dict.fromkeys(row.level for row in rows))}
        rows.sort(key=lambda row: (order[row.level], row.lumo_ev is None, row.lumo_ev or 0.0, row.species))
    places = [
        {
            "molecule": one.name,
            "the ion is held by": place.donors,
            "above the lowest (eV)": shown(place.relative_ev),
            "began at": ", ".join(place.starts),
        }
        for one in molecules
        for place in one.places
    ]
    missing = [{"molecule": one.name, "missing": what} for one in molecules for what in one.missing]
    return [table for table in ([table_row(row) for row in rows], places, missing) if table]


def table_row(row: FrontierLevels) -> dict[str, str]:
    """A species at a level of theory as a row of a table."""

    def marked(value: float | None, note: str, sign: str = "") -> str:
        return shown(value, 2, sign) + (" (not bound)" if note in row.notes else "")

    return {
        "species": row.species,
        "level": row.level,
        "HOMO (eV)": shown(row.homo_ev),
        "LUMO (eV)": marked(row.lumo_ev, UNBOUND_LUMO),
        "gap (eV)": shown(row.gap_ev),
        "ΔLUMO by the ion (eV)": shown(row.lumo_shift_ev, 2, "+"),
        "LUMO at the ion (%)": shown(row.lumo_at_ion and 100 * row.lumo_at_ion, 0),
        "electron affinity (eV)": marked(row.electron_affinity_ev, UNBOUND_ELECTRON),
        "reduction (eV)": marked(row.reduction_ev, UNBOUND_REDUCED, "+"),
        "electron at the ion (%)": shown(row.electron_at_ion and 100 * row.electron_at_ion, 0),
        "bonds broken by it": ", ".join(row.broken_bonds),
        "binding (eV)": shown(row.binding_ev),
        "with counterpoise (eV)": shown(row.binding_counterpoise_ev),
    }
