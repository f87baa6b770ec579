"""What can be chosen of the study `na-fec-md`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from natrium.analysis.reaction import ReactionSettings
from natrium.structures.errors import InputError
from natrium.workflows.studies.reaction_trajectory import StopAfter
from natrium.workflows.study import StudySettings

Species = Literal["fec", "fec-na"]


def _typed(event: object) -> object:
    """A hyphen, which keyboards have, is the dash of a bond."""
    return event.replace("C-F", "C–F") if isinstance(event, str) else event


class Start(BaseModel):
    """Where a molecule begins on the slab; one of height and contact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    orientation: str = Field(description="carbonyl-down, fluorine-down, flat, upright, ion-down, random …")
    height_a: PositiveFloat | None = Field(None, description="Of its lowest atom above the top layer, Å")
    contact_a: PositiveFloat | None = Field(None, description="Smallest distance to an atom of the slab, Å")
    turn_deg: float = Field(0.0, description="Turn about the surface normal, degrees")


class NaFecMdSettings(StudySettings):
    """Settings of the interface and of the trajectories; the calculations have their own."""

    species: tuple[Species, ...] = Field(min_length=1, description="fec; fec-na: with a sodium ion at its oxygen")
    starts: dict[Species, Start] = Field(description="How each of them begins")
    coordination: str = Field(description="The ion's place at the molecule: carbonyl-o, ring-o-1, f …")
    seeds: tuple[NonNegativeInt, ...] = Field(
        min_length=1, description="One trajectory each; of velocities and random orientations"
    )
    size: tuple[PositiveInt, PositiveInt] = Field(description="Lateral repetitions of the rectangular surface cell")
    layers: PositiveInt = Field(description="Atomic layers of the slab")
    fixed_layers: int = Field(ge=0, description="Layers at the bottom that do not move")
    vacuum_a: PositiveFloat = Field(description="Empty height above the slab, without the molecule, Å")
    lattice_constant_a: PositiveFloat | None = Field(description="Of sodium, Å; null takes the reference value")
    segment_steps: PositiveInt = Field(description="Steps of one job")
    stop_after: Annotated[StopAfter | None, BeforeValidator(_typed)] = Field(
        description="'C-F cleavage', 'ring opening' or null: a trajectory may end then"
    )
    stop_delay_fs: NonNegativeFloat = Field(description="So long after that event, fs")
    reaction: ReactionSettings = Field(ReactionSettings(), description="When a bond counts as broken")

    @model_validator(mode="after")
    def _is_possible(self) -> NaFecMdSettings:
        lacking = [one for one in self.species if one not in self.starts]
        if lacking:
            raise InputError(f"no start for {', '.join(lacking)}", "give starts an orientation for each species")
        if len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"seeds {list(self.seeds)}: the same one twice is the same trajectory", "use each once")
        kind = self.calculations["md"].kind
        if kind != "md":
            raise InputError(f"md.kind={kind}: nothing would move in time", "leave md.kind out")
        return self


def trajectories(settings: NaFecMdSettings) -> dict[str, tuple[Species, int]]:
    """Species and seed of each trajectory, by its name."""
    return {f"{species}-{seed}": (species, seed) for species in settings.species for seed in settings.seeds}
