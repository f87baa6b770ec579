"""Molecules on metal: fluorine that changes partners, rings that open, and input that cannot be."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from synthetic_trajectories import (
    FEC,
    RATE,
    REST_A,
    TIMES,
    bond,
    breaks,
    crossing,
    events,
    exactly,
    fec_on_sodium,
    moving,
    ramp,
    ring_opened,
)

from natrium.analysis.molecule_atoms import chosen_atoms
from natrium.analysis.reaction import Reaction, ReactionSettings
from natrium.analysis.reaction_analysis import analyse
from natrium.structures.bonds import neighbours
from natrium.structures.errors import InputError


def test_fluorine_goes_from_carbon_to_sodium() -> None:
    # C at 0, Na at 6 Å, F between them: its contact forms at 1.25 of the radii, 2.7875 Å, when C–F has 3.2125 Å.
    def positions(times: np.ndarray) -> np.ndarray:
        placed = np.zeros((len(times), 4, 3))
        placed[:, 1, 2], placed[:, 2, 2], placed[:, 3, 0] = REST_A + ramp(times, 30.2, 74.2), 6.0, 1.2
        return placed

    reaction = analyse(moving(["C", "F", "Na", "O"], positions, TIMES), [0, 1, 3])
    assert [(event.kind, event.name, event.title) for event in reaction.events] == [
        ("broken", "C0–F1", "C–F cleavage"),
        ("formed", "Na2–F1", "Na–F contact formed"),
    ]
    assert events(reaction) == exactly(("broken", 42.2, 52.5), ("formed", crossing(30.2, 3.2125), 76.5))
    assert [state.names for state in reaction.fragments] == [("CFO",), ("CO", "F"), ("CO", "F")]
    assert reaction.fragments[-1].fragments[1].description == "F bound to 1 Na"
    (fluorine,) = reaction.crystal_contacts
    # In NaF 2.317 Å: crossed when C–F has 3.683 Å, which the ramp does not reach: it ends at 3.6 Å.
    assert (fluorine.name, fluorine.first_below_fs) == ("F1", None)
    assert fluorine.shortest_a == pytest.approx(2.4)
    (window,) = fluorine.at
    assert (window.at_fs, window.nearest, window.frames) == (80, "Na2", 21)
    assert (window.mean_a, window.neighbours) == (pytest.approx(2.4), 1)
    assert reaction.curves.names == ("C0–F1", "C0–O3", "F1–Na")


@pytest.mark.parametrize(
    ("start_a", "found"),
    [
        pytest.param(1.59, [("broken", crossing(30.2), 52.5)], id="by the radii"),
        pytest.param(1.65, [("broken", crossing(30.2), 52.5)], id="by the thresholds"),
        pytest.param(1.79, [("broken", crossing(30.2), 52.5)], id="just shorter than whole"),
        pytest.param(1.81, [("formed", 1.5, 11.5), ("lost", crossing(30.2), 52.5)], id="no bond"),
    ],
)
def test_stretched_at_the_start_is_bonded(start_a: float, found: list[tuple[str, float, float]]) -> None:
    def length(times: np.ndarray) -> np.ndarray:
        return np.where(times < 1.5, start_a, breaks(times))

    trajectory = moving(["C", "F"], bond(length), TIMES)
    for molecule in ([0, 1], chosen_atoms(trajectory, ["CF"]) if start_a < 1.8 else [0, 1]):
        reaction = analyse(trajectory, molecule)
        assert [(event.kind, event.confirmed_fs) for event in reaction.events] == [(one[0], one[2]) for one in found]
        assert reaction.events[-1].crossing_fs == pytest.approx(found[-1][1])
        assert len(reaction.first_breaks) == 3 * (start_a < 1.8)


@pytest.mark.parametrize(("last_fs", "frames"), [(79.5, 0), (80.0, 11), (83.0, 17)])
def test_no_mean_at_a_time_that_the_trajectory_does_not_reach(last_fs: float, frames: int) -> None:
    """Nor at one before it began, as of a later segment that is read by itself."""
    at_80 = analyse(moving(["F", "Na"], bond(breaks), np.arange(40, last_fs + 0.1, 0.5)), [0]).crystal_contacts[0].at[0]
    assert (at_80.frames, at_80.mean_a is None, at_80.nearest is None) == (frames, not frames, not frames)
    later = analyse(moving(["F", "Na"], bond(breaks), np.arange(160 - last_fs, 120, 0.5)), [0]).crystal_contacts[0]
    assert later.at[0].frames == frames


PRIMITIVE = 2.317 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])


@pytest.mark.parametrize(
    ("repeats", "turned", "pbc", "neighbours"),
    [
        pytest.param((1, 1, 1), np.eye(3), (True,) * 3, 6, id="primitive"),
        pytest.param((1, 1, 1), [[1, 0, 0], [2, 1, 0], [0, -1, 1]], (True,) * 3, 6, id="primitive, oblique"),
        pytest.param((1, 1, 1), [[-1, 1, 1], [1, -1, 1], [1, 1, -1]], (True,) * 3, 6, id="cubic"),
        pytest.param((3, 3, 3), np.eye(3), (True,) * 3, 6, id="wide"),
        pytest.param((3, 3, 1), np.eye(3), (True,) * 3, 6, id="narrow in one direction"),
        pytest.param((1, 1, 1), np.eye(3), (True, True, False), 3, id="a layer"),
        pytest.param((1, 1, 1), np.eye(3), (False,) * 3, 1, id="a molecule"),
    ],
)
def test_neighbours_in_narrow_cells(
    repeats: tuple[int, int, int], turned: Any, pbc: tuple[bool, bool, bool], neighbours: int
) -> None:
    """F in crystalline NaF, whose cell is given by other vectors or is repeated; it stands still, or breathes."""
    cell = np.asarray(turned) @ PRIMITIVE
    inside = (np.array(list(product(range(-6, 7), repeat=3))) @ PRIMITIVE @ np.linalg.inv(cell)).round(6)
    sites = inside[((inside >= 0) & (inside < 1)).all(axis=1)]
    sodium = np.array([site + steps for steps in product(*map(range, repeats)) for site in sites]) @ cell
    start = np.vstack([sodium, sodium[0] + np.array([2.317, 0, 0])])
    for breath in (np.ones(len(TIMES)), 1 + 0.02 * np.sin(TIMES)):
        trajectory = moving(
            ["Na"] * len(sodium) + ["F"],
            lambda times, breath=breath: start * breath[np.searchsorted(TIMES, times)][:, None, None],
            TIMES,
            cell=breath[:, None, None] * np.array(repeats)[:, None] * cell,
            pbc=pbc,
        )
        (fluorine,) = analyse(trajectory, [len(sodium)]).crystal_contacts
        assert (fluorine.neighbours_end, fluorine.at[0].neighbours) == (neighbours, neighbours)


@pytest.mark.parametrize("block", [1, 27, 256])
def test_fluorine_nearer_than_in_the_crystal(block: int) -> None:
    def approaches(times: np.ndarray) -> np.ndarray:
        return np.asarray(3.0 - ramp(times, 10, 30))

    def with_another(times: np.ndarray) -> np.ndarray:
        return np.insert(bond(approaches)(times), 2, 9, axis=1)

    reaction = analyse(moving(["F", "Na", "Na"], with_another, TIMES, block=block), [0])
    (fluorine,) = reaction.crystal_contacts
    assert fluorine.first_below_fs == pytest.approx(10 + (3.0 - 2.317) / RATE)
    assert (fluorine.shortest_a, fluorine.neighbours_end) == (pytest.approx(2.0), 1)
    assert analyse(moving(["F", "Na"], bond(approaches), [0.0, 1.0]), [0]).crystal_contacts[0].at[0].mean_a is None


def test_molecule_with_its_own_ion() -> None:
    # Na1 came with the molecule, Na2 is slab: both only coordinate, and Na–Na 2.5 Å apart is nothing.
    def positions(times: np.ndarray) -> np.ndarray:
        placed = np.zeros((len(times), 3, 3))
        placed[:, 1, 2], placed[:, 2] = np.where(times < 50, 2.3, 5.0), (0, 0, 4.8)
        return placed

    reaction = analyse(moving(["F", "Na", "Na"], positions, TIMES), [0, 1])
    assert [(event.kind, event.name) for event in reaction.events] == [("lost", "Na1–F0")]
    assert reaction.metals == (1, 2)
    assert reaction.fragments[0].fragments[0].metals == ("Na1",)
    assert reaction.curves.names == ("F0–Na", "F0–Na1")


def test_ring_opening_of_fec_then_cleavage() -> None:
    symbols, start, cell = fec_on_sodium()
    rest_a = float(np.linalg.norm(start[47] - start[46]))
    f_c = start[50] - start[49]

    def reacts(times: np.ndarray) -> np.ndarray:
        moved = ring_opened(start, ramp(times, 70, 90), first=45)
        moved[:, 50] += (ramp(times, 105, 145) / np.linalg.norm(f_c))[:, None] * f_c
        return moved

    trajectory = moving(symbols, reacts, np.arange(0, 160, 0.5), cell=cell, pbc=(True, True, False), wrapped=True)
    reaction = analyse(trajectory, range(45, 55), reference=FEC)
    opening, cleavage = reaction.events
    assert (opening.title, opening.name) == ("ring opening C–O", "C46–O47")
    assert opening.crossing_fs == pytest.approx(crossing(70, 2.0, rest_a))
    assert (cleavage.title, cleavage.name) == ("C–F cleavage", "C49–F50")
    assert cleavage.crossing_fs == pytest.approx(crossing(105, 2.0, float(np.linalg.norm(f_c))), abs=0.01)
    assert [state.names for state in reaction.fragments] == [
        ("FEC",),
        ("FEC, C(=O)–OCH2 open",),
        ("FEC without F, C(=O)–OCH2 open", "F"),
        ("FEC without F, C(=O)–OCH2 open", "F"),
    ]
    assert reaction.fragments[1].after == ("ring opening C–O (C46–O47)",)
    assert [one.name for one in reaction.first_breaks if one.cutoff_a == 2.0 and one.in_ring] == [
        "C46–O47", "C46–O51", "C48–O47", "C48–C49", "C49–O51",
    ]  # fmt: skip
    assert reaction.ring_opening_fs(2.0) == opening.crossing_fs
    assert reaction.ring_opening_fs(1.8) < opening.crossing_fs < reaction.ring_opening_fs(2.2)
    # The reference may be a system, the first frame or pairs.
    assert analyse(trajectory, range(45, 55)).events == reaction.events
    pairs = [(45 + i, 45 + j) for i, others in enumerate(neighbours(FEC)) for j in others]
    assert analyse(trajectory, range(45, 55), reference=pairs).events == reaction.events
    assert Reaction.model_validate_json(reaction.model_dump_json()).events == reaction.events


def test_hydrogen_that_moves_on_opens_no_ring() -> None:
    def positions(times: np.ndarray) -> np.ndarray:
        placed = np.zeros((len(times), 3, 3))
        placed[:, 1, 0] = 1.4
        placed[:, 2] = [[-0.4, 1.0, 0]] + np.clip(times[:, None] - 30, 0, 44) * [[0.05, 0, 0]]
        return placed

    reaction = analyse(moving(["C", "O", "H"], positions, TIMES), [0, 1, 2])
    assert [event.title for event in reaction.events] == ["O–H bond formation", "C–H cleavage"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"molecule": [0, 0]}, r"atoms \[0\] of the molecule appear twice"),
        ({"molecule": [0, 7]}, r"atoms \[7\] .* do not exist"),
        ({"molecule": [2]}, "no atom but metal"),
        ({"molecule": [0], "third": "Al"}, "nothing to follow: one atom, C0, and no alkali"),
        ({"reference": [(0, 2)]}, r"reference bonds \[\(0, 2\)\]"),
        ({"reference": FEC}, "its reference FEC"),
        ({"times": []}, "no frames"),
        ({"times": [0.0, 1.0, 1.0]}, "the time 1 fs"),
        ({"times": [0.0, np.nan]}, "the time nan fs"),
        ({"length": lambda times: times / 0}, "not numbers between 0 and 1 fs"),
        ({"pbc": (True, False, False)}, "span no cell"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    given = {
        "molecule": [0, 1],
        "reference": None,
        "times": [0.0, 1.0],
        "length": breaks,
        "pbc": (False,) * 3,
        "third": "Na",
    } | changes

    def positions(times: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.insert(bond(given["length"])(times), 2, 9.0, axis=1)

    trajectory = moving(["C", "F", given["third"]], positions, given["times"], pbc=given["pbc"])
    with pytest.raises(InputError, match=message):
        analyse(trajectory, given["molecule"], reference=given["reference"])


@pytest.mark.parametrize(
    "settings",
    [{"healed_a": 2.0}, {"contact_formed": 1.5}, {"cutoffs_a": (2.0, -1.0)}],
    ids=lambda one: next(iter(one)),
)
def test_settings_that_contradict_each_other(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        ReactionSettings(**settings)
