"""From an outcome to what is done about it: the policy table, applied to one calculation's history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from natrium.hpc.cluster import Cluster, Resources
from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.policy import Policy, Rule
from natrium.hpc.queue.submission import Decision, Submission

_LONGEST_WAIT_S = 6 * 3600.0
"""Doubling stops here, but for a rule whose first wait is longer."""


def decide(
    submission: Submission,
    outcome: JobOutcome,
    history: Sequence[Submission],
    policy: Policy,
    cluster: Cluster,
    at: datetime,
) -> Decision:
    """What follows from the end of a submission.

    Args:
        submission: The one that ended.
        outcome: How it ended.
        history: All submissions of the run that ended before.
        policy: The table and the budgets.
        cluster: Its limits.
        at: Now.
    """
    rule = policy.rule(outcome)
    counted = [past for past in history if past.counts and past.id != submission.id]
    own = [past for past in counted if past.step == submission.step]
    tried = sum(past.outcome == outcome for past in own)
    if submission.cancel_requested:
        return _give_up(submission, f"{outcome}: natrium cancel was asked to end it")
    if rule.action == "give up":
        return _give_up(submission, f"{outcome}: natrium does not try this again by itself")
    if tried >= rule.tries:
        return _give_up(submission, f"{outcome}: tried {tried + 1} times")
    if len(own) >= policy.job_budget:
        return _give_up(submission, f"{outcome}: the budget of {policy.job_budget} reruns of this step is spent")
    if sum(bool(past.decision and past.decision.again) for past in counted) >= policy.run_budget:
        return _give_up(submission, f"{outcome}: the budget of {policy.run_budget} reruns of this run is spent")
    changed = _changed(rule, outcome, submission, cluster)
    if changed is None:
        return _give_up(submission, f"{outcome}: the cluster's limits leave nothing larger to ask for")
    resources, change = changed
    longest_s = max(_LONGEST_WAIT_S, rule.wait_s)
    wait = timedelta(seconds=min(rule.wait_s * 2.0 ** min(tried, 60), longest_s))
    return Decision(
        again=True,
        resources=resources,
        why="again" + (f" with {change}" if change else "") + (f" in {wait.total_seconds():.0f} s" if wait else ""),
        not_before=at + wait if wait else None,
    )


def _give_up(submission: Submission, why: str) -> Decision:
    return Decision(again=False, resources=submission.resources, why=why)


def _changed(rule: Rule, outcome: JobOutcome, submission: Submission, cluster: Cluster) -> tuple[Resources, str] | None:
    """The next request and what is different in it; None: nothing is left to change."""
    asked = submission.resources
    if rule.action == "more time":
        return _more_time(rule, asked, cluster)
    if rule.action == "more memory":
        return _more_memory(rule, asked, cluster)
    if rule.action == "other node" and submission.nodes:
        return asked.model_copy(update={"exclude": (submission.nodes,)}), f"another node than {submission.nodes}"
    if outcome == JobOutcome.REFUSED and asked.exclude:
        # on a small cluster it may have been the only node that would do
        return asked.model_copy(update={"exclude": ()}), f"{','.join(asked.exclude)} no longer excluded"
    return asked, ""


def _more_time(rule: Rule, asked: Resources, cluster: Cluster) -> tuple[Resources, str]:
    time_s = min(asked.time_s * rule.factor, cluster.limits.time_s)
    if time_s <= asked.time_s:  # a checkpoint may make it shorter
        return asked, f"the same {asked.time_s / 60:.0f} min, the cluster's limit"
    return asked.model_copy(update={"time_s": time_s}), f"{time_s / 60:.0f} min instead of {asked.time_s / 60:.0f}"


def _more_memory(rule: Rule, asked: Resources, cluster: Cluster) -> tuple[Resources, str] | None:
    """More on each node; then fewer processes on each, by more nodes or in all."""
    memory_mb = min(math.ceil(asked.memory_mb * rule.factor), cluster.node.memory_mb)
    if memory_mb > asked.memory_mb:
        return asked.model_copy(update={"memory_mb": memory_mb}), f"{memory_mb} MB instead of {asked.memory_mb}"
    on_each = math.ceil(asked.tasks / asked.nodes)
    for nodes in range(asked.nodes + 1, min(asked.tasks, cluster.limits.nodes) + 1):
        if math.ceil(asked.tasks / nodes) < on_each:
            return asked.model_copy(update={"nodes": nodes}), f"{nodes} nodes instead of {asked.nodes}"
    tasks = max(asked.tasks // 2, asked.nodes)  # a node without a process is no use
    if tasks < asked.tasks:
        return asked.model_copy(update={"tasks": tasks}), f"{tasks} of {asked.tasks} processes"
    return None
