"""A measurement of adapting is read back as it was written, for the networks it was made with only."""

import shutil
from pathlib import Path

import pytest

from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.adapting import AdaptingResult, AdaptingTest, write_adapting
from marrowscope.models.bundle import load_bundle, write_sums

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


def test_it_is_read_for_its_own_networks_only(tmp_path: Path) -> None:
    path = tmp_path / "work" / "adapting.json"
    write_adapting(RESULT, load_bundle(), path)
    test = AdaptingTest(tmp_path, path)
    assert test.measure(load_bundle()) == RESULT
    other = Path(shutil.copytree(load_bundle().folder, tmp_path / "other"))
    (other / "classifier.onnx").write_bytes(b"retrained")
    write_sums(other)
    with pytest.raises(DatasetError, match="other networks"):
        test.measure(load_bundle(other))
    path.write_text("{}")
    with pytest.raises(DatasetError, match="no measurement of adapting"):
        test.measure(load_bundle())
