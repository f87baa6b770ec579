"""`natrium converge`: a study on ladders of its settings, and an error bar on its numbers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from natrium.commands.study_options import RUNS, Directory, Engine, Overrides, Preset, WallTime


def converge(
    target: Annotated[str, typer.Argument(metavar="STUDY", help="A study (natrium studies lists them).")],
    over: Annotated[
        str | None,
        typer.Option(
            metavar="KNOBS",
            help="layers,kpoints,cutoff,vacuum,grid, or with values: layers=5/7/9,cutoff=250/350/500; k-points are"
            " given as factors on the preset's grid. Default: all ladders that the study has.",
        ),
    ] = None,
    preset: Preset = "standard",
    overrides: Overrides = None,
    engine: Engine = "gpaw",
    directory: Directory = RUNS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the rungs, write the input files, estimate the cost, start nothing.")
    ] = False,
    wall_time: WallTime = None,
) -> None:
    """Repeat a study with more demanding settings, one at a time, and put an error bar on its numbers.

    It is the study converge-STUDY: natrium run --resume, submit, status, show and plot know it as any other.
    """
    import json

    from natrium.commands.run import run
    from natrium.workflows.study import CONVERGE

    ladders = [f"over={json.dumps(parsed_ladders(over))}"] if over is not None else []
    run(
        CONVERGE + target,
        preset=preset,
        overrides=[*(overrides or []), *ladders],
        engine=engine,
        directory=directory,
        resume=False,
        dry_run=dry_run,
        wall_time=wall_time,
    )


def parsed_ladders(text: str) -> dict[str, list[Any] | None]:
    """What --over says: knobs, each with its values, or None for the study's own ladder.

    Raises:
        InputError: a knob that is named twice, or a value that is no number.

    >>> parsed_ladders("layers=5/7/9,vacuum")
    {'layers': [5, 7, 9], 'vacuum': None}
    """
    from natrium.structures.errors import InputError

    ladders: dict[str, list[Any] | None] = {}
    for part in text.split(","):
        name, equals, values = (word.strip() for word in part.partition("="))
        if name in ladders:
            raise InputError(f"--over names {name} twice", "name it once, with all its values: layers=5/7/9")
        try:
            ladders[name] = [_number(value) for value in values.split("/")] if equals else None
        except ValueError:
            raise InputError(
                f"--over {part.strip()}: {values!r} are not numbers with slashes between them",
                "write for example layers=5/7/9,cutoff=250/350",
            ) from None
    return ladders


def _number(text: str) -> float:
    return int(text) if text.strip().isdigit() else float(text)
