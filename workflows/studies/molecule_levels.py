"""One molecule of the study `orbitals`: what its calculations gave together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobflow import JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.orbital_share import orbital_share
from natrium.structures.broken_bonds import broken_bonds
from natrium.structures.system import System
from natrium.workflows.partners import check_same_method, or_note, require
from natrium.workflows.result import CalculationResult, CalculationSummary
from natrium.workflows.studies.ion_places import IonPlace
from natrium.workflows.studies.orbital_settings import ION, REDUCED, REJOINED, NamedMolecule, conformer_step, step_name

Documents = Mapping[str, CalculationResult | None]

UNBOUND_LUMO = "LUMO is not bound: a state of the basis or of the box"
UNBOUND_ELECTRON = "where it is, it does not bind the extra electron: the electron affinity is that of basis or box"
UNBOUND_REDUCED = "relaxed, it does not bind the extra electron: the reduction energy is that of basis or box"


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
        places=[] if places is None else [IonPlace.model_validate(one) for one in places["places"]],
        levels=rows,
        missing=missing,
        calculations=calculations,
    )


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
    ways = {way: found.get(step_name(way, level)) for way in (f"{form}-{REDUCED}", f"{form}-{REJOINED}")}
    energies = {way: document.energy_ev for way, document in ways.items() if document is not None}
    return min(energies, key=lambda way: energies[way], default=f"{form}-{REDUCED}")


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
