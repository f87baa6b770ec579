"""The command line: `natrium`. Thin; every command imports what it needs when it is called: --help is instant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from natrium.commands import (
    analyse_trajectory,
    cluster,
    config,
    converge,
    database,
    density,
    doctor,
    movie,
    orbital,
    queue,
    report,
    results,
    run,
    show,
    studies,
    submit,
)
from natrium.version import __version__

if TYPE_CHECKING:
    from natrium.structures.errors import NatriumError

app = typer.Typer(
    name="natrium",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="First-principles calculations on sodium-metal battery interfaces, from one command to the results database.",
    epilog="Exit codes: 0 done, 1 failed, 2 the request cannot be right, 3 a calculation failed, 4 no database,"
    " 75 stopped at its wall time and resumable, 130 interrupted and resumable.",
)
app.command("studies")(studies.studies)
app.command("run")(run.run)
app.command("converge")(converge.converge)
app.command("submit")(submit.submit)
app.command("status")(queue.status)
app.command("watch")(queue.watch)
app.command("logs")(queue.logs)
app.command("rerun")(queue.rerun)
app.command("cancel")(queue.cancel)
app.command("results")(results.results)
app.command("show")(show.show)
app.command("report")(report.report)
app.command("plot")(results.plot)
app.command("density")(density.density)
app.command("orbital")(orbital.orbital)
app.command("movie")(movie.movie)
app.command("analyse-trajectory")(analyse_trajectory.analyse_trajectory)
app.command("doctor")(doctor.doctor)
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
app.add_typer(cluster.app, name="cluster")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"natrium {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Nothing to do: the options act by themselves."""


def main() -> None:
    """Run the command line; errors become a message and an exit code, not a traceback."""
    from natrium.structures.errors import NatriumError

    try:
        app()
    except NatriumError as error:
        _complain(error)
    except Exception as error:
        log = _written_down()
        problem = f"natrium did not expect this: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        _complain(NatriumError(problem, f"report it, with the traceback in {log}"))


def _complain(error: NatriumError) -> NoReturn:
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(str(error), err=True)
    sys.exit(error.exit_code)


def _written_down() -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="natrium-error-", suffix=".txt", delete=False) as log:
        traceback.print_exc(file=log)
        return log.name


if __name__ == "__main__":
    main()
