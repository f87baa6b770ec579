"""Structures to start from: on ideal sites, or those that an earlier run has relaxed, in its result documents."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jobflow import job
from pydantic import ValidationError

from natrium.structures.errors import InputError
from natrium.structures.oxygen import carried_over, nudged, oxygen_structures
from natrium.structures.system import System
from natrium.workflows.studies.oxygen_structure import OxygenStructure


class RelaxedStart(NamedTuple):
    """A structure as an earlier run has left it.

    Attributes:
        system: At its relaxed positions.
        moment: Total magnetic moment, Bohr magnetons.
    """

    system: System
    moment: float


def relaxed_starts(paths: Iterable[str], names: Collection[str]) -> dict[str, RelaxedStart]:
    """The relaxed structures with these names in files of `natrium show ID --json`, by the start that they came from.

    Raises:
        InputError: a file that is not there or holds something else, a structure in two of them, or files with none
            of the structures.
    """
    found: dict[str, RelaxedStart] = {}
    for path in paths:
        for one in _structures_in(Path(path)):
            if one.start in found:
                raise InputError(f"{path}: {one.start} is in an earlier file too", "name one file for each structure")
            found[one.start] = RelaxedStart(one.system, one.magnetic_moment)
    wanted = {name: start for name, start in found.items() if name in names}
    if found and not wanted:
        raise InputError(
            f"starts_from: its files have {', '.join(found)}, and the run {', '.join(names)}",
            "name a file with one of them, or leave out starts_from to begin on ideal sites",
        )
    return wanted


def _structures_in(path: Path) -> list[OxygenStructure]:
    try:
        document = json.loads(path.expanduser().read_text(encoding="utf-8"))
        return [OxygenStructure.model_validate(one) for one in document["output"]["structures"]]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name a file that is there") from None
    except (ValueError, ValidationError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no result of na110-o2 ({type(error).__name__})",
            "name a file with what natrium show --json ID printed, ID without a step",
        ) from None


def check_starts(starts: Mapping[str, RelaxedStart], slab: System) -> None:
    """Refuse relaxed structures of another slab, before anything is calculated.

    Raises:
        InputError: with the first one.
    """
    for start in starts.values():
        carried_over(*start, slab)


@job(name="structures")
def build_structures(slab: Any, names: tuple[str, ...] | None, starts: dict[str, Any]) -> dict[str, System]:
    """Every structure to start from, on the relaxed clean slab: as an earlier run left it, or a little off its site."""
    clean = System.model_validate(slab)
    found = oxygen_structures(clean, None if names is None else tuple(names))
    earlier = {name: (System.model_validate(system), float(moment)) for name, (system, moment) in starts.items()}
    return {
        name: carried_over(*earlier[name], clean) if name in earlier else nudged(structure)
        for name, structure in found.items()
    }
