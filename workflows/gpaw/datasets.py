"""Which PAW dataset is meant by 'sodium with one valence electron', found on disk before anything starts."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from natrium.structures.errors import InputError

FUNCTIONALS = ("LDA", "PBE", "RPBE", "revPBE")
"""Functionals that PAW datasets are made for."""
_HEADER = re.compile(rb'<atom\s+symbol="(?P<symbol>\w+)"\s+Z="[\d.]+"\s+core="[\d.]+"\s+valence="(?P<valence>\d+)"')


@dataclass(frozen=True)
class Dataset:
    """A PAW dataset: GPAW's setup name ('' for the default one) and its valence electrons."""

    name: str
    valence: int


def dataset_folders() -> list[Path]:
    """Where GPAW looks for datasets: GPAW_SETUP_PATH first, then the gpaw-data package."""
    folders = [Path(entry) for entry in os.environ.get("GPAW_SETUP_PATH", "").split(os.pathsep) if entry]
    spec = find_spec("gpaw_data")
    if spec is not None and spec.submodule_search_locations:
        folders.append(Path(next(iter(spec.submodule_search_locations))) / "setups")
    return [folder for folder in folders if folder.is_dir()]


@cache
def available(symbol: str, functional: str, folders: tuple[Path, ...]) -> dict[int, str]:
    """Datasets of an element as {valence electrons: GPAW's setup name}; the name is '' for the default one."""
    found: dict[int, str] = {}
    seen: set[str] = set()
    for folder in folders:
        for path in sorted(folder.glob(f"{symbol}.*{functional}*")):
            name = path.name.removesuffix(".gz").removesuffix(functional).removeprefix(symbol).strip(".")
            if path.name.removesuffix(".gz") != ".".join(filter(None, (symbol, name, functional))):
                continue  # another family whose name ends alike: Na.revPBE is not the dataset 'rev' for PBE
            if name in seen:
                continue  # GPAW takes the first folder's
            seen.add(name)
            header = (gzip.open if path.suffix == ".gz" else open)(path, "rb")
            with header:
                match = _HEADER.search(header.read(2000))
            if match:
                # the default dataset wins over a named one of the same valence
                valence = int(match["valence"])
                if not name or valence not in found:
                    found[valence] = name
    return found


def choose(symbols: set[str], functional: str, valence_electrons: dict[str, int]) -> dict[str, Dataset]:
    """The dataset of each element: the one with the wanted valence, else GPAW's default.

    Raises:
        InputError: an element without a dataset, or without one of the wanted valence.
    """
    folders = tuple(dataset_folders())
    chosen: dict[str, Dataset] = {}
    for symbol in sorted(symbols):
        found = available(symbol, functional, folders)
        if not found:
            raise InputError(
                f"no PAW dataset of {symbol} for {functional} in {_shown(folders)}",
                "install the package gpaw-data, or set GPAW_SETUP_PATH to the folder of your datasets",
            )
        default = next((valence for valence, name in found.items() if not name), None)
        wanted = valence_electrons.get(symbol, default)
        if wanted is None or wanted not in found:
            number = "the default number of" if wanted is None else wanted
            raise InputError(
                f"no PAW dataset of {symbol} with {number} valence electrons for {functional}",
                f"set valence_electrons.{symbol} to one of {sorted(found)}",
            )
        chosen[symbol] = Dataset(found[wanted], wanted)
    return chosen


def check_basis(chosen: dict[str, Dataset], basis: str) -> None:
    """Refuse a basis set that is not there. GPAW's syntax 'sz(dzp)' takes a part of the basis in the parentheses.

    Raises:
        InputError: with the basis sets that there are.
    """
    folders = dataset_folders()
    whole = basis.partition("(")[2].removesuffix(")") or basis
    for symbol, dataset in chosen.items():
        start = ".".join(filter(None, (symbol, dataset.name))) + "."
        found = {
            path.name.removesuffix(".gz").removesuffix(".basis").removeprefix(start)
            for folder in folders
            for path in folder.glob(f"{start}*.basis*")
        }
        if whole not in found:
            raise InputError(
                f"no basis set {start}{whole} in {_shown(folders)}",
                f"set basis to one of {sorted(name for name in found if '.' not in name)}, or make it: gpaw basis",
            )


def _shown(folders: Iterable[Path]) -> str:
    return ", ".join(map(str, folders)) or "any folder"
