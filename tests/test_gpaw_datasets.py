"""Which PAW dataset of an element is taken, and what is said where there is none."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from gpaw_systems import PW, crystal

from natrium.structures.errors import InputError
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw import datasets
from natrium.workflows.gpaw.engine import GPAW

DATASETS = {
    "default": ({"Na"}, "PBE", {}, {"Na": ("", 7)}),
    "one electron": ({"Na"}, "PBE", {"Na": 1}, {"Na": ("1", 1)}),
    "several": ({"Na", "O", "F"}, "PBE", {"Na": 1}, {"Na": ("1", 1), "O": ("", 6), "F": ("", 7)}),
    "revPBE is not PBE": ({"O"}, "revPBE", {}, {"O": ("", 6)}),
    "LDA": ({"Na"}, "LDA", {"Na": 1}, {"Na": ("1", 1)}),
}


@pytest.mark.parametrize("case", DATASETS)
def test_dataset(case: str) -> None:
    symbols, functional, wanted, expected = DATASETS[case]
    chosen = datasets.choose(symbols, functional, wanted)
    assert {symbol: (dataset.name, dataset.valence) for symbol, dataset in chosen.items()} == expected


def shipped(name: str) -> bytes:
    return gzip.decompress((datasets.dataset_folders()[-1] / f"{name}.gz").read_bytes())


def test_own_dataset_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPAW takes the first file of a name: a default dataset of one's own hides the shipped one of another valence."""
    (tmp_path / "Na.PBE").write_bytes(shipped("Na.1.PBE"))
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path))
    assert datasets.choose({"Na"}, "PBE", {}) == {"Na": datasets.Dataset("", 1)}
    with pytest.raises(InputError, match=r"valence_electrons\.Na to one of"):
        datasets.choose({"Na"}, "PBE", {"Na": 7})


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_no_datasets(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path / folder))
    monkeypatch.setattr(datasets, "find_spec", lambda _name: None)  # as if gpaw-data were not installed
    with pytest.raises(InputError, match="gpaw-data"):
        GPAW().check(Calculation(**PW), crystal())


def test_empty_folder_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPAW_SETUP_PATH", f"{tmp_path}::")
    GPAW().check(Calculation(**PW), crystal())
