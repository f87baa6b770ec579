"""`natrium results` and `plot`: what is in the results database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.analysis.results_store import ResultsStore, StudyRow
    from natrium.analysis.runs import Run

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def results(
    study: Annotated[str | None, typer.Option(help="Only of this study.")] = None,
    formula: Annotated[str | None, typer.Option(help="Only with this formula: Na7.")] = None,
    engine: Annotated[str | None, typer.Option(help="Only of this engine.")] = None,
    preset: Annotated[str | None, typer.Option(help="Only with this preset.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Completed at this time or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Completed at this time or earlier.")] = None,
    calculations: Annotated[
        bool, typer.Option("--calculations", help="Single calculations instead of studies.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the results, and below them the runs that have none yet."""
    from natrium.commands.output import print_json, table

    with open_store() as store:
        rows = store.find(
            study=study,
            formula=formula,
            engine=engine,
            preset=preset,
            kind="calculation" if calculations else "study",
            since=since,
            until=until,
            limit=limit,
        )
        runs = store.runs.list_runs(limit=200)
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    table(
        [
            {
                "id": row.address,
                "formula": row.formula,
                "preset": row.preset
                + (" (changed)" if isinstance(row.output, dict) and row.output.get("overrides") else ""),
                "engine": row.engine,
                "completed": f"{row.completed_at:%Y-%m-%d %H:%M}",
                "result": _headline(row),
            }
            for row in rows
        ],
        nothing="no results like this",
    )
    _unfinished(runs)


def _headline(row: StudyRow) -> str:
    """The result in a line. Never fails: one document of another version must not hide all others."""
    from natrium.workflows.study import study

    try:
        return (
            f"{row.output['energy_ev']:.6f} eV" if row.kind == "calculation" else study(row.study).headline(row.output)
        )
    except Exception:
        return f"see natrium show --json {row.address}"


def _unfinished(runs: list[Run]) -> None:
    from natrium.analysis.runs import UNFINISHED, State
    from natrium.commands.output import notes
    from natrium.hpc.run_lock import state_now

    for run in runs:
        if run.state in UNFINISHED:
            state = state_now(run)
            hint = "show" if state in (State.RUNNING, State.FAILED) else "run --resume"
            hint = hint if run.cluster is None else "status"
            notes.print(f"{run.address} ({state}): natrium {hint} {run.address}")


def plot(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="ID|FILE.json...",
            help="A result: na110-3f9c2a, or a file that natrium show --json filled. Several of other structures of one"
            " study are plotted as one.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="PNG, PDF or SVG; default: ID.png here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Plot a result: for na110 the potential across the slab, with the Fermi level and both work functions."""
    from natrium.commands.output import line
    from natrium.commands.sources import named_source
    from natrium.structures.errors import InputError
    from natrium.workflows.pooling import pooled
    from natrium.workflows.study import study

    with open_store() as store:
        sources = [named_source(store, address) for address in addresses]
    path = output or Path(f"{sources[0].address}.png")
    if path.exists() and not force:
        raise InputError(f"{path} exists", "choose another name with --output, or replace it with --force")
    chosen = study(sources[0].result.study)
    chosen.plot(pooled(chosen, [source.result for source in sources]), path, overwrite=force)
    line(f"{path}")


@contextmanager
def open_store() -> Iterator[ResultsStore]:
    """The results of the configured database."""
    from natrium.analysis.results_store import ResultsStore
    from natrium.hpc.configuration import load_configuration
    from natrium.hpc.databases import results_store

    with results_store(load_configuration()) as store:
        yield ResultsStore(store)
