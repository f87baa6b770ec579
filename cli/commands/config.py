"""`natrium config`: write the configuration, try it out, see what holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.hpc.cluster_facts import ClusterFacts
    from natrium.hpc.finding import State

app = typer.Typer(no_args_is_help=True, help="The configuration: write a first one, try it out, see what holds.")
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
_COLOURS: dict[State, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@app.command()
def init(
    cluster: Annotated[str | None, typer.Option(help="Name for the cluster; else SLURM's own name.")] = None,
) -> None:
    """Write natrium.yaml, filled in from what SLURM says where there is one. Never over an existing file."""
    import sys
    from pathlib import Path

    from natrium.commands.output import line
    from natrium.hpc.configuration import config_file
    from natrium.hpc.configuration_template import configuration_text, write_new

    file = config_file().absolute()
    facts = _facts()
    write_new(file, configuration_text(file, Path(sys.executable), cluster, facts))
    line(f" {file}", "wrote", "green")
    if facts is None:
        line("  no SLURM answers here: to describe a cluster, fill in the lines under clusters")
    line("next: natrium config check")


@app.command()
def check(
    cluster: Annotated[str | None, typer.Option(help="Only this cluster; else all.")] = None, as_json: AsJson = False
) -> None:
    """Try out everything that a job would otherwise discover at night. Exit code 2 when there is a problem."""
    from dataclasses import asdict

    from natrium.commands.output import line, print_json
    from natrium.hpc.configuration_check import check as findings_of

    found = []
    for finding in findings_of(cluster):
        found.append(finding)
        if not as_json:
            line(f"  {finding.what}: {finding.evidence}", f"{finding.state:<7}", _COLOURS[finding.state])
            if finding.remedy:
                line(f"           what to do: {finding.remedy}")
    if as_json:
        print_json([asdict(finding) for finding in found])
    if any(finding.state == "problem" for finding in found):
        raise typer.Exit(2)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show every setting and where its value comes from. Passwords are shown as ***."""
    from dataclasses import asdict

    from natrium.commands.output import print_json, short, table
    from natrium.hpc.configuration import layers, load_configuration
    from natrium.hpc.configuration_shown import settings_shown

    shown = list(settings_shown(load_configuration(), layers()))
    if as_json:
        print_json([asdict(each) for each in shown])
    else:
        table([{"setting": each.setting, "value": short(each.value), "from": each.source} for each in shown])


def _facts() -> ClusterFacts | None:
    import getpass

    from natrium.hpc.cluster_facts import SlurmSilentError, cluster_facts

    try:
        return cluster_facts(None, getpass.getuser())
    except SlurmSilentError:
        return None
