"""One structure of oxygen on or under a slab: what its calculations gave together."""

from __future__ import annotations

from typing import Any

import numpy as np
from jobflow import JobConfig, OnMissing, job
from pydantic import BaseModel, ConfigDict, Field

from natrium.analysis.charges import AtomicCharges
from natrium.analysis.oxygen_state import OxygenState, became, oxygen_state
from natrium.analysis.planar_potential import Side
from natrium.analysis.stored_array import PAYLOAD
from natrium.analysis.work_function import WorkFunction, work_functions
from natrium.structures.system import System
from natrium.workflows.partners import (
    charges_of,
    check_moment,
    check_net_force,
    check_one_spin_state,
    check_same_method,
    difference_of,
    or_note,
    require,
)
from natrium.workflows.result import CalculationResult, CalculationSummary, Evaluation
from natrium.workflows.study import shown


class OxygenStructure(BaseModel):
    """Oxygen on or under the slab: what one starting structure has become, and its numbers."""

    model_config = ConfigDict(extra="forbid")

    start: str = Field(description="The structure that the relaxation began with")
    became: str | None = Field(description="What it became, where that is something else")
    state: OxygenState | None = Field(description="None where the surface is too disordered to say")
    adsorption_energy_ev: float = Field(
        description="For one O2: [E(slab with O) − E(slab) − ½ n E(O2)] · 2/n with n oxygen atoms; negative: bound, eV"
    )
    work_functions: WorkFunction | None = Field(description="Of each side; the oxygen is on the top side")
    top_change_ev: float | None = Field(description="Work function of the top side minus that of the clean slab, eV")
    bottom_change_ev: float | None = Field(description="The same for the bottom side, eV")
    magnetic_moment: float = Field(description="Total magnetic moment, Bohr magnetons")
    dipole_ea: float = Field(description="Dipole moment of the cell along the surface normal, e·Å")
    charges: AtomicCharges | None = Field(description="Of all atoms; the oxygen atoms are the last")
    oxygen_bader_e: float | None = Field(description="Bader charge of all oxygen together, e")
    oxygen_hirshfeld_e: float | None = Field(description="Hirshfeld charge of all oxygen together, e")
    charge_moved_e: float | None = Field(description="½∫|Δρ|, e; none where a partner of the difference is missing")
    integral_e: float | None = Field(description="∫Δρ, e: zero but for errors of the grid")
    missing: list[str] = Field(description="What could not be evaluated, and why")
    system: System = Field(description="The relaxed structure")
    calculations: dict[str, CalculationSummary] = Field(description="The calculations behind these numbers")

    @property
    def name(self) -> str:
        """What it is now."""
        return self.start if self.state is None else self.state.name

    def side(self, side: Side) -> float | None:
        """Work function of a side, eV, where there is one."""
        return None if self.work_functions is None else getattr(self.work_functions, side).work_function_ev


class StructureEvaluation(Evaluation):
    """One structure with its density difference."""

    structure: OxygenStructure


def table_row(one: OxygenStructure) -> dict[str, str]:
    """The structure as a row of a table."""
    return {
        "start": one.start,
        "became": one.became or ("not known" if one.state is None else "as it started"),
        "E_ads (eV/O2)": shown(one.adsorption_energy_ev),
        "Φ top (eV)": shown(one.side("top"), 3),
        "Φ bottom (eV)": shown(one.side("bottom"), 3),
        "ΔΦ top (eV)": shown(one.top_change_ev, 3, "+"),
        "moment (μB)": shown(one.magnetic_moment),
        "height (Å)": shown(None if one.state is None else float(np.mean(one.state.heights_a)), 2, "+"),
        "O–O (Å)": shown(None if one.state is None else one.state.o_o_distance_a),
        "q Bader (e)": shown(one.oxygen_bader_e, 2, "+"),
        "q Hirshfeld (e)": shown(one.oxygen_hirshfeld_e, 2, "+"),
        "½∫|Δρ| (e)": shown(one.charge_moved_e),
        "∫Δρ (e)": "–" if one.integral_e is None else f"{one.integral_e:.0e}",
        "force left (eV/Å)": shown(one.calculations[f"{one.start}-whole"].max_force_ev_a),
        "missing": "; ".join(one.missing),
    }


@job(data=PAYLOAD, output_schema=StructureEvaluation, config=JobConfig(on_missing_references=OnMissing.NONE))
def evaluate(
    name: str,
    results: dict[str, Any],
    clean_ev: float | None,
    clean_potential: Any,
    clean_fermi_level_ev: float | None,
    clean_slab: Any,
    o2_ev: float | None,
    coarsening: int,
) -> StructureEvaluation:
    """One structure from the documents of its calculations; what is missing is said."""
    found = {step: document and CalculationResult.model_validate(document) for step, document in results.items()}
    needed = {f"{name}-{step}": found[step] for step in ("relax", "whole")}
    require(name, needed | {"slab-static": clean_ev, "o2": o2_ev})
    relaxed, whole = found["relax"], found["whole"]
    assert relaxed is not None
    assert whole is not None
    assert clean_ev is not None
    assert o2_ev is not None
    check_same_method(result for step, result in found.items() if result is not None and step != "relax")
    missing: list[str] = []
    parts = {step: found[step] for step in ("sodium", "oxygen")}
    difference = or_note("density difference", missing, lambda: difference_of(whole, parts, coarsening))
    or_note("spin of the oxygen alone", missing, lambda: check_moment(parts["oxygen"]))
    or_note("one spin state", missing, lambda: check_one_spin_state(relaxed, whole))
    or_note("forces", missing, lambda: check_net_force(whole))
    sides = or_note("work functions", missing, lambda: slab_work_functions(whole))
    clean = or_note("clean work functions", missing, lambda: _clean(clean_potential, clean_fermi_level_ev, clean_slab))
    state = or_note("what the oxygen has become", missing, lambda: oxygen_state(whole.system))
    atoms = whole.system.symbols.count("O")
    charges = or_note("charges", missing, lambda: charges_of(whole))
    bader_e, hirshfeld_e = charges.of("O") if charges else (None, None)
    structure = OxygenStructure(
        start=name,
        became=state and became(name, state),
        state=state,
        adsorption_energy_ev=(whole.energy_ev - clean_ev - atoms / 2 * o2_ev) * 2 / atoms,
        work_functions=sides,
        top_change_ev=sides and clean and sides.top.work_function_ev - clean.top.work_function_ev,
        bottom_change_ev=sides and clean and sides.bottom.work_function_ev - clean.bottom.work_function_ev,
        magnetic_moment=whole.magnetic_moment,
        dipole_ea=whole.dipole_ea[2],
        charges=charges,
        oxygen_bader_e=bader_e,
        oxygen_hirshfeld_e=hirshfeld_e,
        charge_moved_e=difference and difference.charge_moved_e,
        integral_e=difference and difference.integral_e,
        missing=missing,
        system=whole.system,
        calculations={f"{name}-{step}": CalculationSummary.of(one) for step, one in found.items() if one},
    )
    return StructureEvaluation(structure=structure, difference=difference, system=whole.system)


def slab_work_functions(static: CalculationResult) -> WorkFunction:
    """Work functions of both sides of a slab, from its static calculation.

    Raises:
        NoPlateauError: a side has no vacuum level.
    """
    return _clean(static.planar_potential, static.fermi_level_ev, static.system)


def _clean(potential: Any, fermi_level_ev: float | None, slab: Any) -> WorkFunction:
    require("work functions", {"potential": potential, "Fermi level": fermi_level_ev})
    assert fermi_level_ev is not None
    found = potential if isinstance(potential, dict) else potential.model_dump()
    return work_functions(found["z_a"], found["potential_ev"], fermi_level_ev, System.model_validate(slab))
