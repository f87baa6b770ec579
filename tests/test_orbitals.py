"""The study `orbitals` as a whole: its document, its ranking, what is converged; and one run of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from synthetic import calculated

from natrium.workflows.convergence import judge
from natrium.workflows.result import StudyResult
from natrium.workflows.studies.level_tables import ranked
from natrium.workflows.studies.molecule_levels import (
    UNBOUND_ELECTRON,
    UNBOUND_LUMO,
    UNBOUND_REDUCED,
)
from natrium.workflows.studies.orbitals import Orbitals, OrbitalsResult, summarise
from natrium.workflows.study import number_at

if TYPE_CHECKING:
    from conftest import CommandLine
from fec import GAS, ION, ION_EV, documents, evaluated, result_of, settings


def test_the_document() -> None:
    found = result_of("FEC")
    assert [row.species for row in found.levels] == ["FEC", "FEC–Na+", "Na+"]
    assert found.missing == ["lost"]
    headline = Orbitals().headline(found)
    assert headline.startswith("FEC (b3lyp): HOMO -8.90, LUMO 0.00 eV; FEC–Na+ (b3lyp): HOMO -13.30, LUMO 0.00 eV")
    assert headline.endswith("missing: lost")


def test_what_is_converged_is_one_species_or_nothing() -> None:
    """A complex that failed on one rung must not give the number of another species to the error bar."""
    paths = {name: quantity.path for name, quantity in Orbitals.quantities.items()}
    whole = result_of("FEC")
    assert number_at(whole, paths["LUMO with the ion"])[0] == whole.levels[1].lumo_ev
    assert number_at(whole, paths["HOMO"])[0] == -8.9
    own = evaluated(documents(**{"fec-ion-b3lyp": None}))
    ion = calculated(ION, GAS, ION_EV, homo_ev=-47.0, lumo_ev=-5.3)
    chosen = settings(levels=["b3lyp"])
    without: OrbitalsResult = summarise.original({"FEC": own}, {"b3lyp": ion}, chosen)
    assert [row.species for row in without.levels] == ["FEC", "Na+"]
    assert number_at(without, paths["LUMO with the ion"])[0] is None
    assert number_at(without, paths["LUMO"])[0] == -0.4


@pytest.mark.parametrize(
    ("left_out", "lacking"), [(None, set()), ("reduction_ev", {"reduction energy", "reduction energy with the ion"})]
)
def test_what_the_settings_leave_out_has_no_error_bar(left_out: str | None, lacking: set[str]) -> None:
    def rung(part: str, lumo_ev: float) -> tuple[str, OrbitalsResult]:
        whole = result_of("FEC")
        changes: dict[str, Any] = {"lumo_ev": lumo_ev} | ({left_out: None} if left_out else {})
        both = {name: getattr(whole, name).model_copy(update=changes) for name in ("first", "first_with_ion")}
        return part, whole.model_copy(update=both)

    vacuum = {"reference": 6.0, "vacuum-8": 8.0, "vacuum-10": 10.0}
    found = judge.original(
        [rung("reference", -0.4), rung("vacuum-8", -0.42), rung("vacuum-10", -0.43)],
        [
            {"knob": "vacuum", "value": value, "label": f"{value:g} Å", "unit": "Å", "part": part}
            for part, value in vacuum.items()
        ],
        StudyResult.facts(settings(levels=["b3lyp"]), "C3H3FO3"),
        "orbitals",
    )
    assert {one.name for one in found.quantities} == set(Orbitals.quantities) - lacking
    lumo = next(one for one in found.quantities if one.name == "LUMO")
    assert lumo.error == pytest.approx(0.04)  # 0.02 + 0.01 + 0.005 + …


def test_several_molecules_are_ranked() -> None:
    found = result_of("A", "B", "C")
    assert ranked(found.levels)[0] == "lowest LUMO: C, -2.00 eV (b3lyp)"
    species = [row["species"] for row in Orbitals().tables(found)[0]]
    assert species.index("C") < species.index("B") < species.index("A")


def test_a_study_of_water(natrium: CommandLine) -> None:
    """Everything once, in small bases: water binds Na+, which pulls its LUMO down, and holds no electron."""
    coarse = ["conformer.grid_spacing_a=0.3", "conformer.force_ev_a=0.5", "vacuum_a=3"]
    small = ["hf.basis=6-31G(d)", "b3lyp_relax.basis=sto-3g", *coarse]
    changed = ["molecules=[H2O]", "levels=[hf]", "b3lyp_relax.functional=HF", *small]
    told = natrium("run", "orbitals", *(word for change in changed for word in ("--set", change)))
    run = natrium.the_run()
    document = natrium.json("show", run.name)["output"]
    rows = {row["species"]: row for row in document["levels"]}
    assert set(rows) == {"H2O", "H2O–Na+", "Na+"}
    water, complexed = rows["H2O"], rows["H2O–Na+"]
    assert complexed["lumo_shift_ev"] < -2
    assert water["lumo_ev"] > 0
    assert UNBOUND_LUMO in water["notes"]
    assert {UNBOUND_ELECTRON, UNBOUND_REDUCED} <= set(water["notes"])
    assert complexed["electron_affinity_ev"] > 0
    # each part lends the other its functions, and seems to bind by it
    assert complexed["binding_ev"] < complexed["binding_counterpoise_ev"] < -0.5
    assert "H2O–Na+ (hf): HOMO" in told.stdout
    assert (run / f"{run.name}.png").exists()
