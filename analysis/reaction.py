"""Documents of a reaction in molecular dynamics: what broke, when, what formed, and by which measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from natrium.analysis.fragments import FragmentState
from natrium.analysis.molecular_graphs import Pair
from natrium.analysis.published import published
from natrium.analysis.thinned_curves import LengthCurves
from natrium.structures.errors import InputError

Kind = Literal["broken", "healed", "formed", "lost"]
Process = Literal["ring opening", "ring closure", "cleavage", "bond formation", "contact formed", "contact lost"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReactionSettings(_Document):
    """When a bond is broken, and what else is asked of a trajectory."""

    broken_a: float = Field(
        2.0,
        gt=0,
        description="A bond of C, N, O and F longer than this is broken, Å: 0.5 Å beyond C–C, the longest of them,"
        " where thermal motion does not reach. For pairs with greater covalent radii than two carbon atoms have it"
        " grows with their sum",
    )
    healed_a: float = Field(
        1.8,
        gt=0,
        description="A broken bond shorter than this is whole again, and two atoms that were not bonded now are, Å:"
        " 0.2 Å less than `broken_a`, more than a stretched bond vibrates, and below all distances over two bonds"
        " (O···O in a carbonate: 2.2 Å)",
    )
    hydrogen: float = Field(
        0.8,
        gt=0,
        description="For bonds of hydrogen both thresholds are multiplied with this: 1.6 and 1.44 Å. At 2.0 Å hydrogen"
        " that moved from carbon to its oxygen would still count as bonded to both: C···H in C–O–H is 1.95 Å",
    )
    dwell_fs: float = Field(
        10.0,
        ge=0,
        description="A change counts when it has lasted for this time, fs: about one period of the fastest vibration"
        " (C–H, 11 fs)",
    )
    cutoffs_a: tuple[float, ...] = Field(
        (1.8, 2.0, 2.2),
        description="Values of `broken_a` for which the breaks of the reference bonds are compared, Å; `healed_a`"
        " scales along",
    )
    contact_formed: float = Field(
        1.25,
        gt=0,
        description="An atom nearer to a metal atom than this touches it, in units of the sum of the covalent radii:"
        " Na–F 2.79 Å, 1.2 times the distance in NaF; Na–O 2.90 Å (Na2O has 2.42), Na–H 2.46 Å (NaH has 2.44)",
    )
    contact_lost: float = Field(
        1.45,
        gt=0,
        description="A contact longer than this is lost, same unit: Na–F 3.23 Å, wider than contacts vibrate and far"
        " from the second neighbours in NaF (4.0 Å)",
    )
    crystal: tuple[str, str] = Field(
        ("Na", "F"), description="Metal and other element whose distance is compared with that in their crystal"
    )
    crystal_distance_a: float = Field(
        default_factory=lambda: float(published("naf_crystal_distance").value),
        gt=0,
        description="Distance of neighbours in that crystal, Å",
    )
    crystal_shell: float = Field(
        1.2, gt=0, description="Metal atoms within so many crystal distances are counted as neighbours"
    )
    at_fs: tuple[float, ...] = Field((80.0,), description="Times at which that distance is reported, fs")
    window_fs: float = Field(
        5.0, ge=0, description="It is averaged over the frames from so long before until so long after, fs"
    )
    most_bins: int = Field(2048, ge=2, multiple_of=2, description="Points of a curve; longer ones are thinned")
    most_events: int = Field(
        1000, ge=1, description="So many bond events and so many contact events are listed; further ones are counted"
    )

    @model_validator(mode="after")
    def _has_hysteresis(self) -> ReactionSettings:
        for lower, upper in (("healed_a", "broken_a"), ("contact_formed", "contact_lost")):
            if getattr(self, lower) >= getattr(self, upper):
                raise InputError(
                    f"{lower} = {getattr(self, lower):g} is not below {upper} = {getattr(self, upper):g}",
                    f"lower {lower}: between both a pair stays what it was",
                )
        if any(cutoff <= 0 for cutoff in self.cutoffs_a):
            raise InputError(f"cutoffs_a = {self.cutoffs_a}", "give lengths above zero, Å")
        return self


class Excursion(_Document):
    """A pair of atoms that passed a threshold."""

    kind: Kind = Field(
        description="broken: a bond of the start; healed: it is back; formed: a bond or metal contact that was not"
        " there at the start or had been lost; lost: such a bond, or any metal contact, is gone"
    )
    atoms: Pair = Field(description="Indices in the trajectory")
    symbols: tuple[str, str] = Field(description="Elements, in the order of the atoms")
    contact: bool = Field(description="Between metal and another atom: coordination, no covalent bond")
    crossing_fs: float = Field(
        description="When the threshold was passed, interpolated linearly between two frames, fs; the first frame's"
        " time for what was beyond it from the start"
    )

    @property
    def name(self) -> str:
        """Elements and indices: 'C46–F50'."""
        return "–".join(f"{symbol}{index}" for symbol, index in zip(self.symbols, self.atoms, strict=True))


class BondEvent(Excursion):
    """A change that lasted."""

    process: Process = Field(
        description="ring opening: of a bond whose atoms stay connected otherwise, not through hydrogen; cleavage: of"
        " any other. Judged by the bonds of that time"
    )
    confirmed_fs: float = Field(description="First frame in which the change had lasted for the dwell time, fs")

    @property
    def title(self) -> str:
        """The process with the elements: 'ring opening C–O', 'C–F cleavage'."""
        elements = "–".join(self.symbols)
        return f"{self.process} {elements}" if self.process.startswith("ring") else f"{elements} {self.process}"


class PendingEvent(Excursion):
    """An excursion that the end of the trajectory cut off before it had lasted long enough."""

    lasted_fs: float = Field(description="From the crossing to the last frame, fs")


class FirstBreak(_Document):
    """When a reference bond broke for the first time, at one cutoff."""

    cutoff_a: float = Field(description="The setting, Å")
    threshold_a: float = Field(description="What it means for this pair of elements, Å")
    atoms: Pair = Field(description="Indices in the trajectory")
    name: str = Field(description="Elements and indices: 'C46–F50'")
    in_ring: bool = Field(description="Whether the bond belongs to a ring of the reference")
    crossing_fs: float | None = Field(
        description="When the threshold was passed, interpolated, fs; none: the bond never broke"
    )
    confirmed_fs: float | None = Field(description="First frame in which it had lasted for the dwell time, fs")


class WindowMean(_Document):
    """The distance to the nearest metal atom around a time."""

    at_fs: float = Field(description="Middle of the window, fs")
    frames: int = Field(description="Frames in the window; 0 where the trajectory does not reach it")
    mean_a: float | None = Field(description="Mean over these frames, Å")
    neighbours: float | None = Field(description="Mean number of metal atoms in the crystal's shell")
    nearest: str | None = Field(description="The metal atom that is nearest in most frames, element and index")


class CrystalContact(_Document):
    """One atom's nearest metal, measured by their crystal: fluorine and sodium against NaF."""

    atom: int = Field(description="Index in the trajectory")
    name: str = Field(description="Element and index: 'F50'")
    shortest_a: float = Field(description="Shortest distance to any metal atom of the element in all frames, Å")
    shortest_fs: float = Field(description="When it was, fs")
    first_below_fs: float | None = Field(
        description="When the distance first fell below the crystal's, interpolated linearly, fs; none: never"
    )
    at: tuple[WindowMean, ...] = Field(description="At the times that were asked for")
    neighbours_end: int = Field(description="Metal atoms in the crystal's shell in the last frame")


class Reaction(_Document):
    """What happened to a molecule in a trajectory."""

    source: str = Field(description="Of the trajectory")
    settings: ReactionSettings = Field(description="By which it was judged")
    molecule: tuple[int, ...] = Field(description="Indices of the atoms that were followed")
    metals: tuple[int, ...] = Field(description="Indices of the metal atoms that they may touch")
    reference_bonds: tuple[str, ...] = Field(description="Bonds of the start, elements and indices")
    ring_bonds: tuple[Pair, ...] = Field((), description="Those of them that belong to a ring, by their atoms")
    frames: int = Field(description="How many were read")
    begin_fs: float = Field(description="Time of the first frame, fs")
    end_fs: float = Field(description="Time of the last frame, fs")
    longest_gap_fs: float = Field(
        description="Longest time between two frames, fs; where it exceeds the dwell time, two frames make an event"
    )
    events: tuple[BondEvent, ...] = Field(description="In the order of confirmation, then of crossing")
    pending: tuple[PendingEvent, ...] = Field(description="What the end cut off")
    bond_events_left_out: int = Field(description="Covalent events beyond the number that is listed")
    contact_events_left_out: int = Field(description="Metal contact events beyond the number that is listed")
    first_breaks: tuple[FirstBreak, ...] = Field(description="For each cutoff each reference bond")
    fragments: tuple[FragmentState, ...] = Field(
        description="At the start, after every frame that confirmed a covalent event, at the end"
    )
    crystal_contacts: tuple[CrystalContact, ...] = Field(description="One for each such atom of the molecule")
    curves: LengthCurves = Field(
        description="Lengths of the reference bonds; distances of the compared element to its nearest metal ('F50–Na');"
        " and to each metal atom of the molecule itself ('F50–Na55')"
    )

    def first(self, process: Process, elements: tuple[str, str] | None = None) -> BondEvent | None:
        """The first event of a kind, by its crossing; None where there is none.

        Args:
            process: What happened.
            elements: Of the two atoms, in either order; None: any.
        """
        return self.earliest(
            lambda event: event.process == process and (elements is None or sorted(elements) == sorted(event.symbols))
        )

    def earliest(self, accept: Callable[[BondEvent], bool]) -> BondEvent | None:
        """The first event of those that are accepted, by its crossing; None where there is none."""
        return min(filter(accept, self.events), key=lambda event: event.crossing_fs, default=None)

    @property
    def covalent_events(self) -> tuple[BondEvent, ...]:
        """Those between atoms that are not metal."""
        return tuple(event for event in self.events if not event.contact)

    def ring_opening_fs(self, cutoff_a: float) -> float | None:
        """First crossing of any ring bond of the reference at a cutoff, fs; None: the ring stayed whole."""
        times = [
            one.crossing_fs
            for one in self.first_breaks
            if one.in_ring and one.cutoff_a == cutoff_a and one.crossing_fs is not None
        ]
        return min(times, default=None)
