"""`natrium density`: a stored density difference as files, and what is refused before and after looking it up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from natrium.__main__ import app
from natrium.analysis.density_difference import DensityDifference, density_difference
from natrium.analysis.volumetric import VolumetricData
from natrium.commands import results
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.oxygen import oxygen_structures
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.structures.voids import interstitial
from natrium.workflows.result import Evaluation

CRYSTAL = interstitial("O", 2, "octahedral")
FLAT = "hollow-flat-001"
SLAB = oxygen_structures(metal_slab("Na", size=(2, 2), layers=3, vacuum_a=18.0), (FLAT,))[FLAT]
SHAPE = (16, 16, 16)


def difference(system: System) -> DensityDifference:
    """Charge goes from the sodium around the last atom to it."""
    cell = np.array(system.cell_a)
    grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in SHAPE], indexing="ij"), axis=-1)
    apart = grid - np.array(system.positions_a[-1]) @ np.linalg.inv(cell)
    r2 = (((apart - np.round(apart)) @ cell) ** 2).sum(axis=-1)
    gain = np.exp(-r2 / 2) - np.exp(-r2 / 8) * np.exp(-r2 / 2).sum() / np.exp(-r2 / 8).sum()
    flat = VolumetricData(np.full(SHAPE, 0.5), cell, "part")
    return density_difference(VolumetricData(1.0 + gain, cell, "whole"), {"one": flat, "other": flat})


EVALUATIONS = {
    "na-bulk-o-111111/octahedral-evaluation": Evaluation(difference=difference(CRYSTAL), system=CRYSTAL),
    "na110-o2-222222/hollow-evaluation": Evaluation(difference=difference(SLAB), system=SLAB),
    "na110-o2-222222/pale-evaluation": Evaluation(difference=None, system=SLAB),
}
DOCUMENTS: dict[str, Any] = {address: each.model_dump() for address, each in EVALUATIONS.items()} | {
    "na110-o2-222222/odd-evaluation": {"system": bulk_metal("Na").model_dump()}
}


class Store:
    """A results store with these documents."""

    def get(self, address: str, *, arrays: bool = False) -> dict[str, Any]:
        assert arrays, "without its array a difference cannot be drawn"
        if address not in DOCUMENTS:
            raise InputError(f"there is no result {address!r}", "look")
        return {"output": DOCUMENTS[address] | {"interstitial": {"more": 1}}}


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def open_store() -> Iterator[Store]:
        yield Store()

    monkeypatch.setattr(results, "open_store", open_store)


def natrium(*arguments: str | Path) -> None:
    app(args=["density", *map(str, arguments)], standalone_mode=False)


FORMATS = {
    "surfaces.png": b"\x89PNG",
    "surfaces.html": b"<",
    "profile.png": b"\x89PNG",
    "delta-profile.svg": b"<?xml",
    "delta.pdf": b"%PDF",
    "delta.cube": b"",
    "delta.vasp": b"",
    "CHGCAR": b"",
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_name_says_the_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    natrium("na110-o2-222222/hollow", "-o", path)
    assert path.stat().st_size > 500
    assert path.read_bytes().startswith(FORMATS[name])
    assert name in capsys.readouterr().out.replace("\n", "")


def test_the_files_hold_the_difference(tmp_path: Path) -> None:
    from ase.io.cube import read_cube

    natrium("na-bulk-o-111111/octahedral-evaluation", "-o", tmp_path / "a.cube", "-o", tmp_path / "b.png")
    with (tmp_path / "a.cube").open() as file:
        found = read_cube(file)
    assert found["atoms"].get_chemical_formula() == CRYSTAL.formula
    stored = EVALUATIONS["na-bulk-o-111111/octahedral-evaluation"].difference
    assert stored is not None
    # cube files are in e/Bohr³
    ratio = found["data"].reshape(SHAPE).max() / stored.density_e_a3.max()
    assert ratio == pytest.approx(0.529177**3, rel=1e-3)
    assert (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        (("na110-o2-222222/hollow", "-o", "delta.xyz"), "delta.xyz: no such format", ".cube"),
        (("na110-o2-222222/hollow", "-o", "delta"), "delta: no such format", "CHGCAR"),
        (("na110-o2-222222/hollow", "-o", "profile.txt"), "profile.txt: no such format", ".png"),
        (("na110-o2-222222/pale", "-o", "a.png"), "its density difference is missing", "natrium show says why"),
        (("na110-o2-222222/odd", "-o", "a.png"), "odd has no density difference", "name an evaluation"),
        (("na110-o2-222222/slab-static", "-o", "a.png"), "slab-static-evaluation'", "look"),
        (("na-bulk-o-111111/octahedral", "-o", "profile.png"), "not a slab", ""),
    ],
)
def test_what_is_refused(
    arguments: tuple[str, ...], problem: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        natrium(*arguments)
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_one_wrong_name_keeps_all_files_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "there.cube").touch()
    for wrong in ("there.cube", "wrong.xyz"):
        with pytest.raises(InputError):
            natrium("na110-o2-222222/hollow", "-o", tmp_path / "first.cube", "-o", tmp_path / wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["there.cube"]


@pytest.mark.parametrize("name", ["there.png", "there.html", "there.cube", "there.vasp", "profile.pdf"])
def test_an_existing_file_is_replaced_only_by_force(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        natrium("na110-o2-222222/hollow", "-o", path)
    assert path.read_text() == "mine"
    natrium("na110-o2-222222/hollow", "-o", path, "--force")
    assert path.stat().st_size > 500
