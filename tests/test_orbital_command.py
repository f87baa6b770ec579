"""`natrium orbital`: a kept orbital as files, and what is refused before and after looking it up."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from ase.build import molecule

from natrium.__main__ import app
from natrium.analysis.volumetric import BOHR_A, VolumetricFile, VolumetricFileError, file_sha256
from natrium.commands import results
from natrium.structures.errors import InputError
from natrium.structures.system import System

WATER = System.from_atoms(molecule("H2O"), "water", multiplicity=1)
SHAPE, SPACING_A = (30, 32, 34), 0.2
ORIGIN_A = np.array([-2.9, -3.1, -3.3])
RUN = "orbitals-3f9c2a"


def orbital(folder: Path, name: str) -> VolumetricFile:
    """A p orbital along x on the oxygen atom."""
    steps = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1) * SPACING_A
    apart = steps + ORIGIN_A - np.array(WATER.positions_a[0])
    path = folder / f"orbital-{name}.npy"
    np.save(path, 1.3 * apart[..., 0] * np.exp(-1.4 * np.linalg.norm(apart, axis=-1)))
    return VolumetricFile(
        path=str(path),
        sha256=file_sha256(path),
        shape=SHAPE,
        unit="Å^-3/2",
        cell_a=np.diag(np.array(SHAPE) * SPACING_A),
        origin_a=ORIGIN_A.tolist(),
        kind=f"orbital {name}, spin both, -1.500 eV; norm 0.9990 on the grid",
        name="water",
    )


class Row(NamedTuple):
    address: str
    output: Any


class Store:
    """A results store with these documents."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents

    def get(self, address: str) -> dict[str, Any]:
        if address not in self.documents:
            raise InputError(f"there is no result {address!r}", "look")
        return {"output": self.documents[address], "metadata": {"natrium": {"run": address.partition("/")[0]}}}

    def find(self, *, run: str, kind: str) -> list[Row]:
        assert kind == "calculation"
        return [Row(*item) for item in self.documents.items() if item[0].startswith(f"{run}/")]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, VolumetricFile]:
    """The orbitals of the step water-b3lyp, and a working folder of its own."""
    (tmp_path / "step").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    orbitals = {name: orbital(tmp_path / "step", name) for name in ("homo", "lumo", "lumo+1")}
    system = WATER.model_dump(mode="json")
    step = {"system": system, "orbitals": {name: file.model_dump(mode="json") for name, file in orbitals.items()}}
    documents = {
        RUN: {"study": "orbitals"},
        f"{RUN}/water-b3lyp": step | {"energy_ev": -2000.0},
        f"{RUN}/water-relax": {"system": system, "orbitals": None},
        "na110-222222/slab-static": {"system": system},
    }

    @contextlib.contextmanager
    def open_store() -> Iterator[Store]:
        yield Store(documents)

    monkeypatch.setattr(results, "open_store", open_store)
    return orbitals


def natrium(*arguments: str | Path) -> None:
    app(args=["orbital", *map(str, arguments)], standalone_mode=False)


@pytest.mark.usefixtures("kept")
def test_each_name_says_its_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    natrium(f"{RUN}/water-b3lyp", "-o", "a.png", "-o", "a.html", "-o", "a.cube")
    starts = {"a.png": b"\x89PNG", "a.html": b"<", "a.cube": b"orbital lumo"}
    for name, start in starts.items():
        assert (tmp_path / "here" / name).read_bytes().startswith(start), name
    assert capsys.readouterr().out.split() == list(starts)


def test_the_cube_file_holds_the_orbital_that_was_named(kept: dict[str, VolumetricFile]) -> None:
    from ase.io.cube import read_cube

    natrium(f"{RUN}/water-b3lyp", "homo", "-o", "homo.cube")
    with Path("homo.cube").open() as file:
        assert file.readline().startswith("orbital homo")
        file.seek(0)
        found = read_cube(file)
    assert found["atoms"].get_chemical_formula() == "H2O"
    assert found["origin"] == pytest.approx(ORIGIN_A, abs=1e-5)
    assert found["datas"][0] == pytest.approx(np.array(kept["homo"].values()) * BOHR_A**1.5, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        ((f"{RUN}/water-b3lyp", "-o", "a.xyz"), "a.xyz: no such format", ".png, .html, .cube"),
        ((f"{RUN}/water-b3lyp", "-o", "CHGCAR"), "CHGCAR: no such format", ".cube"),
        ((f"{RUN}/water-b3lyp", "homo-1", "-o", "a.png"), "no orbital 'homo-1'", "it kept homo, lumo, lumo+1"),
        ((f"{RUN}/water-relax", "-o", "a.png"), "water-relax kept no orbitals", f"{RUN}/water-b3lyp"),
        ((RUN, "-o", "a.png"), f"{RUN} kept no orbitals", f"{RUN}/water-b3lyp"),
        (("na110-222222/slab-static", "-o", "a.png"), "slab-static kept no orbitals", "keep_orbitals"),
        ((f"{RUN}/nothing", "-o", "a.png"), "there is no result", "look"),
        ((f"{RUN}/water-b3lyp", "-o", "a.png", "--isovalue", "3"), "no isosurface at 3, -3 Bohr", "between -"),
        ((f"{RUN}/water-b3lyp", "-o", "none/a.cube"), "the folder none does not exist", "create it"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_what_is_refused(arguments: tuple[str, ...], problem: str, remedy: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        natrium(*arguments)
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("suffix", [".png", ".html", ".cube"])
def test_a_file_that_is_gone_is_named(suffix: str, kept: dict[str, VolumetricFile], tmp_path: Path) -> None:
    Path(kept["lumo"].path).unlink()
    with pytest.raises(VolumetricFileError, match=r"orbital-lumo\.npy, .* is gone"):
        natrium(f"{RUN}/water-b3lyp", "-o", f"a{suffix}")
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.usefixtures("kept")
def test_one_wrong_name_keeps_all_files_from_being_written_and_force_replaces() -> None:
    Path("there.cube").write_text("mine")
    for wrong in ("there.cube", "wrong.xyz"):
        with pytest.raises(InputError):
            natrium(f"{RUN}/water-b3lyp", "-o", "first.cube", "-o", wrong)
    assert not Path("first.cube").exists()
    assert Path("there.cube").read_text() == "mine"
    natrium(f"{RUN}/water-b3lyp", "-o", "there.cube", "--force")
    assert Path("there.cube").stat().st_size > 100_000
