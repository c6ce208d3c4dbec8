"""Fields whose cells resemble each other: what a count on them is worth."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.analysis.clustering import clustering, clustering_of_lot, critical_value, design
from marrowscope.analysis.intervals import clopper_pearson, field_bootstrap, wilson
from marrowscope.domain.decision import NO_CLUSTERING

FIELDS = st.lists(
    st.integers(0, 30).flatmap(lambda m: st.tuples(st.just(m), st.integers(0, m))), min_size=1, max_size=40
)


def test_a_known_correlation_is_found() -> None:
    rng = np.random.default_rng(5)
    sizes = np.resize([7, 13], 300)
    of_field = rng.beta(0.2 * 19, 0.8 * 19, (300, 300))  # correlation 1 / (1 + 19)
    found = design(sizes, rng.binomial(sizes, of_field))[0]
    assert found.mean() == pytest.approx(0.05, abs=0.005)


def test_more_fields_tell_more_of_the_correlation() -> None:
    few, many = (clustering(np.full(k, 10), np.full(k, 2)).icc for k in (3, 100))
    assert many < few < 0.25
    alike = clustering(np.full(50, 10), np.resize([0, 10], 50))
    assert alike.icc > 0.6
    assert alike.effective(500) < 100


def test_few_fields_have_few_degrees_of_freedom() -> None:
    assert clustering([50] * 4, [10, 2, 30, 8]).freedom == 3
    assert clustering([50] * 10, [10] * 10).freedom <= 9


def test_one_image_and_images_of_single_cells_cost_nothing() -> None:
    assert clustering([500], [100]) == NO_CLUSTERING
    assert clustering([500, 0], [100, 0]) == NO_CLUSTERING
    assert clustering([], []).design_effect == 1
    assert clustering([1] * 300, [1, 0, 0] * 100).design_effect == 1


def test_a_smear_without_counted_cells_clusters_in_no_way() -> None:
    assert clustering_of_lot([0, 0], [0, 0], [0, 0]) == NO_CLUSTERING
    assert clustering_of_lot([], [], []) == NO_CLUSTERING


def test_a_lot_tells_how_all_cells_cluster() -> None:
    sizes, seen = [50] * 10, [10] * 10
    gathered = clustering_of_lot(sizes, seen, [10] * 3 + [0] * 7)
    spread = clustering_of_lot(sizes, seen, [3] * 10)
    assert gathered.design_effect > 2 * spread.design_effect
    assert spread.design_effect >= 1


@given(FIELDS, st.randoms())
def test_order_of_fields_changes_nothing(fields: list[tuple[int, int]], random: Random) -> None:
    shuffled = list(fields)
    random.shuffle(shuffled)
    found = clustering([m for m, _ in fields], [x for _, x in fields])
    assert found == clustering([m for m, _ in shuffled], [x for _, x in shuffled])
    assert found.design_effect >= 1
    assert 0 <= found.icc <= 1


@given(FIELDS)
def test_clustering_only_ever_widens(fields: list[tuple[int, int]]) -> None:
    counted, marked = sum(m for m, _ in fields), sum(x for _, x in fields)
    found = clustering([m for m, _ in fields], [x for _, x in fields])
    for interval in (wilson, clopper_pearson):
        plain, wide = interval(marked, counted), interval(marked, counted, clustering=found)
        if plain is None or wide is None:
            assert counted == 0
            continue
        assert 0 <= wide.low <= plain.low + 1e-12
        assert plain.estimate == wide.estimate
        assert plain.high - 1e-12 <= wide.high <= 1


def test_resampled_fields_cover_the_share_and_show_what_clusters() -> None:
    even = field_bootstrap([20] * 15, [5] * 15)
    lumped = field_bootstrap([20] * 15, [20, 20, 20, 15] + [0] * 11)
    assert even is not None
    assert lumped is not None
    assert even.estimate == lumped.estimate == even.low == even.high == 0.25
    assert lumped.low < 0.1
    assert lumped.high > 0.4
    assert lumped == field_bootstrap([20] * 15, [0] * 11 + [20, 15, 20, 20])
    assert field_bootstrap([20, 0], [5, 0]) is None


def test_students_t_where_fields_are_few() -> None:
    assert critical_value(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert critical_value(0.95, 10) == pytest.approx(2.228139, abs=1e-6)
    assert critical_value(0.95, np.array([math.inf, 10])).shape == (2,)
