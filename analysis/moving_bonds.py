"""What is bonded at a time of a trajectory: as its analysis found it, or by distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from natrium.analysis.followed_pairs import FollowedAtoms, bonded_at, followed_atoms
from natrium.analysis.minimum_image import MinimumImage
from natrium.analysis.molecular_graphs import Pair
from natrium.analysis.reaction import BondEvent, Reaction, ReactionSettings
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.unwrapped_frames import Frame
from natrium.structures.bonds import IONIC
from natrium.structures.errors import InputError


class Joined(NamedTuple):
    """Pairs of atoms at one time, indices in the trajectory."""

    bonds: frozenset[Pair]
    contacts: frozenset[Pair]
    """Of the elements whose crystal the analysis compares with (fluorine and sodium): an atom and a metal atom."""


JoinedAt = Callable[[Frame], Joined]


def joined_at(trajectory: Trajectory, reaction: Reaction | None) -> JoinedAt:
    """How to find what is joined in a frame.

    By the confirmed events of a reaction, so that a vibration breaks nothing; by distance where there is none, or where
    it left events out of its list.

    Raises:
        InputError: a reaction of other atoms.
    """
    if reaction is not None:
        _check(trajectory, reaction)
        if not reaction.bond_events_left_out and not reaction.contact_events_left_out:
            return _by_events(trajectory, reaction)
    return _by_distance(trajectory, ReactionSettings() if reaction is None else reaction.settings)


def _check(trajectory: Trajectory, reaction: Reaction) -> None:
    atoms = followed_atoms(trajectory, reaction.molecule)
    symbols = trajectory.symbols
    if atoms.metals != reaction.metals or any(
        event.symbols != tuple(symbols[atom] for atom in event.atoms) for event in reaction.events
    ):
        raise InputError(
            f"the reaction of {reaction.source} is not one of the atoms of {trajectory.source}",
            "give the reaction that was analysed from this trajectory",
        )


def _by_events(trajectory: Trajectory, reaction: Reaction) -> JoinedAt:
    start = reaction.fragments[0].fragments
    bonds = {frozenset(pair) for fragment in start for pair in fragment.bonds}
    contacts = {frozenset(pair) for fragment in start for pair in fragment.contacts}

    def joined(frame: Frame) -> Joined:
        now = {False: set(bonds), True: set(contacts)}
        for event in reaction.events:
            if event.confirmed_fs <= frame.time_fs:
                (now[event.contact].add if _joins(event) else now[event.contact].discard)(frozenset(event.atoms))
        shown = {pair for pair in now[True] if {trajectory.symbols[atom] for atom in pair} == crystal}
        return Joined(_pairs(now[False]), _pairs(shown))

    crystal = set(reaction.settings.crystal)
    return joined


def _joins(event: BondEvent) -> bool:
    return event.kind in ("healed", "formed")


def _pairs(found: set[frozenset[int]]) -> frozenset[Pair]:
    return frozenset((min(pair), max(pair)) for pair in found)


def _by_distance(trajectory: Trajectory, settings: ReactionSettings) -> JoinedAt:
    symbols = tuple(trajectory.symbols)
    covalent = tuple(index for index, symbol in enumerate(symbols) if symbol not in IONIC)
    metals = tuple(index for index, symbol in enumerate(symbols) if symbol in IONIC)
    atoms = FollowedAtoms(symbols, covalent, covalent, metals)
    first, second = atoms.pairs()
    reach_a = settings.contact_formed * atoms.radii_sums_a(first, second)
    crystal = np.array(
        [{symbols[i], symbols[j]} == set(settings.crystal) for i, j in zip(first, second, strict=True)], bool
    )
    image = MinimumImage(trajectory.source, trajectory.pbc)

    def joined(frame: Frame) -> Joined:
        (lengths_a,) = image.distances_a(frame.positions_a[None], frame.cell_a[None], first, second)
        touching = np.flatnonzero((lengths_a < reach_a) & crystal)
        return Joined(
            bonded_at(atoms, first, second, lengths_a, settings),
            frozenset((int(first[number]), int(second[number])) for number in touching),
        )

    return joined
