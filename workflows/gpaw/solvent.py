"""GPAW's continuum solvent: a cavity from a repulsive potential around the atoms, and a dielectric outside of it.

Held and Walter, J. Chem. Phys. 141, 174108 (2014). Electrostatic only, as the continua of PySCF: no surface tension.
"""

from __future__ import annotations

from typing import Any

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

MODEL = "held-walter"
_BARRIER_EV = 0.180
_TEMPERATURE_K = 298.15
"""Both are Held and Walter's for water: where the potential is as high as this, no solvent comes."""
_NUMERICAL = {"pbc_cutoff": 1e-6, "tiny": 1e-10}
_HYDROGEN_A = 1.09
"""Held and Walter's choice (Rowland and Taylor, J. Phys. Chem. 100, 7384, 1996), not Bondi's 1.20 Å."""


def check_solvent(calculation: Calculation, system: System) -> None:
    """Refuse what GPAW's continuum cannot do.

    Raises:
        InputError: another model, plane waves, a periodic system, a relaxation, an element without a radius.
    """
    if calculation.solvent is None:
        return
    if calculation.solvent != MODEL:
        raise InputError(
            f"solvent={calculation.solvent}: GPAW has no polarisable continuum of this kind",
            f"use solvent={MODEL} with mode=fd, or engine pyscf for molecules and ions",
        )
    if calculation.mode != "fd" or any(system.pbc) or calculation.kind != "static":
        raise InputError(
            f"{system.label}: solvent={MODEL} in mode {calculation.mode}, kind {calculation.kind}, pbc {system.pbc}",
            "use mode=fd, kind=static and pbc (F, F, F); GPAW's cavity does not follow the atoms of a relaxation",
        )
    radii_a(system)


def radii_a(system: System) -> dict[str, float]:
    """Van der Waals radii of the cavity by element, Å: Bondi's and Alvarez' as ASE has them.

    Raises:
        InputError: an element has none.
    """
    import math

    from ase.data import atomic_numbers
    from ase.data.vdw import vdw_radii

    found = {symbol: float(vdw_radii[atomic_numbers[symbol]]) for symbol in sorted(set(system.symbols))}
    unknown = [symbol for symbol, radius in found.items() if not math.isfinite(radius)]
    if unknown:
        raise InputError(f"{system.label}: no van der Waals radius of {', '.join(unknown)}", "leave the solvent out")
    return found | ({"H": _HYDROGEN_A} if "H" in found else {})


def solvent_keywords(calculation: Calculation, system: System) -> dict[str, Any]:
    """GPAW's keywords for the solvent; none without one."""
    if calculation.solvent is None:
        return {}
    potential = {"name": "Power12Potential", "atomic_radii": radii_a(system), "u0": _BARRIER_EV}
    cavity = {"effective_potential": potential | _NUMERICAL, "temperature": _TEMPERATURE_K}
    dielectric = {"epsinf": calculation.epsilon}
    return {"extensions": [{"name": "solvation", "cavity": cavity, "dielectric": dielectric}]}


def solvent_facts(calculation: Calculation, system: System) -> dict[str, Any] | None:
    """What the levels in a solvent rest on: model, permittivity, radii (Å)."""
    if calculation.solvent is None:
        return None
    return {"model": "Held and Walter 2014", "epsilon": calculation.epsilon, "radii_a": radii_a(system)}
