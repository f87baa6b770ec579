"""One oxygen atom in a void of bulk sodium: what its calculations gave together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jobflow import JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.charges import AtomicCharges
from natrium.analysis.interstitial import FormationEnergy, VolumeChange, formation_energy, volume_change
from natrium.analysis.stored_array import PAYLOAD
from natrium.structures.system import System
from natrium.structures.voids import VoidName, nearest_void
from natrium.workflows.partners import charges_of, check_moment, difference_of, or_note, require
from natrium.workflows.result import CalculationResult, CalculationSummary, Evaluation
from natrium.workflows.study import shown

HOSTS = ("host-smaller", "host", "host-larger")
"""The cell without oxygen, and with shorter and longer edges."""


class Interstitial(BaseModel):
    """An oxygen atom in a void of bulk sodium."""

    model_config = ConfigDict(extra="forbid")

    void: VoidName = Field(description="Where the oxygen atom started")
    became: VoidName | None = Field(None, description="The void it is in, where that is of the other kind")
    formation_energy: FormationEnergy
    volume_change: VolumeChange | None = Field(description="None where a strained calculation is missing")
    charges: AtomicCharges | None = Field(description="Of all atoms; the oxygen atom is the last")
    oxygen_charge_e: float | None = Field(description="Bader charge of the oxygen atom, e")
    nearest_na_o_a: float = Field(description="Distance of the oxygen atom to the nearest sodium, Å")
    displacement_a: float = Field(description="How far the oxygen atom moved from the centre of its void, Å")
    charge_moved_e: float | None = Field(description="½∫|Δρ|, e; none where a partner of the difference is missing")
    integral_e: float | None = Field(description="∫Δρ, e: zero but for errors of the grid")
    missing: list[str] = Field(description="What could not be evaluated, and why")
    system: System = Field(description="The relaxed cell")
    calculations: dict[str, CalculationSummary] = Field(description="The calculations behind these numbers")


class InterstitialEvaluation(Evaluation):
    """One interstitial with its density difference."""

    interstitial: Interstitial


def table_row(one: Interstitial) -> dict[str, str]:
    """The interstitial as a row of a table."""
    hirshfeld_e = None if one.charges is None else one.charges.hirshfeld_e[-1]
    return {
        "void": one.void,
        "became": one.became or "as it started",
        "E_f (eV)": shown(one.formation_energy.energy_ev),
        "E_f, O2 corrected (eV)": shown(one.formation_energy.corrected_ev),
        "ΔV (Å³)": shown(None if one.volume_change is None else one.volume_change.change_a3, 1, "+"),
        "q Bader (e)": shown(one.oxygen_charge_e, 2, "+"),
        "q Hirshfeld (e)": shown(hirshfeld_e, 2, "+"),
        "Na–O (Å)": shown(one.nearest_na_o_a),
        "moved (Å)": shown(one.displacement_a),
        "½∫|Δρ| (e)": shown(one.charge_moved_e),
        "∫Δρ (e)": "–" if one.integral_e is None else f"{one.integral_e:.0e}",
        "missing": "; ".join(one.missing),
    }


def void_in_the_end(start: System, relaxed: System) -> VoidName:
    """The kind of void that the last atom is nearest to in the lattice of the others, which may have drifted.

    Args:
        start: On lattice sites, one of them the origin; a cube of conventional bcc cells.
        relaxed: The same atoms in the same order.
    """
    *before, _ = np.array(start.positions_a)
    *after, oxygen = np.array(relaxed.positions_a)
    drift = np.mean(np.array(after) - np.array(before), axis=0)
    cells = np.cbrt(len(before) / 2)
    void, _ = nearest_void((oxygen - drift) / (relaxed.cell_a[0][0] / cells))
    return void


def nearest_neighbour_a(system: System) -> float:
    """Distance of the last atom to the nearest other one, Å."""
    atoms = system.atoms()
    return float(atoms.get_distances(-1, range(len(atoms) - 1), mic=True).min())


@job(data=PAYLOAD, output_schema=InterstitialEvaluation, config=JobConfig(on_missing_references=OnMissing.NONE))
def evaluate(
    void: VoidName,
    unrelaxed: Any,
    relaxed: Any,
    whole: Any,
    parts: dict[str, Any],
    hosts: dict[str, float | None],
    o2_ev: float | None,
    strain: float,
    coarsening: int,
) -> InterstitialEvaluation:
    """One interstitial from the documents of its calculations; what is missing is said."""
    needed = {f"{void}-relax": relaxed, f"{void}-whole": whole, "host": hosts["host"], "o2": o2_ev}
    require(f"oxygen in the {void} void", needed)
    host_ev = hosts["host"]
    assert host_ev is not None
    assert o2_ev is not None
    relaxed, whole = CalculationResult.model_validate(relaxed), CalculationResult.model_validate(whole)
    found = {name: part and CalculationResult.model_validate(part) for name, part in parts.items()}
    missing: list[str] = []
    difference = or_note(
        "density difference",
        missing,
        lambda: difference_of(whole, {name: found[name] for name in ("sodium", "oxygen")}, coarsening),
    )
    or_note("spin of the oxygen alone", missing, lambda: check_moment(found["oxygen"]))
    change = or_note("volume change", missing, lambda: _volume_change(whole, found, hosts, strain))
    charges = or_note("charges", missing, lambda: charges_of(whole))
    system = whole.system
    start = System.model_validate(unrelaxed)
    moved_a = np.array(system.positions_a[-1]) - start.positions_a[-1]
    in_the_end = void_in_the_end(start, system)
    calculations = {"relax": relaxed, "whole": whole} | {name: part for name, part in found.items() if part}
    return InterstitialEvaluation(
        interstitial=Interstitial(
            void=void,
            became=None if in_the_end == void else in_the_end,
            formation_energy=formation_energy(whole.energy_ev, host_ev, o2_ev),
            volume_change=change,
            charges=charges,
            oxygen_charge_e=charges and charges.bader_e[-1],
            nearest_na_o_a=nearest_neighbour_a(system),
            displacement_a=float(np.linalg.norm(moved_a)),
            charge_moved_e=difference and difference.charge_moved_e,
            integral_e=difference and difference.integral_e,
            missing=missing,
            system=system,
            calculations={f"{void}-{name}": CalculationSummary.of(part) for name, part in calculations.items()},
        ),
        difference=difference,
        system=system,
    )


def _volume_change(
    whole: CalculationResult,
    found: Mapping[str, CalculationResult | None],
    hosts: Mapping[str, float | None],
    strain: float,
) -> VolumeChange:
    smaller, larger = found["smaller"], found["larger"]
    require("volume change", {**hosts, "smaller": smaller, "larger": larger})
    assert smaller is not None
    assert larger is not None
    return volume_change(
        strain,
        float(abs(np.linalg.det(whole.system.cell_a))),
        [smaller.energy_ev, whole.energy_ev, larger.energy_ev],
        [energy for name in HOSTS if (energy := hosts[name]) is not None],
        len(whole.system.symbols) - 1,
    )
