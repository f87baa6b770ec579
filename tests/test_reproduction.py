"""Our numbers beside published ones: which error bar belongs to which number, commands, tables, regions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import BaseModel
from synthetic import calculated

from natrium.analysis.convergence import Measured as Rung
from natrium.analysis.convergence import with_error_bar
from natrium.analysis.marked_regions import region_names, with_regions
from natrium.analysis.published import Comparison, compare
from natrium.analysis.reproduction import markdown_table, to_markdown
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.convergence import ConvergenceResult
from natrium.workflows.pooling import pooled
from natrium.workflows.reproduction import Executed, Measured, Source, command, number_at, reproduction
from natrium.workflows.result import CalculationSummary, StudyResult
from natrium.workflows.study import Quantity, presets, study

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Site(BaseModel):
    start: str
    level_ev: float
    moment: float | None = None


class SlabResult(StudyResult):
    top_ev: float
    sites: list[Site]
    comparisons: list[Comparison]
    missing: list[str]


class Slab:
    """As much of a study as a report asks for."""

    name = "slab"
    result = SlabResult
    parts = ("structures",)
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "top": Quantity("Φ", "top_ev", "eV"),
        "level": Quantity("E", "sites.0.level_ev", "eV"),
        "moment": Quantity("m", "sites.0.moment", "μB"),
    }

    def tables(self, result: SlabResult) -> list[list[dict[str, str]]]:
        return [[{"site": site.start, "|E|": f"{site.level_ev}", "never": ""} for site in result.sites]]

    def part_names(self, result: SlabResult) -> list[str]:
        return [site.start for site in result.sites]

    def pool(self, results: Sequence[SlabResult]) -> SlabResult:
        return results[0].model_copy(update={"sites": [site for result in results for site in result.sites]})


FACTS: dict[str, Any] = {
    "study": "slab",
    "formula": "Na",
    "engine": "gpaw",
    "preset": "standard",
    "quality": "converged",
    "calculations": {},
}


def slab(**changed: Any) -> SlabResult:
    sites = [Site(start="hollow", level_ev=-1.0), Site(start="on-top", level_ev=-0.5)]
    return SlabResult(**(FACTS | {"top_ev": 2.8, "sites": sites, "comparisons": [], "missing": []} | changed))


def measured(name: str, errors: dict[str, float], value: float | None = 0.0, **changed: Any) -> ConvergenceResult:
    """A convergence result whose ladders end at the reference and have this spread."""
    ladders = {
        knob: ("", [Rung("1", 1.0, value and value + error, 1.0, False), Rung("2", 2.0, value, 1.0, True)])
        for knob, error in errors.items()
    }
    quantity = with_error_bar(name, "X", "eV", value, ladders)
    return ConvergenceResult(**(FACTS | {"study": "converge-slab"} | changed), quantities=[quantity], missing=[])


def reported(result: SlabResult, *convergences: ConvergenceResult, executed: list[Executed] | None = None) -> Any:
    found = [Measured(f"converge-slab-{number}", one) for number, one in enumerate(convergences)]
    return reproduction(Slab(), [Source("slab-1", NOON, result, executed or [])], found)  # type: ignore[arg-type]


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
        ([measured("level", {"cutoff": 0.01}, -1.0)], {"level, hollow": "0.010 converge-slab-0"}),
        ([measured("bottom", {"cutoff": 0.01}, 2.8)], {}),
        # which structures are calculated decides on no number; the error bar is of the first one
        (
            [measured("level", {"cutoff": 0.01}, -0.5, overrides={"structures": ["on-top"]})],
            {"level, on-top": "0.010 converge-slab-0"},
        ),
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


@pytest.mark.parametrize(
    ("path", "number", "structure"),
    [
        ("top_ev", 2.8, ""),
        ("sites.1.level_ev", -0.5, "on-top"),
        ("sites.1.moment", None, "on-top"),
        ("sites.2.level_ev", None, ""),
        ("bottom_ev", None, ""),
    ],
)
def test_numbers_at_a_path(path: str, number: float | None, structure: str) -> None:
    found, of = number_at(slab(), path)
    assert found == number
    assert of in (structure, "") if number is None else of == structure


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
        (hollow(), "hollow is in 2 of the results"),
        (slab(sites=[], overrides={"layers": 9}), "not of one method: --set {} and {'layers': 9}"),
        (slab(sites=[], engine="vasp"), "engine gpaw and vasp"),
        (slab(sites=[], quality="rough"), "quality converged and rough"),
    ],
)
def test_results_that_are_not_parts_of_one(other: SlabResult, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        pooled(Slab(), [hollow(), other])  # type: ignore[arg-type]


def test_a_study_without_parts_has_one_result() -> None:
    with pytest.raises(InputError, match="2 results of slab standard"):
        pooled(study("na110"), [slab(), slab()])
    assert pooled(study("na110"), [slab()]) == slab()


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({}, {}),
        ({"layers": 9}, {"layers": 9}),
        ({"relax.kpoints": [4, 4, 1], "vacuum_a": 18.5}, {"relax.kpoints": [4, 4, 1], "vacuum_a": 18.5}),
        ({"lattice_constant_a": None}, {"lattice_constant_a": None}),
        ({"structures": ["hollow-upright"], "x": "it's"}, {"structures": ["hollow-upright"], "x": "it's"}),
        ({"over": {"layers": [5, 7], "cutoff": None}}, {"over": {"layers": [5, 7], "cutoff": None}}),
    ],
)
def test_the_command_asks_for_the_same_again(changed: dict[str, Any], options: dict[str, Any]) -> None:
    from natrium.commands.study_options import parsed

    words = shlex.split(command(slab(overrides=changed)))
    assert words[:5] == ["natrium", "run", "slab", "--preset", "standard"]
    assert words[5::2] == ["--set"] * len(changed)
    assert parsed(words[6::2]) == options


def test_another_engine_is_part_of_the_command() -> None:
    assert command(slab(engine="vasp")).endswith("--engine vasp")


def executed(natrium: str, dataset: str, ranks: int) -> Executed:
    attempt = {"number": 1, "started": NOON, "ranks": ranks, "outcome": "finished", "host": "here"}
    provenance = {
        "natrium": natrium,
        "engine": "gpaw",
        "engine_version": "26.7.0",
        "implementation": "new",
        "versions": {},
        "datasets": {"Na": f"{dataset} sha256:00"},
        "inputs_sha256": {},
        "host": "here",
        "folder": "/",
    }
    return Executed.model_validate({"wall_time_s": 60.0, "attempts": [attempt], "provenance": provenance, "more": 1})


@pytest.mark.parametrize(
    ("quality", "title"),
    [
        ("rough", "ours, preset standard (rough)"),
        ("exploratory", "ours, preset standard (exploratory)"),
        ("converged", "ours, preset standard"),
        ("as published", "ours, preset standard"),
    ],
)
def test_numbers_that_promise_little_say_so(quality: str, title: str) -> None:
    result = slab(comparisons=[compare(2.8, "na110_work_function", "top")], quality=quality)
    heads = to_markdown(reported(result)).splitlines()[0].split("|")
    assert title in [head.strip() for head in heads]


def test_the_tables_of_a_result() -> None:
    comparisons = [
        compare(2.8, "na110_work_function", "top"),
        compare(4.3, "na_bcc_a_pbe"),
        compare(2.7, "na110_o2_work_function"),
    ]
    result = slab(comparisons=comparisons, quality="rough", missing=["long-bridge"], assumptions=["it is flat"])
    calculations = [executed("0.1 (abc)", "Na.1.PBE.gz", 2), executed("0.1 (def)", "Na.PBE.gz", 1)]
    text = to_markdown(reported(result, measured("top", {"layers": 0.03}, 2.8), executed=calculations))
    lines = text.splitlines()
    assert "ours, preset standard (rough)" in lines[0]
    assert "| 2.83 eV [1] | 2.800 eV | ± 0.030 (layers 0.030; `converge-slab-0`) | -0.030 | yes |" in lines[2]
    assert "| 4.199 Å [2] | 4.300 Å | not measured | +0.101 | no |" in lines[3]
    assert "| 2.88 eV [3] | 2.700 eV | not measured | -0.180 | not judged |" in lines[4]
    assert lines[5] == "| level, hollow | not published | -1.000 eV | not measured | – | – |"
    assert "1. Cao et al." in text
    assert "(database)" in text
    assert "| site | \\|E\\| |" in lines, "a bar in a heading ends no cell, an empty column is left out"
    assert "Missing:\n\n- long-bridge" in text
    assert "Assumed:\n\n- it is flat" in text
    origin = "| `slab-1` | `natrium run slab --preset standard` | 2 min on 1 or 2 processes | gpaw 26.7.0 |"
    assert lines[-1] == f"{origin} Na.1.PBE, Na.PBE | 2026-01-02 | 0.1 (abc), 0.1 (def) |"


def test_a_ladder_that_drifts_gives_a_lower_bound() -> None:
    rungs = [Rung(str(n), float(n), 2.8 - 0.01 * (3 - n), 1.0, n == 3) for n in (1, 2, 3)]
    quantity = with_error_bar("top", "Φ", "eV", 2.8, {"layers": ("", rungs)})
    convergence = ConvergenceResult(**(FACTS | {"study": "converge-slab"}), quantities=[quantity], missing=[])
    assert "± 0.020 at least" in to_markdown(reported(slab(), convergence))


def test_a_table_without_rows_is_nothing() -> None:
    assert markdown_table([]) == markdown_table([{"missing": ""}]) == ""


DOCUMENT = """# Title

Before.

<!-- natrium report: na110 standard -->
old
<!-- end -->

Between, by hand.

<!-- natrium report: naf-12ab -->
<!-- end -->
"""


def test_the_page_wants_results_of_presets_that_there_are(repository: Path) -> None:
    names = region_names((repository / "docs" / "reproduction.md").read_text(encoding="utf-8"))
    assert len(names) == len(set(names)) > 0
    for name in names:
        wanted, preset = name.split()
        assert preset in presets(study(wanted)), name


def test_regions_are_replaced_and_nothing_else() -> None:
    assert region_names(DOCUMENT) == ["na110 standard", "naf-12ab"]
    once = with_regions(DOCUMENT, {"na110 standard": "| a |\n| b |"})
    assert once == DOCUMENT.replace("old\n", "\n| a |\n| b |\n\n")
    assert with_regions(once, {"na110 standard": "| a |\n| b |"}) == once, "the second time nothing changes"
    both = with_regions(DOCUMENT, {"na110 standard": "one\ntwo\nthree", "naf-12ab": "four"})
    assert both.split() == DOCUMENT.replace("old", "one two three").replace("12ab -->", "12ab --> four").split()
    assert with_regions(DOCUMENT, {}) == DOCUMENT
    assert with_regions(DOCUMENT, {"another": "text"}) == DOCUMENT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<!-- natrium report: a b -->\ntext", "line 1: the region 'a b' has no end"),
        ("text\n<!-- end -->", "line 2: <!-- end --> ends nothing"),
        ("<!-- natrium report: a b -->\n\n<!-- natrium report: c d -->\n<!-- end -->", "line 3: .* another region"),
    ],
)
def test_regions_that_are_none(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        with_regions(text, {})
