"""Unfamiliar cells: far from every class, by the spread the classes have."""

from pathlib import Path

import numpy as np
import pytest

from marrowscope.errors import BundleError
from marrowscope.models.feature_space import USUAL_SHARE, FeatureSpace

N_FEATURES = 40
SPREAD = np.geomspace(4.0, 0.5, N_FEATURES)


def cells(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw features of three classes with one, very unequal, spread."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, n)
    centres = np.random.default_rng(9).normal(0, 6, (3, N_FEATURES))
    return (centres[classes] + rng.normal(0, SPREAD, (n, N_FEATURES))).astype(np.float32), classes


@pytest.fixture(scope="module")
def space() -> FeatureSpace:
    features, classes = cells(3000, 0)
    return FeatureSpace.fitted(features, classes, cells(2000, 1)[0], n_directions=10)


def test_familiar_cells_exceed_the_limit_as_seldom_as_said(space: FeatureSpace) -> None:
    assert space.is_unfamiliar(cells(4000, 2)[0]).mean() == pytest.approx(USUAL_SHARE, abs=0.015)


def test_distance_is_measured_in_the_spread_of_each_direction(space: FeatureSpace) -> None:
    centre = space.means[0].astype(np.float32)
    wide, narrow = np.zeros(N_FEATURES, np.float32), np.zeros(N_FEATURES, np.float32)
    wide[0], narrow[-1] = 8.0, 8.0
    distances = space.distance(np.stack([centre, centre + wide, centre + narrow]))
    assert distances[0] == pytest.approx(0, abs=1e-3)
    assert distances[2] > 2.5 * distances[1] > 0


def test_what_lies_between_the_classes_is_unfamiliar(space: FeatureSpace) -> None:
    between = space.means.mean(axis=0, keepdims=True).astype(np.float32)
    assert space.is_unfamiliar(between).all()


def test_it_survives_the_disk_and_anything_else_is_refused(space: FeatureSpace, tmp_path: Path) -> None:
    space.save(tmp_path / "space.npz")
    again = FeatureSpace.load(tmp_path / "space.npz")
    some = cells(50, 3)[0]
    np.testing.assert_allclose(again.distance(some), space.distance(some), rtol=0.02)
    (tmp_path / "other.npz").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="not a feature space"):
        FeatureSpace.load(tmp_path / "other.npz")


def test_drawn_features_lie_as_those_it_was_fitted_to(space: FeatureSpace) -> None:
    drawn = space.drawn(np.random.default_rng(5), 4000)
    assert space.is_unfamiliar(drawn).mean() < 3 * USUAL_SHARE
    np.testing.assert_allclose(drawn.mean(axis=0), space.means.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(drawn.std(axis=0)[:10], cells(4000, 6)[0].std(axis=0)[:10], rtol=0.15)
