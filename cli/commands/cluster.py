"""`natrium cluster`: a laptop cluster to try natrium on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from natrium.hpc.slurm.lab import Lab

app = typer.Typer(
    no_args_is_help=True,
    help="A throw-away SLURM cluster on this machine, from Debian's packages, to try natrium on. Jobs go there with"
    " the cluster name `lab`.",
)
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Node = Annotated[str, typer.Argument(help="Name of the node: n1, n2, …")]


@app.command()
def up(
    nodes: Annotated[int | None, typer.Option(min=1, max=64, help="Number of nodes; default: 2.")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Cores of each node; default: the machine's share.")] = None,
    memory_mb: Annotated[
        int | None, typer.Option(min=100, help="Memory of each node, MB; default: a share of the machine's.")
    ] = None,
    accounting: Annotated[
        bool | None, typer.Option("--accounting/--no-accounting", help="With sacct; default: if MariaDB is installed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start the laptop cluster, or what does not run of it, and wait until its nodes take jobs."""
    from natrium.commands.output import notes
    from natrium.hpc.slurm.lab import Lab

    lab = _lab()
    runs_as_asked = lab.folder.cluster_file.exists() and {nodes, cores, memory_mb, accounting} == {None}
    if not runs_as_asked:
        lab = Lab(_folder(), nodes or 2, cores, memory_mb, accounting)
    if lab.is_up:
        notes.print("note: it is up already")
    lab.up()
    _print(lab, as_json)


@app.command()
def down(as_json: AsJson = False) -> None:
    """Cancel the jobs of the laptop cluster and stop all of it. Its accounting and its logs stay."""
    lab = _lab()
    lab.down()
    _print(lab, as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say whether the laptop cluster runs, and how its nodes are."""
    _print(_lab(), as_json)


@app.command("kill-node")
def kill_node(name: Node, as_json: AsJson = False) -> None:
    """Crash a node with all that runs on it, to see what happens then."""
    lab = _lab()
    lab.kill_node(name)
    _print(lab, as_json)


@app.command("start-node")
def start_node(name: Node, as_json: AsJson = False) -> None:
    """Start a node that crashed."""
    lab = _lab()
    lab.start_node(name)
    _print(lab, as_json)


def _folder() -> Path:
    from natrium.hpc.configuration import load_configuration

    return load_configuration().data_dir / "lab"


def _lab() -> Lab:
    from natrium.hpc.slurm.lab import Lab

    return Lab.of_last_start(_folder())


def _print(lab: Lab, as_json: bool) -> None:
    from natrium.commands.output import line, print_json, short, with_unit

    found: dict[str, Any] = dataclasses.asdict(lab.status())
    if as_json:
        print_json(found)
        return
    line("", "up" if found["up"] else "not up", "green" if found["up"] else "bold")
    for name, value in found.items():
        if name != "up" and value not in (None, {}, ()):
            line(f"  {name.removesuffix('_mb')}: {with_unit(name, value) if name.endswith('_mb') else short(value)}")
