"""From a share to a decision."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.analysis.correction import corrected_share
from marrowscope.analysis.decide import cells_to_settle, decide
from marrowscope.analysis.evidence import Evidence
from marrowscope.analysis.intervals import wilson
from marrowscope.analysis.unfamiliar import UnfamiliarCells
from marrowscope.domain.decision import OVER_20, WHO_2022, Decision, Interval, Rule, Verdict, custom_rule
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import ErrorRates

RATES = ErrorRates(960, 1000, 960, 1000, "test")


def evidence(blasts: int, counted: int, rates: ErrorRates | None = None) -> Evidence:
    return Evidence(Differential({"blast": blasts, "lymphocyte": counted - blasts}, {}, blasts), rates)


def decided(blasts: int, counted: int, rule: Rule = OVER_20, rates: ErrorRates | None = None) -> Decision:
    return decide(evidence(blasts, counted, rates), rule)


def adjusted_share(blasts: int, counted: int, rates: ErrorRates | None) -> Interval | None:
    return corrected_share(blasts, counted, rates).interval


@pytest.mark.parametrize(("n", "low", "high"), [(100, 13.3, 28.9), (500, 16.7, 23.7), (1000, 17.6, 22.6)])
def test_published_intervals_of_a_fifth(n: int, low: float, high: float) -> None:
    interval = wilson(n // 5, n)
    assert interval is not None
    assert (round(100 * interval.low, 1), round(100 * interval.high, 1)) == (low, high)


@pytest.mark.parametrize(
    ("blasts", "counted", "verdict"),
    [
        (300, 500, Verdict.POSITIVE),
        (10, 500, Verdict.NEGATIVE),
        (100, 500, Verdict.INDETERMINATE),
        (82, 500, Verdict.NEGATIVE),
        (83, 500, Verdict.INDETERMINATE),
        (118, 500, Verdict.POSITIVE),
        (117, 500, Verdict.INDETERMINATE),
        (199, 199, Verdict.INSUFFICIENT),
        (0, 0, Verdict.INSUFFICIENT),
    ],
)
def test_three_ways_and_too_few(blasts: int, counted: int, verdict: Verdict) -> None:
    assert decided(blasts, counted).verdict is verdict


def test_the_threshold_itself() -> None:
    assert not OVER_20.is_met_by(20.0)
    assert WHO_2022.is_met_by(20.0)
    assert custom_rule(25, inclusive=True).condition == "blasts ≥ 25 %"
    with pytest.raises(ValueError, match="not between 0 and 100"):
        custom_rule(100, inclusive=False)


@given(st.integers(0, 400), st.integers(200, 400), st.sampled_from([None, RATES]))
def test_the_count_advised_settles_the_case(blasts: int, counted: int, rates: ErrorRates | None) -> None:
    blasts = min(blasts, counted)
    found = evidence(blasts, counted, rates)
    more = decided(blasts, counted, rates=rates).cells_to_settle
    if more is not None:
        low, high = found.verdict_bounds(counted + more)
        assert low > 0.2 or high <= 0.2
        low, high = found.verdict_bounds(counted + more - 1)
        assert low <= 0.2 < high


def test_no_count_settles_a_share_at_the_threshold() -> None:
    assert cells_to_settle(evidence(100, 500), OVER_20) is None


def test_known_errors_are_corrected() -> None:
    # CLINICAL rule of thumb: with sensitivity = specificity = 0.96 a true 2 % reads 5.84 %.
    adjusted = adjusted_share(584, 10_000, RATES)
    assert adjusted is not None
    assert adjusted.estimate == pytest.approx(0.02, abs=1e-9)
    assert adjusted.low < 0.02 < adjusted.high
    assert adjusted_share(584, 10_000, RATES) == adjusted


def test_a_share_corrected_to_nothing_still_has_an_upper_bound() -> None:
    adjusted = adjusted_share(11, 585, RATES)
    assert adjusted is not None
    assert adjusted.estimate == adjusted.low == 0
    assert 0.001 < adjusted.high < 0.03


def test_no_correction_without_rates_cells_or_information() -> None:
    assert adjusted_share(1, 10, None) is None
    assert adjusted_share(0, 0, RATES) is None
    assert adjusted_share(5, 10, ErrorRates(50, 100, 50, 100, "a coin")) is None


@settings(max_examples=20)
@given(st.integers(0, 500))
def test_a_corrected_share_is_a_share(blasts: int) -> None:
    adjusted = adjusted_share(blasts, 500, RATES)
    assert adjusted is not None
    assert 0 <= adjusted.low <= adjusted.estimate <= adjusted.high <= 1


def test_a_correction_to_the_other_side_makes_a_count_indeterminate() -> None:
    poor = ErrorRates(990, 1000, 850, 1000, "false positives abound")
    assert decided(125, 500).verdict is Verdict.POSITIVE
    decision = decided(125, 500, rates=poor)
    assert decision.verdict is Verdict.INDETERMINATE
    assert any("other side of the threshold" in reason for reason in decision.reasons)


def test_the_corrected_interval_decides() -> None:
    # Counted 24 % of 500 is beyond 20 %; with one cell in 25 misread that is a true 21.7 %: not sure.
    assert decided(120, 500).verdict is Verdict.POSITIVE
    assert decided(120, 500, rates=RATES).verdict is Verdict.INDETERMINATE
    assert decided(160, 500, rates=RATES).verdict is Verdict.POSITIVE


def doubtful(blasts: int, unclassified: int, counted: int, rule: Rule = OVER_20) -> Decision:
    counts = {"blast": blasts, "unclassified": unclassified, "lymphocyte": counted - blasts - unclassified}
    return decide(Evidence(Differential(counts, {}, blasts)), rule)


@pytest.mark.parametrize(
    ("blasts", "unclassified", "verdict"),
    [
        (
            39,
            115,
            Verdict.INDETERMINATE,
        ),  # an acute promyelocytic leukemia: 7.8 % blasts, 23 % without a name
        (39, 61, Verdict.NEGATIVE),  # exactly 20 % even if all are blasts: not more than 20 %
        (39, 62, Verdict.INDETERMINATE),
        (150, 300, Verdict.POSITIVE),  # unclassified cells already count as no blasts
    ],
)
def test_cells_without_a_name_that_could_cross_the_threshold(
    blasts: int, unclassified: int, verdict: Verdict
) -> None:
    decision = doubtful(blasts, unclassified, 500)
    assert decision.verdict is verdict
    told = [reason for reason in decision.reasons if "could not be classified" in reason]
    assert bool(told) == (verdict is Verdict.INDETERMINATE)


def test_the_threshold_itself_counts_where_the_rule_includes_it() -> None:
    assert doubtful(39, 61, 500, WHO_2022).verdict is Verdict.INDETERMINATE


ELSEWHERE = ErrorRates(180, 200, 170, 200, "another laboratory")


def partly_unfamiliar(blasts: int, unfamiliar: UnfamiliarCells, rates: ErrorRates | None = None) -> Evidence:
    """Count 500 cells or so, all whole, some of them unfamiliar."""
    counted = max(500, blasts + unfamiliar.cleared)
    return Evidence(
        Differential({"blast": blasts, "lymphocyte": counted - blasts}, {}, blasts),
        rates,
        whole_cells=counted,
        unfamiliar_cells=unfamiliar.cells,
        counted_unfamiliar=unfamiliar,
    )


@pytest.mark.parametrize("blasts", [5, 100, 400])
def test_few_unfamiliar_cells_change_nothing(blasts: int) -> None:
    found = partly_unfamiliar(blasts, UnfamiliarCells(5, 70))
    assert decide(found, OVER_20) == decided(blasts, 500)


@pytest.mark.parametrize(
    ("blasts", "unfamiliar", "verdict"),
    [
        (300, UnfamiliarCells(150, 50), Verdict.POSITIVE),  # 150 others are familiar blasts: 30 %
        (300, UnfamiliarCells(250, 50), Verdict.INDETERMINATE),  # only 50 are beyond doubt
        (5, UnfamiliarCells(0, 76), Verdict.NEGATIVE),  # 16 % even if all of them are blasts
        (5, UnfamiliarCells(0, 150), Verdict.INDETERMINATE),
    ],
)
def test_unfamiliar_cells_are_counted_one_way_and_the_other(
    blasts: int, unfamiliar: UnfamiliarCells, verdict: Verdict
) -> None:
    decision = decide(partly_unfamiliar(blasts, unfamiliar), OVER_20)
    assert decision.verdict is verdict
    (told,) = (reason for reason in decision.reasons if "look unlike" in reason)
    assert ("the verdict stands both ways" in told) == (verdict is not Verdict.INDETERMINATE)


def test_what_other_laboratories_cells_taught_narrows_the_doubt() -> None:
    known = UnfamiliarCells(250, 50, ELSEWHERE)
    assert decide(partly_unfamiliar(300, known), OVER_20).verdict is Verdict.POSITIVE
    fewest, most = known.blasts()
    # Worst rates within their exact intervals: sensitivity 0.85, specificity 0.79.
    assert 0 < fewest < 250 < most < 300
    assert UnfamiliarCells(0, 100, ELSEWHERE).blasts() == (0, 0)
    assert UnfamiliarCells(10, 90, ErrorRates(0, 0, 0, 0, "nothing")).blasts() == (0, 100)


def test_what_other_laboratories_taught_is_not_believed_against_the_probabilities() -> None:
    """Nearly all blasts missed, as on a smear that misleads the names: the probabilities say so."""
    missed = partly_unfamiliar(20, UnfamiliarCells(18, 250, ELSEWHERE), RATES)
    assert decide(missed, OVER_20).verdict is Verdict.NEGATIVE
    doubted = replace(missed, from_probabilities=0.8)
    assert not doubted.relies_on_elsewhere
    decision = decide(doubted, OVER_20)
    assert decision.verdict is Verdict.INDETERMINATE
    assert any("As any of them may be named wrongly" in reason for reason in decision.reasons)
    assert replace(missed, from_probabilities=0.03).relies_on_elsewhere


@given(
    st.integers(0, 250),
    st.integers(0, 250),
    st.integers(0, 100),
    st.sampled_from([None, ELSEWHERE]),
    st.sampled_from([None, RATES]),
)
def test_doubt_only_widens(
    called: int, cleared: int, familiar: int, of_unfamiliar: ErrorRates | None, rates: ErrorRates | None
) -> None:
    found = partly_unfamiliar(called + familiar, UnfamiliarCells(called, cleared, of_unfamiliar), rates)
    low, high = found.verdict_bounds()
    inner = found.verdict_bounds(as_if_familiar=True)
    assert low <= inner[0] <= inner[1] <= high
    if found.correction.interval is not None:
        printed = found.correction.interval
        assert low <= printed.low + 1e-12
        assert printed.high - 1e-12 <= high
    decision = decide(found, OVER_20)
    if decision.verdict is not Verdict.INDETERMINATE:
        assert (
            decide(evidence(called + familiar, found.differential.counted, rates), OVER_20).verdict
            is decision.verdict
        )
