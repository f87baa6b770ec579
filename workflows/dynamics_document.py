"""What molecular dynamics left behind, as a document."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.dynamics import DynamicsQuality


class Dynamics(BaseModel):
    """A finished run of molecular dynamics, or a segment of one."""

    model_config = ConfigDict(extra="forbid")

    first_step: int = Field(description="The step that it began from, counted over all segments")
    last_step: int
    time_step_fs: float
    trajectory: str = Field(
        description="The file, in ASE's format; frames from the first step that is the segment's own"
    )
    sha256: str = Field(description="Of the trajectory")
    scalars: str = Field(description="Energies, temperatures and largest forces of every step, a table (csv)")
    quality: DynamicsQuality
