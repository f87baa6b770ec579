"""Study `na-bulk-o`: an oxygen atom in the voids of bulk sodium.

Bulk relaxation → supercell with O: relaxation → statics of the whole, of its sodium and of its oxygen, on one grid, and
of the whole in slightly smaller and larger cells → result document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.errors import InputError
from natrium.structures.molecules import oxygen_molecule
from natrium.structures.oxygen import oxygen_part, sodium_part
from natrium.structures.system import System
from natrium.structures.voids import VoidName, host_cell, interstitial
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary, Evaluation, StudyResult
from natrium.workflows.sections import require_alike
from natrium.workflows.studies.bulk_sodium import BulkSodiumSettings
from natrium.workflows.studies.interstitial_oxygen import (
    HOSTS,
    Interstitial,
    InterstitialEvaluation,
    evaluate,
    table_row,
)
from natrium.workflows.study import Quantity, StudySettings


class NaBulkOSettings(BulkSodiumSettings):
    """Settings of the supercell; the calculations have their own."""

    repetitions: PositiveInt = Field(le=5, description="Conventional cells along each axis: 3 makes 54 sodium atoms")
    voids: tuple[VoidName, ...] = Field(min_length=1, description="Where the oxygen atom starts")
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
    parts: tuple[str, ...] = ("voids",)
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

    def became(self, result: Any) -> str:
        """The void that the first oxygen atom of a result is in."""
        one = NaBulkOResult.model_validate(result).interstitials[0]
        return one.became or one.void

    def part_names(self, result: Any) -> list[str]:
        """The voids of a result."""
        return [one.void for one in NaBulkOResult.model_validate(result).interstitials]

    def pool(self, results: Sequence[Any]) -> StudyResult:
        """The voids of all results."""
        found = [NaBulkOResult.model_validate(result) for result in results]
        return found[0].model_copy(update={"interstitials": [one for result in found for one in result.interstitials]})

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = NaBulkOResult.model_validate(result)
        told = [
            f"{one.void}{f' → {one.became}' if one.became else ''}: E_f = {one.formation_energy.energy_ev:.2f} eV"
            + (f", q(O) = {one.oxygen_charge_e:+.2f} e" if one.oxygen_charge_e is not None else "")
            for one in found.interstitials
        ]
        return "; ".join(told + [f"missing: {reason}" for reason in found.missing])

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """One row a void."""
        found = NaBulkOResult.model_validate(result)
        return [[table_row(one) for one in found.interstitials]]

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """The relaxed cells."""
        from natrium.analysis.plot_structure import plot_structures

        found = NaBulkOResult.model_validate(result)
        plot_structures(path, {one.void: one.system for one in found.interstitials}, overwrite=overwrite)


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
