"""Which error bar belongs to which number of a result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reported_slab import FACTS, SlabResult, measured, reported, slab
from synthetic import calculated

from natrium.analysis.convergence import Measured as Rung
from natrium.analysis.convergence import with_error_bar
from natrium.analysis.published import compare
from natrium.analysis.reproduction import to_markdown
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.convergence import ConvergenceResult
from natrium.workflows.result import CalculationSummary


def bars(result: SlabResult, *convergences: ConvergenceResult) -> dict[str, str]:
    rows = reported(result, *convergences).rows
    return {row.quantity: f"{row.error_bar.error:.3f} {row.error_bar.address}" for row in rows if row.error_bar}


@pytest.mark.parametrize(
    ("convergences", "wanted"),
    [
        ([], {}),
        ([measured("top", {"layers": 0.03, "cutoff": 0.04}, 2.8)], {"top": "0.050 converge-slab-0"}),
        # the newest comes first, and holds
        (
            [measured("top", {"cutoff": 0.01}, 2.8), measured("top", {"cutoff": 0.02}, 2.8)],
            {"top": "0.010 converge-slab-0"},
        ),
        # a newer one with other settings says nothing about this result
        (
            [
                measured("top", {"cutoff": 0.01}, 2.8, overrides={"over": {"cutoff": [1, 2]}, "layers": 9}),
                measured("top", {"cutoff": 0.02}, 2.8, overrides={"over": {"cutoff": [1, 2]}}),
            ],
            {"top": "0.020 converge-slab-1"},
        ),
        ([measured("top", {"cutoff": 0.01}, 2.8, preset="preview")], {}),
        ([measured("top", {"cutoff": 0.01}, 2.8, engine="vasp")], {}),
        # its own settings failed: there is no error bar, and an older one counts
        (
            [measured("top", {"cutoff": 0.01}, None), measured("top", {"cutoff": 0.02}, 2.8)],
            {"top": "0.020 converge-slab-1"},
        ),
        # of another quantity, and of one that the study does not know any more
        ([measured("level", {"cutoff": 0.01}, -1.0, "hollow")], {"level, hollow": "0.010 converge-slab-0"}),
        ([measured("bottom", {"cutoff": 0.01}, 2.8)], {}),
        # which structures are calculated decides on no number; the error bar is of the one that was converged
        (
            [measured("level", {"cutoff": 0.01}, -0.5, "on-top", overrides={"structures": ["on-top"]})],
            {"level, on-top": "0.010 converge-slab-0"},
        ),
        ([measured("level", {"cutoff": 0.01}, -0.5, "bridge")], {}),
    ],
)
def test_error_bars_belong_to_a_quantity_of_the_same_settings(
    convergences: list[ConvergenceResult], wanted: dict[str, str]
) -> None:
    assert bars(slab(), *convergences) == wanted


def test_a_changed_result_takes_an_error_bar_with_the_same_changes() -> None:
    convergence = measured("top", {"cutoff": 0.01}, 2.8, overrides={"layers": 9, "over": {"cutoff": [1, 2]}})
    assert bars(slab(), convergence) == {}
    assert bars(slab(overrides={"layers": 9}), convergence) == {"top": "0.010 converge-slab-0"}


@pytest.mark.parametrize(
    ("measured_with", "holds"),
    [({}, True), ({"cutoff_ev": 300.0}, False), ({"kpoints": (2, 2, 1)}, False), ({"energy_ev": 1e-3}, True)],
)
def test_a_preset_that_changed_takes_its_error_bars_along(measured_with: dict[str, Any], holds: bool) -> None:
    now = Calculation(cutoff_ev=250.0, kpoints=(4, 4, 1))
    before = Calculation.model_validate(now.model_dump() | measured_with)
    system = System(label="Na", symbols=("Na",), positions_a=((0, 0, 0),), cell_a=np.eye(3) * 9, pbc=(True, True, True))
    summaries = [CalculationSummary.of(calculated(system, each, -1.0)) for each in (now, before)]
    both = {"reference-slab": summaries[1], "x-bulk": summaries[0]}
    convergence = measured("top", {"cutoff": 0.01}, 2.8, calculations=both)
    found = bars(slab(calculations={"slab": summaries[0], "another": summaries[0]}), convergence)
    assert found == ({"top": "0.010 converge-slab-0"} if holds else {})


def test_a_comparison_takes_the_error_bar_of_its_own_number() -> None:
    """Top and bottom are both a work function, and only the top one was converged."""
    comparisons = [compare(value, "na110_work_function", side) for side, value in (("top", 2.8), ("bottom", 2.9))]
    found = reported(slab(comparisons=comparisons), measured("top", {"layers": 0.03}, 2.8))
    told = {row.quantity: row for row in found.rows}
    top, bottom = (told[f"work function of clean Na(110), {side}"] for side in ("top", "bottom"))
    assert top.error_bar is not None
    assert bottom.error_bar is None
    assert "top" not in told, "a number is there once"
    assert (told["level, hollow"].published, told["level, hollow"].ours) == (None, -1.0)
    assert "level, on-top" not in told, "other structures are in the study's own tables"
    assert not any(name.startswith("moment") for name in told), "a number that is not there is no row"


def test_a_ladder_that_drifts_gives_a_lower_bound() -> None:
    rungs = [Rung(str(n), float(n), 2.8 - 0.01 * (3 - n), 1.0, n == 3) for n in (1, 2, 3)]
    quantity = with_error_bar("top", "Φ", "eV", 2.8, {"layers": ("", rungs)})
    convergence = ConvergenceResult(**(FACTS | {"study": "converge-slab"}), quantities=[quantity], missing=[])
    assert "± 0.020 at least" in to_markdown(reported(slab(), convergence))
