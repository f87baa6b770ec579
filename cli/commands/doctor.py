"""`natrium doctor`: what works on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Try the engine, MPI, ScaLAPACK, the datasets and the database, and say what works."""
    from dataclasses import asdict

    from natrium.commands.output import line, print_json
    from natrium.hpc.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark, colour = ("works", "green") if finding.state == "ok" else ("fails", "bold red")
            line(f"  {finding.what}: {finding.evidence}", mark, colour)
            if finding.state != "ok":
                line(f"       what to do: {finding.remedy}")
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)
