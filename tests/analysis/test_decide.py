"""From a share to a decision: what decides, and what it says."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rates import LIKE_OTHERS, VALIDATED, exactly, laboratories, laboratory, validation

from marrowscope.analysis import correction
from marrowscope.analysis.correction import corrected_share
from marrowscope.analysis.decide import cells_to_settle, decide, side
from marrowscope.analysis.intervals import level_of_repeated_looks, wilson
from marrowscope.analysis.laboratories import Rates, new_laboratory, own_laboratory
from marrowscope.analysis.numbers import Inferred, Numbers
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import (
    ICC_2022,
    OVER_20,
    RULES,
    WHO_2022,
    Basis,
    Decision,
    Interval,
    Rule,
    Verdict,
    custom_rule,
)
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import NOTHING_KNOWN, KnownErrors, Laboratory

ALL_REVIEWED = Inferred(is_complete=True)


def numbers(
    blasts: int, counted: int, known: KnownErrors = NOTHING_KNOWN, inferred: Inferred = ALL_REVIEWED
) -> Numbers:
    differential = Differential({"blast": blasts, "lymphocyte": counted - blasts}, {}, blasts)
    return Numbers(differential, known=known, inferred=inferred)


def reviewed(blasts: int, counted: int, rule: Rule = OVER_20) -> Decision:
    return decide(numbers(blasts, counted), rule)


def by_networks(blasts: int, counted: int, known: KnownErrors) -> Decision:
    return decide(numbers(blasts, counted, known, Inferred()), OVER_20)


@pytest.mark.parametrize(("n", "low", "high"), [(100, 13.3, 28.9), (500, 16.7, 23.7), (1000, 17.6, 22.6)])
def test_published_intervals_of_a_fifth(n: int, low: float, high: float) -> None:
    interval = wilson(n // 5, n)
    assert interval is not None
    assert (round(100 * interval.low, 1), round(100 * interval.high, 1)) == (low, high)


@pytest.mark.parametrize(
    ("blasts", "counted", "verdict", "words"),
    [
        (300, 500, Verdict.POSITIVE, "Above 20 %"),
        (10, 500, Verdict.NEGATIVE, "Below 20 %"),
        (82, 500, Verdict.NEGATIVE, "Below 20 %"),
        (83, 500, Verdict.INDETERMINATE, "Undecided"),
        (117, 500, Verdict.INDETERMINATE, "Undecided"),
        (118, 500, Verdict.POSITIVE, "Above 20 %"),
        (199, 199, Verdict.INSUFFICIENT, "Too few cells"),
        (0, 0, Verdict.INSUFFICIENT, "Too few cells"),
    ],
)
def test_three_ways_and_too_few(blasts: int, counted: int, verdict: Verdict, words: str) -> None:
    decision = reviewed(blasts, counted)
    assert decision.verdict is verdict
    assert decision.words == words


def test_the_threshold_itself() -> None:
    assert not OVER_20.is_met_by(20.0)
    assert WHO_2022.is_met_by(20.0)
    assert custom_rule(25, inclusive=True).condition == "blasts ≥ 25 %"
    with pytest.raises(ValueError, match="not between 0 and 100"):
        custom_rule(100, inclusive=False)


@pytest.mark.parametrize(
    ("rule", "blasts", "band"),
    [
        (OVER_20, 10, "under 5 %"),
        (OVER_20, 60, "5 to 19 %"),
        (OVER_20, 35, "5 to 9 %"),
        (OVER_20, 25, "under 10 %"),
        (WHO_2022, 70, "10 to 19 % (MDS-IB2)"),
        (WHO_2022, 25, "under 5 % or 5 to 9 % (MDS-IB1)"),
        (ICC_2022, 70, "10 to 19 % (MDS/AML)"),
        (custom_rule(25, inclusive=True), 10, ""),
    ],
)
def test_a_share_below_in_marrow_is_given_its_band(rule: Rule, blasts: int, band: str) -> None:
    marrow = replace(numbers(blasts, 500), specimen=Specimen.MARROW)
    assert decide(marrow, rule).band == band


@pytest.mark.parametrize("specimen", [Specimen.BLOOD, Specimen.NOT_STATED])
def test_bands_of_marrow_are_told_of_nothing_else(specimen: Specimen) -> None:
    decision = decide(replace(numbers(70, 500), specimen=specimen), WHO_2022)
    assert (decision.verdict, decision.band) == (Verdict.NEGATIVE, "")


def test_a_validation_holds_for_the_specimen_it_was_made_on() -> None:
    """It says nothing of another one; where the specimen is not stated, it is said of what it is."""
    here = numbers(300, 500, VALIDATED, Inferred())
    assert replace(here, specimen=Specimen.MARROW).basis is Basis.VALIDATED
    assert replace(here, specimen=Specimen.BLOOD).basis is Basis.LABORATORIES
    assert "(marrow: 1000 blasts" in decide(here, OVER_20).why
    alone = replace(here, known=KnownErrors(validation=validation()), specimen=Specimen.BLOOD)
    decision = decide(alone, OVER_20)
    assert (decision.decided_by, decision.verdict) == (Basis.NONE, Verdict.INDETERMINATE)
    assert "This laboratory's validation is of marrow." in decision.why


@pytest.mark.parametrize("blasts", [0, 25, 100, 400, 500])
def test_without_known_errors_the_networks_count_decides_nothing(blasts: int) -> None:
    decision = by_networks(blasts, 500, NOTHING_KNOWN)
    assert decision.verdict is Verdict.INDETERMINATE
    assert decision.decided_by is Basis.NONE
    assert "not known" in decision.why
    assert any("Review at least 100 cells" in reason for reason in decision.reasons)


@pytest.mark.parametrize("blasts", range(0, 501, 20))
def test_useless_rates_decide_nothing(blasts: int) -> None:
    coins = KnownErrors(laboratories([(0.5, 0.5), (0.55, 0.5), (0.6, 0.42), (0.45, 0.55)]))
    assert by_networks(blasts, 500, coins).verdict is Verdict.INDETERMINATE
    own_coin = KnownErrors(validation=validation(0.5, 0.5, 200))
    assert by_networks(blasts, 500, own_coin).verdict is Verdict.INDETERMINATE


def test_what_decides_in_which_order() -> None:
    assert by_networks(300, 500, LIKE_OTHERS).decided_by is Basis.LABORATORIES
    assert by_networks(300, 500, VALIDATED).decided_by is Basis.VALIDATED
    share = Interval(0.1, 0.05, 0.15, 0.95, "test")
    few, enough = (Inferred(share, cells) for cells in (99, 100))
    assert decide(numbers(300, 500, VALIDATED, few), OVER_20).decided_by is Basis.VALIDATED
    decision = decide(numbers(300, 500, VALIDATED, enough), OVER_20)
    assert (decision.decided_by, decision.verdict) == (Basis.REVIEWED, Verdict.NEGATIVE)
    equivalents = replace(numbers(300, 500, VALIDATED, Inferred()).differential, equivalents=("monocyte",))
    assert Numbers(equivalents, known=VALIDATED).basis is Basis.NONE


def test_a_verdict_by_other_laboratories_is_called_triage() -> None:
    decision = by_networks(450, 500, LIKE_OTHERS)
    assert decision.verdict is Verdict.POSITIVE
    assert "as in the 4 laboratories measured" in decision.why
    assert "triage" in decision.why
    assert "2026-01-05 by A. Smith" in by_networks(450, 500, VALIDATED).why


def test_a_complete_review_too_near_the_threshold_asks_for_no_more_review() -> None:
    decision = decide(numbers(100, 500, LIKE_OTHERS, Inferred(is_complete=True)), OVER_20)
    assert decision.verdict is Verdict.INDETERMINATE
    assert any("too near the threshold" in reason for reason in decision.reasons)
    assert not any("Review" in reason for reason in decision.reasons)


def test_one_group_of_patients_tells_nothing_of_how_patients_differ() -> None:
    """Knowing whose cells they are may narrow an interval; not knowing it never does."""
    apart = laboratory("own", 0.8, 0.95, 500, patients=10)
    varied = tuple(
        replace(one, blasts_called=min(one.blasts, one.blasts_called + (10 if n % 2 else -10)))
        for n, one in enumerate(apart.by_patient)
    )

    def width(known: Laboratory) -> float:
        found = corrected_share(100, 500, own_laboratory(known))
        assert found is not None
        return found.high - found.low

    assert width(replace(apart, by_patient=())) >= width(replace(apart, by_patient=varied))


def test_rates_that_explain_any_share_are_said_to_say_nothing() -> None:
    coins = KnownErrors(laboratories([(0.5, 0.5), (0.9, 0.2), (0.2, 0.9)]))
    decision = by_networks(150, 500, coins)
    assert decision.verdict is Verdict.INDETERMINATE
    assert decision.why.endswith("this count may come with any blast share.")


def test_too_few_laboratories_or_cells_tell_nothing() -> None:
    assert new_laboratory(laboratories()[:2]) is None
    small = tuple(laboratory(str(n), 0.8, 0.9, 10) for n in range(5))
    assert new_laboratory(small) is None
    assert own_laboratory(laboratory("own", 0.8, 0.9, 19)) is None


def test_the_more_patients_of_a_laboratory_differ_the_wider_the_interval() -> None:
    """Eight of ten blasts were found in all: in every patient, or all in eight of ten and none in two."""
    alike = laboratory("own", 0.8, 0.95, 400)
    apart = tuple(
        replace(patient, blasts_called=patient.blasts if n % 5 else 0)
        for n, patient in enumerate(alike.by_patient)
    )

    def width(known: Laboratory) -> float:
        found = corrected_share(150, 500, own_laboratory(known))
        assert found is not None
        return found.high - found.low

    assert width(replace(alike, by_patient=apart)) > 2 * width(alike)
    assert width(replace(alike, by_patient=())) > 2 * width(alike)  # it is not known whose cells they are


def test_the_more_laboratories_differ_the_wider_the_interval() -> None:
    alike = corrected_share(150, 500, new_laboratory(laboratories([(0.8, 0.9)] * 4)))
    apart = corrected_share(150, 500, new_laboratory(laboratories()))
    assert alike is not None
    assert apart is not None
    assert apart.high - apart.low > 1.5 * (alike.high - alike.low)


def test_rates_of_a_new_laboratory_have_the_spread_of_those_measured() -> None:
    rates = new_laboratory(laboratories())
    assert rates is not None
    assert sorted(rates.sensitivity)[256] == pytest.approx(0.80, abs=0.02)
    assert sorted(rates.specificity)[256] == pytest.approx(0.90, abs=0.02)
    assert (rates.false_finds == 0).all()


def test_false_finds_of_the_detector_raise_the_share_among_cells() -> None:
    """Of a hundred finds twenty are no cell: 24 blasts among 80 cells are 30 %."""
    plain = tuple(laboratory(str(n), 0.999, 0.999, 5000) for n in range(4))
    finds = tuple(replace(lab, finds=5000, false_finds=1000) for lab in plain)
    counted = corrected_share(1200, 5000, new_laboratory(plain))
    among_cells = corrected_share(1200, 5000, new_laboratory(finds))
    assert counted is not None
    assert among_cells is not None
    assert counted.estimate == pytest.approx(0.24, abs=0.005)
    assert among_cells.estimate == pytest.approx(0.30, abs=0.005)


def test_known_errors_are_corrected() -> None:
    # CLINICAL rule of thumb: with sensitivity = specificity = 0.96 a true 2 % reads 5.84 %.
    rates = exactly(0.96, 0.96)
    found = corrected_share(584, 10_000, rates)
    assert found is not None
    assert found.estimate == pytest.approx(0.02, abs=0.001)
    assert found.low < 0.02 < found.high
    assert corrected_share(584, 10_000, exactly(0.96, 0.96)) == found


def test_a_share_is_corrected_once_whatever_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    compute = correction._chance_of_as_few

    def computed(share: float, number: float, freedom: float, rates: Rates) -> npt.NDArray[np.float64]:
        asked.append(share)
        return compute(share, number, freedom, rates)

    monkeypatch.setattr(correction, "_chance_of_as_few", computed)
    corrected_share.cache_clear()
    first = [decide(numbers(97, 501, VALIDATED, Inferred()), rule) for rule in RULES.values()]
    assert len(asked) == corrected_share.cache_info().currsize > 0
    asked.clear()
    assert [decide(numbers(97, 501, VALIDATED, Inferred()), rule) for rule in RULES.values()] == first
    assert asked == []


def test_a_share_corrected_to_nothing_still_has_an_upper_bound() -> None:
    found = corrected_share(2, 585, own_laboratory(laboratory("own", 0.96, 0.96)))
    assert found is not None
    assert found.low == 0
    assert 0.001 < found.high < 0.03


@settings(max_examples=30)
@given(st.integers(0, 500), st.sampled_from([LIKE_OTHERS, VALIDATED]))
def test_a_corrected_share_is_a_share(blasts: int, known: KnownErrors) -> None:
    interval = numbers(blasts, 500, known, Inferred()).deciding
    assert interval is not None
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


@settings(max_examples=30)
@given(st.integers(0, 400), st.integers(200, 400))
def test_the_count_advised_settles_the_case_though_it_is_looked_at_again(blasts: int, counted: int) -> None:
    found = numbers(min(blasts, counted), counted)
    again = replace(found, level=level_of_repeated_looks())
    more = reviewed(min(blasts, counted), counted).cells_to_settle
    if more is not None:
        after, before = again.after(counted + more), again.after(counted + more - 1)
        assert after is not None
        assert before is not None
        assert side(after, OVER_20) is not Verdict.INDETERMINATE
        assert side(before, OVER_20) is Verdict.INDETERMINATE


def test_no_count_settles_a_share_at_the_threshold() -> None:
    assert cells_to_settle(numbers(100, 500), OVER_20) is None


def test_repeated_looks_cost_width() -> None:
    # Pocock's boundary for looks from n to ten times n lies near 2.85 (Miller & Siegmund 1982).
    assert level_of_repeated_looks() == pytest.approx(0.9955, abs=0.0005)
    once, again = wilson(50, 500), wilson(50, 500, level_of_repeated_looks())
    assert once is not None
    assert again is not None
    assert again.low < once.low
    assert once.high < again.high
