"""Lists of molecules: files with a SMILES and a name a line, and names behind --molecules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from natrium.commands.study_options import settings_given
from natrium.structures.errors import InputError
from natrium.structures.smiles_list import read_smiles_list

if TYPE_CHECKING:
    from conftest import CommandLine

LIST = """\ufeff# additives
O=C1OCC(F)O1 FEC\t0.5
C=C1COC(=O)O1\tmethylene EC

CC#N
"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "my.smi"
    path.write_text(LIST)
    return path


def test_names(listed: Path) -> None:
    assert read_smiles_list(listed) == {"FEC": "O=C1OCC(F)O1", "methylene EC": "C=C1COC(=O)O1", "CC#N": "CC#N"}


@pytest.mark.parametrize(
    ("text", "said"),
    [("CO a\nCCO a\n", "line 2: there are two molecules 'a'"), ("# none\n", "no molecules"), (None, "cannot read")],
)
def test_refused(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "my.smi"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_smiles_list(path)


def test_a_list_becomes_part_of_the_settings(listed: Path) -> None:
    given: dict[str, Any] = settings_given(["ion=null"], str(listed))
    assert given["ion"] is None
    assert given["molecules"][0] == {"name": "FEC", "source": "smiles:O=C1OCC(F)O1"}
    assert settings_given(None, "FEC, EC,smiles:CO") == {"molecules": ["FEC", "EC", "smiles:CO"]}
    with pytest.raises(InputError, match="--molecules and --set"):
        settings_given(["molecules=[FEC]"], "EC")


def test_one_that_fails_does_not_stop_the_list(natrium: CommandLine) -> None:
    """Hydrogen relaxes within one step, water does not."""
    (natrium.folder / "my.smi").write_text("O water\n[H][H] hydrogen\n")
    small = ["levels=[hf]", "hf.basis=sto-3g", "b3lyp_relax.functional=HF", "b3lyp_relax.basis=sto-3g"]
    changed = [*small, "reduction=false", "b3lyp_relax.max_steps=1", "b3lyp_relax.force_ev_a=0.05"]
    options = [word for change in changed for word in ("--set", change)]
    done = natrium("run", "orbitals", "--preset", "screening", "--molecules", "my.smi", *options, code=3)
    assert "water-b3lyp-relax" in done.stderr
    run = natrium.the_run()
    document = natrium.json("show", run.name)["output"]
    assert [one["species"] for one in document["levels"]] == ["hydrogen"]
    assert document["missing"] == ["water"]
