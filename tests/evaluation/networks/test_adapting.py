"""A measurement of adapting is read back as it was written."""

from pathlib import Path

import pytest

from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.adapting import AdaptingResult, AdaptingTest
from marrowscope.evaluation.networks.measured import write_measured
from marrowscope.models.bundle import load_bundle

RESULT = AdaptingResult(
    50,
    ({"blast": 50, "leukocyte_not_blast": 30},),
    ErrorRates(16, 20, 12, 20, "there"),
    ErrorRates(19, 20, 17, 20, "there"),
    0.8,
    0.95,
)


def test_the_gain_is_a_share_of_what_was_missing() -> None:
    assert RESULT.to_json()["balanced_accuracy_before"] == pytest.approx(0.7)
    assert RESULT.gained_of_missing == pytest.approx(0.2 / 0.3)
    faultless = ErrorRates(20, 20, 20, 20, "")
    assert AdaptingResult(50, (), faultless, faultless, 1, 1).gained_of_missing is None


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "work" / "adapting.json"
    write_measured(RESULT.to_json(), path)
    test = AdaptingTest(tmp_path, path)
    assert test.measure(load_bundle()) == RESULT
    path.write_text("{}")
    with pytest.raises(DatasetError, match="no measurement of adapting"):
        test.measure(load_bundle())
