"""Levels of molecules as people read them: tables, and which molecule is the first."""

from __future__ import annotations

from collections.abc import Sequence

from natrium.analysis.frontier import FrontierLevels
from natrium.workflows.studies.molecule_levels import (
    UNBOUND_ELECTRON,
    UNBOUND_LUMO,
    UNBOUND_REDUCED,
    MoleculeLevels,
)
from natrium.workflows.study import shown


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
