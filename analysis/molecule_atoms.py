"""Which atoms of a trajectory are the molecule: by index, by formula, or all that are not metal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from natrium.analysis.followed_pairs import bonded_at, followed_atoms
from natrium.analysis.fragments import Fragment, fragments, hill_formula
from natrium.analysis.minimum_image import MinimumImage
from natrium.analysis.reaction import ReactionSettings
from natrium.analysis.trajectory import Trajectory
from natrium.structures.bonds import IONIC
from natrium.structures.errors import InputError

MOST_ATOMS = 1000
"""All pairs of them are followed: so many need 3 GB and a second for 20 frames."""


def chosen_atoms(
    trajectory: Trajectory, wanted: Sequence[str] = (), settings: ReactionSettings | None = None
) -> list[int]:
    """Indices of the molecule's atoms.

    Args:
        trajectory: Whose first frame says what is bonded to what.
        wanted: Ranges of indices, counted from 0, both ends included ('45-54', '45-47,50'), formulas in any order of
            the elements ('C3H3FO3') and names of known molecules ('FEC'); all molecules of that formula or name are
            taken. Empty: every atom that is not an alkali or alkaline earth metal.
        settings: By which the trajectory will be analysed, for what is a bond; None: the defaults.

    Raises:
        InputError: a range beyond the atoms, a molecule that is not there, or more than `MOST_ATOMS` atoms.
    """
    parts = [part.strip() for text in wanted for part in text.split(",")]
    bonds = settings or ReactionSettings()
    found = [index for part in parts for index in _range(trajectory, part) or _molecules(trajectory, part, bonds)]
    found = found if wanted else _not_metal(trajectory)
    if len(found) > MOST_ATOMS:
        raise InputError(
            f"{trajectory.source}: {len(found)} atoms are too many to follow all pairs, more than {MOST_ATOMS}",
            "choose what reacts with --molecule: indices counted from 0 (45-54), a formula (C3H3FO3) or a name (FEC)",
        )
    return found


def index_ranges(indices: Iterable[int]) -> str:
    """Indices as `chosen_atoms` takes them: '45-54,60'."""
    runs = [
        [index for _, index in run]
        for _, run in groupby(enumerate(sorted(indices)), lambda numbered: numbered[1] - numbered[0])
    ]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _not_metal(trajectory: Trajectory) -> list[int]:
    return [index for index, symbol in enumerate(trajectory.symbols) if symbol not in IONIC]


def _range(trajectory: Trajectory, text: str) -> list[int]:
    """Nothing where the text is no range."""
    found = re.fullmatch(r"(\d+)(?:[-–](\d+))?", text)
    if found is None:
        return []
    first, last = int(found[1]), int(found[2] or found[1])
    count = len(trajectory.symbols)
    if not first <= last < count:
        raise InputError(
            f"{trajectory.source}: there are no atoms {text}",
            f"indices are counted from 0: give a range within 0-{count - 1}, the smaller one first",
        )
    return list(range(first, last + 1))


def _molecules(trajectory: Trajectory, text: str, settings: ReactionSettings) -> list[int]:
    present = _present(trajectory, settings)
    formula = _hill(text)
    found = [one for one in present if one.name == text] or [one for one in present if one.formula == formula]
    if not found:
        counts = Counter(one.formula if one.name == one.formula else f"{one.name} ({one.formula})" for one in present)
        there = ", ".join(f"{count} {name}" for name, count in counts.most_common(8)) or "nothing but metal"
        raise InputError(
            f"{trajectory.source}: there is no molecule {text!r} in the first frame",
            f"there is: {there}{', …' if len(counts) > 8 else ''}. Name one, or give indices (counted from 0): 45-54",
        )
    return sorted(atom for one in found for atom in one.atoms)


def _present(trajectory: Trajectory, settings: ReactionSettings) -> tuple[Fragment, ...]:
    """The molecules of the first frame."""
    candidates = _not_metal(trajectory)
    if not candidates:
        return ()
    atoms = followed_atoms(trajectory, candidates)
    first, second = atoms.pairs()
    block = next(trajectory.blocks())
    image = MinimumImage(trajectory.source, trajectory.pbc)
    lengths_a = image.distances_a(block.positions_a[:1], block.cells_a[:1], first, second)
    symbols = {atom: trajectory.symbols[atom] for atom in atoms.covalent}
    return fragments(symbols, bonded_at(atoms, first, second, lengths_a[0], settings))


def _hill(text: str) -> str | None:
    """The formula in Hill's order; None where the text is no formula."""
    if not re.fullmatch(r"(?:[A-Z][a-z]?\d{0,4})+", text):
        return None
    return hill_formula(
        [element for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", text) for _ in range(int(count or 1))]
    )
