"""`natrium analyse-trajectory`: what reacted in a trajectory, whatever program it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.analysis.reaction import Reaction, ReactionSettings
    from natrium.analysis.trajectory import Trajectory

    Writer = Callable[[Path, Reaction, bool], Path]

MOST_ROWS = 30
"""So many rows of a table are shown; --json has all."""


def analyse_trajectory(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="ASE .traj, xyz, XDATCAR, vasprun.xml or a LAMMPS dump; also .gz. Several: segments in their order."
        ),
    ],
    molecule: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable. The atoms to follow: indices counted from 0, both ends included (45-54 or 45-47,50),"
            " a formula (C3H3FO3) or a name (FEC). Default: every atom that is not an alkali or alkaline earth metal."
        ),
    ] = None,
    time_step_fs: Annotated[
        float | None, typer.Option(help="From one step to the next, fs; where the file does not say it.")
    ] = None,
    broken_a: Annotated[float, typer.Option(help="A bond longer than this is broken, Å; 0.8 times it with H.")] = 2.0,
    healed_a: Annotated[float, typer.Option(help="A bond shorter than this is whole, Å; 0.8 times it with H.")] = 1.8,
    dwell_fs: Annotated[float, typer.Option(help="A change counts when it has lasted so long, fs.")] = 10.0,
    cutoffs: Annotated[str, typer.Option(help="Values of --broken-a to compare, Å.")] = "1.8,2.0,2.2",
    crystal_distance_a: Annotated[
        float | None, typer.Option(help="Na–F in the crystal, Å. Default: the measured one; PBE's is 2.336.")
    ] = None,
    at_fs: Annotated[str, typer.Option(help="Times at which the Na–F distance is wanted, fs.")] = "80",
    every: Annotated[int, typer.Option(help="Take every n-th frame.")] = 1,
    format: Annotated[
        str | None, typer.Option(help="ase, vasprun, lammps, xdatcar or xyz. Default: told from the content.")
    ] = None,
    symbols: Annotated[str | None, typer.Option(help="Elements of LAMMPS's types 1, 2, …: Na,C,O,F,H.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw bond lengths and Na–F over time: .png, .pdf or .svg.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing figure.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole document, machine-readable.")] = False,
) -> None:
    """What reacted in a trajectory: bonds with times, fragments, Na–F against the NaF crystal.

    The reference are the bonds of the first frame. Bonds across periodic boundaries count; metal with metal does not.
    """
    from natrium.analysis.figure_file import checked_path
    from natrium.analysis.molecule_atoms import chosen_atoms
    from natrium.analysis.reaction_analysis import analyse
    from natrium.analysis.trajectory import joined
    from natrium.analysis.trajectory_files import open_trajectory
    from natrium.commands.output import line, notes, print_json
    from natrium.commands.written_files import chosen_writers

    figures = chosen_writers([figure] if figure else [], _WRITERS, force=force)
    for path, _ in figures:
        checked_path(path, (), overwrite=force)
    settings = _settings(
        broken_a=broken_a,
        healed_a=healed_a,
        dwell_fs=dwell_fs,
        cutoffs_a=_lengths("--cutoffs", cutoffs),
        at_fs=_lengths("--at-fs", at_fs),
        **({} if crystal_distance_a is None else {"crystal_distance_a": crystal_distance_a}),
    )
    with _warnings_told():
        elements = [symbol.strip() for symbol in symbols.split(",")] if symbols else None
        trajectory = joined(
            [
                open_trajectory(file, time_step_fs=time_step_fs, format=format, symbols=elements, every=every)
                for file in files
            ]
        )
        reaction = analyse(trajectory, chosen_atoms(trajectory, molecule or [], settings), settings)
    if as_json:
        print_json(reaction)
    else:
        _told(trajectory, reaction, by_default=not molecule)
    for path, draw in figures:
        draw(path, reaction, force)
        notes.print(str(path), soft_wrap=True, markup=False) if as_json else line(f"\n{path}")


def _settings(**values: object) -> ReactionSettings:
    from pydantic import ValidationError

    from natrium.analysis.reaction import ReactionSettings
    from natrium.structures.errors import InputError

    try:
        return ReactionSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(
            f"--{name.replace('_', '-')} {first['input']}: {first['msg'][0].lower()}{first['msg'][1:]}",
            f"{name} is: {ReactionSettings.model_fields[name].description}",
        ) from None


def _lengths(option: str, text: str) -> tuple[float, ...]:
    from math import isfinite

    from natrium.structures.errors import InputError

    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = (float("nan"),)
    if not all(map(isfinite, found)):
        raise InputError(f"{option} {text}: these are not numbers", f"separate numbers by commas: {option} 1.8,2.0,2.2")
    return found


@contextmanager
def _warnings_told() -> Iterator[None]:
    """Warnings on standard error, each once, also when an error ends the reading."""
    import warnings

    from natrium.commands.output import notes

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for text in dict.fromkeys(str(one.message) for one in caught):
                notes.print(f"warning: {text}", soft_wrap=True, markup=False)


def _told(trajectory: Trajectory, reaction: Reaction, *, by_default: bool) -> None:
    from natrium.analysis import reaction_tables as tables
    from natrium.commands.output import line

    _read(trajectory, reaction, by_default)
    events = tables.event_rows(reaction)
    _section("bonds that broke and formed", events, "none")
    if reaction.bond_events_left_out:
        line(f"  {reaction.bond_events_left_out} further ones were only counted")
    _section(
        "contacts with metal since the start", tables.contact_rows(reaction), "no change" if reaction.metals else ""
    )
    if reaction.contact_events_left_out:
        line(f"  {reaction.contact_events_left_out} later changes of contacts were only counted")
    cutoffs = ", ".join(f"{cutoff:g}" for cutoff in reaction.settings.cutoffs_a)
    _section(
        f"first crossing at these cutoffs ({reaction.settings.hydrogen:g} times as long for bonds of H)",
        tables.sensitivity_rows(reaction),
        f"no bond broke at {cutoffs} Å" if cutoffs else "",
    )
    _section("fragments", tables.fragment_rows(reaction), "")
    metal, element = reaction.settings.crystal
    _section(
        f"nearest {metal}–{element}, {reaction.settings.crystal_distance_a:g} Å in the crystal,"
        f" means of ±{reaction.settings.window_fs:g} fs",
        tables.crystal_rows(reaction),
        "",
    )
    _section("bonds that had changed at the end, but not for long enough", tables.pending_rows(reaction), "")


def _read(trajectory: Trajectory, reaction: Reaction, by_default: bool) -> None:
    """What was read and what was taken for the molecule."""
    from natrium.analysis.molecule_atoms import index_ranges
    from natrium.commands.output import line, notes

    periodic = ", ".join(axis for axis, is_periodic in zip("abc", trajectory.pbc, strict=True) if is_periodic)
    line("", trajectory.source)
    line(
        f"  {reaction.frames} frames of {len(trajectory.symbols)} atoms, {reaction.begin_fs:g} to {reaction.end_fs:g}"
        f" fs, at most {reaction.longest_gap_fs:g} fs apart;"
        f" {f'periodic along {periodic}' if periodic else 'not periodic'}"
    )
    names = ", ".join(fragment.name for fragment in reaction.fragments[0].fragments[:8])
    more = ", …" if len(reaction.fragments[0].fragments) > 8 else ""
    how = ", every atom that is not an alkali or alkaline earth metal" if by_default else ""
    ranges = index_ranges(reaction.molecule)
    line(f"  the molecule: {len(reaction.molecule)} atoms, {ranges} (counted from 0){how}: {names}{more}")
    elements = [trajectory.symbols[metal] for metal in reaction.metals]
    metals = " and ".join(f"{elements.count(element)} {element}" for element in dict.fromkeys(elements))
    line(f"  the metal: {metals or 'none'}")
    if reaction.longest_gap_fs > reaction.settings.dwell_fs:
        notes.print(
            f"warning: frames are up to {reaction.longest_gap_fs:g} fs apart, longer than --dwell-fs"
            f" {reaction.settings.dwell_fs:g}: two frames make an event, and what happened between them is unknown",
            soft_wrap=True,
            markup=False,
        )


def _section(title: str, rows: list[dict[str, str]], nothing: str) -> None:
    """A titled table of at most `MOST_ROWS` rows; without rows, what that means, or no section at all."""
    from natrium.commands.output import line, table

    if rows:
        line("", f"\n{title}")
        table(rows[:MOST_ROWS])
        if len(rows) > MOST_ROWS:
            line(f"… {len(rows) - MOST_ROWS} more: --json has all")
    elif nothing:
        line(f": {nothing}", f"\n{title}")


def _picture(path: Path, reaction: Reaction, force: bool) -> Path:
    from natrium.analysis.plot_reaction import plot_reaction

    return plot_reaction(path, reaction, overwrite=force)


_WRITERS: dict[str, Writer] = dict.fromkeys((".png", ".pdf", ".svg"), _picture)
