"""What studies share that begin with the crystal of sodium: its lattice constant, calculated or given."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PositiveFloat, model_validator

from natrium.workflows.calculation import Calculation
from natrium.workflows.study import StudySettings


class BulkSodiumSettings(StudySettings):
    """Settings of a study whose section `bulk` relaxes the crystal that its slabs or cells are cut from."""

    lattice_constant_a: PositiveFloat | None = Field(
        description="Lattice constant, Å; null takes the relaxed one, and a given one is not relaxed"
    )

    @model_validator(mode="before")
    @classmethod
    def _holds_what_is_given(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("lattice_constant_a") is None:
            return values
        bulk = Calculation.model_validate(values["calculations"]["bulk"])
        held = bulk.model_copy(update={"kind": "static", "cell": "fixed"})
        return values | {"calculations": values["calculations"] | {"bulk": held}}
