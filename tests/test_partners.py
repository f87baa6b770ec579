"""What several calculations give together, and what is said where one of them is missing or was done otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import calculated, density_file, whole_and_parts

from natrium.analysis.density_difference import GridMismatchError, LostChargeError, MissingPartnerError
from natrium.analysis.volumetric import VolumetricFileError
from natrium.structures.crystals import bulk_metal
from natrium.structures.errors import InputError
from natrium.structures.molecules import diatomic
from natrium.workflows.calculation import Calculation
from natrium.workflows.partners import check_net_force, check_same_method, difference_of, or_note, require
from natrium.workflows.result import CalculationResult
from natrium.workflows.study import settle, study

SODIUM = bulk_metal("Na")
PW = Calculation(cutoff_ev=400, valence_electrons={"Na": 1})


def test_what_is_there_passes() -> None:
    require("anything", {})
    require("anything", {"host": 0.0, "potential": [], "slab": False})


def test_every_missing_partner_is_named() -> None:
    with pytest.raises(MissingPartnerError) as refused:
        require("formation energy", {"host": None, "o2": -9.8, "octahedral-whole": None})
    assert refused.value.problem == "formation energy: host, octahedral-whole gave no result"
    assert "rerun or resume" in refused.value.remedy


def test_what_cannot_be_evaluated_is_noted() -> None:
    missing: list[str] = []

    def refuse() -> float:
        raise GridMismatchError("grids differ", "use one")

    assert or_note("density difference", missing, lambda: 0.0) == 0.0
    assert or_note("density difference", missing, refuse) is None
    assert missing == ["density difference: grids differ"]


def test_a_note_says_what_it_is_about_once() -> None:
    missing: list[str] = []
    or_note("volume change", missing, lambda: require("volume change", {"larger": None}))
    assert missing == ["volume change: larger gave no result"]


def test_a_slip_is_not_a_note() -> None:
    missing: list[str] = []
    with pytest.raises(ZeroDivisionError):
        or_note("density difference", missing, lambda: 1 / 0)
    assert missing == []


@pytest.mark.parametrize(("other_z_ev_a", "net"), [(-0.4, None), (-0.3, None), (0.0, "0.4"), (0.5, "0.9")])
def test_forces_of_all_atoms_add_up_to_nothing(other_z_ev_a: float, net: str | None) -> None:
    two = diatomic("O2", bond_a=1.2, multiplicity=3, box_a=8.0)
    result = calculated(two, PW, -1.0, forces_ev_a=[(0.0, 0.0, 0.4), (0.0, 0.0, other_z_ev_a)])
    missing: list[str] = []
    or_note("forces", missing, lambda: check_net_force(result))
    words = f"forces: those of all atoms add up to {net} eV/Å and not to zero: the grid is too coarse"
    assert missing == ([words] if net else [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cutoff_ev": 500}, "cutoff_ev 400.0 and 500.0"),
        ({"functional": "revPBE"}, "functional PBE and revPBE"),
        ({"dispersion": "d3-bj"}, "dispersion None and d3-bj"),
        ({"valence_electrons": {"Na": 7}}, "valence_electrons {'Na': 1} and {'Na': 7}"),
        ({"smearing_width_ev": 0.2, "cutoff_ev": 500}, "cutoff_ev 400.0 and 500.0; smearing_width_ev 0.1 and 0.2"),
    ],
)
def test_energies_by_different_methods_are_not_subtracted(changes: dict[str, Any], words: str) -> None:
    other = Calculation.model_validate(PW.model_dump() | changes)
    with pytest.raises(InputError) as refused:
        check_same_method(calculated(SODIUM, each, -1.0) for each in (PW, PW, other))
    assert refused.value.problem.endswith(f"were calculated differently: {words}")


def test_k_points_and_the_kind_are_not_the_method() -> None:
    other = Calculation.model_validate(PW.model_dump() | {"kpoints": (4, 4, 4), "kind": "relax", "energy_ev": 1e-7})
    check_same_method(calculated(SODIUM, each, -1.0) for each in (PW, other))


@pytest.mark.parametrize(
    ("name", "section", "field", "value"),
    [
        ("na110-o2", "o2", "cutoff_ev", 450),
        ("na110-o2", "slab_static", "cutoff_ev", 450),
        ("na110-o2", "whole", "kpoints", [2, 2, 1]),
        ("na-bulk-o", "o2", "cutoff_ev", 450),
        ("na-bulk-o", "larger", "cutoff_ev", 450),
        ("na-bulk-o", "host", "gamma_centred", True),
        ("na-bulk-o", "sodium", "valence_electrons", {"Na": 7}),
    ],
)
def test_what_is_subtracted_within_a_study_is_settled_alike(name: str, section: str, field: str, value: Any) -> None:
    """Before anything starts, not when all has been calculated."""
    with pytest.raises(InputError, match="which are subtracted"):
        settle(study(name), "standard", {f"{section}.{field}": value})
    together = settle(study(name), "standard", {"cutoff_ev": 450, "relax.cutoff_ev": 300})
    assert together.calculations[section].cutoff_ev == 450


@pytest.fixture
def partners(tmp_path: Path) -> dict[str, CalculationResult]:
    files = whole_and_parts(tmp_path, SODIUM, moved_e=0.25)
    return {name: calculated(SODIUM, PW, -1.0, density=file) for name, file in files.items()}


def without(document: CalculationResult) -> CalculationResult:
    return document.model_copy(update={"density": None})


def test_the_difference_is_that_of_the_files(partners: dict[str, CalculationResult]) -> None:
    whole = partners.pop("whole")
    found = difference_of(whole, partners, 2)
    assert found.parts == ("sodium", "oxygen")
    assert found.charge_moved_e == pytest.approx(0.25)
    assert found.integral_e == pytest.approx(0.0, abs=1e-12)
    assert found.density_e_a3.shape == (2, 2, 4)


def _gone(partners: dict[str, Any]) -> None:
    Path(partners["oxygen"].density.path).unlink()


def _on_another_grid(partners: dict[str, Any]) -> None:
    folder = Path(partners["sodium"].density.path).parent
    file = density_file(folder, "finer", SODIUM, np.full((4, 4, 10), 0.02))
    partners["sodium"] = partners["sodium"].model_copy(update={"density": file})


def _charged_part(partners: dict[str, Any]) -> None:
    partners["oxygen"] = partners["sodium"]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "failed part": (lambda p: p.update(sodium=None), MissingPartnerError, "density difference: sodium gave no result"),
    "failed parts": (lambda p: p.update(sodium=None, oxygen=None), MissingPartnerError, "sodium, oxygen gave"),
    "part without density": (lambda p: p.update(oxygen=without(p["oxygen"])), MissingPartnerError, "oxygen gave"),
    "whole without density": (lambda p: p.update(whole=without(p["whole"])), MissingPartnerError, "the whole gave"),
    "file gone": (_gone, VolumetricFileError, "is gone"),
    "another grid": (_on_another_grid, GridMismatchError, "4×4×10"),
    "electrons missing": (_charged_part, LostChargeError, "e, more than"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_difference(fault: str, partners: dict[str, Any]) -> None:
    spoil, kind, words = FAULTS[fault]
    spoil(partners)
    whole = partners.pop("whole")
    with pytest.raises(kind, match=words):
        difference_of(whole, partners, 2)
