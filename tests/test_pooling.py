"""Results of parts of a study as one: what is told together, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reported_slab import NOON, Site, Slab, SlabResult, measured, slab
from synthetic import calculated

from natrium.analysis.reproduction import to_markdown
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.pooling import pooled
from natrium.workflows.reproduction import Measured, Source, reproduction
from natrium.workflows.result import CalculationSummary
from natrium.workflows.study import study


def hollow(**changed: Any) -> SlabResult:
    return slab(sites=[Site(start="hollow", level_ev=-1.0)], **changed)


def test_results_of_parts_are_one_with_an_origin_each() -> None:
    bridge = slab(sites=[Site(start="bridge", level_ev=-2.0)], overrides={"structures": ["bridge"]})
    sources = [Source(f"slab-{number}", NOON, one, []) for number, one in enumerate((hollow(), bridge))]
    convergence = Measured("converge-slab-0", measured("top", {"cutoff": 0.01}, 2.8))
    found = reproduction(Slab(), sources, [convergence])  # type: ignore[arg-type]
    assert [row["site"] for table in found.tables for row in table] == ["hollow", "bridge"]
    assert [row.error_bar is not None for row in found.rows if row.quantity == "top"] == [True]
    ours = [line.split("|")[1:3] for line in to_markdown(found).splitlines()[-2:]]
    assert ours == [
        [" `slab-0` ", " `natrium run slab --preset standard` "],
        [" `slab-1` ", " `natrium run slab --preset standard --set 'structures=[bridge]'` "],
    ]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (hollow(), "several results of slab have hollow"),
        (slab(sites=[], overrides={"layers": 9}), "not of one method: --set {} and {'layers': 9}"),
        (slab(sites=[], study="plank"), "study slab and plank"),
        (slab(sites=[], preset="preview"), "preset standard and preview"),
        (slab(sites=[], engine="vasp"), "engine gpaw and vasp"),
        (slab(sites=[], quality="rough"), "quality converged and rough"),
    ],
)
def test_results_that_are_not_parts_of_one(other: SlabResult, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        pooled(Slab(), [hollow(), other])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("energy_ev", "problem"),
    [(-1.004, None), (-1.1, r"slab-static is Na, -1.000 eV, and Na, -1.100 eV")],
)
def test_parts_of_another_model_are_not_of_one(energy_ev: float, problem: str | None) -> None:
    """Layers and vacuum of a preset may have changed, which no setting of a calculation tells."""
    cell = np.eye(3) * 9
    system = System(label="Na", symbols=("Na",), positions_a=((0, 0, 0),), cell_a=cell, pbc=(True, True, True))
    each = [CalculationSummary.of(calculated(system, Calculation(cutoff_ev=250.0), ev)) for ev in (-1.0, energy_ev)]
    mine, theirs = ({"slab-static": one} for one in each)
    bridge = slab(sites=[Site(start="bridge", level_ev=-2.0)], calculations=theirs)
    if problem is None:
        assert len(pooled(Slab(), [hollow(calculations=mine), bridge]).sites) == 2  # type: ignore[arg-type, attr-defined]
    else:
        with pytest.raises(InputError, match=problem):
            pooled(Slab(), [hollow(calculations=mine), bridge])  # type: ignore[arg-type]


def test_a_study_without_parts_has_one_result() -> None:
    with pytest.raises(InputError, match="2 results of slab standard"):
        pooled(study("na110"), [slab(), slab()])
    assert pooled(study("na110"), [slab()]) == slab()
