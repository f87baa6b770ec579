"""What natrium does about each way in which a job can end: one table, which the configuration may change."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from natrium.hpc.cluster import Duration
from natrium.hpc.job_outcome import JobOutcome

Action = Literal["continue", "more time", "more memory", "other node", "give up"]
"""`continue` starts again from the last checkpoint with the same request; the others change it and continue."""


class Rule(BaseModel):
    """What is done after one kind of end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Action = Field(description="continue, more time, more memory, other node, or give up")
    tries: NonNegativeInt = Field(3, description="How often in the life of one calculation")
    factor: float = Field(2.0, gt=1, description="Of time or memory")
    wait_s: NonNegativeFloat = Field(0.0, description="Before the next submission, s; doubled each time")


class Policy(BaseModel):
    """The table, and the budgets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: dict[JobOutcome, Rule] = Field(default_factory=dict, description="What differs from natrium's own table")
    job_budget: PositiveInt = Field(20, description="Reruns of one calculation, whatever their causes")
    run_budget: PositiveInt = Field(100, description="Reruns in one run, all calculations together")
    release_held_after_s: Duration | None = Field(
        None, description="Release jobs that a person holds after this time, s; none: wait for that person"
    )

    def rule(self, outcome: JobOutcome) -> Rule:
        """The rule for an outcome."""
        return self.rules.get(outcome) or RULES[outcome]


_GIVE_UP = Rule(action="give up", tries=0)

RULES: dict[JobOutcome, Rule] = {
    JobOutcome.COMPLETED: _GIVE_UP,
    JobOutcome.STOPPED: Rule(action="continue", tries=20),
    JobOutcome.TIME_LIMIT: Rule(action="more time", tries=5),
    JobOutcome.OUT_OF_MEMORY: Rule(action="more memory", tries=5),
    JobOutcome.NODE_FAILURE: Rule(action="other node", tries=5),
    JobOutcome.PREEMPTED: Rule(action="continue", tries=20, wait_s=60),
    JobOutcome.CANCELLED: _GIVE_UP,
    JobOutcome.INPUT_ERROR: _GIVE_UP,
    JobOutcome.ENGINE_FAILURE: _GIVE_UP,
    JobOutcome.ENGINE_CRASHED: Rule(action="continue", tries=3),
    JobOutcome.KILLED: Rule(action="continue", tries=3),
    JobOutcome.DISK_FULL: Rule(action="continue", tries=5, wait_s=300),
    JobOutcome.BUSY: Rule(action="continue", tries=10, wait_s=30),
    JobOutcome.REFUSED: Rule(action="continue", tries=5, wait_s=60),
    JobOutcome.NOT_STARTED: Rule(action="other node", tries=5),
    JobOutcome.SUPERSEDED: _GIVE_UP,
    JobOutcome.UNKNOWN: Rule(action="continue", tries=2, wait_s=30),
}
