"""Settings of the study `orbitals`: which molecules, with which ion, at which levels of theory; names of steps."""

from __future__ import annotations

import hashlib
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, field_validator, model_validator

from natrium.structures.boxes import boxed
from natrium.structures.counterpoise import alone
from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import ION_RADII_A, NoDonorError, ion_complexes
from natrium.structures.molecule_library import XYZ_ENDINGS, library_names, molecule
from natrium.structures.smiles import MissingRDKitError
from natrium.structures.system import System
from natrium.workflows.study import StudySettings

IONS = {f"{element}{charge if charge > 1 else ''}+": (element, charge) for element, charge in ION_RADII_A}
"""Ions that can be placed at a molecule, by name: Na+, Mg2+."""

ION = "ion"
"""What the steps of the ion alone begin with, and those of a complex have in their names."""

REDUCED, REJOINED = "reduced", "rejoined"
"""In the names of the steps of a species that relaxes with one more electron: from its own geometry; of a complex, from
that of the reduced molecule, which the ion comes to."""

CONFORMER = "conformer"
"""The section of the relaxations that find the best place for the ion."""

_DEFAULT_SPACING_A = 0.2
_VACUUM_OF_CONFORMERS_A = 6.0
"""An ion on its way may come 2 Å nearer to a wall. GPAW's basis of Na reaches 8.4 Å, and what the walls cut off lowers
the energy: of FEC–Na+ at F by 0.15, 0.05, 0.03 eV with 4, 6, 7 Å against 9 Å, at the carbonyl O by 0.04, 0.01, 0.01."""


class Box(NamedTuple):
    """A box with zero potential outside.

    Attributes:
        vacuum_a: Empty length between any atom and the walls, Å.
        multiple_a: Its edges are multiples of this, Å: then every molecule has the same grid spacing.
    """

    vacuum_a: float
    multiple_a: float


def placed(system: System, box: Box | None) -> System:
    """A molecule in its box, or alone."""
    if box is None:
        return alone(system)
    vacuum_a, multiple_a = box  # a job gets it as a list
    return boxed(system, vacuum_a, multiple_a=multiple_a)


class NamedMolecule(BaseModel):
    """A molecule and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    source: str = Field(description="A name of the library, 'smiles:' and a SMILES, or the path of an xyz file")

    def __str__(self) -> str:
        return self.name

    @property
    def base(self) -> str:
        """What the names of its steps begin with; with a hash where they cannot say the name."""
        plain = "-".join(self.name.lower().replace("+", " plus ").split())
        told = slug(self.name)
        if told == plain and self.source != f"smiles:{self.name}":
            return told
        return f"{told}-{hashlib.sha256(self.name.encode()).hexdigest()[:4]}"

    @property
    def system(self) -> System:
        """The molecule, called by its name.

        Raises:
            InputError: with its name.
        """
        return _system(self)


class OrbitalsSettings(StudySettings):
    """Which molecules, with which ion, at which levels of theory; the calculations have their own."""

    molecules: tuple[NamedMolecule, ...] = Field(
        min_length=1, description="Names of the library, smiles:…, paths of xyz files, or {name: …, source: …}"
    )
    ion: str | None = Field(description="Ion that each molecule is coordinated to: Na+; null leaves it out")
    coordination: tuple[str, ...] | None = Field(
        min_length=1, description="Places of the ion to try: carbonyl-o, ring-o-1, …; null tries all of them"
    )
    levels: tuple[str, ...] = Field(min_length=1, description="Levels of theory: sections of `calculations`")
    geometry: str = Field(description="Section of the relaxation that all levels of theory take their geometry from")
    reduction: bool = Field(description="Whether one more electron is calculated too")
    counterpoise: bool = Field(
        description="Whether binding energies in Gaussian bases are corrected too, in the gas phase"
    )
    vacuum_a: PositiveFloat = Field(description="Empty length between any atom and the walls of its box, Å (fd, lcao)")

    @field_validator("molecules", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        each = [given] if isinstance(given, str) else given
        return [_named_after_its_source(one) if isinstance(one, str) else one for one in each]

    @field_validator("coordination")
    @classmethod
    def _as_places(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return given and tuple(name.replace("_", "-") for name in given)

    @field_validator("levels", "geometry")
    @classmethod
    def _as_sections(cls, given: Any) -> Any:
        return given.replace("-", "_") if isinstance(given, str) else tuple(name.replace("-", "_") for name in given)

    @model_validator(mode="after")
    def _is_possible(self) -> OrbitalsSettings:
        bases = [one.base for one in self.molecules]
        for what, names, keys in (
            ("molecules", [one.name for one in self.molecules], bases),
            ("levels", self.levels, list(self.levels)),
        ):
            twice = [name for name, key in zip(names, keys, strict=True) if keys.count(key) > 1]
            if twice:
                raise InputError(
                    f"{what}: {', '.join(twice)} cannot be told from one another",
                    "name each once, and each molecule differently: {name: …, source: …}",
                )
        if self.ion is not None and self.ion not in IONS:
            raise InputError(f"ion={self.ion}: natrium cannot place it", f"use one of {', '.join(IONS)}, or null")
        for level in self.levels:
            self._check_section(level, "static")
        for section in (self.geometry, CONFORMER):
            self._check_section(section, "relax")
        return self

    def _check_section(self, section: str, kind: str) -> None:
        if section not in self.calculations:
            raise InputError(
                f"there is no level of theory {section!r}", f"choose among {', '.join(sorted(self.calculations))}"
            )
        calculation = self.calculations[section]
        if calculation.kind != kind:
            raise InputError(f"{section} is a {calculation.kind} calculation", f"choose one with kind={kind}")
        if calculation.mode == "pw":
            raise InputError(
                f"{section}: plane waves repeat the molecule, and an ion with them, in every direction: there is no"
                " vacuum level to count from",
                "use mode=fd, or gto with engine pyscf",
            )
        if calculation.mode == "lcao" and kind == "static":
            raise InputError(
                f"{section}: levels and binding energies in GPAW's atomic orbitals are those of a small basis",
                "use mode=fd, which starts from the same datasets",
            )

    def candidates(self, of: NamedMolecule) -> dict[str, System]:
        """The ion at the molecule's donors; empty without an ion, or where it finds no place.

        Raises:
            InputError: a molecule that cannot be, or a place that was asked for and that no molecule has.
        """
        return self._candidates[of.base]

    @cached_property
    def _candidates(self) -> dict[str, dict[str, System]]:
        """By the bases of the molecules."""
        found = {one.base: self._places(one) for one in self.molecules}
        if self.coordination is None or self.ion is None:
            return found
        known = list(dict.fromkeys(name for places in found.values() for name in places))
        unknown = [name for name in self.coordination if name not in known]
        if unknown:
            names = ", ".join(one.name for one in self.molecules[:3]) + (", …" if len(self.molecules) > 3 else "")
            choice = f"choose among {', '.join(known)}: --set 'coordination=[…]'"
            raise InputError(
                f"coordination: there is no place {', '.join(unknown)} for {self.ion} at {names}",
                choice if known else "leave the ion out: --set ion=null",
            )
        return {
            base: {name: system for name, system in places.items() if name in self.coordination}
            for base, places in found.items()
        }

    def _places(self, of: NamedMolecule) -> dict[str, System]:
        if self.ion is None:
            return {}
        try:
            return ion_complexes(of.system, *IONS[self.ion])
        except NoDonorError:
            return {}

    def check_molecules(self) -> None:
        """Refuse all molecules that cannot be, at once: a list is mended in one go.

        Raises:
            InputError: with every one of them.
        """
        problems = []
        for one in self.molecules:
            try:
                _ = one.system
            except MissingRDKitError:
                raise
            except InputError as error:
                if len(self.molecules) == 1:
                    raise
                problems.append(f"{error.problem} ({error.remedy})")
        if problems:
            raise InputError(
                f"{len(problems)} of {len(self.molecules)} molecules cannot be calculated: " + "; ".join(problems),
                "correct these, or leave them out",
            )

    def box(self, section: str) -> Box | None:
        """The box that a calculation wants its molecules in; None for Gaussian bases, which need none."""
        calculation = self.calculations[section]
        if calculation.mode == "gto":
            return None
        # where the ion goes is found in a box that is not part of the numbers, and stays the same on every ladder
        vacuum_a = _VACUUM_OF_CONFORMERS_A if section == CONFORMER else self.vacuum_a
        return Box(vacuum_a, 4 * (calculation.grid_spacing_a or _DEFAULT_SPACING_A))

    @property
    def corrected_levels(self) -> list[str]:
        """The levels of theory at which the counterpoise correction is calculated."""
        if not self.counterpoise or self.ion is None:
            return []
        each = {level: self.calculations[level] for level in self.levels}
        return [level for level, calculation in each.items() if calculation.mode == "gto" and not calculation.solvent]

    @property
    def ion_alone(self) -> System:
        """The ion, a closed shell."""
        assert self.ion is not None
        element, charge = IONS[self.ion]
        return System(
            label=self.ion,
            symbols=(element,),
            positions_a=((0.0, 0.0, 0.0),),
            cell_a=((0.0,) * 3,) * 3,
            pbc=(False,) * 3,
            charge=charge,
            multiplicity=1,
        )


def step_name(form: str, section: str) -> str:
    """Name of a step: fec-ion-b3lyp-pcm."""
    return f"{form}-{section}".replace("_", "-")


def conformer_step(base: str, place: str) -> str:
    """Name of the step that relaxes a molecule with the ion at one place."""
    return step_name(f"{base}-{slug(place)}", CONFORMER)


def slug(name: str) -> str:
    """A name as part of the name of a step: Na+ → na-plus, 'Vinylene carbonate' → vinylene-carbonate.

    >>> slug("4-F-benzyl (a)")
    '4-f-benzyl-a'
    """
    plain = name.lower().replace("+", "-plus-")
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in plain).split()) or "molecule"


def _named_after_its_source(source: str) -> dict[str, str]:
    if source.lower().endswith(XYZ_ENDINGS):
        return {"name": Path(source).stem, "source": str(Path(source).absolute())}
    return {"name": source.removeprefix("smiles:"), "source": source}


@lru_cache(maxsize=1024)
def _system(named: NamedMolecule) -> System:
    try:
        found = molecule(named.source).model_copy(update={"label": named.name})
    except InputError as error:
        if named.source in library_names():
            raise
        remedy = error.remedy
        if named.source.startswith("smiles:") and "multiplicity" in remedy:
            remedy += "; a SMILES has no place for it, the comment line of an xyz file has: multiplicity=3"
        raise type(error)(f"molecule {named.name}: {error.problem}", remedy) from None
    if any(found.pbc):
        raise InputError(
            f"molecule {named.name}: {named.source} is periodic, pbc is {found.pbc}",
            "give a molecule: an xyz file without Lattice and pbc",
        )
    return found
