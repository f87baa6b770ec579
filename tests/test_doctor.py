"""What `natrium doctor` finds where all is well, and where something is broken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine


@pytest.mark.gpaw
def test_all_is_well_where_the_tests_run(natrium: CommandLine) -> None:
    found = {finding["what"]: finding for finding in natrium.with_variables(NATRIUM_RANKS="2").json("doctor")}
    assert [what for what, finding in found.items() if finding["state"] != "ok"] == []
    assert {"engine gpaw", "MPI", "ScaLAPACK", "FFTW", "BLAS", "libxc", "datasets", "results database"} <= found.keys()
    assert found["MPI"]["evidence"] == "2 of 2 processes see each other"


@pytest.mark.parametrize(
    ("variables", "what", "evidence"),
    [
        ({"NATRIUM_MPI_LAUNCHER": "no-such-launcher", "NATRIUM_RANKS": "2"}, "engine gpaw", "no-such-launcher"),
        # processes that know nothing of each other: a launcher of another MPI than GPAW's
        ({"NATRIUM_MPI_LAUNCHER": "env", "NATRIUM_RANKS": "2"}, "engine gpaw", "exit code"),
        ({"NATRIUM_DATABASE_URI": "nonsense"}, "configuration", "no MongoDB address"),
        ({"PYTHONPATH": "broken"}, "engine gpaw", "ImportError: this gpaw is broken"),
        ({"GPAW_SETUP_PATH": "/nowhere", "PYTHONPATH": "without-data"}, "datasets", "missing"),
    ],
)
def test_what_is_broken_is_named_with_a_remedy(
    variables: dict[str, str], what: str, evidence: str, natrium: CommandLine, tmp_path: Path
) -> None:
    for folder, module, code in (
        ("broken", "gpaw", "raise ImportError('this gpaw is broken')"),
        ("without-data", "gpaw_data", "raise ImportError('no data')"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{module}.py").write_text(code)
    told = natrium.with_variables(**variables)("doctor", code=1).stdout.splitlines()
    (at,) = [number for number, line in enumerate(told) if line.startswith(f"fails  {what}:")]
    assert evidence in told[at]
    assert "what to do: " in told[at + 1]
