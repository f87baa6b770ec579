"""`natrium report`: our numbers beside published ones, as Markdown tables, also within a document."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.analysis.reproduction import Reproduction
    from natrium.analysis.results_store import ResultsStore, StudyRow


def report(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Results: na110-3f9c2a. Default: the newest of each study and preset."),
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
        found = [_named(store, address) for address in addresses] if addresses else list(_newest_of_all(store))
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
        chosen = {f"{one.study} {one.preset}": one for one in (_named(store, address) for address in addresses)}
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
            return _named(store, words[0])
        except InputError:
            return None
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
    from natrium.structures.errors import InputError

    for row in store.find(study=study_name, preset=preset):
        if isinstance(row.output, dict) and not row.output.get("overrides"):
            try:
                return _reproduction(store, row)
            except InputError as error:
                notes.print(error.problem)
    return None


def _named(store: ResultsStore, address: str) -> Reproduction:
    run = store.get(address.partition("/")[0])["metadata"]["natrium"]["run"]
    (row,) = store.find(run=run, limit=1)
    return _reproduction(store, row)


def _reproduction(store: ResultsStore, row: StudyRow) -> Reproduction:
    from pydantic import ValidationError

    from natrium.structures.errors import InputError
    from natrium.workflows.convergence import ConvergenceResult
    from natrium.workflows.reproduction import Executed, Measured, reproduction
    from natrium.workflows.study import CONVERGE, study

    chosen = study(row.study)
    calculations = {
        one.address: one.output for one in reversed(store.find(run=row.address, kind="calculation", limit=0))
    }
    try:
        result = chosen.result.model_validate(row.output)
        executed = [Executed.model_validate(output) for output in calculations.values()]
    except ValidationError as error:
        raise InputError(
            f"{row.address} was written by another version of natrium: {error.error_count()} fields differ",
            "calculate it again, or report with the version that wrote it",
        ) from None
    measured = []
    for one in store.find(study=CONVERGE + row.study, preset=row.preset):
        try:
            measured.append(Measured(one.address, ConvergenceResult.model_validate(one.output)))
        except ValidationError:
            continue  # of another version: as if it had not been measured
    return reproduction(chosen, row.address, row.completed_at, result, executed, measured)
