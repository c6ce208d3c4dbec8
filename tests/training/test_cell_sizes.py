"""Sizes of types from labelled cells."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from marrowscope.training.cell_sizes import sizes_of
from marrowscope.training.classifier_data import CACHE_CONTEXT, bank_of_synthetic

pytestmark = pytest.mark.train


def test_median_and_spread_are_recovered_and_few_cells_left_out() -> None:
    types = ("lymphocyte", "segmented_neutrophil")
    bank = bank_of_synthetic(types, per_type=30, seed=1)
    scatter = np.exp(np.random.default_rng(0).normal(0, 0.12, len(bank)))
    side_um = np.where(bank.types == 0, 10.0, 14.0) * scatter
    bank = replace(
        bank, sources=np.full(len(bank), "clinic"), side_um=(side_um * CACHE_CONTEXT).astype(np.float32)
    )
    found = sizes_of(bank, types).um
    median, spread = found["lymphocyte"]
    assert median == pytest.approx(10.0, rel=0.07)
    assert spread == pytest.approx(0.12, abs=0.05)
    assert found["segmented_neutrophil"][0] == pytest.approx(14.0, rel=0.07)
    assert found["blast"][0] == pytest.approx(np.sqrt(180.0), abs=0.01)
    few = bank.select(np.flatnonzero(bank.types == 0)[:5])
    assert set(sizes_of(few, types).um) == {"blast"}
