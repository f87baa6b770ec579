"""Frontier orbitals of a molecule or its complex with an ion, and what one more electron does to it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FrontierLevels(BaseModel):
    """One species at one level of theory. Levels count from the vacuum, energies are without vibrations."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Species and level of theory, by which the row is found: 'FEC–Na+, b3lyp'")
    species: str = Field(description="FEC, FEC–Na+, Na+")
    molecule: str | None = Field(description="The molecule in it; None for the ion alone")
    level: str = Field(description="Level of theory: the name of its settings")
    homo_ev: float | None = Field(description="Highest occupied level, eV from the vacuum level")
    lumo_ev: float | None = Field(description="Lowest empty level, eV from the vacuum level")
    gap_ev: float | None = Field(description="LUMO - HOMO, eV")
    lumo_shift_ev: float | None = Field(
        default=None, description="LUMO of the complex less that of its molecule at the same level of theory, eV"
    )
    lumo_at_ion: float | None = Field(
        default=None, description="Share of the LUMO's density that is nearer to the ion than to any other atom, 0 to 1"
    )
    electron_affinity_ev: float | None = Field(
        default=None,
        description="Vertical: E(M) - E(M with one more electron) at M's geometry, eV; a solvent follows the electron",
    )
    reduction_ev: float | None = Field(
        default=None,
        description="Adiabatic: E(reduced, relaxed) - E(M), eV; negative where M takes the electron. Of a complex the"
        " lower of two minima: from its own geometry, and from the reduced molecule with the ion",
    )
    electron_at_ion: float | None = Field(
        default=None,
        description="The same of the orbital that holds the extra electron in the relaxed reduced complex; near 1 the"
        " reduction energy is that of the ion",
    )
    broken_bonds: tuple[str, ...] = Field(
        default=(),
        description="Bonds of M that are broken in the relaxed reduced species, such as C3-F5",
    )
    binding_ev: float | None = Field(
        default=None, description="E(complex) - E(molecule) - E(ion), eV; negative where they bind"
    )
    binding_counterpoise_ev: float | None = Field(
        default=None, description="The same with the counterpoise correction (Boys and Bernardi 1970), eV"
    )
    notes: tuple[str, ...] = Field(default=(), description="What to mind about these numbers, or what is missing")

    @property
    def lumo_is_bound(self) -> bool | None:
        """Whether the LUMO is below the vacuum level; one above it is a state of the basis or of the box."""
        return None if self.lumo_ev is None else self.lumo_ev < 0
