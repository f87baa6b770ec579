"""`natrium doctor`: what works on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from natrium.hpc.finding import State

_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("works", "green"),
    "warning": ("note ", "yellow"),
    "problem": ("fails", "bold red"),
}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Try the engines, MPI, ScaLAPACK, the datasets, D3, RDKit and the database, and say what works."""
    from dataclasses import asdict

    from natrium.commands.output import line, print_json
    from natrium.hpc.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            line(f"  {finding.what}: {finding.evidence}", *_MARKS[finding.state])
            if finding.state != "ok":
                line(f"       what to do: {finding.remedy}")
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)
