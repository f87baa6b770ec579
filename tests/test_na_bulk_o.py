"""The study na-bulk-o from documents with known energies and densities: its numbers, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.units import GPa
from synthetic import calculated, charged, whole_and_parts

from natrium.analysis.density_difference import MissingPartnerError
from natrium.structures.crystals import bulk_metal, lattice_constant
from natrium.structures.errors import InputError
from natrium.structures.oxygen import oxygen_part, sodium_part
from natrium.structures.system import System
from natrium.structures.voids import VOID_NAMES, VOIDS, VoidName, host_cell, interstitial
from natrium.workflows.pooling import pooled
from natrium.workflows.result import CalculationResult
from natrium.workflows.sections import section_of
from natrium.workflows.studies import na_bulk_o
from natrium.workflows.studies.interstitial_oxygen import InterstitialEvaluation, nearest_neighbour_a, void_in_the_end
from natrium.workflows.studies.na_bulk_o import HOSTS, NaBulkO, NaBulkOResult, strained
from natrium.workflows.study import settle

STUDY = NaBulkO()
SETTINGS = settle(STUDY, "preview", {})
STRAIN = 0.01
CELL = interstitial("O", 2, "octahedral")
VOLUME_A3 = abs(float(np.linalg.det(np.array(CELL.cell_a))))
HOST_EV, WHOLE_EV, O2_EV = -21.0, -30.0, -9.8
MODULUS_GPA, CHANGE_A3 = 7.5, 9.0


def parabola_ev(minimum_ev: float, larger_a3: float) -> dict[str, float]:
    """Energies of a cell that wants to be larger than it is, at all three volumes; the middle one is given."""
    volumes = VOLUME_A3 * (1 + STRAIN * np.array([-1.0, 0.0, 1.0])) ** 3
    elastic = 0.5 * MODULUS_GPA * GPa * (volumes - VOLUME_A3 - larger_a3) ** 2 / VOLUME_A3
    return dict(zip(("smaller", "whole", "larger"), minimum_ev + elastic - elastic[1], strict=True))


HOST_ENERGIES = dict(zip(HOSTS, parabola_ev(HOST_EV, 0.0).values(), strict=True))
ENERGIES = parabola_ev(WHOLE_EV, CHANGE_A3)


def document(step: str, system: System, energy_ev: float, **fields: Any) -> CalculationResult:
    return calculated(system, SETTINGS.calculations[section_of(SETTINGS, step) or ""], energy_ev, **fields)


def documents(folder: Path, system: System = CELL) -> dict[str, Any]:
    """The documents of the calculations of one interstitial."""
    files = whole_and_parts(folder, system)
    charges = charged(system, {"Na": 0.1, "O": -1.6})
    return {
        "relax": document("octahedral-relax", system, WHOLE_EV),
        "whole": document("octahedral-whole", system, WHOLE_EV, charges=charges, density=files["whole"]),
        "sodium": document("octahedral-sodium", sodium_part(system), HOST_EV, density=files["sodium"]),
        "oxygen": document("octahedral-oxygen", oxygen_part(system), -2.0, density=files["oxygen"]),
        "smaller": document("octahedral-smaller", strained(system, -STRAIN), ENERGIES["smaller"]),
        "larger": document("octahedral-larger", strained(system, STRAIN), ENERGIES["larger"]),
    }


def evaluated(results: dict[str, Any], **changes: Any) -> InterstitialEvaluation:
    """The evaluation of these documents, as a job gets them: plain data."""
    plain = {step: one and one.model_dump() for step, one in results.items()}
    given = {
        "void": "octahedral",
        "unrelaxed": CELL.model_dump(),
        "relaxed": plain.pop("relax"),
        "whole": plain.pop("whole"),
        "parts": plain,
        "hosts": HOST_ENERGIES,
        "o2_ev": O2_EV,
        "strain": STRAIN,
        "coarsening": 2,
    } | changes
    found: InterstitialEvaluation = na_bulk_o.evaluate.original(**given)
    return InterstitialEvaluation.model_validate(found.model_dump())


def test_the_numbers_of_an_interstitial(tmp_path: Path) -> None:
    found = evaluated(documents(tmp_path))
    one = found.interstitial
    assert one.formation_energy.energy_ev == pytest.approx(WHOLE_EV - HOST_EV - O2_EV / 2)
    assert one.volume_change is not None
    assert one.volume_change.change_a3 == pytest.approx(CHANGE_A3, rel=1e-6)
    assert one.volume_change.in_host_atoms == pytest.approx(CHANGE_A3 / (VOLUME_A3 / 16), rel=1e-6)
    assert one.volume_change.bulk_modulus_gpa == pytest.approx(MODULUS_GPA, rel=1e-6)
    assert one.oxygen_charge_e == -1.6
    assert one.charge_moved_e == pytest.approx(0.5)
    assert one.displacement_a == 0.0
    # octahedral: two neighbours at half the lattice constant
    assert one.nearest_na_o_a == pytest.approx(lattice_constant(bulk_metal("Na")) / 2)
    assert one.missing == []
    assert set(one.calculations) == {f"octahedral-{step}" for step in documents_steps()}
    assert found.difference is not None
    assert found.difference.density_e_a3.shape == (2, 2, 4)
    assert found.system == CELL


def documents_steps() -> tuple[str, ...]:
    return ("relax", "whole", "sodium", "oxygen", "smaller", "larger")


def test_how_far_the_oxygen_moved_from_its_void(tmp_path: Path) -> None:
    positions = np.array(CELL.positions_a)
    positions[-1] += (0.3, 0.0, 0.4)
    one = evaluated(documents(tmp_path, CELL.moved(positions))).interstitial
    assert one.displacement_a == pytest.approx(0.5)
    assert one.nearest_na_o_a == pytest.approx(nearest_neighbour_a(CELL.moved(positions)))


@pytest.mark.parametrize("drift_a", [0.0, 1.5])
@pytest.mark.parametrize("cells", [2, 3])
@pytest.mark.parametrize(("start", "other"), [VOID_NAMES, VOID_NAMES[::-1]])
@pytest.mark.parametrize(("way", "arrived"), [(0.0, False), (0.4, False), (0.6, True), (1.0, True)])
def test_another_void_is_named(
    start: VoidName, other: VoidName, way: float, arrived: bool, cells: int, drift_a: float
) -> None:
    """Along the way to the nearest void of the other kind; that the crystal drifts as a whole changes nothing."""
    system = interstitial("O", cells, start)
    lattice_constant_a = system.cell_a[0][0] / cells
    positions = np.array(system.positions_a)
    ways = np.array(VOIDS[other]) - positions[-1] / lattice_constant_a
    ways -= np.round(ways)
    positions[-1] += way * lattice_constant_a * min(ways, key=lambda one: float(np.linalg.norm(one)))
    assert void_in_the_end(system, system.moved(positions + drift_a)) == (other if arrived else start)


@pytest.mark.parametrize("strain", [-0.01, 0.02])
def test_a_strained_crystal_keeps_its_fractions(strain: float) -> None:
    found = strained(CELL, strain)
    assert found.symbols == CELL.symbols
    assert np.linalg.det(np.array(found.cell_a)) == pytest.approx(VOLUME_A3 * (1 + strain) ** 3)
    scaled = [np.array(each.positions_a) @ np.linalg.inv(np.array(each.cell_a)) for each in (found, CELL)]
    assert scaled[0] == pytest.approx(scaled[1], abs=1e-12)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (("sodium",), ["density difference: sodium gave no result"]),
        (("oxygen",), ["density difference: oxygen gave no result"]),
        (("larger",), ["volume change: larger gave no result"]),
        (
            ("sodium", "smaller", "larger"),
            ["density difference: sodium gave no result", "volume change: smaller, larger gave no result"],
        ),
    ],
)
def test_without_a_part_the_energy_stays(lost: tuple[str, ...], said: list[str], tmp_path: Path) -> None:
    found = evaluated(documents(tmp_path) | dict.fromkeys(lost))
    one = found.interstitial
    assert one.formation_energy.energy_ev == pytest.approx(WHOLE_EV - HOST_EV - O2_EV / 2)
    assert one.missing == said
    assert (one.volume_change is None) == bool({"smaller", "larger"} & set(lost))
    assert (found.difference is None) == bool({"sodium", "oxygen"} & set(lost))
    assert not {f"octahedral-{name}" for name in lost} & set(one.calculations)


def test_without_a_strained_host_there_is_no_volume_change(tmp_path: Path) -> None:
    one = evaluated(documents(tmp_path), hosts=HOST_ENERGIES | {"host-smaller": None}).interstitial
    assert one.missing == ["volume change: host-smaller gave no result"]
    assert one.oxygen_charge_e == -1.6


def test_without_charges_there_is_no_charge(tmp_path: Path) -> None:
    results = documents(tmp_path)
    results["whole"] = results["whole"].model_copy(update={"charges": None})
    assert evaluated(results).interstitial.oxygen_charge_e is None


@pytest.mark.parametrize("step", ["octahedral-relax", "octahedral-whole", "host", "o2"])
def test_without_these_there_is_no_energy(step: str, tmp_path: Path) -> None:
    results, changes = documents(tmp_path), dict[str, Any]()
    if step == "host":
        changes["hosts"] = HOST_ENERGIES | {"host": None}
    elif step == "o2":
        changes["o2_ev"] = None
    else:
        results[step.removeprefix("octahedral-")] = None
    with pytest.raises(MissingPartnerError) as refused:
        evaluated(results, **changes)
    assert refused.value.problem == f"oxygen in the octahedral void: {step} gave no result"


# the result of the whole study


def summarised(interstitials: dict[str, Any], **changes: Any) -> NaBulkOResult:
    bulk: Any = document("bulk", bulk_metal("Na"), -1.3).model_dump()
    found: NaBulkOResult = na_bulk_o.summarise.original(
        **{"bulk": bulk, "interstitials": interstitials, "settings": SETTINGS.model_dump()} | changes
    )
    return NaBulkOResult.model_validate_json(found.model_dump_json())


@pytest.fixture
def half(tmp_path: Path) -> NaBulkOResult:
    """The result when one of two voids failed."""
    one = evaluated(documents(tmp_path)).interstitial.model_dump()
    return summarised({"octahedral": one, "tetrahedral": None})


def test_the_result_holds_what_there_is_and_names_what_there_is_not(half: NaBulkOResult) -> None:
    assert [one.void for one in half.interstitials] == ["octahedral"]
    assert half.missing == ["tetrahedral: no evaluation"]
    assert half.formula == host_cell("Na", 2).formula + "O"
    assert set(half.calculations) == {"bulk", *(f"octahedral-{step}" for step in documents_steps())}
    assert half.lattice_constant_a == pytest.approx(lattice_constant(bulk_metal("Na")))


def test_voids_of_two_runs_are_told_as_one(half: NaBulkOResult) -> None:
    (octahedral,) = half.interstitials
    other = half.model_copy(
        update={"interstitials": [octahedral.model_copy(update={"void": "tetrahedral"})], "missing": []}
    )
    found = pooled(STUDY, [half, other])
    assert isinstance(found, NaBulkOResult)
    assert ([one.void for one in found.interstitials], found.missing) == (["octahedral", "tetrahedral"], [])


def test_the_headline(half: NaBulkOResult) -> None:
    said = STUDY.headline(half.model_dump())
    assert said == "octahedral: E_f = -4.10 eV, q(O) = -1.60 e; missing: tetrahedral: no evaluation"


def test_the_figure_is_written_and_not_written_over(half: NaBulkOResult, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    STUDY.plot(half.model_dump(), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="exists"):
        STUDY.plot(half.model_dump(), path)


def test_no_result_without_the_bulk_or_any_void() -> None:
    with pytest.raises(MissingPartnerError, match="the result: bulk gave no result"):
        summarised({"octahedral": None}, bulk=None)
    with pytest.raises(MissingPartnerError, match="octahedral-evaluation, tetrahedral-evaluation gave no result"):
        summarised({"octahedral": None, "tetrahedral": None})
