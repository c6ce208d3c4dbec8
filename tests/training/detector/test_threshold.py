"""The score from which a box counts."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pycocotools")

from marrowscope.training.detector.threshold import CANDIDATES, ZOOMS, highest_affordable

pytestmark = pytest.mark.train


def _curve(*losses: tuple[float, float]) -> np.ndarray:
    """Recall that falls by `lost` from a score on, at every zoom."""
    curve = np.full((len(ZOOMS), len(CANDIDATES)), 0.97)
    for score, lost in losses:
        curve[:, score <= CANDIDATES] -= lost
    return curve


def test_the_highest_score_is_taken_that_loses_no_set_more_than_a_hundredth() -> None:
    easy, hard = _curve(), _curve((0.4, 0.006), (0.55, 0.02))
    assert CANDIDATES[highest_affordable([easy])] == pytest.approx(0.70)
    assert CANDIDATES[highest_affordable([easy, hard])] == pytest.approx(0.54)
    assert CANDIDATES[highest_affordable([_curve((0.31, 0.5)), hard])] == pytest.approx(0.30)


def test_zooms_weigh_the_same() -> None:
    """Cells lost at one zoom alone count a third."""
    curve = _curve()
    curve[0, CANDIDATES >= 0.5] -= 0.028
    assert CANDIDATES[highest_affordable([curve])] == pytest.approx(0.70)
    curve[0, CANDIDATES >= 0.6] -= 0.004
    assert CANDIDATES[highest_affordable([curve])] == pytest.approx(0.59)
