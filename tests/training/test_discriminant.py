"""The blast head as a discriminant: it listens to what tells cells apart, not to what the view changes."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")

from marrowscope.errors import DatasetError
from marrowscope.training.discriminant import discriminant

pytestmark = pytest.mark.train


def _cells(rng: np.random.Generator, *, views: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two kinds of blasts and two of others, 300 cells each, four features.

    The first tells blasts from others. So does the second, better even, but it moves from view to view.
    """
    kind = np.repeat(np.arange(4), 300)
    is_blast = np.array([True, True, False, False])
    own = rng.normal(size=(len(kind), 1, 4))
    own[..., 0] += np.where(is_blast[kind], 1.5, -1.5)[:, None]
    own[..., 1] = own[..., 1] * 0.3 + np.where(is_blast[kind], 3.0, -3.0)[:, None]
    view = np.zeros((len(kind), views, 4))
    view[..., 1] = rng.normal(scale=8.0, size=(len(kind), views))
    view[:, 0] = 0.0  # as photographed
    return own + view, kind, is_blast


def test_what_changes_with_the_view_weighs_little() -> None:
    views, kind, is_blast = _cells(np.random.default_rng(0), views=3)
    weight, bias = discriminant(views, kind, is_blast)
    assert weight[0] > 4 * abs(weight[1])
    assert np.abs(weight[2:]).max() < 0.1 * weight[0]
    assert abs(bias) < 0.3  # even odds lie in the middle
    alone, _ = discriminant(views[:, :1], kind, is_blast)
    assert alone[1] > alone[0]  # one laboratory alone does not show it


def test_every_kind_weighs_the_same() -> None:
    views, kind, is_blast = _cells(np.random.default_rng(1), views=2)
    weight, bias = discriminant(views, kind, is_blast)
    thinned = np.flatnonzero((kind != 3) | (np.arange(len(kind)) % 10 == 0))
    fewer, other_bias = discriminant(views[thinned], kind[thinned], is_blast)
    np.testing.assert_allclose(fewer[0], weight[0], rtol=0.15)
    assert other_bias == pytest.approx(bias, abs=0.3)


def test_the_log_odds_of_normal_kinds_are_theirs() -> None:
    """One kind each, unit variance, means 2 apart: the log odds rise by 2 for every unit (Fisher)."""
    rng = np.random.default_rng(2)
    kind = np.repeat([0, 1], 4000)
    views = rng.normal(size=(8000, 1, 1)) + np.where(kind == 0, 1.0, -1.0)[:, None, None]
    weight, bias = discriminant(views, kind, np.array([True, False]))
    assert weight[0] == pytest.approx(2.0, rel=0.06)
    assert bias == pytest.approx(0.0, abs=0.1)


def test_blasts_alone_cannot_be_told_apart() -> None:
    with pytest.raises(DatasetError, match="blasts and other cells"):
        discriminant(np.zeros((4, 1, 2)), np.zeros(4, np.int64), np.array([True]))
