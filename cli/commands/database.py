"""`natrium db`: the embedded database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.hpc.embedded.lifecycle import DatabaseStatus

app = typer.Typer(no_args_is_help=True, help="The embedded results database: start it to stay, stop it, ask how it is.")
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def start(as_json: AsJson = False) -> None:
    """Start the embedded database so that it stays until it is stopped. By itself it comes and goes with its users."""
    from natrium.hpc.embedded.lifecycle import start as start_server

    _print(start_server(_folder()), as_json)


@app.command()
def stop(
    force: Annotated[bool, typer.Option("--force", help="Although natrium processes are using it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop the embedded database cleanly."""
    from natrium.hpc.embedded.lifecycle import stop as stop_server

    _print(stop_server(_folder(), force=force), as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say whether the embedded database runs, for whom, and where its data are."""
    from natrium.hpc.embedded.lifecycle import status as status_of

    _print(status_of(_folder()), as_json)


def _folder() -> Path:
    from natrium.hpc.configuration import load_configuration

    configuration = load_configuration()
    if configuration.database_uri is not None:
        from natrium.commands.output import notes

        notes.print(f"note: natrium is configured to use {configuration.database_shown}, not the embedded database")
    return configuration.embedded_folder


def _print(found: DatabaseStatus, as_json: bool) -> None:
    from natrium.commands.output import line, print_json, short, with_unit

    if as_json:
        print_json(asdict(found))
        return
    line("", "running" if found.running else "stopped", "green" if found.running else "bold")
    for name, value in asdict(found).items():
        if name != "running" and value not in (None, ()):
            line(
                f"  {name.removesuffix('_mb')}: {with_unit(name, value) if isinstance(value, float) else short(value)}"
            )
