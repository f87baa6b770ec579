"""Study `na-bulk-o`: an oxygen atom in the voids of bulk sodium.

Bulk relaxation → supercell with O: relaxation → statics of the whole, of its sodium and of its oxygen, on one grid, and
of the whole in slightly smaller and larger cells → result document.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from natrium.analysis.charges import AtomicCharges
from natrium.analysis.interstitial import FormationEnergy, VolumeChange, formation_energy, volume_change
from natrium.analysis.stored_array import PAYLOAD
from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.errors import InputError
from natrium.structures.molecules import oxygen_molecule
from natrium.structures.oxygen import oxygen_part, sodium_part
from natrium.structures.system import System
from natrium.structures.voids import VoidName, host_cell, interstitial
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import check_moment, difference_of, or_note, require
from natrium.workflows.result import CalculationResult, CalculationSummary, Evaluation, StudyResult
from natrium.workflows.study import Quantity, StudySettings, require_alike, shown


class NaBulkOSettings(StudySettings):
    """Settings of the supercell; the calculations have their own."""

    repetitions: PositiveInt = Field(le=5, description="Conventional cells along each axis: 3 makes 54 sodium atoms")
    voids: tuple[VoidName, ...] = Field(min_length=1, description="Where the oxygen atom starts")
    lattice_constant_a: PositiveFloat | None = Field(description="Lattice constant, Å; null takes the relaxed one")
    strain: PositiveFloat = Field(lt=0.05, description="Relative change of the cell's edges for the volume change")
    o2_box_a: PositiveFloat = Field(description="Shortest edge of the box with the O2 molecule, Å")
    coarsening: PositiveInt = Field(description="How many times coarser than calculated Δρ is stored, along each axis")

    @model_validator(mode="after")
    def _subtracts_what_is_alike(self) -> NaBulkOSettings:
        require_alike(self, ("host", "whole", "smaller", "larger", "sodium", "oxygen"), sampling=True)
        require_alike(self, ("host", "o2"), sampling=False)
        if len(set(self.voids)) < len(self.voids):
            raise InputError(f"voids {', '.join(self.voids)}: one is named twice", "name each once")
        return self


class Interstitial(BaseModel):
    """An oxygen atom in a void of bulk sodium."""

    model_config = ConfigDict(extra="forbid")

    void: VoidName = Field(description="Where the oxygen atom started")
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


class NaBulkOResult(StudyResult):
    """What the study delivers."""

    lattice_constant_a: float = Field(description="Lattice constant of bcc sodium that the cells were built with, Å")
    interstitials: list[Interstitial]
    missing: list[str] = Field(description="Voids without a result, and why")


class NaBulkO:
    """Formation energy, volume change, charge and density difference of interstitial oxygen in bulk sodium."""

    name: ClassVar[str] = "na-bulk-o"
    summary: ClassVar[str] = "interstitial O in bulk Na: formation energy, volume change, charge, density difference"
    settings: ClassVar[type[StudySettings]] = NaBulkOSettings
    result: ClassVar[type[StudyResult]] = NaBulkOResult
    evaluation: type[Evaluation] = InterstitialEvaluation
    presets: ClassVar[str] = "natrium.workflows.presets:na-bulk-o.yaml"
    chosen_by: str = "voids"
    quantities: Mapping[str, Quantity] = {
        "formation energy": Quantity("E_f", "interstitials.0.formation_energy.energy_ev", "eV"),
        "charge on O": Quantity("q(O)", "interstitials.0.oxygen_charge_e", "e"),
    }

    def systems(self, settings: NaBulkOSettings) -> dict[str, System]:
        """The system of every step at the reference lattice constant, where the relaxed one is not known yet."""
        a_a = settings.lattice_constant_a
        cells = _cells(a_a, settings.repetitions, settings.voids, settings.strain)
        systems = {"bulk": bulk_metal("Na", lattice_constant_a=a_a), "o2": oxygen_molecule(settings.o2_box_a)}
        systems |= {name: cells[name] for name in HOSTS}
        for void in settings.voids:
            each = {"relax": cells[void], **_derived(cells[void], settings.strain), "whole": cells[void]}
            systems |= {f"{void}-{step}": system for step, system in each.items()}
        return systems

    def flow(self, settings: NaBulkOSettings) -> Flow:
        """The jobs, joined."""

        def calculate(step: str, system: Any, continue_from: Any = None) -> Any:
            return calculation_maker(settings, step).make(system, continue_from)

        bulk = calculate("bulk", bulk_metal("Na", lattice_constant_a=settings.lattice_constant_a))
        cells = build_cells(bulk.output.system, settings.repetitions, settings.voids, settings.strain)
        o2 = calculate("o2", oxygen_molecule(settings.o2_box_a))
        hosts = {name: calculate(name, cells.output[name]) for name in HOSTS}
        jobs = [bulk, cells, o2, *hosts.values()]
        evaluations = {}
        for void in settings.voids:
            relaxed = calculate(f"{void}-relax", cells.output[void])
            whole = calculate(f"{void}-whole", relaxed.output.system, relaxed.output.provenance.folder)
            derived = derive(relaxed.output.system, settings.strain)
            derived.name = f"{void}-derived"
            parts = {name: calculate(f"{void}-{name}", derived.output[name]) for name in DERIVED}
            evaluated = evaluate(
                void,
                cells.output[void],
                relaxed.output,
                whole.output,
                {name: made.output for name, made in parts.items()},
                {name: made.output.energy_ev for name, made in hosts.items()},
                o2.output.energy_ev,
                settings.strain,
                settings.coarsening,
            )
            evaluated.name = f"{void}-evaluation"
            evaluations[void] = evaluated.output.interstitial
            jobs += [relaxed, whole, derived, *parts.values(), evaluated]
        result = summarise(bulk.output, evaluations, settings)
        return Flow([*jobs, result], output=result.output, name=self.name)

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = NaBulkOResult.model_validate(result)
        told = [
            f"{one.void}: E_f = {one.formation_energy.energy_ev:.2f} eV"
            + (f", q(O) = {one.oxygen_charge_e:+.2f} e" if one.oxygen_charge_e is not None else "")
            for one in found.interstitials
        ]
        return "; ".join(told + [f"missing: {reason}" for reason in found.missing])

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """One row a void."""
        found = NaBulkOResult.model_validate(result)
        return [[_row(one) for one in found.interstitials]]

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """The relaxed cells."""
        from natrium.analysis.plot_structure import plot_structures

        found = NaBulkOResult.model_validate(result)
        plot_structures(path, {one.void: one.system for one in found.interstitials}, overwrite=overwrite)


HOSTS = ("host-smaller", "host", "host-larger")
"""The cell without oxygen, and with shorter and longer edges."""


def _row(one: Interstitial) -> dict[str, str]:
    hirshfeld_e = None if one.charges is None else one.charges.hirshfeld_e[-1]
    return {
        "void": one.void,
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


DERIVED = ("sodium", "oxygen", "smaller", "larger")
"""What is made of a relaxed cell: its parts, and the cell with shorter and longer edges."""


def _cells(
    lattice_constant_a: float | None, repetitions: int, voids: tuple[VoidName, ...], strain: float
) -> dict[str, System]:
    host = host_cell("Na", repetitions, lattice_constant_a)
    hosts = {"host": host, "host-smaller": strained(host, -strain), "host-larger": strained(host, strain)}
    return hosts | {void: interstitial("O", repetitions, void, lattice_constant_a) for void in voids}


def strained(system: System, strain: float) -> System:
    """A crystal with all edges longer by this part, atoms at the same fractions of the cell."""
    factor = 1 + strain
    longer = system.atoms()
    return system.moved(longer.positions * factor, longer.cell.array * factor)


def nearest_neighbour_a(system: System) -> float:
    """Distance of the last atom to the nearest other one, Å."""
    atoms = system.atoms()
    return float(atoms.get_distances(-1, range(len(atoms) - 1), mic=True).min())


def _derived(whole: System, strain: float) -> dict[str, System]:
    smaller, larger = strained(whole, -strain), strained(whole, strain)
    return dict(zip(DERIVED, (sodium_part(whole), oxygen_part(whole), smaller, larger), strict=True))


@job(name="cells")
def build_cells(bulk: Any, repetitions: int, voids: tuple[VoidName, ...], strain: float) -> dict[str, System]:
    """The host and each interstitial's cell at the lattice constant of the bulk calculation."""
    return _cells(lattice_constant(System.model_validate(bulk)), repetitions, voids, strain)


@job
def derive(relaxed: Any, strain: float) -> dict[str, System]:
    """The parts of a relaxed cell, and the cell with shorter and longer edges."""
    return _derived(System.model_validate(relaxed), strain)


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
    system = whole.system
    moved_a = np.array(system.positions_a[-1]) - System.model_validate(unrelaxed).positions_a[-1]
    calculations = {"relax": relaxed, "whole": whole} | {name: part for name, part in found.items() if part}
    return InterstitialEvaluation(
        interstitial=Interstitial(
            void=void,
            formation_energy=formation_energy(whole.energy_ev, host_ev, o2_ev),
            volume_change=change,
            charges=whole.charges,
            oxygen_charge_e=whole.charges and whole.charges.bader_e[-1],
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


@job(name="result", output_schema=NaBulkOResult, config=JobConfig(on_missing_references=OnMissing.NONE))
def summarise(bulk: Any, interstitials: dict[str, Any], settings: Any) -> NaBulkOResult:
    """The result document, from what the evaluations gave."""
    settings = NaBulkOSettings.model_validate(settings)
    require("the result", {"bulk": bulk})
    bulk = CalculationResult.model_validate(bulk)
    found = {void: one and Interstitial.model_validate(one) for void, one in interstitials.items()}
    if not any(found.values()):
        require("the result", {f"{void}-evaluation": one for void, one in found.items()})
    calculations = {"bulk": CalculationSummary.of(bulk)}
    for one in found.values():
        calculations |= one.calculations if one else {}
    return NaBulkOResult(
        **StudyResult.facts(settings, host_cell("Na", settings.repetitions).formula + "O"),
        calculations=calculations,
        lattice_constant_a=lattice_constant(bulk.system),
        interstitials=[one for one in found.values() if one],
        missing=[f"{void}: no evaluation" for void, one in found.items() if not one],
    )
