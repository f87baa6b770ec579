"""One molecule of the study `orbitals`: what its calculations gave together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ase.data import covalent_radii
from jobflow import JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.frontier import FrontierLevels
from natrium.analysis.published import Comparison, compare
from natrium.structures.bonds import neighbours
from natrium.structures.conformers import RankedConformer
from natrium.structures.counterpoise import alone
from natrium.structures.system import System
from natrium.workflows.partners import check_same_method, or_note, require
from natrium.workflows.result import CalculationResult, CalculationSummary
from natrium.workflows.study import shown

Documents = Mapping[str, CalculationResult | None]


class MoleculeLevels(BaseModel):
    """A molecule, its complex with the ion, and their levels."""

    model_config = ConfigDict(extra="forbid")

    name: str
    source: str = Field(description="Where the molecule comes from: a name of the library, SMILES, a file")
    system: System = Field(description="The relaxed molecule")
    complex: System | None = Field(description="The relaxed complex with the ion")
    places: list[RankedConformer] = Field(
        description="Where the ion was tried, by energy; places that became the same are one"
    )
    levels: list[FrontierLevels]
    missing: list[str] = Field(description="What could not be evaluated, and why")
    calculations: dict[str, CalculationSummary] = Field(description="The calculations behind these numbers")


@job(output_schema=MoleculeLevels, config=JobConfig(on_missing_references=OnMissing.NONE))
def evaluate(
    name: str,
    source: str,
    base: str,
    documents: dict[str, Any],
    ions_ev: dict[str, float | None],
    places: Any,
    ion: str | None,
    levels: list[str],
    geometry: str,
) -> MoleculeLevels:
    """One molecule from the documents of its calculations; what is missing is said.

    Args:
        name: Of the molecule.
        source: Where it comes from.
        base: What the names of its steps begin with.
        documents: Its calculations by "<form>-<section>"; None where one failed.
        ions_ev: Energy of the ion alone at each level of theory, eV.
        places: What `rank` found, or None.
        ion: Name of the ion.
        levels: The levels of theory.
        geometry: The section of the relaxations.
    """
    found = {step: one and CalculationResult.model_validate(one) for step, one in documents.items()}
    missing = [f"{step.replace('_', '-')}: failed" for step, one in found.items() if not one]
    relaxed = found[f"{base}-{geometry}"]
    require(name, {f"{base}-{geometry}": relaxed})
    assert relaxed is not None
    rows: list[FrontierLevels] = []
    for level in levels:
        own = _levels(name, name, base, level, geometry, found, missing)
        rows += [own] if own else []
        complexed = _levels(f"{name}–{ion}", name, f"{base}-ion", level, geometry, found, missing)
        if complexed is not None:
            shift = None if own is None or None in (own.lumo_ev, complexed.lumo_ev) else _shift(own, complexed)
            binding, corrected = _binding(base, level, found, ions_ev.get(level), missing)
            changes = {"lumo_shift_ev": shift, "binding_ev": binding, "binding_counterpoise_ev": corrected}
            rows.append(complexed.model_copy(update=changes))
    require(name, {f"{base}-{level}": None for level in levels} if not rows else {})
    relaxed_complex = found.get(f"{base}-ion-{geometry}")
    calculations = {f"{step.replace('_', '-')}": CalculationSummary.of(one) for step, one in found.items() if one}
    if places is not None:
        missing += [f"{place}-conformer: failed" for place in places["missing"]]
        tried = {place: CalculationSummary.model_validate(one) for place, one in places["calculations"].items()}
        calculations |= {f"{base}-conformer-{place}": one for place, one in tried.items()}
    return MoleculeLevels(
        name=name,
        source=source,
        system=relaxed.system,
        complex=None if relaxed_complex is None else relaxed_complex.system,
        places=[] if places is None else [RankedConformer.model_validate(one) for one in places["ranking"]],
        levels=rows,
        missing=missing,
        calculations=calculations,
    )


def ion_levels(ion: str, level: str, document: CalculationResult) -> FrontierLevels:
    """The levels of the ion alone."""
    return _row(ion, None, level, document)


def _row(species: str, molecule: str | None, level: str, document: CalculationResult) -> FrontierLevels:
    homo, lumo = document.homo_ev, document.lumo_ev
    unbound = lumo is not None and lumo >= 0
    return FrontierLevels(
        name=f"{species}, {level}",
        species=species,
        molecule=molecule,
        level=level,
        homo_ev=homo,
        lumo_ev=lumo,
        gap_ev=None if homo is None or lumo is None else lumo - homo,
        notes=(UNBOUND,) if unbound else (),
    )


UNBOUND = "LUMO is not bound: a state of the basis or of the box"
NO_ANION = "the extra electron is not bound: a state of the basis or of the box"


def _levels(
    species: str, molecule: str, form: str, level: str, geometry: str, found: Documents, missing: list[str]
) -> FrontierLevels | None:
    """A species at a level of theory, with what one more electron does to it; None where its calculation failed."""
    document = found.get(f"{form}-{level}")
    if document is None:
        return None
    row = _row(species, molecule, level, document)
    vertical, adiabatic = found.get(f"{form}-electron-{level}"), found.get(f"{form}-reduced-{level}")
    gained = or_note(f"{species}, {level}", missing, lambda: _difference_ev(vertical, document))
    reduction = or_note(f"{species}, {level}", missing, lambda: _difference_ev(adiabatic, document))
    relaxed, relaxed_reduced = found.get(f"{form}-{geometry}"), found.get(f"{form}-reduced-{geometry}")
    broken: tuple[str, ...] = ()
    if relaxed is not None and relaxed_reduced is not None:
        broken = broken_bonds(relaxed.system, relaxed_reduced.system)
    changes = {
        "electron_affinity_ev": None if gained is None else -gained,
        "reduction_ev": reduction,
        "broken_bonds": broken,
        "notes": (*row.notes, NO_ANION) if gained is not None and gained > 0 else row.notes,
    }
    return row.model_copy(update=changes)


def _difference_ev(first: CalculationResult | None, second: CalculationResult) -> float | None:
    """E(first) - E(second), eV; None where there is no first.

    Raises:
        InputError: they were calculated by different methods.
    """
    if first is None:
        return None
    check_same_method((first, second))
    return first.energy_ev - second.energy_ev


def _shift(own: FrontierLevels, complexed: FrontierLevels) -> float:
    assert own.lumo_ev is not None
    assert complexed.lumo_ev is not None
    return complexed.lumo_ev - own.lumo_ev


def _binding(
    base: str, level: str, found: Documents, ion_ev: float | None, missing: list[str]
) -> tuple[float | None, float | None]:
    """Binding energy of the ion, eV, without and with the counterpoise correction.

    The corrected one is E(complex) - E(molecule there, with the ion's functions) - E(ion, with the molecule's
    functions) + E(molecule there) - E(molecule relaxed): the last two say what it costs to deform the molecule.
    """
    whole, molecule = found.get(f"{base}-ion-{level}"), found.get(f"{base}-{level}")
    if whole is None or molecule is None or ion_ev is None:
        return None, None
    apart = or_note("binding energy", missing, lambda: _difference_ev(whole, molecule))
    if apart is None:
        return None, None
    parts = [found.get(f"{base}-ion-{part}-{level}") for part in ("deformed", "molecule", "ion")]
    deformed, with_ghost, ion_with_ghosts = parts
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

_PUBLISHED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("FEC", "pbe", "fec_pbe_gas", ()),
    ("FEC", "pbe_gto", "fec_pbe_gas", ()),
    ("FEC", "b3lyp", "fec_b3lyp", ("gas",)),
    ("FEC", "b3lyp_pcm", "fec_b3lyp", ("pcm",)),
    ("FEC–Na+", "b3lyp", "fec_na_b3lyp", ("gas",)),
    ("FEC–Na+", "b3lyp_pcm", "fec_na_b3lyp", ("pcm",)),
)
"""Species, level of theory, and where the published HOMO and LUMO are."""


def comparisons(levels: Sequence[FrontierLevels]) -> list[Comparison]:
    """Our numbers beside published ones: the paper's, whose method is not known, and those of the same method."""
    found = []
    for row in levels:
        paper = {"FEC": "fec_lumo", "FEC–Na+": "fec_na_lumo"}.get(row.species)
        if paper and row.lumo_ev is not None:
            found.append(compare(row.lumo_ev, paper, row.level))
        for species, level, identifier, where in _PUBLISHED:
            if (species, level) == (row.species, row.level):
                for position, (orbital, value) in enumerate((("HOMO", row.homo_ev), ("LUMO", row.lumo_ev))):
                    if value is not None:
                        what = ", ".join((*where, orbital))
                        found.append(compare(value, identifier, what, (*where, position)))
        if (row.species, row.level) == ("FEC–Na+", "b3lyp") and row.binding_ev is not None:
            found.append(compare(row.binding_ev, "na_binding_fec"))
    return found


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


def table_row(row: FrontierLevels) -> dict[str, str]:
    """A species at a level of theory as a row of a table."""
    return {
        "species": row.species,
        "level": row.level,
        "HOMO (eV)": shown(row.homo_ev),
        "LUMO (eV)": shown(row.lumo_ev) + (" (not bound)" if row.lumo_is_bound is False else ""),
        "gap (eV)": shown(row.gap_ev),
        "ΔLUMO by the ion (eV)": shown(row.lumo_shift_ev, 2, "+"),
        "electron affinity (eV)": shown(row.electron_affinity_ev),
        "reduction (eV)": shown(row.reduction_ev, 2, "+"),
        "bonds broken by it": ", ".join(row.broken_bonds),
        "binding (eV)": shown(row.binding_ev),
        "with counterpoise (eV)": shown(row.binding_counterpoise_ev),
    }
