"""One trajectory of a molecule on a metal: its segments, when it ends, and what reacted in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from jobflow import Flow, JobConfig, OnMissing, Response, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.dynamics import DynamicsQuality
from natrium.analysis.reaction import BondEvent, Reaction, ReactionSettings
from natrium.analysis.reaction_analysis import analyse
from natrium.analysis.stored_array import PAYLOAD
from natrium.analysis.trajectory import joined
from natrium.analysis.trajectory_files import open_trajectory
from natrium.structures.interface_contacts import molecule_atoms
from natrium.structures.ionic_crystals import nearest_distance
from natrium.structures.system import System
from natrium.workflows.dynamics_document import Dynamics
from natrium.workflows.dynamics_result import judged
from natrium.workflows.makers import CalculationMaker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary

StopAfter = Literal["C–F cleavage", "ring opening"]
EVENTS: dict[StopAfter, Callable[[Reaction, BondEvent], bool]] = {
    "ring opening": lambda reaction, event: event.kind == "broken" and event.atoms in reaction.ring_bonds,
    "C–F cleavage": lambda _, event: event.kind == "broken" and set(event.symbols) == {"C", "F"},
}
"""By the rings of the start: when two bonds of a ring break, the second alone is a cleavage by the bonds of that time,
and fluorine that touches a second atom before it leaves its own opens a ring."""


class Goal(BaseModel):
    """Which trajectory it is, and when it is long enough."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="System and seed: fec-1")
    species: str = Field(description="fec, or fec-na with the extra ion")
    seed: int = Field(ge=0, description="Of the velocities and the random forces")
    steps: int = Field(gt=0, description="Time steps at the most")
    segment_steps: int = Field(gt=0, description="Time steps of one job")
    stop_after: StopAfter | None = Field(description="The event after which it may end early; none: it never does")
    stop_delay_fs: float = Field(ge=0, description="How long after the event was confirmed, fs")


class Segment(BaseModel):
    """What is carried from one job of a trajectory to the next: little, since it becomes part of the job."""

    model_config = ConfigDict(extra="forbid")

    dynamics: Dynamics
    system: System = Field(description="Its last frame")
    calculation: CalculationSummary

    @classmethod
    def of(cls, result: Any) -> Segment:
        """Of the result of a segment.

        Raises:
            MissingPartnerError: it was no dynamics.
        """
        found = CalculationResult.model_validate(result)
        require("the trajectory", {found.system.label: found.dynamics})
        return cls.model_validate(
            {"dynamics": found.dynamics, "system": found.system, "calculation": CalculationSummary.of(found)}
        )


class Course(BaseModel):
    """A trajectory that is as long as it is to be."""

    model_config = ConfigDict(extra="forbid")

    segments: list[Segment] = Field(min_length=1)
    ended: str = Field(description="Why it ended there")


class ReactionTrajectory(BaseModel):
    """What happened in one trajectory."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="System and seed: fec-1")
    species: str = Field(description="fec, or fec-na with the extra ion")
    seed: int
    label: str = Field(description="The system that it began with")
    charge: int = Field(description="Of the cell, e; 0 with the extra ion too: slab, molecule and one more metal atom")
    steps: int = Field(description="Time steps taken")
    ended: str = Field(description="Why it ended there")
    ring_opening_fs: float | None = Field(
        description="Crossing of the first ring bond that broke and was not whole again by the end, fs"
    )
    cf_cleavage_fs: float | None = Field(description="The same of a bond C–F, fs")
    fragments: list[str] = Field(description="At its end, by name")
    quality: DynamicsQuality = Field(description="Of all segments together")
    reaction: Reaction
    trajectories: list[str] = Field(description="Files of the segments, in their order")
    start: System = Field(description="Its first frame")
    end: System = Field(description="Its last frame")
    calculations: dict[str, CalculationSummary] = Field(description="The segments")


# without an output_schema: jobflow would hold the reference to a replacement against it
@job(config=JobConfig(on_missing_references=OnMissing.NONE))
def go_on(
    start: Any,
    before: list[Any],
    last: Any,
    maker: dict[str, Any],
    goal: dict[str, Any],
    criteria: dict[str, Any],
) -> Course | Response[Any]:
    """Go on with another segment, or say that it is enough.

    It depends on nothing but its segments: what is calculated again for another reason calculates none of them again.

    Args:
        start: The system at its first frame.
        before: The earlier segments, each a `Segment`.
        last: Result of the newest one; None where that failed: what there is counts.
        maker: The maker of segments, as `CalculationMaker` fields.
        goal: A `Goal`.
        criteria: What differs from the default `ReactionSettings`.
    """
    wanted = Goal.model_validate(goal)
    name = wanted.name
    segments = [Segment.model_validate(one) for one in before] + ([Segment.of(last)] if last is not None else [])
    if not segments:
        require(f"trajectory {name}", {maker["name"]: None})
    left, reason = _left(System.model_validate(start), segments, wanted, criteria)
    if last is None:
        reason = f"segment {len(segments) + 1} failed: this is what was there before it"
    elif left:
        newest = segments[-1]
        one = CalculationMaker(**maker)
        calculation = one.calculation | {"steps": left}
        folder = newest.calculation.provenance.folder
        following = CalculationMaker(one.name, calculation, one.engine).make(newest.system, folder)
        known = [segment.model_dump(mode="json") for segment in segments]
        again = go_on(start, known, following.output, maker, goal, criteria)
        again.name = f"{name}-course"
        return Response(replace=Flow([following, again], output=again.output))
    return Course(segments=segments, ended=reason)


@job(data=PAYLOAD, output_schema=ReactionTrajectory, config=JobConfig(on_missing_references=OnMissing.NONE))
def events(
    start: Any, course: Any, goal: dict[str, Any], criteria: dict[str, Any], crystal: Any = None
) -> ReactionTrajectory:
    """What happened in a trajectory.

    Args:
        start: The system at its first frame.
        course: A `Course`.
        goal: A `Goal`.
        criteria: What differs from the default `ReactionSettings`.
        crystal: The relaxed crystal; where `criteria` name no distance of its neighbours, it is this one's. None: as
            they say.
    """
    wanted = Goal.model_validate(goal)
    require(f"the events of {wanted.name}", {f"{wanted.name}-course": course})
    if crystal is not None:
        criteria = {"crystal_distance_a": nearest_distance(System.model_validate(crystal))} | criteria
    return _outcome(wanted, System.model_validate(start), Course.model_validate(course), criteria)


def _reaction(start: System, segments: list[Segment], criteria: dict[str, Any]) -> Reaction:
    trajectory = joined([open_trajectory(one.dynamics.trajectory) for one in segments])
    return analyse(trajectory, molecule_atoms(start), ReactionSettings.model_validate(criteria))


def _left(start: System, segments: list[Segment], goal: Goal, criteria: dict[str, Any]) -> tuple[int, str]:
    """How many steps the next segment has, and why there are none left."""
    newest = segments[-1].dynamics
    until, reason = goal.steps, "it reached its length"
    if goal.stop_after is not None:
        event = _lasting(_reaction(start, segments, criteria), goal.stop_after)
        if event is not None:
            enough = math.ceil((event.confirmed_fs + goal.stop_delay_fs) / newest.time_step_fs - 1e-9)
            if enough < until:
                until, reason = enough, f"{goal.stop_delay_fs:g} fs after {event.title}"
    return max(0, min(goal.segment_steps, until - newest.last_step)), reason


def _lasting(reaction: Reaction, which: StopAfter) -> BondEvent | None:
    """The earliest such event after which the bond did not heal."""
    last = {event.atoms: event for event in reaction.events}
    return reaction.earliest(lambda event: EVENTS[which](reaction, event) and event is last[event.atoms])


def _outcome(goal: Goal, start: System, course: Course, criteria: dict[str, Any]) -> ReactionTrajectory:
    segments = course.segments
    reaction = _reaction(start, segments, criteria)
    opening, cleavage = (_lasting(reaction, which) for which in EVENTS)
    dynamics = [one.dynamics for one in segments]
    return ReactionTrajectory(
        name=goal.name,
        species=goal.species,
        seed=goal.seed,
        label=start.label,
        charge=start.charge,
        steps=dynamics[-1].last_step,
        ended=course.ended,
        ring_opening_fs=opening and opening.crossing_fs,
        cf_cleavage_fs=cleavage and cleavage.crossing_fs,
        fragments=list(reaction.fragments[-1].names),
        quality=judged([Path(one.scalars) for one in dynamics], segments[0].calculation.calculation, start),
        reaction=reaction,
        trajectories=[one.trajectory for one in dynamics],
        start=start,
        end=segments[-1].system,
        calculations={
            f"{goal.name}-md{'' if number == 1 else f'-{number}'}": one.calculation
            for number, one in enumerate(segments, 1)
        },
    )
