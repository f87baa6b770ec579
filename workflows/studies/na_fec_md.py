"""Study `na-fec-md`: what happens to FEC, and to FEC with a sodium ion, on Na(110).

Molecule or complex, relaxed → for each of both and each seed: on the slab → segments of molecular dynamics, until the
length or an event → events; beside them the NaF crystal → result document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, ClassVar

from jobflow import Flow, JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.published import Comparison, compare
from natrium.structures.ionic_crystals import nearest_distance, rock_salt
from natrium.structures.system import System
from natrium.workflows.makers import CalculationMaker, calculation_maker
from natrium.workflows.partners import require
from natrium.workflows.result import CalculationResult, CalculationSummary, StudyResult
from natrium.workflows.studies.na_fec_md_settings import NaFecMdSettings, Species, trajectories
from natrium.workflows.studies.na_fec_md_starts import on_slab, unrelaxed
from natrium.workflows.studies.reaction_trajectory import Goal, ReactionTrajectory, events, go_on
from natrium.workflows.study import StudySettings, shown

PUBLISHED_AT_FS = 80.0
"""When the paper looks at the Na–F distance of FEC–Na+."""


class Spread(BaseModel):
    """Times of one event over the trajectories of one species."""

    model_config = ConfigDict(extra="forbid")

    species: str
    event: str
    happened: int = Field(description="In so many trajectories")
    of: int = Field(description="Trajectories with a result; `missing` names the others")
    times_fs: list[float] = Field(description="First crossings, fs, sorted")
    mean_fs: float | None = Field(description="Their mean, fs")
    spread_fs: float | None = Field(description="Their standard deviation, fs; none for fewer than two")
    without_fs: list[float] = Field(
        [], description="How long each of the other trajectories was seen without the event, fs, sorted"
    )


class NaFecMdResult(StudyResult):
    """What the study delivers."""

    trajectories: list[ReactionTrajectory]
    spreads: list[Spread] = Field(description="Event times of each species")
    naf_distance_a: float | None = Field(description="Na–F in the relaxed crystal, same functional, Å")
    missing: list[str] = Field(description="Trajectories without a result")
    comparisons: list[Comparison] = Field(description="Our numbers beside published ones")


class NaFecMd:
    """Ab initio molecular dynamics of FEC and FEC–Na+ on sodium."""

    name: ClassVar[str] = "na-fec-md"
    summary: ClassVar[str] = "FEC and FEC–Na+ on Na(110): molecular dynamics, bond breaking, NaF formation"
    settings: ClassVar[type[StudySettings]] = NaFecMdSettings
    result: ClassVar[type[StudyResult]] = NaFecMdResult
    presets: ClassVar[str] = "natrium.workflows.presets:na-fec-md.yaml"
    parts: tuple[str, ...] = ("species", "seeds")

    def systems(self, settings: NaFecMdSettings) -> dict[str, System]:
        """The system of every step; molecules as they are before they are relaxed."""
        free = {species: unrelaxed(species, settings) for species in settings.species}
        return (
            {"naf": rock_salt("Na", "F")}
            | {f"{species}-relax": system for species, system in free.items()}
            | {
                f"{name}-md": on_slab(species, seed, free[species], settings)
                for name, (species, seed) in trajectories(settings).items()
            }
        )

    def flow(self, settings: NaFecMdSettings) -> Flow:
        """The jobs, joined."""
        naf = calculation_maker(settings, "naf").make(rock_salt("Na", "F"))
        relaxed = {
            species: calculation_maker(settings, f"{species}-relax").make(unrelaxed(species, settings))
            for species in settings.species
        }
        jobs: list[Any] = [naf, *relaxed.values()]
        found = {}
        # the one that was relaxed; another crystal has the distance that the settings give
        crystal = naf.output.system if settings.reaction.crystal == ("Na", "F") else None
        for name, (species, seed) in trajectories(settings).items():
            maker, goal = _segments(name, species, seed, settings)
            start = build(species, seed, relaxed[species].output.system, settings)
            start.name = f"{name}-interface"
            first = CalculationMaker(**maker).make(start.output)
            criteria = settings.reaction.model_dump(exclude_unset=True)
            course = go_on(start.output, [], first.output, maker, goal, criteria)
            course.name = f"{name}-course"
            happened = events(start.output, course.output, goal, criteria, crystal)
            happened.name = f"{name}-events"
            jobs += [start, first, course, happened]
            found[name] = happened.output
        result = summarise(naf.output, found, settings)
        return Flow([*jobs, result], output=result.output, name=self.name)

    def part_names(self, result: Any) -> list[str]:
        """The trajectories of a result: species and seed."""
        return [one.name for one in NaFecMdResult.model_validate(result).trajectories]

    def pool(self, results: Sequence[Any]) -> StudyResult:
        """The trajectories of all results."""
        found = [NaFecMdResult.model_validate(result) for result in results]
        every = [one for result in found for one in result.trajectories]
        return found[0].model_copy(
            update={"trajectories": every, "spreads": spreads(every), "comparisons": list(_comparisons(every))}
        )

    def headline(self, result: Any) -> str:
        """The numbers that people come for, in one line."""
        found = NaFecMdResult.model_validate(result)
        told = [
            f"{one.species}: {one.event} in {one.happened} of {one.of}"
            + (f", at {one.mean_fs:.0f} fs" if one.mean_fs is not None else "")
            + (f" ± {one.spread_fs:.0f}" if one.spread_fs is not None else "")
            + (f", not within {', '.join(f'{time:.0f}' for time in one.without_fs)} fs" if one.without_fs else "")
            for one in found.spreads
        ]
        return "; ".join(told + ([f"missing: {', '.join(found.missing)}"] if found.missing else []))

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """Bond lengths over time, one panel a trajectory."""
        from natrium.analysis.plot_reaction import plot_reactions

        found = NaFecMdResult.model_validate(result)
        panels = {one.name: one.reaction for one in found.trajectories}
        plot_reactions(path, panels, title=f"preset {found.preset}", overwrite=overwrite)

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """One row a trajectory, one a covalent event, and one for each doubt."""
        found = NaFecMdResult.model_validate(result)
        doubts = [
            {"trajectory": one.name, "in doubt": warning}
            for one in found.trajectories
            for warning in one.quality.warnings
        ]
        return [
            rows for rows in ([_row(one) for one in found.trajectories], _events(found.trajectories), doubts) if rows
        ]


@job(name="interface")
def build(species: Species, seed: int, own: Any, settings: Any) -> System:
    """The relaxed molecule or complex on the slab."""
    return on_slab(species, seed, System.model_validate(own), NaFecMdSettings.model_validate(settings))


def _segments(
    name: str, species: Species, seed: int, settings: NaFecMdSettings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The maker of a trajectory's segments, and when it ends."""
    section = settings.calculations["md"]
    goal = Goal(
        name=name,
        species=species,
        seed=seed,
        steps=section.steps,
        segment_steps=settings.segment_steps,
        stop_after=settings.stop_after,
        stop_delay_fs=settings.stop_delay_fs,
    )
    calculation = section.model_dump() | {"seed": seed, "steps": min(section.steps, settings.segment_steps)}
    maker = {"name": f"{name}-md", "calculation": calculation, "engine": settings.engine_of("md")}
    return maker, goal.model_dump()


@job(name="result", output_schema=NaFecMdResult, config=JobConfig(on_missing_references=OnMissing.NONE))
def summarise(naf: Any, found: Mapping[str, Any], settings: Any) -> NaFecMdResult:
    """The result document, from the trajectories that there are."""
    settings = NaFecMdSettings.model_validate(settings)
    done = {name: one and ReactionTrajectory.model_validate(one) for name, one in found.items()}
    if not any(done.values()):
        require("the result", {f"{name}-events": one for name, one in done.items()})
    there = [one for one in done.values() if one]
    crystal = None if naf is None else CalculationResult.model_validate(naf)
    calculations = {} if crystal is None else {"naf": CalculationSummary.of(crystal)}
    for one in there:
        calculations |= one.calculations
    return NaFecMdResult(
        **StudyResult.facts(settings, there[-1].start.formula),
        calculations=calculations,
        trajectories=there,
        spreads=spreads(there),
        naf_distance_a=crystal and nearest_distance(crystal.system),
        missing=[name for name, one in done.items() if not one],
        comparisons=list(_comparisons(there)),
    )


def spreads(found: list[ReactionTrajectory]) -> list[Spread]:
    """How often and when each event happened, species by species."""
    told = []
    for species in dict.fromkeys(one.species for one in found):
        own = [one for one in found if one.species == species]
        for event, field in (("ring opening", "ring_opening_fs"), ("C–F cleavage", "cf_cleavage_fs")):
            times = sorted(time for one in own if (time := getattr(one, field)) is not None)
            without = sorted(one.reaction.end_fs for one in own if getattr(one, field) is None)
            told.append(
                Spread(
                    species=species,
                    event=event,
                    happened=len(times),
                    of=len(own),
                    times_fs=times,
                    mean_fs=mean(times) if times else None,
                    spread_fs=stdev(times) if len(times) > 1 else None,
                    without_fs=without,
                )
            )
    return told


def _comparisons(found: list[ReactionTrajectory]) -> list[Comparison]:
    told = []
    for one in found:
        if one.species == "fec":
            times = {"fec_ring_opening_time": one.ring_opening_fs, "fec_cf_cleavage_time": one.cf_cleavage_fs}
            told += [compare(time, published, one.name) for published, time in times.items() if time is not None]
        if one.species == "fec-na":
            windows = [window for contact in one.reaction.crystal_contacts for window in contact.at]
            distances = [window.mean_a for window in windows if window.at_fs == PUBLISHED_AT_FS]
            told += [
                compare(mean_a, "fec_na_naf_distance_80fs", one.name) for mean_a in distances if mean_a is not None
            ]
    return told


def _row(one: ReactionTrajectory) -> dict[str, str]:
    contact = one.reaction.crystal_contacts[0] if one.reaction.crystal_contacts else None
    at = contact.at[0] if contact and contact.at else None
    return {
        "trajectory": one.name,
        "time fs": shown(one.reaction.end_fs, 0),
        "ring opening fs": shown(one.ring_opening_fs, 0),
        "C–F cleavage fs": shown(one.cf_cleavage_fs, 0),
        f"Na–F at {at.at_fs:g} fs Å" if at else "Na–F Å": shown(at.mean_a if at else None, 2),
        "shortest Na–F Å": shown(contact.shortest_a if contact else None, 2),
        "T K": shown(one.quality.temperature_k, 0),
        "drift meV/atom/ps": shown(one.quality.drift_mev_atom_ps, 1),
        "fragments": ", ".join(one.fragments),
        "ended": one.ended,
    }


def _events(found: list[ReactionTrajectory]) -> list[dict[str, str]]:
    return [
        {
            "trajectory": one.name,
            "event": event.title,
            "bond": event.name,
            "crossing fs": shown(event.crossing_fs, 1),
            "confirmed fs": shown(event.confirmed_fs, 1),
        }
        for one in found
        for event in one.reaction.covalent_events
    ]
