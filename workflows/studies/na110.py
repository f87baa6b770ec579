"""Study `na110`: the work function of clean Na(110). Bulk relaxation → slab relaxation → static → result document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jobflow import Flow, job
from pydantic import Field, PositiveFloat, PositiveInt

from natrium.analysis.published import Comparison, compare
from natrium.analysis.surface import LayerRelaxation, SurfaceEnergy, layer_relaxation, surface_energy
from natrium.analysis.work_function import WorkFunction, work_functions
from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.makers import CalculationMaker
from natrium.workflows.result import CalculationResult, CalculationSummary, PlanarPotential, StudyResult
from natrium.workflows.studies.bulk_sodium import BulkSodiumSettings
from natrium.workflows.study import Quantity, StudySettings


class NA110Settings(BulkSodiumSettings):
    """Settings of the slab; the calculations have their own."""

    layers: PositiveInt = Field(description="Atomic layers of the slab")
    size: tuple[PositiveInt, PositiveInt] = Field(description="Lateral repetitions of the surface cell")
    vacuum_a: PositiveFloat = Field(description="Empty height between the slab's two sides, Å")
    fixed_layers: int = Field(ge=0, description="Layers at the bottom that do not move")


class NA110Result(StudyResult):
    """What the study delivers."""

    work_functions: WorkFunction
    lattice_constant_a: float = Field(description="Lattice constant of bcc sodium that the slab was built with, Å")
    surface_energy: SurfaceEnergy | None = Field(
        description="Of one side; none where bulk and slab were calculated by different methods"
    )
    layer_relaxation: LayerRelaxation
    comparisons: list[Comparison] = Field(description="Our numbers beside published ones")
    planar_potential: PlanarPotential
    slab: System = Field(description="The relaxed slab")


class NA110:
    """Work function, surface energy and layer relaxation of a clean Na(110) slab, with the bulk it was cut from."""

    name: ClassVar[str] = "na110"
    summary: ClassVar[str] = (
        "work function of clean Na(110), both sides; lattice constant, surface energy, layer relaxation"
    )
    settings: ClassVar[type[StudySettings]] = NA110Settings
    result: ClassVar[type[StudyResult]] = NA110Result
    presets: ClassVar[str] = "natrium.workflows.presets:na110.yaml"
    quantities: Mapping[str, Quantity] = {
        "work function (top)": Quantity("Φ", "work_functions.top.work_function_ev", "eV"),
        "lattice constant": Quantity("a", "lattice_constant_a", "Å"),
        "surface energy": Quantity("γ", "surface_energy.energy_j_m2", "J/m²"),
    }

    def systems(self, settings: NA110Settings) -> dict[str, System]:
        """Bulk and slab at the reference lattice constant, where the relaxed one is not known yet."""
        bulk = bulk_metal("Na", lattice_constant_a=settings.lattice_constant_a)
        slab = slab_of(bulk, shape(settings))
        return {"bulk": bulk, "slab_relax": slab, "slab_static": slab}

    def flow(self, settings: NA110Settings) -> Flow:
        """The jobs, joined."""
        makers = {
            name: CalculationMaker(name.replace("_", "-"), calculation.model_dump(), settings.engine)
            for name, calculation in settings.calculations.items()
        }
        bulk = makers["bulk"].make(bulk_metal("Na", lattice_constant_a=settings.lattice_constant_a))
        slab = build_slab(bulk.output.system, shape(settings))
        relaxed = makers["slab_relax"].make(slab.output)
        static = makers["slab_static"].make(relaxed.output.system, relaxed.output.provenance.folder)
        result = summarise(bulk.output, slab.output, relaxed.output, static.output, settings)
        return Flow([bulk, slab, relaxed, static, result], output=result.output, name=self.name)

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = NA110Result.model_validate(result)
        sides = found.work_functions
        return (
            f"Φ = {sides.top.work_function_ev:.3f} eV (top), {sides.bottom.work_function_ev:.3f} eV (bottom);"
            f" a = {found.lattice_constant_a:.3f} Å"
        )

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """The potential across the slab with the Fermi level, both vacuum levels and both work functions."""
        from natrium.analysis.plot_potential import plot_planar_potential

        found = NA110Result.model_validate(result)
        plot_planar_potential(
            path,
            found.planar_potential.z_a,
            found.planar_potential.potential_ev,
            found.work_functions,
            found.slab,
            preset=found.preset,
            overwrite=overwrite,
        )


def shape(settings: Any) -> dict[str, Any]:
    """What the clean slab of a study depends on, and nothing else: another setting must not make it another slab."""
    names = ("layers", "size", "vacuum_a", "fixed_layers")
    own = {name: getattr(settings, name) for name in names}
    return own | {"dipole_layer": settings.calculations["slab_static"].dipole_layer}


def slab_of(bulk: System, shape: dict[str, Any]) -> System:
    """A slab of this shape, cut from this bulk."""
    return metal_slab("Na", "110", lattice_constant_a=lattice_constant(bulk), **shape)


@job(name="slab", output_schema=System)
def build_slab(bulk: Any, shape: dict[str, Any]) -> System:
    """The slab at the lattice constant of the bulk calculation."""
    return slab_of(System.model_validate(bulk), shape)


@job(name="result", output_schema=NA110Result)
def summarise(bulk: Any, unrelaxed: Any, relaxed: Any, static: Any, settings: Any) -> NA110Result:
    """The result document, from the documents of the three calculations."""
    bulk, relaxed, static = (CalculationResult.model_validate(document) for document in (bulk, relaxed, static))
    unrelaxed = System.model_validate(unrelaxed)
    settings = NA110Settings.model_validate(settings)
    potential = static.planar_potential
    sides = work_functions(potential.z_a, potential.potential_ev, static.fermi_level_ev, static.system)
    return NA110Result(
        **StudyResult.facts(settings, static.system.formula),
        calculations={
            name: CalculationSummary.of(document)
            for name, document in (("bulk", bulk), ("slab-relax", relaxed), ("slab-static", static))
        },
        lattice_constant_a=lattice_constant(bulk.system),
        work_functions=sides,
        surface_energy=surface_energy(static.system, static.energy_ev, bulk.energy_ev / len(bulk.system.symbols))
        if bulk.calculation.method == static.calculation.method
        else None,
        layer_relaxation=layer_relaxation(unrelaxed, static.system),
        comparisons=[
            compare(sides.top.work_function_ev, "na110_work_function", "top"),
            compare(sides.bottom.work_function_ev, "na110_work_function", "bottom"),
            *([compare(lattice_constant(bulk.system), "na_bcc_a_pbe")] if bulk.calculation.kind == "relax" else []),
        ],
        planar_potential=potential,
        slab=static.system,
    )
