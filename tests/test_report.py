"""`natrium report`: from the results database to tables, and into the regions of a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

OUTSIDE = Path(__file__).resolve().parent / "outside"


@pytest.fixture(scope="module")
def planks(tmp_path_factory: pytest.TempPathFactory, command_line_in: Any) -> Any:
    """A database with a result, its error bar, and a newer result with another setting."""
    with command_line_in(tmp_path_factory.mktemp("planks")) as plain:
        natrium = plain.with_variables(PYTHONPATH=str(OUTSIDE))
        natrium("run", "plank")
        natrium("converge", "plank", "--over", "layers=3/5/6")
        natrium("run", "plank", "--set", "layers=6")
        yield natrium


def reports(planks: Any, *addresses: str) -> Any:
    """In a process of its own: only there is the study known."""
    return json.loads(planks("report", *addresses, "--json").stdout)


def addresses(planks: Any, study: str = "plank") -> list[str]:
    """Of the study's results, the oldest first: for plank the preset's settings, then the changed ones."""
    return [row["address"] for row in reversed(planks.json("results")) if row["study"] == study]


def test_the_newest_result_of_a_preset_with_its_error_bar(planks: Any) -> None:
    plain, changed = addresses(planks)
    (found,) = reports(planks)
    assert (found["origins"][0]["address"], found["study"], found["preset"]) == (plain, "plank", "standard")
    (row,) = found["rows"]
    assert (row["quantity"], row["ours"], row["published"]) == ("level", 2.0625, None)
    assert row["error_bar"]["error"] == pytest.approx(2**-4)
    assert row["error_bar"]["address"].startswith("converge-plank-")
    text = planks("report").stdout
    assert "| level | not published | 2.062 eV | ± 0.062 (layers 0.062; `converge-plank-" in text
    assert changed not in text


def test_a_result_by_its_id(planks: Any) -> None:
    _, changed = addresses(planks)
    (found,) = reports(planks, changed)
    level, knots = found["rows"]
    assert (level["ours"], level["error_bar"]) == (2.015625, None), "its settings were not those of the ladder"
    assert knots["ours"] == 6
    assert found["origins"][0]["command"] == "natrium run plank --preset standard --set layers=6"
    assert "no result 'plank-zzzzzz'" in planks("report", "plank-zzzzzz", code=2).stderr


def test_a_result_in_a_file(planks: Any, tmp_path: Path, command_line_in: Any) -> None:
    """What one database printed, another one that never had it reports."""
    plain, changed = addresses(planks)
    (ladders,) = addresses(planks, "converge-plank")
    for address, name in ((plain, "plain.json"), (changed, "changed.json"), (ladders, "ladders.json")):
        (tmp_path / name).write_text(planks("show", address, "--json").stdout)
    (tmp_path / "other.json").write_text('{"metadata": {}}')
    (tmp_path / "plain.yaml").write_text("study: plank")
    with command_line_in(tmp_path) as empty:
        elsewhere = empty.with_variables(PYTHONPATH=str(OUTSIDE))
        (found,) = reports(elsewhere, str(tmp_path / "plain.json"))
        assert found["origins"][0]["address"] == plain
        assert (found["rows"][0]["ours"], found["rows"][0]["error_bar"]) == (2.0625, None)
        assert found["origins"] == reports(planks, plain)[0]["origins"]
        (with_bar, _) = reports(elsewhere, str(tmp_path / "plain.json"), str(tmp_path / "ladders.json"))
        assert with_bar["rows"] == reports(planks, plain)[0]["rows"], "the error bar of a file"
        assert len(reports(elsewhere, str(tmp_path / "plain.json"), str(tmp_path / "changed.json"))) == 2
        assert "plank.png" in elsewhere("plot", str(tmp_path / "plain.json"), "-o", "plank.png").stdout
        said = {
            ("plain.json", "plain.json"): "2 results of plank standard",
            ("other.json",): "is no result of a study",
            ("none.json",): "No such file",
            ("plain.yaml",): "is neither an ID nor a FILE.json",
        }
        for names, problem in said.items():
            for command in ("report", "plot"):
                words = elsewhere(command, *(str(tmp_path / name) for name in names), code=2).stderr
                assert problem in " ".join(words.split())


def test_regions_of_a_document(planks: Any, tmp_path: Path) -> None:
    plain, changed = addresses(planks)
    document = tmp_path / "reproduction.md"
    sentence = "A sentence by hand."
    wanted = ("plank standard", changed, "na110 published", "plank-zzzzzz")
    marks = (f"<!-- natrium report: {name} -->\nnot yet\n<!-- end -->\n\n{sentence}\n" for name in wanted)
    document.write_text("\n".join(marks))
    said = planks("report", "--into", str(document))
    assert "2 of 4 regions written" in said.stdout.replace("\n", " ")
    for name in ("na110 published", "plank-zzzzzz"):
        assert f"{name}: there is no result" in said.stderr
    text = document.read_text()
    assert text.count("not yet") == 2
    assert text.count(sentence) == 4
    assert plain in text.partition(sentence)[0]
    assert "--set layers=6" in text.partition(sentence)[2].partition(sentence)[0]
    planks("report", "--into", str(document))
    assert document.read_text() == text, "the second time nothing changes"
    planks("report", changed, "--into", str(document))
    assert changed in document.read_text().partition(sentence)[0], "a result that is named goes before the newest"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no regions", "no region to write into"),
        ("<!-- natrium report: plank standard -->", "has no end"),
        ("<!-- natrium report: plank fine -->\n<!-- end -->", "no preset 'fine'"),
        ("<!-- natrium report: blank standard -->\n<!-- end -->", "no study 'blank'"),
        ("<!-- natrium report: plank standard now -->\n<!-- end -->", "a region called"),
        (None, "No such file"),
    ],
)
def test_documents_that_are_refused_stay_as_they_are(
    text: str | None, problem: str, planks: Any, tmp_path: Path
) -> None:
    document = tmp_path / "reproduction.md"
    if text is not None:
        document.write_text(text)
    assert problem in planks("report", "--into", str(document), code=2).stderr
    assert (document.read_text() if document.exists() else None) == text


def test_an_empty_database_has_nothing_to_report(natrium: Any) -> None:
    done = natrium("report")
    assert (done.stdout, natrium.json("report")) == ("", [])
    assert "no results to report" in done.stderr
    assert "choose one" in natrium("report", "--into", "x.md", "--json", code=2).stderr
