"""Which jobs wait in vain for a failed one, and hold up those that can do without it."""

from __future__ import annotations

import pytest

from natrium.hpc.queue.unblock import blocked_for_good

CHAIN = {1: [2], 2: [3], 3: [4], 4: []}
FORK = {1: [2, 3], 2: [5], 3: [5], 4: [5], 5: [6], 6: []}


def states(links: dict[int, list[int]], **others: str) -> dict[int, str]:
    return dict.fromkeys(links, "WAITING") | {int(name[1:]): state for name, state in others.items()}


@pytest.mark.parametrize(
    ("links", "found", "lenient", "blocked"),
    [
        # nothing failed
        (CHAIN, states(CHAIN, _1="RUNNING"), {4}, set()),
        (CHAIN, states(CHAIN, _1="COMPLETED", _2="READY"), {4}, set()),
        # all up to the one that can do without
        (CHAIN, states(CHAIN, _1="FIZZLED"), {4}, {2, 3}),
        (CHAIN, states(CHAIN, _1="COMPLETED", _2="FIZZLED"), {4}, {3}),
        (CHAIN, states(CHAIN, _1="FIZZLED"), {2}, set()),
        # behind the one that can do without nothing is lost yet
        (CHAIN, states(CHAIN, _1="FIZZLED"), {3}, {2}),
        # nobody can do without
        (CHAIN, states(CHAIN, _1="FIZZLED"), set(), {2, 3, 4}),
        # done in an earlier turn
        (CHAIN, states(CHAIN, _1="FIZZLED", _2="FIZZLED", _3="FIZZLED"), {4}, set()),
        # what a person stopped stays stopped, and holds up what is behind it
        (CHAIN, states(CHAIN, _1="FIZZLED", _2="PAUSED"), {4}, set()),
        (CHAIN, states(CHAIN, _1="FIZZLED", _2="DEFUSED"), {4}, set()),
        # one branch fails, the others go on
        (FORK, states(FORK, _1="COMPLETED", _2="FIZZLED", _3="RUNNING", _4="RUNNING"), {5, 6}, set()),
        (FORK, states(FORK, _1="FIZZLED", _4="RUNNING"), {5, 6}, {2, 3}),
        (FORK, states(FORK, _1="FIZZLED", _4="RUNNING"), {6}, {2, 3, 5}),
        # two paths to the same job
        (FORK, states(FORK, _1="FIZZLED", _4="COMPLETED"), set(), {2, 3, 5, 6}),
        # the last one can do without, but failed by itself
        (FORK, states(FORK, _1="FIZZLED", _2="FIZZLED", _3="FIZZLED", _5="FIZZLED"), {5, 6}, set()),
    ],
)
def test_blocked_for_good(
    links: dict[int, list[int]], found: dict[int, str], lenient: set[int], blocked: set[int]
) -> None:
    assert blocked_for_good(found, links, lenient) == blocked
