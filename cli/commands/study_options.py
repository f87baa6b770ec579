"""Options of the commands that start a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Preset = Annotated[str, typer.Option(help="Named settings of the study.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated.")
]
Engine = Annotated[str, typer.Option(help="What calculates.")]
Directory = Annotated[Path, typer.Option("--dir", help="Run folders are made below this one.")]
WallTime = Annotated[str | None, typer.Option(help="Stop with a checkpoint before this much time: 30m, 2h.")]
RUNS = Path("natrium-runs")
"""Where run folders are made when nobody says otherwise."""
