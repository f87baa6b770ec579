"""`natrium movie`: a trajectory of a study as a movie, as a strip of snapshots, or as one file of all its frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from natrium.analysis.reaction import Reaction
    from natrium.analysis.trajectory import Trajectory

    Writer = Callable[[Path, Trajectory, Reaction, bool], Path]

SNAPSHOTS = 8


def movie(
    address: Annotated[str, typer.Argument(metavar="ID", help="A finished run of dynamics: na-fec-md-3f9c2a.")],
    name: Annotated[str | None, typer.Argument(help="Which of its trajectories: fec-1; the first by default.")] = None,
    *,
    outputs: Annotated[
        list[Path],
        typer.Option(
            "--output",
            "-o",
            help="Repeatable. By its name: .gif or .mp4 a movie; .png, .pdf or .svg snapshots; .xyz, .extxyz or .xyz.gz"
            " all frames, for other programs.",
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Show a trajectory from the side, with its bonds as they break and the times of the events."""
    from natrium.analysis.reaction import Reaction
    from natrium.analysis.trajectory import joined
    from natrium.analysis.trajectory_files import open_trajectory
    from natrium.commands.output import line
    from natrium.commands.results import open_store
    from natrium.commands.written_files import chosen_writers
    from natrium.structures.errors import InputError

    writers = chosen_writers(outputs, _WRITERS, force=force)
    with open_store() as store:
        found = _trajectories(store.get(address)["output"])
    if not found:
        raise InputError(f"{address} has no trajectories", "name a finished run of na-fec-md: natrium results")
    if name is not None and name not in found:
        raise InputError(f"{address} has no trajectory {name!r}", f"it has {', '.join(found)}")
    chosen = found[name or next(iter(found))]
    trajectory = joined([open_trajectory(path) for path in chosen["trajectories"]])
    reaction = Reaction.model_validate(chosen["reaction"])
    for path, write in writers:
        write(path, trajectory, reaction, force)
        line(f"{path}")


def _trajectories(output: Any) -> dict[str, dict[str, Any]]:
    """By name, what a result document says of its trajectories."""
    each = output.get("trajectories") if isinstance(output, dict) else None
    return {one["name"]: one for one in each or [] if isinstance(one, dict)}


def _film(path: Path, trajectory: Trajectory, reaction: Reaction, force: bool) -> Path:
    from natrium.analysis.movie import movie

    return movie(path, trajectory, reaction=reaction, overwrite=force)


def _strip(path: Path, trajectory: Trajectory, reaction: Reaction, force: bool) -> Path:
    from numpy import linspace

    from natrium.analysis.snapshots import snapshots

    times = linspace(reaction.begin_fs, reaction.end_fs, min(SNAPSHOTS, reaction.frames))
    return snapshots(path, trajectory, times.tolist(), reaction=reaction, overwrite=force)


def _frames(path: Path, trajectory: Trajectory, _: Reaction, force: bool) -> Path:
    from natrium.analysis.write_xyz import write_xyz

    return write_xyz(path, trajectory, overwrite=force)


_WRITERS: dict[str, Writer] = {
    **dict.fromkeys((".gif", ".mp4"), _film),
    **dict.fromkeys((".png", ".pdf", ".svg"), _strip),
    **dict.fromkeys((".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz"), _frames),
}
