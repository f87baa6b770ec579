"""`natrium run`: a study on this machine, now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natrium.commands.study_options import (
    RUNS,
    Directory,
    Engine,
    Molecules,
    Overrides,
    Preset,
    WallTime,
    settings_given,
)

if TYPE_CHECKING:
    from natrium.analysis.results_store import ResultsStore
    from natrium.analysis.runs import Run
    from natrium.hpc.configuration import Configuration
    from natrium.hpc.local_run import LocalRun


def run(
    target: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A study (natrium studies lists them); with --resume, a run.")
    ] = None,
    preset: Preset = "standard",
    overrides: Overrides = None,
    engine: Engine = "gpaw",
    molecules: Molecules = None,
    directory: Directory = RUNS,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a run: the one named, or the last unfinished one.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the input files, estimate the cost, start nothing.")
    ] = False,
    wall_time: WallTime = None,
) -> None:
    """Run a study on this machine. Ctrl-C writes a checkpoint; --resume continues."""
    from natrium.structures.errors import InputError

    deadline = _deadline(wall_time)
    if resume:
        if overrides or molecules or dry_run:
            raise InputError(
                "--resume continues a run as it was planned",
                "leave --set, --molecules and --dry-run out, or start a new run",
            )
        _execute(None, target, deadline)
        return
    if target is None:
        raise InputError("which study?", "natrium studies lists them; then for example: natrium run na110")
    from natrium.workflows.plan import check
    from natrium.workflows.study import settle, study

    chosen = study(target)
    settings = settle(chosen, preset, settings_given(overrides, molecules), engine)
    check(chosen, settings)
    if dry_run:
        from natrium.commands.dry_run import dry_run as write

        write(chosen, settings, directory)
        return
    from natrium.hpc.configuration import load_configuration

    _start_database_meanwhile(load_configuration())
    from natrium.hpc.local_run import LocalRun

    _execute(LocalRun.start(chosen, settings, directory), None, deadline)


def _deadline(wall_time: str | None) -> float | None:
    """The Unix time at which a wall time such as 90m, counted from now, ends."""
    import re
    import time

    from natrium.structures.errors import InputError

    if wall_time is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", wall_time.strip())
    if not found or not float(found[1]):
        raise InputError(f"--wall-time {wall_time}", "write a number and s, m, h or d: 90m")
    return time.time() + float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def _start_database_meanwhile(configuration: Configuration) -> None:
    """The embedded database takes as long to start as a run to plan: both at once."""
    if configuration.database_uri is not None:
        return
    import contextlib
    import threading

    from natrium.hpc.embedded.folder import DatabaseError
    from natrium.hpc.embedded.lifecycle import start

    def begin() -> None:
        with contextlib.suppress(DatabaseError):  # whoever connects says what is wrong
            start(configuration.embedded_folder, persistent=False)

    threading.Thread(target=begin, daemon=True).start()


def _say_what_there_is(results: ResultsStore, record: Run) -> None:
    """The result of a run in which steps failed, where the study can do without them."""
    from natrium.commands.output import line
    from natrium.structures.errors import InputError
    from natrium.workflows.study import study

    try:
        result = results.get(record.address)["output"]
    except InputError:
        return
    line("", study(record.study).headline(result), "bold yellow")
    line(f"all numbers: natrium show {record.address}")


def _execute(new: LocalRun | None, unfinished: str | None, deadline: float | None) -> None:
    """Run a new run, or an unfinished one that is found by its name, and show the result."""
    import os

    from natrium.analysis.results_store import ResultsStore
    from natrium.commands.output import console, line, table
    from natrium.commands.progress import LiveProgress
    from natrium.hpc.configuration import load_configuration
    from natrium.hpc.database_server import UNATTENDED_S
    from natrium.hpc.databases import results_store
    from natrium.hpc.local_run import LocalRun, RunFailedError, RunStoppedError
    from natrium.hpc.run_lock import find_unfinished
    from natrium.workflows.study import Tabulated, study

    if deadline is not None:
        os.environ["NATRIUM_DEADLINE"] = repr(deadline)  # read where engines are started
    configuration = load_configuration()
    if configuration.database_uri is not None:
        with results_store(configuration):
            pass  # a person waits now: a database that is not there is found soon, not after ten minutes
    with results_store(configuration, patience_s=UNATTENDED_S) as store:
        results = ResultsStore(store)
        local = new or LocalRun.resume(find_unfinished(results.runs, unfinished))
        record = local.run
        line(f" ({record.preset}) in {record.folder}", record.address)
        try:
            with LiveProgress(console) as progress:
                local.execute(store, progress)
        except KeyboardInterrupt:
            line("interrupted; finished steps and checkpoints are kept")
            line(f"continue with: natrium run --resume {record.address}")
            raise typer.Exit(130) from None
        except RunStoppedError as stopped:
            line(f"stopped: {stopped.problem}\ncontinue with: {stopped.remedy}")
            raise typer.Exit(stopped.exit_code) from None
        except RunFailedError:
            _say_what_there_is(results, record)
            raise
        result = results.get(record.address)["output"]
    reporter = study(record.study)
    for rows in reporter.tables(result) if isinstance(reporter, Tabulated) else ():
        table(rows)
        line("")
    line("", reporter.headline(result), "bold green")
    picture = Path(record.folder) / f"{record.address}.png"
    reporter.plot(result, picture, overwrite=True)
    line(f"plot: {picture}")
    line(f"all numbers: natrium show {record.address}")
