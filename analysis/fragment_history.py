"""From joining and parting pairs to events with a name, and to the fragments after each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from natrium.analysis.followed_pairs import FollowedAtoms
from natrium.analysis.fragments import Fragment, FragmentState, fragments
from natrium.analysis.hysteresis import Change
from natrium.analysis.molecular_graphs import Pair, reached_from
from natrium.analysis.reaction import BondEvent, Excursion, PendingEvent, Process


class FragmentHistory:
    """The bonds and contacts of the moment, and what was reported of them so far."""

    def __init__(
        self,
        atoms: FollowedAtoms,
        reference: frozenset[Pair],
        pairs: Sequence[Pair],
        joined: Sequence[bool],
        begin_fs: float,
        most_events: int,
    ) -> None:
        """The first frame.

        Args:
            atoms: Who is followed.
            reference: Bonds of the start.
            pairs: What the numbers of changes stand for: atoms, a metal atom second.
            joined: Of each pair, whether it is bonded or in contact in the first frame.
            begin_fs: Time of the first frame, fs.
            most_events: To list of each sort, covalent and contact.
        """
        self._atoms, self._reference, self._pairs, self._most = atoms, reference, pairs, most_events
        self._metals = {metal: atoms.symbols[metal] for metal in atoms.metals}
        self._covalent = {atom: atoms.symbols[atom] for atom in atoms.covalent}
        start = {pair for pair, is_joined in zip(pairs, joined, strict=True) if is_joined}
        self._contacts = {pair for pair in start if pair[1] in self._metals}
        self._bonds = start - self._contacts
        self.events: list[BondEvent] = []
        self.states = [self._state(begin_fs, ("start",))]
        self.left_out = {True: 0, False: 0}
        """Events that were only counted: contacts (True) and bonds (False)."""
        self._listed = {True: 0, False: 0}

    def add(self, changes: Sequence[Change]) -> None:
        """What changed in a block, in the order of time. All changes of a frame belong to one call."""
        for until_fs, group in groupby(changes, key=lambda change: change.until_fs):
            titles = [title for change in group if (title := self._happened(change))]
            if titles:
                self.states.append(self._state(until_fs, tuple(titles)))

    def end(self, end_fs: float) -> None:
        """The last frame."""
        self.states.append(self._state(end_fs, ("end",)))

    def pending(self, excursions: Sequence[Change]) -> list[PendingEvent]:
        """Excursions that never became events, in the order of their crossings."""
        return [
            PendingEvent(**self._excursion(change), lasted_fs=change.until_fs - change.crossing_fs)
            for change in sorted(excursions, key=lambda change: (change.crossing_fs, change.pair))
        ]

    def _happened(self, change: Change) -> str | None:
        """Take the change over; the title of a covalent event that was listed."""
        pair = self._pairs[change.pair]
        contact = pair[1] in self._metals
        process = self._process(pair, change.joined)
        held = self._contacts if contact else self._bonds
        (held.add if change.joined else held.remove)(pair)
        if self._listed[contact] == self._most:
            self.left_out[contact] += 1
            return None
        self._listed[contact] += 1
        event = BondEvent(**self._excursion(change), process=process, confirmed_fs=change.until_fs)
        self.events.append(event)
        return None if contact else f"{event.title} ({event.name})"

    def _excursion(self, change: Change) -> dict[str, object]:
        pair = self._pairs[change.pair]
        first, second = self._atoms.ordered(pair)
        joins, parts = ("healed", "broken") if pair in self._reference else ("formed", "lost")
        symbols = (self._atoms.symbols[first], self._atoms.symbols[second])
        return Excursion(
            kind=joins if change.joined else parts,
            atoms=(first, second),
            symbols=symbols,
            contact=pair[1] in self._metals,
            crossing_fs=change.crossing_fs,
        ).model_dump()

    def _process(self, pair: Pair, joined: bool) -> Process:
        if pair[1] in self._metals:
            return "contact formed" if joined else "contact lost"
        if connected_otherwise(self._covalent, self._bonds, pair):
            return "ring closure" if joined else "ring opening"
        return "bond formation" if joined else "cleavage"

    def _state(self, time_fs: float, after: tuple[str, ...]) -> FragmentState:
        found: tuple[Fragment, ...] = fragments(self._covalent, self._bonds, self._contacts, self._metals)
        return FragmentState(time_fs=time_fs, after=after, fragments=found)


def connected_otherwise(symbols: dict[int, str], bonds: set[Pair] | frozenset[Pair], pair: Pair) -> bool:
    """Whether two atoms are connected by other bonds than their own, hydrogen left out.

    Hydrogen on its way from one atom to the next would close a ring of three for a moment.
    """
    atoms = [atom for atom, symbol in symbols.items() if symbol != "H"]
    place = {atom: number for number, atom in enumerate(atoms)}
    bonded: list[set[int]] = [set() for _ in atoms]
    for first, second in bonds:
        if {first, second} != set(pair) and first in place and second in place:
            bonded[place[first]].add(place[second])
            bonded[place[second]].add(place[first])
    return set(pair) <= place.keys() and place[pair[1]] in reached_from(bonded, place[pair[0]])
