"""Crystals of the elements: the primitive cell of a bcc, fcc or hcp metal, the lattice constant of a relaxed one."""

from __future__ import annotations

from typing import Literal, get_args

from ase.data import atomic_numbers, reference_states
from pydantic import BaseModel, ConfigDict, Field

from natrium.structures.errors import InputError
from natrium.structures.system import System

Structure = Literal["bcc", "fcc", "hcp"]
STRUCTURES: tuple[Structure, ...] = get_args(Structure)

IDEAL_C_OVER_A = (8 / 3) ** 0.5
"""Close packing of spheres."""

LARGEST_STRAIN = 0.12
"""Lattice constants further from the reference than this are refused: semilocal functionals stay within 0.05, an
equation of state within 0.1, and the usual slips lie outside (distance of neighbours for bcc -0.13, for fcc -0.29; Bohr
+0.89)."""

C_OVER_A_RANGE = (1.4, 2.0)
"""From below beryllium (1.57) to above cadmium (1.89)."""

ABSOLUTE_RANGE_A = (1.5, 12.0)
"""For elements without a reference metal: any lattice constant that could be one at all, Å."""

# Their ground states are molecular crystals or chains that ASE files under the closest of the three structures.
_NOT_METALS = {"Ne", "Ar", "Kr", "Xe", "Se", "Te"}


class Lattice(BaseModel):
    """Structure and lattice constants of an elemental metal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    element: str
    structure: Structure
    a_a: float = Field(description="Lattice constant of the conventional cell, Å")
    c_over_a: float | None = Field(None, description="Axial ratio, hcp only")

    @property
    def volume_a3(self) -> float:
        """Volume of one atom, Å³."""
        if self.structure == "hcp":
            return self.a_a**3 * 3**0.5 / 4 * (self.c_over_a or IDEAL_C_OVER_A)
        return self.a_a**3 / {"bcc": 2, "fcc": 4}[self.structure]


def reference_lattice(element: str) -> Lattice | None:
    """The metal's lattice from ASE's reference data (Ashcroft and Mermin, room temperature); None for other elements.

    Raises:
        InputError: there is no such element.
    """
    number = atomic_numbers.get(element, 0)
    if number == 0:
        raise InputError(f"there is no element {element!r}", "use a chemical symbol such as Na")
    state = reference_states[number] or {}
    if element in _NOT_METALS or state.get("symmetry") not in STRUCTURES:
        return None
    return Lattice(element=element, structure=state["symmetry"], a_a=state["a"], c_over_a=state.get("c/a"))


def metal_lattice(
    element: str,
    *,
    structure: Structure | None = None,
    lattice_constant_a: float | None = None,
    c_over_a: float | None = None,
) -> Lattice:
    """The lattice that is meant: what was given, completed from the reference data and checked against them.

    Args:
        element: Chemical symbol.
        structure: None takes the element's own.
        lattice_constant_a: Lattice constant a of the conventional cell, Å; None takes the reference.
        c_over_a: Axial ratio of an hcp metal; None takes the reference, or the ideal 1.633 for another element.

    Raises:
        InputError: an element that is no bcc, fcc or hcp metal, another structure without its lattice constant, or
            lattice constants that cannot be right.
    """
    reference = reference_lattice(element)
    if structure is None:
        if reference is None:
            raise InputError(
                f"{element} is not a bcc, fcc or hcp metal in the reference data",
                "choose another element, or give structure and lattice_constant_a",
            )
        structure = reference.structure
    if structure not in STRUCTURES:
        raise InputError(f"{element}: unknown structure {structure!r}", f"use one of {', '.join(STRUCTURES)}")
    native = reference is not None and reference.structure == structure
    if lattice_constant_a is None:
        if reference is None or not native:
            own = f"its own structure is {reference.structure}" if reference else "it has no reference lattice constant"
            raise InputError(f"{element}: no lattice constant for {structure}, {own}", "give lattice_constant_a in Å")
        lattice_constant_a = reference.a_a
    if structure != "hcp":
        if c_over_a is not None:
            raise InputError(f"{element}: c_over_a={c_over_a:g} means nothing for {structure}", "leave c_over_a out")
    elif c_over_a is None:
        c_over_a = reference.c_over_a if reference is not None and native else IDEAL_C_OVER_A
    elif not C_OVER_A_RANGE[0] <= c_over_a <= C_OVER_A_RANGE[1]:
        raise InputError(
            f"{element}: c_over_a={c_over_a:g} is outside {C_OVER_A_RANGE[0]} to {C_OVER_A_RANGE[1]}",
            "give the ratio c/a, near 1.6 for most metals",
        )
    lattice = Lattice(element=element, structure=structure, a_a=lattice_constant_a, c_over_a=c_over_a)
    _check_size(lattice, reference)
    return lattice


def _check_size(lattice: Lattice, reference: Lattice | None) -> None:
    """Structures of one metal have nearly the same volume per atom, so the volume judges any of them."""
    low, high = ABSOLUTE_RANGE_A
    if reference is not None:
        expected_a = (
            lattice.a_a * (reference.volume_a3 / lattice.volume_a3) ** (1 / 3) if lattice.a_a > 0 else reference.a_a
        )
        low, high = expected_a * (1 - LARGEST_STRAIN), expected_a * (1 + LARGEST_STRAIN)
    if not low <= lattice.a_a <= high:
        raise InputError(
            f"{lattice.element}: lattice_constant_a={lattice.a_a:g} Å is not within {low:.2f} to {high:.2f} Å, where"
            f" {lattice.structure} {lattice.element} can be",
            "give the lattice constant a of the conventional cell in Å, not in Bohr and not the distance of neighbours",
        )


def bulk_metal(
    element: str,
    *,
    structure: Structure | None = None,
    lattice_constant_a: float | None = None,
    c_over_a: float | None = None,
) -> System:
    """The primitive cell of a bcc, fcc (one atom) or hcp (two atoms) metal, periodic everywhere.

    Arguments and errors are those of `metal_lattice`. The spin is left open, as a smeared metal may.

    >>> bulk_metal("Na").label
    'Na (bcc)'
    """
    lattice = metal_lattice(element, structure=structure, lattice_constant_a=lattice_constant_a, c_over_a=c_over_a)
    ratio = {} if lattice.c_over_a is None else {"covera": lattice.c_over_a}
    from ase.build import bulk

    atoms = bulk(element, lattice.structure, a=lattice.a_a, **ratio)
    return System.from_atoms(atoms, f"{element} ({lattice.structure})")


# What ASE calls the lattice of a cell with so many atoms, if it is one of the three structures.
_CELLS: dict[tuple[str, int], Structure] = {
    ("BCC", 1): "bcc",
    ("CUB", 2): "bcc",
    ("FCC", 1): "fcc",
    ("CUB", 4): "fcc",
    ("HEX", 2): "hcp",
}


def lattice_of(system: System) -> Lattice:
    """Structure and lattice constants of a (relaxed) bulk metal, whatever primitive vectors describe it.

    Primitive bcc, fcc and hcp cells and conventional cubic ones are understood, turned and sheared at will.

    Raises:
        InputError: the system is no crystal of one element, or its lattice is none of the three to 0.1 %.
    """
    elements = sorted(set(system.symbols))
    if not all(system.pbc) or len(elements) != 1:
        raise InputError(
            f"{system.label}: not a crystal of one element (pbc {system.pbc}, elements {', '.join(elements)})",
            "give the bulk metal, periodic in all directions",
        )
    cell = system.atoms().cell
    found = cell.get_bravais_lattice(eps=1e-3)
    structure = _CELLS.get((found.name, len(system.symbols)))
    if structure is None:
        raise InputError(
            f"{system.label}: a cell of lattice {found.name} with {len(system.symbols)} atoms is not bcc, fcc or hcp",
            "relax a primitive or conventional cell with cell=isotropic, which keeps its shape",
        )
    if structure == "hcp":
        return Lattice(element=elements[0], structure=structure, a_a=found.a, c_over_a=found.c / found.a)
    # From the volume: exact, where the recognised lattice carries the tolerance of its recognition.
    a_a = float(cell.volume / len(system.symbols) * {"bcc": 2, "fcc": 4}[structure]) ** (1 / 3)
    return Lattice(element=elements[0], structure=structure, a_a=a_a)


def lattice_constant(system: System) -> float:
    """Lattice constant a of the conventional cell of a bulk metal, Å (hcp: of the hexagonal cell). See `lattice_of`."""
    return lattice_of(system).a_a
