"""Documents of the study na110-o2 with known energies, potentials and densities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from synthetic import calculated, charged, potential, whole_and_parts

from natrium.structures.crystals import bulk_metal
from natrium.structures.molecules import diatomic
from natrium.structures.oxygen import oxygen_part, oxygen_structures, sodium_part
from natrium.structures.system import System
from natrium.workflows.result import CalculationResult
from natrium.workflows.sections import section_of
from natrium.workflows.studies import na110_o2
from natrium.workflows.studies.na110 import shape, slab_of
from natrium.workflows.studies.na110_o2 import NA110O2, StructureEvaluation
from natrium.workflows.study import settle

STUDY = NA110O2()
SETTINGS = settle(STUDY, "preview", {})
SLAB = slab_of(bulk_metal("Na"), shape(SETTINGS))
STRUCTURES = oxygen_structures(SLAB)
O2 = diatomic("O2", bond_a=1.23, multiplicity=3, box_a=10.0)
CLEAN_EV, O2_EV = -16.0, -9.8
FERMI_EV, CLEAN_LEVEL_EV = -1.0, 1.8
UPRIGHT, FLAT, ATOM = "short-bridge-upright", "hollow-flat-001", "embedded-o-octahedral"


def document(name: str, step: str, system: System, energy_ev: float, **fields: Any) -> CalculationResult:
    section = section_of(SETTINGS, f"{name}-{step}" if name else step)
    return calculated(system, SETTINGS.calculations[section or ""], energy_ev, **fields)


def clean() -> CalculationResult:
    levels = potential(SLAB, CLEAN_LEVEL_EV, CLEAN_LEVEL_EV)
    return document("", "slab-static", SLAB, CLEAN_EV, planar_potential=levels, fermi_level_ev=FERMI_EV)


def documents(
    folder: Path, name: str, energy_ev: float, became: System | None = None, **of_whole: Any
) -> dict[str, Any]:
    """The documents of a structure's calculations; it became another one, or stayed."""
    system = became or STRUCTURES[name]
    files = whole_and_parts(folder, system)
    facts = {
        "planar_potential": potential(system, CLEAN_LEVEL_EV + 0.1, CLEAN_LEVEL_EV + 0.7),
        "fermi_level_ev": FERMI_EV,
        "magnetic_moment": 1.0,
        "dipole_ea": (0.0, 0.0, -0.4),
        "charges": charged(system, {"Na": 0.125, "O": -0.75}),
        "density": files["whole"],
    } | of_whole
    return {
        "relax": document(name, "relax", system, energy_ev, magnetic_moment=facts["magnetic_moment"]),
        "whole": document(name, "whole", system, energy_ev, **facts),
        "sodium": document(name, "sodium", sodium_part(system), CLEAN_EV, density=files["sodium"]),
        "oxygen": document(name, "oxygen", oxygen_part(system), -9.0, density=files["oxygen"]),
    }


def evaluated(name: str, results: dict[str, Any], **changes: Any) -> StructureEvaluation:
    """The evaluation of these documents with those of the clean slab and of O2, or with other ones."""
    slab = clean()
    given = {
        "clean_ev": slab.energy_ev,
        "clean_potential": slab.planar_potential,
        "clean_fermi_level_ev": slab.fermi_level_ev,
        "clean_slab": slab.system,
        "o2_ev": O2_EV,
        "coarsening": 2,
    } | changes
    # as a job gets them: plain data
    plain = {step: one and one.model_dump() for step, one in results.items()}
    found: StructureEvaluation = na110_o2.evaluate.original(name, plain, **given)
    return StructureEvaluation.model_validate(found.model_dump())


def moved_o2(first_a: Any, second_a: Any) -> System:
    system = STRUCTURES[FLAT]
    positions = np.array(system.positions_a)
    positions[-2:] += np.array([first_a, second_a])
    return system.moved(positions)
