"""`natrium report`: our numbers beside published ones, as Markdown tables, also within a document."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.analysis.reproduction import Reproduction
    from natrium.analysis.results_store import ResultsStore
    from natrium.workflows.reproduction import Source


def report(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID|FILE.json]...",
            help="Results: na110-3f9c2a, or files that natrium show --json filled. Several of one study and preset"
            " are told as one, and a converge-… gives them its error bars. Default: the newest of each study and"
            " preset.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Write into this document instead, between <!-- natrium report: STUDY PRESET --> (or: ID) and"
            " <!-- end -->."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Tables of our numbers beside published ones, with error bars and the commands that gave them.

    Of itself it takes results of presets as they are, without --set; a changed one is taken when its ID is given.
    """
    from natrium.analysis.reproduction import to_markdown
    from natrium.commands.output import notes, print_json
    from natrium.commands.results import open_store
    from natrium.structures.errors import InputError

    if into is not None:
        if as_json:
            raise InputError("--into writes Markdown, --json prints JSON", "choose one of them")
        _fill(into, addresses or [])
        return
    with open_store() as store:
        found = _named(store, addresses) if addresses else list(_newest_of_all(store))
    if as_json:
        print_json(found)
    elif not found:
        notes.print("no results to report")
    else:
        print("\n\n".join(f"## {one.study}, preset {one.preset}\n\n{to_markdown(one)}" for one in found))


def _fill(path: Path, addresses: list[str]) -> None:
    """Write the regions of a document whose results there are; name the others."""
    from natrium.analysis.marked_regions import region_names, with_regions
    from natrium.analysis.reproduction import to_markdown
    from natrium.commands.output import line, notes
    from natrium.commands.results import open_store
    from natrium.structures.errors import InputError
    from natrium.workflows.atomic_file import replace_text

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name a document that is there") from None
    names = list(dict.fromkeys(region_names(text)))
    if not names:
        raise InputError(
            f"{path} has no region to write into",
            "put <!-- natrium report: na110 standard --> and <!-- end --> into it, each on a line of its own",
        )
    with open_store() as store:
        chosen: dict[str, Reproduction] = {}
        for one in _named(store, addresses):
            if chosen.setdefault(f"{one.study} {one.preset}", one) is not one:
                raise InputError(
                    f"several results of {one.study} {one.preset} with other settings", "name one for its region"
                )
        contents = {name: chosen.get(name) or _of_region(store, name) for name in names}
    for name in chosen.keys() - set(names):
        notes.print(f"{path} has no region {name}: nothing was written of it")
    for name, found in contents.items():
        if found is None:
            notes.print(f"{name}: there is no result; its region is left as it is")
    written = {name: to_markdown(found) for name, found in contents.items() if found}
    if written:
        replace_text(path, with_regions(text, written))
    line(f"{path}: {len(written)} of {len(names)} regions written")


def _of_region(store: ResultsStore, name: str) -> Reproduction | None:
    """The result that a region wants: an ID, or the newest of a study and a preset."""
    from natrium.structures.errors import InputError
    from natrium.workflows.study import presets, study

    words = name.split()
    if len(words) == 1:
        try:
            (one,) = _named(store, words)
        except InputError:
            return None
        return one
    if len(words) != 2:
        raise InputError(f"a region called {name!r}", "write natrium report: STUDY PRESET, or natrium report: ID")
    if words[1] not in (known := presets(study(words[0]))):
        raise InputError(f"{words[0]} has no preset {words[1]!r}", f"there are {', '.join(known)}")
    return _newest(store, *words)


def _newest_of_all(store: ResultsStore) -> Iterable[Reproduction]:
    from natrium.workflows.study import presets, studies

    for name, chosen in studies().items():
        for preset in presets(chosen):
            found = _newest(store, name, preset)
            if found:
                yield found


def _newest(store: ResultsStore, study_name: str, preset: str) -> Reproduction | None:
    """The newest result of a preset without changes that this version of natrium can read."""
    from natrium.commands.output import notes
    from natrium.commands.sources import row_source
    from natrium.structures.errors import InputError

    for row in store.find(study=study_name, preset=preset):
        if isinstance(row.output, dict) and not row.output.get("overrides"):
            try:
                return _reproduction(store, [row_source(store, row)])
            except InputError as error:
                notes.print(error.problem)
    return None


def _named(store: ResultsStore, addresses: Iterable[str]) -> list[Reproduction]:
    """Results that were asked for: those of one study, preset and settings are pooled."""
    from natrium.commands.sources import named_source
    from natrium.workflows.pooling import common_settings

    found: dict[str, list[Source]] = {}
    for address in addresses:
        source = named_source(store, address)
        found.setdefault(repr(common_settings(source.result)), []).append(source)
    every = [source for sources in found.values() for source in sources]
    return [_reproduction(store, sources, named=every) for sources in found.values()]


def _reproduction(store: ResultsStore, sources: list[Source], named: Iterable[Source] = ()) -> Reproduction:
    """Sources told as one, with the error bars of convergence results: of those named, or else of the database."""
    from pydantic import ValidationError

    from natrium.workflows.convergence import ConvergenceResult
    from natrium.workflows.reproduction import Measured, reproduction
    from natrium.workflows.study import CONVERGE, study

    first = sources[0].result
    measured = [
        Measured(one.address, one.result)
        for one in named
        if isinstance(one.result, ConvergenceResult) and one.result.study == CONVERGE + first.study
    ]
    for one in store.find(study=CONVERGE + first.study, preset=first.preset):
        try:
            measured.append(Measured(one.address, ConvergenceResult.model_validate(one.output)))
        except ValidationError:
            continue  # of another version: as if it had not been measured
    return reproduction(study(first.study), sources, measured)
