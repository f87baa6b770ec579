"""Where an ion ended, whatever the place was called that it began at."""

from __future__ import annotations

import numpy as np
import pytest
from relaxed_places import PLACES, SYMBOLS

from natrium.structures.errors import InputError
from natrium.structures.ion_complexes import coordination, ion_complexes
from natrium.structures.molecule_library import library_molecule
from natrium.structures.system import System
from natrium.workflows.studies.ion_places import ion_places

FEC = library_molecule("FEC")


def relaxed(name: str) -> System:
    positions = np.array(PLACES[name][1].split(), float).reshape(-1, 3)
    start = ion_complexes(FEC)[name]
    assert start.symbols == tuple(SYMBOLS.split())
    return start.moved(positions)


@pytest.mark.parametrize("name", PLACES)
def test_donors_before_and_after(name: str) -> None:
    kinds = "+".join(part.removesuffix("-1").removesuffix("-2") for part in name.split("+"))
    assert coordination(ion_complexes(FEC)[name]) == kinds
    assert coordination(relaxed(name)) == ("f+ring-o" if name == "f+ring-o-1" else "carbonyl-o")


def test_an_ion_that_left_is_held_by_nothing() -> None:
    start = ion_complexes(FEC)["carbonyl-o"]
    away = np.array(start.positions_a)
    away[-1] += 20.0
    assert coordination(start.moved(away)) == "none"
    with pytest.raises(InputError, match="its last atom is H, no ion"):
        coordination(FEC)


def test_relaxations_that_ended_in_one_minimum_are_one_place() -> None:
    energies = {name: energy for name, (energy, _) in PLACES.items()}
    found = ion_places({name: relaxed(name) for name in PLACES}, energies)
    lowest = found[0]
    assert (lowest.donors, lowest.relative_ev) == ("carbonyl-o", 0.0)
    assert set(lowest.starts) == {"carbonyl-o+ring-o-1", "carbonyl-o+ring-o-2", "f", "f+ring-o-2", "ring-o-1"}
    assert [(place.donors, place.starts) for place in found[1:]] == [
        ("carbonyl-o", ("carbonyl-o",)),  # 0.07 eV higher: not relaxed to the end
        ("carbonyl-o", ("ring-o-2",)),
        ("f+ring-o", ("f+ring-o-1",)),
    ]
    assert found[-1].relative_ev == pytest.approx(0.72, abs=0.01)
