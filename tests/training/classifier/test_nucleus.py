"""Sizes of nuclei from labelled cells."""

import numpy as np
import pytest

pytest.importorskip("torch")

from marrowscope.training.classifier.nucleus import nucleus_sizes

pytestmark = pytest.mark.train


def test_median_and_spread_are_recovered_by_lineage_and_few_cells_left_out() -> None:
    types = ("lymphocyte", "segmented_neutrophil", "band_neutrophil", "monocyte")
    rng = np.random.default_rng(0)
    index = np.repeat([0, 1, 2, 3, -1], [400, 200, 200, 5, 50])
    middle = np.array([7.5, 8.5, 8.5, 11.0, 30.0])[index]
    um = (middle * np.exp(rng.normal(0, 0.1, len(index)))).astype(np.float32)
    um[:3] = 0.0  # scale not known
    found = nucleus_sizes(um, index, types).um
    for name, expected in (("lymphocyte", 7.5), ("segmented_neutrophil", 8.5)):
        median, spread = found[name]
        assert median == pytest.approx(expected, rel=0.02)
        assert spread == pytest.approx(0.1, abs=0.015)
    assert found["band_neutrophil"] == found["segmented_neutrophil"]
    assert found["blast"][0] == pytest.approx(np.sqrt(8.5 * 13.0), abs=0.01)
    assert "monocyte" not in found
