import pytest

from natrium.analysis.published import compare, published
from natrium.structures.errors import InputError


@pytest.mark.parametrize(
    ("ours", "identifier", "agrees"),
    [
        (2.87, "na110_work_function", True),
        (2.89, "na110_work_function", False),
        (4.205, "na_bcc_a_pbe", True),
        (4.17, "na_bcc_a_pbe", False),  # what the seven-electron dataset gives below its converged cutoff
        (2.90, "na110_o2_work_function", None),
    ],
)
def test_agreement_is_judged_by_the_published_tolerance(ours: float, identifier: str, agrees: bool | None) -> None:
    comparison = compare(ours, identifier, "top")
    assert comparison.agrees is agrees
    assert comparison.quantity.endswith(", top")
    assert published(identifier).source in comparison.source


def test_an_unknown_value_is_named() -> None:
    with pytest.raises(InputError, match="no published value 'na110'"):
        published("na110")
