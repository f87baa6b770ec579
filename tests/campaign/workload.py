"""What is calculated: workflows of a few seconds whose right results are known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SMALL_NA110 = (
    *("layers=3", "vacuum_a=13", "cutoff_ev=120", "energy_ev=1e-4"),
    *("bulk.kpoints=[4, 4, 4]", "slab_relax.kpoints=[3, 3, 1]", "slab-static.kpoints=[3, 3, 1]"),
    *("bulk.force_ev_a=0.05", "slab_relax.force_ev_a=0.002"),
)
ENERGY_TOLERANCE_EV = 1e-5
WORK_FUNCTION_TOLERANCE_EV = 1e-3
LINKS = 3


@dataclass(frozen=True)
class Workflow:
    """One workflow: what is submitted, and what must come out."""

    name: str
    """Within the campaign: chain 7."""
    arguments: tuple[str, ...]
    """Of natrium submit. No two workflows are the same request."""
    steps: int
    """Result documents of an undisturbed run."""
    expected: Mapping[str, float | str]
    """Numbers and texts in the study's document, by path."""

    @property
    def study(self) -> str:
        """The study's name."""
        return self.arguments[0]


def tolerance(path: str) -> float:
    """How far a number may be from that of an undisturbed run."""
    return ENERGY_TOLERANCE_EV if path.endswith("energy_ev") else WORK_FUNCTION_TOLERANCE_EV


def word(links: int) -> str:
    """What an undisturbed chain says."""
    said = ""
    for number in range(1, links + 1):
        said = hashlib.sha256(f"{said} {number}".encode()).hexdigest()
    return said


def _set(*settings: str) -> tuple[str, ...]:
    return tuple(part for setting in settings for part in ("--set", setting))


def chain(number: int) -> Workflow:
    """Three SLURM jobs, one after the other; an own tick length makes each a request of its own."""
    arguments = ("chain", *_set(f"links={LINKS}", "ticks=8", f"tick_s={0.2 + number * 1e-4:.4f}"))
    return Workflow(f"chain {number}", arguments, LINKS + 1, {"word_e": word(LINKS)})


def chain_on_small_disk(number: int) -> Workflow:
    """The same, with its files on the disk that the adversary fills."""
    made = chain(number)
    return Workflow(
        f"{made.name} on the small disk", (*made.arguments, "--cluster", "small-disk"), made.steps, made.expected
    )


def ladder(number: int) -> Workflow:
    """A job that replaces itself by a flow, and one with a detour and an addition; every other one in SLURM jobs."""
    study, rungs = ("vine", "ladder")[number % 2], 2 + number % 20
    return Workflow(f"{study} {number}", (study, *_set(f"rungs={rungs}")), rungs + 7, {"height_a": float(rungs)})


def na110(number: int, undisturbed: Mapping[str, float | str]) -> Workflow:
    """A work function by GPAW, as small as possible; the bound on SCF iterations is never met and tells it apart."""
    arguments = ("na110", "--preset", "preview", *_set(*SMALL_NA110, f"max_scf_iterations={200 + number}"))
    return Workflow(f"na110 {number}", (*arguments, "--resources", "tasks=1"), 5, undisturbed)


def numbers_of_na110(output: Mapping[str, Any]) -> dict[str, float | str]:
    """The numbers of a study's document that are compared, by path."""
    energies = {f"calculations.{name}.energy_ev": part["energy_ev"] for name, part in output["calculations"].items()}
    sides = {
        f"work_functions.{name}": value for name, value in output["work_functions"].items() if name.endswith("_ev")
    }
    return energies | {name: value for name, value in sides.items() if value is not None}


def at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a path with dots."""
    value: Any = document
    for name in path.split("."):
        value = value[name]
    return value


def workload(
    chains: int, ladders: int, na110s: int, undisturbed: Mapping[str, float | str], small_disk: bool
) -> list[Workflow]:
    """The workflows of a campaign, mixed: every fourth chain has its files on the small disk, where there is one."""
    kinds: list[tuple[int, Callable[[int], Workflow]]] = [
        (chains, lambda n: chain_on_small_disk(n) if small_disk and n % 4 == 3 else chain(n)),
        (ladders, ladder),
        (na110s, lambda n: na110(n, undisturbed)),
    ]
    spread = [((n + 0.5) / count, kind(n)) for count, kind in kinds for n in range(count)]
    return [workflow for _, workflow in sorted(spread, key=lambda pair: pair[0])]
