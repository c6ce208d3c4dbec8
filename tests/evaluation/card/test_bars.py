"""Bars: read from a plan, compared with what was measured, never with anything else."""

from typing import Any

import pytest

from marrowscope.errors import DatasetError
from marrowscope.evaluation.card.bars import Bar

RESULT: dict[str, Any] = {"ap50": 0.98, "blast": {"auc": None, "ece": 0.031, "reliability": [1]}}


@pytest.mark.parametrize(
    ("entry", "measured", "met"),
    [
        ({"figure": "ap50", "at_least": 0.98}, 0.98, True),
        ({"figure": "ap50", "at_least": 0.981}, 0.98, False),
        ({"figure": "blast.ece", "at_most": 0.03}, 0.031, False),
        ({"figure": "blast.ece", "at_most": 0.05}, 0.031, True),
        ({"figure": "blast.auc", "at_least": 0.0}, None, False),  # undefined is not met
    ],
)
def test_a_figure_is_held_against_its_bar(entry: dict[str, Any], measured: float | None, met: bool) -> None:
    checked = Bar.of({"what": "words", **entry}).checked(RESULT)
    assert (checked["measured"], checked["met"]) == (measured, met)


@pytest.mark.parametrize(
    "entry",
    [
        {"what": "x", "figure": "ap50"},
        {"what": "x", "figure": "ap50", "at_least": 0, "at_most": 1},
        {"figure": "ap50", "at_least": 0},
        {"what": "x", "figure": "ap50", "at_least": 0, "measured": 1},
    ],
)
def test_a_bar_that_is_none_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="a bar has what, figure"):
        Bar.of(entry)


@pytest.mark.parametrize(
    ("figure", "words"), [("ap5", "no figure ap5"), ("blast.reliability", "not a single figure")]
)
def test_a_bar_on_no_figure_is_refused(figure: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        Bar("x", figure, at_least=0).checked(RESULT)
