"""Percentages in print: one rounding everywhere, and sums that hold."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.domain.percent import file_percent, percent_text, percents_that_sum


@pytest.mark.parametrize(
    ("share", "file", "print_"),
    [
        (0.0, 0.0, "0.0"),
        (1.0, 100.0, "100.0"),
        (0.12349, 12.35, "12.4"),
        (0.12344, 12.34, "12.3"),
        (1 / 3, 33.33, "33.3"),
    ],
)
def test_print_is_the_files_figure_rounded_half_up(share: float, file: float, print_: str) -> None:
    assert file_percent(share) == file
    assert percent_text(share) == print_


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 5000)))
def test_percentages_sum_to_a_hundred_and_stay_near_their_shares(counts: dict[str, int]) -> None:
    percents = percents_that_sum(counts, fixed="a")
    total = sum(counts.values())
    if not total:
        assert set(percents.values()) <= {0.0}
        return
    assert sum(Decimal(str(p)) for p in percents.values()) == 100
    own = [name for name in counts if str(percents[name]) == percent_text(counts[name] / total)]
    assert len(own) >= len(counts) - 1
    for name, number in counts.items():
        assert percents[name] == pytest.approx(100 * number / total, abs=0.05 * len(counts) + 1e-9)
        assert percents[name] >= 0
    if "a" in counts and any(number >= total / 50 for name, number in counts.items() if name != "a"):
        assert str(percents["a"]) == percent_text(counts["a"] / total)


def test_a_single_cell_has_the_same_percentage_beside_every_other() -> None:
    counts = {"blast": 432, "basophil": 1, "monocyte": 1, "lymphocyte": 6, "erythroblast": 69}
    percents = percents_that_sum(counts, fixed="blast")
    assert percents["basophil"] == percents["monocyte"] == float(percent_text(1 / 509))
