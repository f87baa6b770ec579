"""The chaos campaign, short: a dozen workflows and one seed. benchmarks/chaos.py is the long one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from campaign.campaign import Account, Plan, carry_out
from campaign.laptop import Laptop
from campaign.workload import numbers_of_na110, workload

if TYPE_CHECKING:
    from conftest import CommandLine

CHAINS, LADDERS, NA110S = 7, 2, 1
SEED = 2
STRIKES = 14

pytestmark = [pytest.mark.gpaw, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, finished: CommandLine) -> Account:
    """What happened to a dozen workflows under an adversary; the na110 of `finished` is the undisturbed one."""
    undisturbed = numbers_of_na110(finished.json("show", finished.the_run().name)["output"])
    workflows = workload(CHAINS, LADDERS, NA110S, undisturbed, small_disk=os.geteuid() == 0)
    # a short path: there are sockets in it
    folder = tmp_path_factory.mktemp("x")
    laptop = Laptop(folder)
    return carry_out(Plan(workflows, SEED, STRIKES, patience_s=1500.0), laptop, print)


CHECKS = (
    "every workflow is completed",
    "every result is there once",
    "the results are those of undisturbed runs",
    "every SLURM job belongs to one record",
    "every submission has outcome, evidence and decision",
    "no file of a past job or attempt was written again",
    "every start of an engine is recorded",
    "natrium watch never ended by itself",
    "no process is left",
)


@pytest.mark.parametrize("what", CHECKS)
def test_chaos_changes_nothing(account: Account, what: str) -> None:
    (check,) = [check for check in account.checks if check.what == what]
    assert check.passed, account.failure


def test_there_was_chaos(account: Account) -> None:
    # a campaign that hit nothing would pass everything
    assert len(account.struck) > STRIKES / 2
    assert len(account.struck_by_kind) > 5
    assert account.reruns > 0
