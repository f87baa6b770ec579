"""Study `na110-o2`: oxygen on and under Na(110).

Bulk, clean slab, O2 → every structure: relaxation → statics of the whole, of its sodium and of its oxygen, on one grid
→ evaluation → result document. A structure that fails leaves the others alone, and is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from natrium.analysis.published import Comparison, compare
from natrium.analysis.work_function import WorkFunction
from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.molecules import oxygen_molecule
from natrium.structures.oxygen import oxygen_part, oxygen_structures, sodium_part
from natrium.structures.system import System
from natrium.workflows.makers import calculation_maker
from natrium.workflows.partners import or_note, require
from natrium.workflows.result import CalculationResult, CalculationSummary, Evaluation, StudyResult
from natrium.workflows.sections import require_alike
from natrium.workflows.studies.bulk_sodium import BulkSodiumSettings
from natrium.workflows.studies.na110 import build_slab, shape, slab_of
from natrium.workflows.studies.oxygen_starts import build_structures, check_starts, relaxed_starts
from natrium.workflows.studies.oxygen_structure import (
    OxygenStructure,
    StructureEvaluation,
    evaluate,
    slab_work_functions,
    table_row,
)
from natrium.workflows.study import Quantity, StudySettings


class NA110O2Settings(BulkSodiumSettings):
    """Settings of the slab and of the structures; the calculations have their own."""

    structures: tuple[str, ...] | None = Field(
        min_length=1, description="Names of the structures; null takes all of them"
    )
    starts_from: tuple[str, ...] = Field(
        (),
        description="Files of natrium show --json ID of earlier runs, whose relaxed structures are what the relaxations"
        " begin with; a structure in none of them begins on its ideal site",
    )
    layers: PositiveInt = Field(description="Atomic layers of the slab")
    size: tuple[PositiveInt, PositiveInt] = Field(description="Lateral repetitions of the surface cell")
    vacuum_a: PositiveFloat = Field(description="Empty height between the slab's two sides, Å")
    fixed_layers: int = Field(ge=0, description="Layers at the bottom that do not move")
    o2_box_a: PositiveFloat = Field(description="Shortest edge of the box with the O2 molecule, Å")
    coarsening: PositiveInt = Field(description="How many times coarser than calculated Δρ is stored, along each axis")

    @model_validator(mode="after")
    def _subtracts_what_is_alike(self) -> NA110O2Settings:
        require_alike(self, ("slab_static", "whole", "sodium", "oxygen"), sampling=True)
        require_alike(self, ("slab_static", "o2"), sampling=False)
        return self


class NA110O2Result(StudyResult):
    """What the study delivers."""

    lattice_constant_a: float = Field(description="Lattice constant of bcc sodium that the slab was built with, Å")
    clean: WorkFunction | None = Field(description="Work functions of the clean slab; none where a side has no plateau")
    o2_bond_a: float = Field(description="Bond length of the O2 molecule, Å")
    structures: list[OxygenStructure]
    missing: list[str] = Field(description="Structures without a result, and what could not be evaluated")
    comparisons: list[Comparison] = Field(description="Our numbers beside published ones")


class NA110O2:
    """Oxygen on and under Na(110): adsorption energies, work functions, charges, density differences."""

    name: ClassVar[str] = "na110-o2"
    summary: ClassVar[str] = (
        "O2 and O on and under Na(110): adsorption energies, work functions of both sides, charges, density differences"
    )
    settings: ClassVar[type[StudySettings]] = NA110O2Settings
    result: ClassVar[type[StudyResult]] = NA110O2Result
    evaluation: type[Evaluation] = StructureEvaluation
    presets: ClassVar[str] = "natrium.workflows.presets:na110-o2.yaml"
    chosen_by: str = "structures"
    parts: tuple[str, ...] = ("structures", "starts_from")
    quantities: Mapping[str, Quantity] = {
        "work function (top)": Quantity("Φ", "structures.0.work_functions.top.work_function_ev", "eV"),
        "change of the work function (top)": Quantity("ΔΦ", "structures.0.top_change_ev", "eV"),
        "adsorption energy": Quantity("E_ads", "structures.0.adsorption_energy_ev", "eV"),
        "work function of the clean slab": Quantity("Φ₀", "clean.top.work_function_ev", "eV"),
    }

    def systems(self, settings: NA110O2Settings) -> dict[str, System]:
        """The system of every step at the reference lattice constant, where the relaxed one is not known yet."""
        bulk = bulk_metal("Na", lattice_constant_a=settings.lattice_constant_a)
        slab = slab_of(bulk, shape(settings))
        systems = {"bulk": bulk, "slab-relax": slab, "slab-static": slab, "o2": oxygen_molecule(settings.o2_box_a)}
        for name, structure in oxygen_structures(slab, settings.structures).items():
            parts = {"sodium": sodium_part(structure), "oxygen": oxygen_part(structure)}
            each = {"relax": structure, **parts, "whole": structure}
            systems |= {f"{name}-{step}": system for step, system in each.items()}
        # a run is called after the last one: the first structure that was asked for
        named_after = next(step for step in systems if step.endswith("-whole"))
        whole = systems.pop(named_after)
        return {**systems, named_after: whole}

    def flow(self, settings: NA110O2Settings) -> Flow:
        """The jobs, joined."""
        bulk = calculation_maker(settings, "bulk").make(
            bulk_metal("Na", lattice_constant_a=settings.lattice_constant_a)
        )
        o2 = calculation_maker(settings, "o2").make(oxygen_molecule(settings.o2_box_a))
        slab = build_slab(bulk.output.system, shape(settings))
        relaxed = calculation_maker(settings, "slab-relax").make(slab.output)
        clean = calculation_maker(settings, "slab-static").make(relaxed.output.system, relaxed.output.provenance.folder)
        reference = slab_of(bulk_metal("Na", lattice_constant_a=settings.lattice_constant_a), shape(settings))
        names = oxygen_structures(reference, settings.structures)
        starts = relaxed_starts(settings.starts_from, names)
        check_starts(starts, reference)
        structures = build_structures(relaxed.output.system, settings.structures, starts)
        jobs = [bulk, o2, slab, relaxed, clean, structures]
        evaluations = {}
        for name in names:
            steps = self._steps(name, structures.output[name], clean.output, o2.output.energy_ev, settings)
            evaluations[name] = steps[-1].output.structure
            jobs += steps
        result = summarise(bulk.output, clean.output, o2.output, evaluations, settings)
        return Flow([*jobs, result], output=result.output, name=self.name)

    def _steps(self, name: str, start: Any, clean: Any, o2_ev: Any, settings: NA110O2Settings) -> list[Any]:
        """The jobs of one structure; the last one evaluates the others."""
        relaxed = calculation_maker(settings, f"{name}-relax").make(start)
        whole = calculation_maker(settings, f"{name}-whole").make(
            relaxed.output.system, relaxed.output.provenance.folder
        )
        parts = take_apart(relaxed.output.system)
        parts.name = f"{name}-parts"
        sodium = calculation_maker(settings, f"{name}-sodium").make(parts.output["sodium"])
        oxygen = calculation_maker(settings, f"{name}-oxygen").make(parts.output["oxygen"])
        evaluated = evaluate(
            name,
            {"relax": relaxed.output, "whole": whole.output, "sodium": sodium.output, "oxygen": oxygen.output},
            clean.energy_ev,
            clean.planar_potential,
            clean.fermi_level_ev,
            clean.system,
            o2_ev,
            settings.coarsening,
        )
        evaluated.name = f"{name}-evaluation"
        return [relaxed, whole, parts, sodium, oxygen, evaluated]

    def became(self, result: Any) -> str:
        """What the first structure of a result is in the end."""
        return NA110O2Result.model_validate(result).structures[0].name

    def part_names(self, result: Any) -> list[str]:
        """The structures that a result began with."""
        return [one.start for one in NA110O2Result.model_validate(result).structures]

    def pool(self, results: Sequence[Any]) -> StudyResult:
        """All structures, beside the first result's clean slab."""
        found = [NA110O2Result.model_validate(result) for result in results]
        structures = [one for result in found for one in result.structures]
        comparisons = _comparisons(found[0].clean, structures)
        return found[0].model_copy(update={"structures": structures, "comparisons": comparisons})

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = NA110O2Result.model_validate(result)
        bound = [one for one in found.structures if one.state is None or one.state.state != "desorbed"]
        told = [f"clean Φ = {found.clean.top.work_function_ev:.3f} eV"] if found.clean else []
        for what, atoms in (("O2", 2), ("O", 1)):
            alike = [one for one in bound if one.system.symbols.count("O") == atoms]
            if alike:
                best = min(alike, key=lambda one: one.adsorption_energy_ev)
                told.append(f"{what} most stable: {best.name}, {best.adsorption_energy_ev:.2f} eV/O2")
        changes = [one.top_change_ev for one in bound if one.top_change_ev is not None]
        if changes:
            told.append(
                f"ΔΦ from {min(changes):+.2f} to {max(changes):+.2f} eV in {len(changes)} of {len(found.structures)}"
                " structures"
            )
        return "; ".join(told + ([f"missing: {', '.join(found.missing)}"] if found.missing else []))

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """Adsorption energy, work functions of both sides and charge of every structure."""
        from natrium.analysis.plot_oxygen import Bar, plot_oxygen

        found = NA110O2Result.model_validate(result)
        bars = [
            Bar(
                name=one.name if one.became is None else f"{one.start} → {one.name}",
                adsorption_energy_ev=one.adsorption_energy_ev,
                top_ev=one.side("top"),
                bottom_ev=one.side("bottom"),
                bader_e=one.oxygen_bader_e,
                hirshfeld_e=one.oxygen_hirshfeld_e,
            )
            for one in found.structures
        ]
        clean_ev = None if found.clean is None else found.clean.top.work_function_ev
        plot_oxygen(path, bars, clean_ev, title=f"O on Na(110), preset {found.preset}", overwrite=overwrite)

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """One row a structure."""
        found = NA110O2Result.model_validate(result)
        return [[table_row(one) for one in found.structures]]


@job
def take_apart(whole: Any) -> dict[str, System]:
    """The sodium and the oxygen of a structure, each where it is."""
    system = System.model_validate(whole)
    return {"sodium": sodium_part(system), "oxygen": oxygen_part(system)}


@job(name="result", output_schema=NA110O2Result, config=JobConfig(on_missing_references=OnMissing.NONE))
def summarise(bulk: Any, clean: Any, o2: Any, structures: dict[str, Any], settings: Any) -> NA110O2Result:
    """The result document, from what the evaluations gave; structures without one are named."""
    settings = NA110O2Settings.model_validate(settings)
    require("the result", {"bulk": bulk, "slab-static": clean, "o2": o2})
    bulk, clean, o2 = (CalculationResult.model_validate(document) for document in (bulk, clean, o2))
    found = {name: one and OxygenStructure.model_validate(one) for name, one in structures.items()}
    if not any(found.values()):
        require("the result", {f"{name}-evaluation": one for name, one in found.items()})
    missing = [name for name, one in found.items() if not one]
    sides = or_note("clean work functions", missing, lambda: slab_work_functions(clean))
    calculations = {"bulk": bulk, "slab-static": clean, "o2": o2}
    summaries = {name: CalculationSummary.of(document) for name, document in calculations.items()}
    for one in found.values():
        summaries |= one.calculations if one else {}
    return NA110O2Result(
        **StudyResult.facts(settings, list(NA110O2().systems(settings).values())[-1].formula),
        calculations=summaries,
        lattice_constant_a=lattice_constant(bulk.system),
        clean=sides,
        o2_bond_a=float(o2.system.atoms().get_distance(0, 1)),
        structures=[one for one in found.values() if one],
        missing=missing,
        comparisons=_comparisons(sides, [one for one in found.values() if one]),
    )


def _comparisons(clean: WorkFunction | None, structures: Iterable[OxygenStructure]) -> list[Comparison]:
    sides = (("top", clean.top), ("bottom", clean.bottom)) if clean else ()
    return [compare(side.work_function_ev, "na110_work_function", name) for name, side in sides] + [
        compare(one.work_functions.top.work_function_ev, "na110_o2_work_function", f"{one.start}, top")
        for one in structures
        if one.work_functions
    ]
