"""What a study is: settings, a Flow, a result document. And its presets: settings as data, with recorded overrides."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.result import Evaluation, Quality, StudyResult

if TYPE_CHECKING:
    from jobflow import Flow

Model = TypeVar("Model", bound=BaseModel)

CONVERGE = "converge-"
"""What the name of a study's convergence study begins with."""


class StudySettings(BaseModel):
    """The settings that every study has; a study adds its own. Filled from a preset and a person's overrides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    preset: str
    overrides: dict[str, Any] = Field(default_factory=dict, description="What differs from the preset, as it was given")
    engine: str = "gpaw"
    engines: dict[str, str] = Field(
        default_factory=dict, description="Engines of the sections that are not calculated with the run's"
    )
    about: str = Field(description="The preset in one sentence")
    quality: Quality = Field(description="What the preset's numbers are good for")
    assumptions: tuple[str, ...] = Field((), description="What was decided where the source is silent")
    calculations: dict[str, Calculation]

    def engine_of(self, section: str) -> str:
        """Name of the engine that calculates what a section describes."""
        return self.engines.get(section, self.engine)


class Study(Protocol):
    """A study: found by its name among the entry points `natrium.studies`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    settings: ClassVar[type[StudySettings]]
    result: ClassVar[type[StudyResult]]
    presets: ClassVar[str]

    def systems(self, settings: Any) -> dict[str, System]:
        """The system of each step that calculates, as far as it is known beforehand: for checks, dry runs, estimates.

        The last one is what a run is called after.
        """

    def flow(self, settings: Any) -> Flow:
        """The jobs, joined. The last one returns the study's result document."""

    def headline(self, result: Any) -> str:
        """A result document in one line, for tables."""

    def plot(self, result: Any, path: Path, *, overwrite: bool = False) -> None:
        """A result document as a figure."""


class Quantity(NamedTuple):
    """A number of a study's result document that can be converged.

    Attributes:
        symbol: Φ, for tables and figures.
        path: Where it is in the document, see `number_at`.
        unit: Its unit; nothing for a plain number.
    """

    symbol: str
    path: str
    unit: str


def number_at(document: Any, path: str) -> tuple[float | None, str]:
    """The number at a path in a result document, and the name of the structure that it is of.

    Args:
        document: A result document.
        path: Fields and positions in lists: "interstitials.0.formation_energy.energy_ev".

    Returns:
        The number, None where something on the way is none or not there; and of the list's item on the way its first
        field, which names it; "" without a list.
    """
    structure = ""
    for step in path.split("."):
        if isinstance(document, list | tuple):
            document = document[int(step)] if int(step) < len(document) else None
            if isinstance(document, BaseModel):
                structure = str(getattr(document, next(iter(type(document).model_fields))))
        else:
            document = getattr(document, step, None)
    return (None if document is None else float(document)), structure


@runtime_checkable
class Convergeable(Protocol):
    """A study that says which of its numbers can be converged, the first one being what people come for."""

    quantities: Mapping[str, Quantity]


@runtime_checkable
class ConvergedSingly(Protocol):
    """A study of several structures: its numbers are converged for one of them at a time."""

    chosen_by: str
    """The setting that names the structures."""


@runtime_checkable
class Changeable(Protocol):
    """A study whose structure may become another one: numbers of different structures are on no ladder together."""

    def became(self, result: Any) -> str:
        """What the first structure of a result is in the end."""


@runtime_checkable
class Poolable(Protocol):
    """A study of parts that have nothing to do with one another, and may be calculated in runs of their own."""

    parts: tuple[str, ...]
    """The settings that say which parts a run calculates; they decide on no number."""

    def part_names(self, result: Any) -> list[str]:
        """The parts that a result has."""

    def pool(self, results: Sequence[Any]) -> StudyResult:
        """Results of different parts as one; calculations, overrides and what is missing are seen to."""


@runtime_checkable
class Tabulated(Protocol):
    """A study whose result reads best in tables."""

    def tables(self, result: Any) -> list[list[dict[str, str]]]:
        """A result document as tables; rows with a value for each column."""


def shown(value: float | None, digits: int = 2, sign: str = "") -> str:
    """A number in a table, with so many decimals; a dash where there is none."""
    return "–" if value is None else f"{value:{sign}.{digits}f}"


@runtime_checkable
class Evaluating(Protocol):
    """A study that evaluates each of its structures by itself."""

    evaluation: type[Evaluation]


@runtime_checkable
class SelfSettled(Protocol):
    """A study whose settings are not just a preset with changes."""

    def settle(self, preset: str, overrides: Mapping[str, Any], engine: str) -> StudySettings:
        """As `settle`."""


def study(name: str) -> Study:
    """The study of this name, or the convergence study of another one: converge-na110.

    Raises:
        InputError: there is none; the message suggests one.
    """
    if name.startswith(CONVERGE):
        from natrium.workflows.convergence import Convergence

        convergence = Convergence(study(name.removeprefix(CONVERGE)))
        return cast("Study", convergence)  # what its class cannot know its instance does: name, presets
    found = _installed()
    if name not in found:
        raise InputError(f"there is no study {name!r}", _suggestion(name, found))
    loaded: Study = found[name].load()()
    return loaded


def studies() -> dict[str, Study]:
    """All installed studies by name."""
    return {name: entry.load()() for name, entry in sorted(_installed().items())}


def presets(chosen: Study) -> dict[str, dict[str, Any]]:
    """The study's presets by name, each with everything that it takes over from its parent."""
    package, _, file = chosen.presets.partition(":")
    raw: dict[str, dict[str, Any]] = yaml.safe_load(files(package).joinpath(file).read_text())

    def complete(name: str) -> dict[str, Any]:
        own = dict(raw[name])
        parent = own.pop("parent", None)
        return _merged(complete(parent), own) if parent else own

    return {name: complete(name) for name in raw}


def settle(chosen: Study, preset: str, overrides: Mapping[str, Any], engine: str = "gpaw") -> StudySettings:
    """The settings of a run.

    Args:
        chosen: The study.
        preset: Name of one of its presets.
        overrides: Settings that a person changes: `layers` of the study, `cutoff_ev` of all its calculations, or
            `slab_relax.cutoff_ev` of one of them (`slab-relax.cutoff_ev` will do: steps are called so).
        engine: Name of the engine.

    Raises:
        InputError: an unknown preset or setting (with a suggestion), or a value that cannot be.
    """
    if isinstance(chosen, SelfSettled):
        return chosen.settle(preset, overrides, engine)
    known = presets(chosen)
    if preset not in known:
        raise InputError(f"{chosen.name} has no preset {preset!r}", _suggestion(preset, known))
    values = known[preset]
    sections: dict[str, dict[str, Any]] = values.pop("calculations")
    shared = sections.pop("all", {})
    calculations = {name: shared | own for name, own in sections.items()}
    of_study = chosen.settings.model_fields.keys() - StudySettings.model_fields.keys()
    of_calculation = Calculation.model_fields.keys()
    # what holds for all comes first, so that the order of the overrides does not matter
    for key, value in sorted(overrides.items(), key=lambda override: "." in override[0]):
        section, _, field = key.replace("-", "_").rpartition(".")
        if not section and field in of_study:
            values[field] = value
        elif not section and field in of_calculation:
            if field == "kpoints":
                _refuse_one_grid_for_all(chosen.name, calculations)
            for calculation in calculations.values():
                calculation[field] = value
        elif section in calculations and field in of_calculation:
            calculations[section][field] = value
        else:
            fields = {f"{name}.{field}" for name in calculations for field in of_calculation}
            raise InputError(
                f"{chosen.name} has no setting {key!r}",
                _suggestion(key, {*of_study, *of_calculation, *fields}, chosen.name),
            )
    common = {"study": chosen.name, "preset": preset, "overrides": dict(overrides), "engine": engine}
    where = f"{chosen.name}, preset {preset}"
    parts = {name: _valid(Calculation, fields, f"{where}: {name}.") for name, fields in calculations.items()}
    return _valid(chosen.settings, {**common, **values, "calculations": parts}, f"{where}: ")


def _refuse_one_grid_for_all(study_name: str, calculations: Mapping[str, Mapping[str, Any]]) -> None:
    """One k-point grid cannot serve a crystal and a slab: it would sample one of them wrongly, in silence."""
    directions = {
        name: tuple(n > 1 for n in calculation.get("kpoints", (1, 1, 1))) for name, calculation in calculations.items()
    }
    if len(set(directions.values())) > 1:
        each = ", ".join(f"{name}.kpoints" for name in directions)
        raise InputError(f"{study_name}: kpoints would hold for crystals and slabs alike", f"set {each} separately")


def _installed() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group="natrium.studies")}


def _valid(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """The model with these values; what cannot be is refused with its place."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        field = model.model_fields.get(str(first["loc"][0])) if first["loc"] else None
        meaning = (
            f"{first['loc'][0]} is: {field.description}; correct it" if field and field.description else "correct it"
        )
        raise InputError(f"{where}{name} = {first['input']!r}: {_lower(first['msg'])}", meaning) from None
    except InputError as error:
        raise InputError(f"{where.rstrip('.: ')}: {error.problem}", error.remedy) from None


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged


def _suggestion(wanted: str, known: Iterable[str], settings_of: str | None = None) -> str:
    """What to do about a name that nobody knows."""
    near = difflib.get_close_matches(wanted.replace("-", "_"), known, n=1) or difflib.get_close_matches(
        wanted, known, n=1
    )
    listed = (
        f"natrium studies {settings_of} lists the settings" if settings_of else f"there are {', '.join(sorted(known))}"
    )
    return f"did you mean {near[0]}? {listed}" if near else listed


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
