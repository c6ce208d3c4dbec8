"""A learner's result: kappa of each type against the rest, sensitivity for blasts."""

import pytest

from marrowscope.analysis.agreement.kappa import cohens_kappa
from marrowscope.analysis.agreement.score import score

SIGNED = ["blast"] * 10 + ["lymphocyte"] * 20 + ["monocyte"] * 10
NAMED = (
    ["blast"] * 7 + ["lymphocyte"] * 3 + ["lymphocyte"] * 18 + ["monocyte"] * 2 + ["monocyte"] * 9 + ["blast"]
)


def test_each_type_is_told_from_the_rest() -> None:
    found = score(SIGNED, NAMED)
    blast = next(each for each in found.types if each.type == "blast")
    assert (blast.signed, blast.named, blast.both) == (10, 8, 7)
    # by hand: 36 of 40 alike; by chance 10 x 8 + 30 x 32 of 1600
    assert blast.kappa is not None
    assert blast.kappa.estimate == pytest.approx((36 / 40 - 1040 / 1600) / (1 - 1040 / 1600))
    assert blast.kappa.low < blast.kappa.estimate < blast.kappa.high


def test_the_whole_is_cohens_kappa_of_all_types() -> None:
    found = score(SIGNED, NAMED)
    assert found.agreement.agreed == 34
    assert found.agreement.kappa == cohens_kappa(found.agreement.counts)


def test_sensitivity_is_for_blasts_of_any_type() -> None:
    found = score(
        ["blast", "myeloblast", "myeloblast", "monocyte"], ["myeloblast", "myeloblast", "monocyte", "blast"]
    )
    assert (found.found_blasts, found.signed_blasts) == (2, 3)
    assert found.sensitivity is not None
    assert found.sensitivity.low < 2 / 3 < found.sensitivity.high


def test_nothing_named_is_no_result() -> None:
    found = score([], [])
    assert found.agreement.kappa is None
    assert found.sensitivity is None
    assert found.types == ()
