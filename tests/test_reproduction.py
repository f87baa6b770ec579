"""Our numbers beside published ones: paths, commands, tables."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from reported_slab import NOON, measured, reported, slab

from natrium.analysis.published import compare
from natrium.analysis.reproduction import markdown_table, to_markdown
from natrium.workflows.reproduction import Executed, command, number_at


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


def test_a_table_without_rows_is_nothing() -> None:
    assert markdown_table([]) == markdown_table([{"missing": ""}]) == ""
