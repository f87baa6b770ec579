"""What is done about each end of a job: the policy table, its limits and its budgets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from natrium.hpc.cluster import Cluster, Limits, NodeShape, Resources
from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.policy import RULES, Action, Policy, Rule
from natrium.hpc.queue.decide import decide
from natrium.hpc.queue.submission import Decision, Stage, Submission

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ASKED = Resources(nodes=1, tasks=4, memory_mb=1000, time_s=3600)


def cluster(memory_mb: int = 64_000, nodes: int = 1) -> Cluster:
    return Cluster(node=NodeShape(cores=4, memory_mb=memory_mb), limits=Limits(nodes=nodes))


def submission(number: int = 1, step: str = "slab", **changes: Any) -> Submission:
    facts = {
        "id": f"na110-1/{step}#{number}",
        "run": "na110-1",
        "step": step,
        "number": number,
        "uuid": step,
        "index": 1,
        "fw_id": 1,
        "launch_id": number,
        "cluster": "lab",
        "folder": f"/nowhere/{step}",
        "resources": ASKED,
        "basis": "a model",
        "prepared": NOW,
        "job_name": f"na110-1/{step}#{number}",
    }
    return Submission(**(facts | changes))


def ended(count: int, outcome: JobOutcome, step: str = "slab", again: bool = True, **changes: Any) -> list[Submission]:
    decision = Decision(again=again, resources=ASKED, why="")
    facts = {"stage": Stage.ENDED, "outcome": outcome, "decision": decision} | changes
    return [submission(number, step, **facts) for number in range(1, count + 1)]


def after(
    outcome: JobOutcome,
    history: Sequence[Submission] = (),
    rule: Rule | None = None,
    on: Cluster | None = None,
    budgets: dict[str, int] | None = None,
    **changes: Any,
) -> Decision:
    last = submission(len(history) + 1, **changes)
    policy = Policy(rules={outcome: rule} if rule else {}, **(budgets or {}))
    # the history also has the submission itself, still open, as settle sees it
    return decide(last, outcome, [*history, last], policy, on or cluster(), NOW)


def test_every_outcome_has_a_rule_and_every_action_is_known() -> None:
    assert set(RULES) == set(JobOutcome)
    assert {rule.action for rule in RULES.values()} == set(get_args(Action))


@pytest.mark.parametrize("outcome", list(JobOutcome))
def test_the_first_time_and_the_last(outcome: JobOutcome) -> None:
    rule = RULES[outcome]
    first = after(outcome, nodes="n1")
    assert first.again == (rule.action != "give up")
    if not first.again:
        assert (first.resources, first.not_before) == (ASKED, None)
        assert first.why == f"{outcome}: natrium does not try this again by itself"
        return
    assert (first.not_before is None) == (rule.wait_s == 0)
    budgets = {"job_budget": 99}
    assert after(outcome, ended(rule.tries - 1, outcome), budgets=budgets).again
    last = after(outcome, ended(rule.tries, outcome), budgets=budgets)
    assert not last.again
    assert last.why == f"{outcome}: tried {rule.tries + 1} times"


@pytest.mark.parametrize(
    ("outcome", "asked", "on", "changed", "why"),
    [
        (JobOutcome.STOPPED, {}, cluster(), {}, "again"),
        (JobOutcome.ENGINE_CRASHED, {"exclude": ("n1",)}, cluster(), {}, "again"),
        (JobOutcome.TIME_LIMIT, {}, cluster(), {"time_s": 7200}, "again with 120 min instead of 60"),
        (
            JobOutcome.TIME_LIMIT,
            {"time_s": 80_000},
            cluster(),
            {"time_s": 86_400},
            "again with 1440 min instead of 1333",
        ),
        (JobOutcome.TIME_LIMIT, {"time_s": 86_400}, cluster(), {}, "again with the same 1440 min, the cluster's limit"),
        (JobOutcome.TIME_LIMIT, {"time_s": 90_000}, cluster(), {}, "again with the same 1500 min, the cluster's limit"),
        (JobOutcome.OUT_OF_MEMORY, {}, cluster(), {"memory_mb": 2000}, "again with 2000 MB instead of 1000"),
        (JobOutcome.OUT_OF_MEMORY, {}, cluster(1500), {"memory_mb": 1500}, "again with 1500 MB instead of 1000"),
        (JobOutcome.OUT_OF_MEMORY, {}, cluster(1000, 3), {"nodes": 2}, "again with 2 nodes instead of 1"),
        # a third node would still have two processes somewhere
        (JobOutcome.OUT_OF_MEMORY, {"nodes": 2}, cluster(1000, 9), {"nodes": 4}, "again with 4 nodes instead of 2"),
        (JobOutcome.OUT_OF_MEMORY, {"nodes": 2}, cluster(1000, 3), {"tasks": 2}, "again with 2 of 4 processes"),
        (JobOutcome.OUT_OF_MEMORY, {}, cluster(1000), {"tasks": 2}, "again with 2 of 4 processes"),
        (JobOutcome.OUT_OF_MEMORY, {"tasks": 3}, cluster(1000), {"tasks": 1}, "again with 1 of 3 processes"),
        (
            JobOutcome.OUT_OF_MEMORY,
            {"tasks": 3, "nodes": 2},
            cluster(1000, 2),
            {"tasks": 2},
            "again with 2 of 3 processes",
        ),
        (JobOutcome.NODE_FAILURE, {}, cluster(), {"exclude": ("n1",)}, "again with another node than n1"),
        (JobOutcome.NODE_FAILURE, {"exclude": ("n0",)}, cluster(), {"exclude": ("n1",)}, "again with another node"),
        (JobOutcome.NOT_STARTED, {}, cluster(), {"exclude": ("n1",)}, "again with another node than n1"),
        (JobOutcome.REFUSED, {}, cluster(), {}, "again in 60 s"),
        (
            JobOutcome.REFUSED,
            {"exclude": ("n1",)},
            cluster(),
            {"exclude": ()},
            "again with n1 no longer excluded in 60 s",
        ),
    ],
)
def test_what_changes(
    outcome: JobOutcome, asked: dict[str, Any], on: Cluster, changed: dict[str, Any], why: str
) -> None:
    before = ASKED.model_copy(update=asked)
    decision = after(outcome, on=on, resources=before, nodes="n1")
    assert decision.again
    assert decision.resources == before.model_copy(update=changed)
    assert decision.why.startswith(why)


@pytest.mark.parametrize(
    ("asked", "nodes"),
    [({"tasks": 1}, 1), ({"tasks": 1}, 8), ({"tasks": 4, "nodes": 4}, 4), ({"tasks": 4, "nodes": 4}, 8)],
)
def test_nothing_larger_is_left_to_ask_for(asked: dict[str, Any], nodes: int) -> None:
    before = ASKED.model_copy(update=asked)
    decision = after(JobOutcome.OUT_OF_MEMORY, on=cluster(1000, nodes), resources=before)
    assert not decision.again
    assert "nothing larger to ask for" in decision.why


def test_a_factor_close_to_one_still_asks_for_more() -> None:
    decision = after(JobOutcome.OUT_OF_MEMORY, rule=Rule(action="more memory", factor=1.0001))
    assert decision.resources.memory_mb == 1001


def test_a_node_failure_before_any_node_is_known_changes_nothing() -> None:
    decision = after(JobOutcome.NODE_FAILURE, nodes="")
    assert (decision.again, decision.resources) == (True, ASKED)


@pytest.mark.parametrize(
    ("wait_s", "tried", "expected_s"),
    [
        (60, 0, 60),
        (60, 1, 120),
        (60, 3, 480),
        (60, 9, 6 * 3600),
        (60, 5000, 6 * 3600),
        (1e5, 0, 1e5),
        (1e5, 3, 1e5),
        (0, 3, None),
    ],
)
def test_waits_are_doubled_up_to_six_hours(wait_s: float, tried: int, expected_s: float | None) -> None:
    rule = Rule(action="continue", tries=10_000, wait_s=wait_s)
    history = ended(tried, JobOutcome.DISK_FULL)
    budgets = {"job_budget": 10_000, "run_budget": 10_000}
    decision = after(JobOutcome.DISK_FULL, history, rule, budgets=budgets)
    assert decision.not_before == (None if expected_s is None else NOW + timedelta(seconds=expected_s))
    assert (f"in {expected_s:.0f} s" in decision.why) if expected_s else ("in" not in decision.why.split())


KILLED, CRASHED = JobOutcome.KILLED, JobOutcome.ENGINE_CRASHED


@pytest.mark.parametrize(
    ("history", "budgets", "why"),
    [
        # other causes do not count against a rule, but against the budget of the step
        (ended(3, CRASHED), {}, None),
        (ended(3, CRASHED), {"job_budget": 4}, None),
        (ended(3, CRASHED), {"job_budget": 3}, "the budget of 3 reruns of this step is spent"),
        # other steps count against the budget of the run alone, and only if they were run again
        (ended(9, KILLED, "bulk"), {"job_budget": 1}, None),
        (ended(9, KILLED, "bulk"), {"run_budget": 10}, None),
        (ended(9, KILLED, "bulk"), {"run_budget": 9}, "the budget of 9 reruns of this run is spent"),
        (ended(9, KILLED, "bulk", again=False), {"run_budget": 9}, None),
        # a person's rerun starts anew
        (ended(3, KILLED), {}, "tried 4 times"),
        (ended(3, KILLED, counts=False), {}, None),
        (ended(9, CRASHED, counts=False), {"job_budget": 3}, None),
        (ended(9, KILLED, "bulk", counts=False), {"run_budget": 9}, None),
    ],
)
def test_budgets(history: list[Submission], budgets: dict[str, int], why: str | None) -> None:
    decision = after(KILLED, history, budgets=budgets)
    assert decision.again == (why is None)
    assert why is None or decision.why == f"{KILLED}: {why}"


@pytest.mark.parametrize("outcome", [outcome for outcome in JobOutcome if RULES[outcome].action != "give up"])
def test_what_was_cancelled_is_not_run_again(outcome: JobOutcome) -> None:
    decision = after(outcome, cancel_requested=True)
    assert not decision.again
    assert "natrium cancel" in decision.why


def test_the_configuration_wins_over_the_table() -> None:
    rule = Rule(action="more memory", tries=1, factor=3)
    assert after(CRASHED, rule=rule).resources.memory_mb == 3000
    assert not after(CRASHED, ended(1, CRASHED), rule).again
    assert not after(CRASHED, rule=Rule(action="give up")).again
