"""Reactive trajectories: bonds that break and form, ring opening, fragments, and fluorine on sodium.

    reaction = analyse(trajectory, molecule=range(45, 55), reference=library_molecule("FEC"))
    reaction.first("ring opening"), reaction.first("cleavage", ("C", "F")), reaction.fragments[-1].names

One pass over the frames, in memory that does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.crystal_contacts import NearestMetal
from natrium.analysis.followed_pairs import (
    FollowedAtoms,
    Reference,
    bond_scale,
    bonded_at,
    followed_atoms,
    reference_bonds,
)
from natrium.analysis.fragment_history import FragmentHistory, connected_otherwise
from natrium.analysis.hysteresis import Hysteresis
from natrium.analysis.minimum_image import MinimumImage
from natrium.analysis.molecular_graphs import Pair
from natrium.analysis.reaction import FirstBreak, Reaction, ReactionSettings
from natrium.analysis.thinned_curves import Thinning
from natrium.analysis.trajectory import Block, Trajectory
from natrium.structures.errors import InputError

FRAMES_AT_ONCE = 64
"""Distances of so many frames, 780 pairs in each, stay in the processor's cache."""


def analyse(
    trajectory: Trajectory,
    molecule: Sequence[int],
    settings: ReactionSettings | None = None,
    reference: Reference | None = None,
) -> Reaction:
    """What happens to a molecule on metal.

    Followed are the molecule's reference bonds, all other pairs of its atoms (new bonds), and each of its atoms with
    every alkali or alkaline earth atom, of the slab or its own (contacts). Metal with metal never counts. Atoms are
    named by element and index in the trajectory, so an ion that came with the molecule is told from the slab.

    Args:
        trajectory: Positions over time, wrapped or not, in any cell.
        molecule: Indices of its atoms; of FEC–Na+ with or without the ion.
        settings: Thresholds and times; None: the defaults.
        reference: Bonds of the start: a system with the molecule's atoms in the order of `molecule`, or pairs of
            indices. None: what is bonded in the first frame. Give one where the first frame may be distorted.

    Raises:
        InputError: atoms, reference, cells, times or positions that cannot be.
    """
    chosen = settings or ReactionSettings()
    atoms = followed_atoms(trajectory, molecule)
    given = None if reference is None else reference_bonds(trajectory.source, atoms, reference)
    image = MinimumImage(trajectory.source, trajectory.pbc)
    first, second = atoms.pairs()
    following: _Following | None = None
    for block in _pieces(trajectory):
        lengths_a = image.distances_a(block.positions_a, block.cells_a, first, second)
        if following is None:
            bonds = bonded_at(atoms, first, second, lengths_a[0], chosen) if given is None else given
            following = _Following(atoms, bonds, chosen, trajectory.pbc, float(block.times_fs[0]), lengths_a[0])
        following.advance(block, lengths_a)
    if following is None:
        raise InputError(f"{trajectory.source}: no frames", "give a trajectory with at least one frame")
    return following.reaction(trajectory.source)


class _Following:
    """All that is carried from block to block."""

    def __init__(
        self,
        atoms: FollowedAtoms,
        bonds: frozenset[Pair],
        settings: ReactionSettings,
        pbc: tuple[bool, bool, bool],
        begin_fs: float,
        start_a: NDArray[np.float64],
    ) -> None:
        self._atoms, self._bonds, self._settings = atoms, bonds, settings
        first, second = atoms.pairs()
        self._pairs: list[Pair] = list(zip(first.tolist(), second.tolist(), strict=True))
        contact = np.isin(second, atoms.metals)
        scale = bond_scale(atoms, first, second, settings)
        sums_a = atoms.radii_sums_a(first, second)
        joins_a = np.where(contact, settings.contact_formed * sums_a, settings.healed_a * scale)
        parts_a = np.where(contact, settings.contact_lost * sums_a, settings.broken_a * scale)
        is_reference = np.array([pair in bonds for pair in self._pairs])
        joined = is_reference | (contact & (start_a < joins_a))
        self._all = Hysteresis(joins_a, parts_a, joined, settings.dwell_fs)
        self._history = FragmentHistory(atoms, bonds, self._pairs, joined.tolist(), begin_fs, settings.most_events)
        self._reference = np.flatnonzero(is_reference)
        self._scale = scale[self._reference]
        whole = np.ones(len(self._reference), dtype=bool)
        healing = settings.healed_a / settings.broken_a
        self._at_cutoff = [
            Hysteresis(healing * cutoff * self._scale, cutoff * self._scale, whole, settings.dwell_fs)
            for cutoff in settings.cutoffs_a
        ]
        self._breaks: list[dict[int, tuple[float, float]]] = [{} for _ in settings.cutoffs_a]
        self._nearest = self._nearest_metals(pbc)
        self._own_metals = self._distances_to_own_metals()
        names = [atoms.pair_name(self._pairs[number]) for number in self._reference]
        names += [f"{one.name}–{settings.crystal[0]}" for one in self._nearest]
        names += [
            f"{atoms.atom_name(atom)}–{atoms.atom_name(metal)}"
            for atom, metal in (self._pairs[number] for number in self._own_metals)
        ]
        self._curve_names = names
        self._curves = Thinning(len(names), settings.most_bins)
        self._frames, self._begin_fs, self._end_fs, self._longest_gap_fs = 0, begin_fs, begin_fs, 0.0

    def advance(self, block: Block, lengths_a: NDArray[np.float64]) -> None:
        times_fs = block.times_fs
        self._history.add(self._all.advance(times_fs, lengths_a))
        own_a = lengths_a[:, self._reference]
        if len(self._reference):
            for hysteresis, breaks in zip(self._at_cutoff, self._breaks, strict=True):
                for change in hysteresis.advance(times_fs, own_a):
                    if not change.joined:
                        breaks.setdefault(change.pair, (change.crossing_fs, change.until_fs))
        nearest_a = [one.advance(block, lengths_a) for one in self._nearest]
        self._curves.add(times_fs, np.column_stack([own_a, *nearest_a, lengths_a[:, self._own_metals]]))
        gaps_fs = np.diff(times_fs, prepend=self._end_fs)
        self._longest_gap_fs = max(self._longest_gap_fs, float(gaps_fs.max()))
        self._frames, self._end_fs = self._frames + len(times_fs), float(times_fs[-1])

    def reaction(self, source: str) -> Reaction:
        self._history.end(self._end_fs)
        return Reaction(
            source=source,
            settings=self._settings,
            molecule=self._atoms.molecule,
            metals=self._atoms.metals,
            reference_bonds=tuple(self._atoms.pair_name(self._pairs[number]) for number in self._reference),
            ring_bonds=tuple(self._ring_bonds()),
            frames=self._frames,
            begin_fs=self._begin_fs,
            end_fs=self._end_fs,
            longest_gap_fs=self._longest_gap_fs,
            events=tuple(self._history.events),
            pending=tuple(self._history.pending(self._all.pending())),
            bond_events_left_out=self._history.left_out[False],
            contact_events_left_out=self._history.left_out[True],
            first_breaks=tuple(self._first_breaks()),
            fragments=tuple(self._history.states),
            crystal_contacts=tuple(one.result() for one in self._nearest),
            curves=self._curves.curves(self._curve_names),
        )

    def _ring_bonds(self) -> Iterator[Pair]:
        symbols = {atom: self._atoms.symbols[atom] for atom in self._atoms.covalent}
        for number in self._reference.tolist():
            if connected_otherwise(symbols, self._bonds, self._pairs[number]):
                yield self._atoms.ordered(self._pairs[number])

    def _first_breaks(self) -> Iterator[FirstBreak]:
        ring = frozenset(self._ring_bonds())
        for cutoff_a, breaks in zip(self._settings.cutoffs_a, self._breaks, strict=True):
            for place, number in enumerate(self._reference.tolist()):
                pair = self._pairs[number]
                crossing_fs, confirmed_fs = breaks.get(place, (None, None))
                yield FirstBreak(
                    cutoff_a=cutoff_a,
                    threshold_a=cutoff_a * float(self._scale[place]),
                    atoms=self._atoms.ordered(pair),
                    name=self._atoms.pair_name(pair),
                    in_ring=self._atoms.ordered(pair) in ring,
                    crossing_fs=crossing_fs,
                    confirmed_fs=confirmed_fs,
                )

    def _nearest_metals(self, pbc: tuple[bool, bool, bool]) -> list[NearestMetal]:
        metal, element = self._settings.crystal
        found = []
        for atom in self._atoms.covalent:
            if self._atoms.symbols[atom] == element:
                columns = [
                    number
                    for number, (one, other) in enumerate(self._pairs)
                    if one == atom and other in self._atoms.metals and self._atoms.symbols[other] == metal
                ]
                metals = [self._pairs[number][1] for number in columns]
                if metals:
                    found.append(NearestMetal(atom, metals, columns, self._atoms, pbc, self._settings))
        return found

    def _distances_to_own_metals(self) -> list[int]:
        own = set(self._atoms.molecule) & set(self._atoms.metals)
        compared = {one.atom for one in self._nearest}
        return [number for number, (atom, metal) in enumerate(self._pairs) if atom in compared and metal in own]


def _pieces(trajectory: Trajectory) -> Iterator[Block]:
    """The frames in blocks of at most `FRAMES_AT_ONCE`.

    Raises:
        InputError: times that do not rise, or positions that are not numbers.
    """
    last_fs = -np.inf
    for block in trajectory.blocks():
        for start in range(0, len(block.times_fs), FRAMES_AT_ONCE):
            piece = Block(*(part[start : start + FRAMES_AT_ONCE] for part in block))
            steps = np.diff(piece.times_fs, prepend=last_fs)
            if not (steps > 0).all():
                frame = int(np.argmin(steps > 0))
                raise InputError(
                    f"{trajectory.source}: the time {piece.times_fs[frame]:g} fs comes after {last_fs:g} fs or later",
                    "give frames in the order of time, each once (a continued run may repeat its first one)",
                )
            if not (np.isfinite(piece.positions_a).all() and np.isfinite(piece.cells_a).all()):
                raise InputError(
                    f"{trajectory.source}: positions or cells that are not numbers between {piece.times_fs[0]:g} and"
                    f" {piece.times_fs[-1]:g} fs",
                    "look at where the trajectory comes from; a run that blew up has nothing to analyse after that",
                )
            last_fs = float(piece.times_fs[-1])
            yield piece
