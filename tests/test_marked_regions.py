"""The regions of a document that results are written into."""

from __future__ import annotations

from pathlib import Path

import pytest

from natrium.analysis.marked_regions import region_names, with_regions
from natrium.structures.errors import InputError
from natrium.workflows.study import presets, study

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
