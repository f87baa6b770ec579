"""Where an ion goes at a molecule: relaxations from every donor, and what they ended in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobflow import JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.conformers import distinct
from natrium.structures.ion_complexes import coordination
from natrium.structures.system import System
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary
from natrium.workflows.studies.orbital_settings import (
    CONFORMER,
    ION,
    NamedMolecule,
    OrbitalsSettings,
    conformer_step,
    placed,
)

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


def place_jobs(molecule: NamedMolecule, candidates: Mapping[str, System], settings: OrbitalsSettings) -> list[Any]:
    """Relaxations of the complex from every place of the ion; the last job ranks what came out."""
    tried = {
        place: calculation_maker(settings, conformer_step(molecule.base, place)).make(
            placed(system, settings.box(CONFORMER))
        )
        for place, system in candidates.items()
    }
    outputs = {place: made.output for place, made in tried.items()}
    ranking = rank(outputs, molecule.name, settings.box(settings.geometry))
    ranking.name = f"{molecule.base}-{ION}-places"
    return [*tried.values(), ranking]


@job(config=JobConfig(on_missing_references=OnMissing.NONE))
def rank(places: dict[str, Any], name: str, box: Any) -> dict[str, Any]:
    """The complexes that the relaxations from each place ended in, the lowest first, and which failed."""
    found = {place: one and CalculationResult.model_validate(one) for place, one in places.items()}
    relaxed = {place: one for place, one in found.items() if one}
    if not relaxed:
        require(f"{name} with the ion", dict.fromkeys(places))
    ranking = ion_places(
        {place: one.system for place, one in relaxed.items()}, {place: one.energy_ev for place, one in relaxed.items()}
    )
    best = ranking[0]
    # it was called after the place that it began at
    label = f"{best.system.label.rpartition(', ')[0]}, {best.donors}"
    return {
        "system": placed(best.system.model_copy(update={"label": label}), box),
        "places": ranking,
        "missing": [place for place, one in found.items() if not one],
        "calculations": {place: CalculationSummary.of(one) for place, one in relaxed.items()},
    }


def ion_places(systems: Mapping[str, System], energies_ev: Mapping[str, float]) -> list[IonPlace]:
    """The places where relaxations ended, the lowest first, each once: the same donors, geometry and energy.

    Args:
        systems: Relaxed complexes, by the place that they began at.
        energies_ev: Their energies, eV, by the same names.
    """
    held: dict[str, dict[str, System]] = {}
    for start, system in systems.items():
        held.setdefault(coordination(system), {})[start] = system
    kept = [
        (donors, one)
        for donors, group in held.items()
        for one in distinct(group, {start: energies_ev[start] for start in group}, tolerance_a=SAME_PLACE_A)
    ]
    kept.sort(key=lambda each: each[1].energy_ev)
    return [
        IonPlace(
            donors=donors,
            relative_ev=one.energy_ev - kept[0][1].energy_ev,
            starts=(one.name, *one.duplicates),
            system=one.system,
        )
        for donors, one in kept
    ]
