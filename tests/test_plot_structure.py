"""The gallery of structures: what is drawn, and what is refused."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from natrium.analysis.plot_structure import plot_structures
from natrium.structures.errors import InputError
from natrium.structures.ionic_crystals import rock_salt
from natrium.structures.molecules import diatomic
from natrium.structures.oxygen import oxygen_structures
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.structures.voids import interstitial


@pytest.fixture(scope="module")
def systems() -> dict[str, System]:
    slab = metal_slab("Na", layers=3, size=(2, 2), vacuum_a=20.0)
    return {
        **oxygen_structures(slab, ("hollow-upright", "embedded-o-octahedral")),
        "interstitial": interstitial("O", 2, "tetrahedral"),
        "naf": rock_salt("Na", "F"),
        "o2": diatomic("O2", bond_a=1.21, multiplicity=3),
    }


def test_every_structure_is_drawn_with_its_name_and_its_atoms(systems: dict[str, System], tmp_path: Path) -> None:
    text = plot_structures(tmp_path / "all.svg", systems, columns=2).read_text()
    for name in systems:
        assert f"<!-- {name} -->" in text
    # in two views each: two atoms, one, one and two of oxygen, one of fluorine
    assert text.count("fill: #d55e00") == 2 * (2 + 1 + 1 + 2)
    assert text.count("fill: #009e73") == 2 * 1


def test_atoms_on_the_boundary_of_the_cell_are_drawn_on_all_its_sides(
    systems: dict[str, System], tmp_path: Path
) -> None:
    """The sodium atom at the corner of the primitive cell of NaF is one of eight, paler where further from the eye."""
    text = plot_structures(tmp_path / "naf.svg", {"naf": systems["naf"]}).read_text()
    fills = Counter(re.findall(r"fill: (#[0-9a-f]{6}); stroke: #000000", text))
    cell_edges, fluorine = fills.pop("#1f77b4"), fills.pop("#009e73")
    assert (cell_edges > 0, fluorine) == (True, 2)
    # at heights 0, ½ and 1 of a in both views
    assert sorted(fills.values()) == [4, 4, 8]


def test_size_of_a_picture(systems: dict[str, System], tmp_path: Path) -> None:
    path = plot_structures(tmp_path / "all.png", systems)
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert path.stat().st_size < 200_000


def test_what_is_refused(systems: dict[str, System], tmp_path: Path) -> None:
    taken = tmp_path / "taken.png"
    taken.write_bytes(b"mine")
    for path, drawn, problem in (
        (taken, systems, "exists"),
        (tmp_path / "a.gif", systems, "cannot write"),
        (tmp_path / "missing" / "a.png", systems, "does not exist"),
        (tmp_path / "a.png", {}, "0 structures"),
    ):
        with pytest.raises(InputError, match=problem):
            plot_structures(path, drawn)
    assert taken.read_bytes() == b"mine"
    plot_structures(taken, {"o2": systems["o2"]}, overwrite=True)
    assert taken.read_bytes() != b"mine"
