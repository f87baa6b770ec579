"""The result of one calculation, the same for every engine. Every number says its unit."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.charges import AtomicCharges
from natrium.analysis.density_difference import DensityDifference
from natrium.analysis.hirshfeld import FreeAtom
from natrium.analysis.stored_array import StoredArray
from natrium.analysis.volumetric import VolumetricFile
from natrium.structures.system import System, Vector
from natrium.workflows.calculation import Calculation
from natrium.workflows.dynamics_document import Dynamics

Quality = Literal["rough", "exploratory", "converged", "as published"]
"""What numbers are good for; exploratory: for what can happen and for trends, of a small model or unmeasured."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @classmethod
    def model_json_schema(cls, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        """Made once: jobflow asks for it at every reference to a job's output, a thousand times for a long list."""
        return super().model_json_schema(*arguments, **keywords) if arguments or keywords else _schema(cls)


@cache
def _schema(document: type[_Document]) -> dict[str, Any]:
    return super(_Document, document).model_json_schema()


class PlanarPotential(_Document):
    """Electrostatic potential averaged over the planes parallel to the surface."""

    z_a: list[float] = Field(description="Heights of the planes above the cell's origin, Å")
    potential_ev: list[float] = Field(
        description="Potential energy of an electron, eV, on the scale of the Fermi level"
    )


class SpinLevels(_Document):
    """Levels of one spin near the gap, the lowest first."""

    spin: Literal["both", "up", "down"]
    first: int = Field(description="Number of the first level listed, counted from 1 at the lowest")
    energies_ev: list[float] = Field(description="Energies, eV from the vacuum level")
    occupations: list[float] = Field(description="Electrons in each level")


class Attempt(_Document):
    """One start of the engine: how it ended, and what was changed for the next one."""

    number: int
    started: datetime
    wall_time_s: float | None = Field(None, description="None: the attempt's end was never seen (it was killed)")
    ranks: int = Field(description="MPI processes, or threads of an engine that uses those")
    outcome: str = Field(description="finished, stopped, or the name of what went wrong")
    evidence: str = Field("", description="The line that shows it, and where it was found")
    changes: dict[str, Any] = Field(default_factory=dict, description="Inputs changed for the next attempt")
    continued_from: str | None = Field(None, description="Checkpoint it started from")
    reached: int = Field(0, description="Step of the relaxation or the dynamics that it was at when it ended")
    host: str
    scheduler_job: str | None = Field(None, description="Job id of the queue, where there is one")


class Provenance(_Document):
    """What a number rests on."""

    natrium: str = Field(description="Version, with the git commit when there is one")
    engine: str
    engine_version: str
    implementation: str = Field(description="Which implementation of the engine ran: some keywords fall back silently")
    versions: dict[str, str] = Field(description="Other packages that took part")
    datasets: dict[str, str] = Field(description="PAW dataset or Gaussian basis of each element: name and SHA-256")
    inputs_sha256: dict[str, str] = Field(description="Input files and their hashes")
    host: str
    folder: str = Field(description="Where the engine ran; its files stay there")


class CalculationResult(_Document):
    """What came out of one converged calculation."""

    system: System = Field(description="The system at its final geometry")
    calculation: Calculation
    energy_ev: float = Field(
        description="Total energy extrapolated to zero width, eV; relative to reference atoms (GPAW) or to separate"
        " electrons and nuclei (PySCF)"
    )
    free_energy_ev: float = Field(description="Electronic free energy, consistent with the forces, eV")
    dispersion_ev: float | None = Field(None, description="The part of the energy that is D3, eV")
    forces_ev_a: list[Vector] = Field(description="Forces, shape (atoms, 3), eV/Å; not zeroed on fixed atoms")
    max_force_ev_a: float = Field(description="Largest force on an atom that may move, eV/Å")
    stress_ev_a3: list[float] | None = Field(None, description="Stress in Voigt order xx yy zz yz xz xy, eV/Å³")
    fermi_level_ev: float | None = Field(None, description="Fermi level on the engine's scale, eV")
    homo_ev: float | None = Field(None, description="Highest occupied level, eV")
    lumo_ev: float | None = Field(None, description="Lowest unoccupied level, eV")
    levels: list[SpinLevels] | None = Field(None, description="Levels of a molecule near the gap, for each spin")
    electrons: float = Field(
        description="Electrons that the engine counted, charge included: valence (PAW) or those not in pseudopotentials"
    )
    magnetic_moment: float = Field(0.0, description="Total magnetic moment, Bohr magnetons")
    dipole_ea: Vector = Field(description="Dipole moment, e·Å")
    planar_potential: PlanarPotential | None = Field(None, description="Along the normal of a slab")
    electrostatic_potential_ev: StoredArray | None = Field(
        None, description="On the real-space grid of a slab, electron's potential energy, eV; in the additional store"
    )
    density: VolumetricFile | None = Field(
        None, description="Density of all electrons, cores included, on a refined grid; a file in the step's folder"
    )
    free_atoms: dict[str, FreeAtom] | None = Field(None, description="Density of the free atom of each element")
    orbitals: dict[str, VolumetricFile] | None = Field(
        None, description="Orbitals by name, amplitudes on a grid; files in the step's folder"
    )
    charges: AtomicCharges | None = Field(None, description="Bader and Hirshfeld charges of the atoms")
    no_charges_because: str | None = Field(None, description="Why there are none, where they were asked for")
    relaxation_steps: int = 0
    dynamics: Dynamics | None = Field(None, description="Of molecular dynamics: the trajectory and its soundness")
    scf_iterations: int = Field(description="Of the last SCF cycle")
    kpoints_irreducible: int = Field(1, description="Irreducible k-points")
    grid: tuple[int, int, int] | None = Field(None, description="Real-space grid points, where the engine has a grid")
    wall_time_s: float = Field(description="Over all attempts")
    peak_memory_mb: float = Field(description="Largest resident size of one MPI process, MB")
    attempts: list[Attempt]
    provenance: Provenance
    raw: dict[str, Any] = Field(default_factory=dict, description="What only this engine has")


class CalculationSummary(_Document):
    """One calculation behind a study's numbers: what they rest on, without the large parts."""

    system: str = Field(description="Label of the system")
    formula: str
    calculation: Calculation
    energy_ev: float = Field(description="Total energy, eV")
    relaxation_steps: int
    max_force_ev_a: float = Field(description="Largest force on an atom that may move, eV/Å")
    magnetic_moment: float | None = Field(
        None, description="Total magnetic moment, Bohr magnetons; none in documents from before it was kept"
    )
    wall_time_s: float = Field(description="Over all attempts")
    peak_memory_mb: float = Field(description="Largest resident size of one MPI process, MB")
    attempts: list[Attempt]
    provenance: Provenance

    @classmethod
    def of(cls, result: CalculationResult) -> CalculationSummary:
        """The summary of a result."""
        shared = {name: getattr(result, name) for name in cls.model_fields if name not in ("system", "formula")}
        return cls(**shared, system=result.system.label, formula=result.system.formula)


class Evaluation(_Document):
    """What several calculations of one structure gave together, with its density difference."""

    difference: DensityDifference | None = Field(description="None where a partner of the difference is missing")
    system: System = Field(description="The relaxed structure that the density belongs to")


class StudyResult(_Document):
    """What every study's result document starts with; a study adds its own numbers."""

    study: str
    formula: str
    engine: str
    preset: str
    quality: Quality = Field(description="What the preset promises")
    overrides: dict[str, Any] = Field(default_factory=dict, description="Settings that differ from the preset")
    assumptions: list[str] = Field(default_factory=list, description="What was decided where the source is silent")
    calculations: dict[str, CalculationSummary] = Field(description="The calculations behind the numbers")

    @staticmethod
    def facts(settings: Any, formula: str) -> dict[str, Any]:
        """The fields that follow from a study's settings."""
        names = ("study", "engine", "preset", "quality", "overrides", "assumptions")
        return {"formula": formula} | {name: getattr(settings, name) for name in names}
