"""Control charts: limits from the first occasions, rules, and what has drifted."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from marrowscope.analysis.control.changes import Change
from marrowscope.analysis.control.charts import NETWORKS, Cause, Chart, NoLimits, charts
from marrowscope.analysis.control.limits import individuals, shares, widening
from marrowscope.analysis.control.occasions import BLASTS, Counted, ImageMeasure, Occasion
from marrowscope.analysis.control.rules import Rule, broken_rules

FIRST = 20


def occasion(
    number: int, blasts: int, *, bundle: str = "a", images: str | None = None, **more: float
) -> Occasion:
    """An occasion of 500 cells whose images look alike up to a repeated small wobble."""
    wobble = (-1) ** number
    figures = {
        ImageMeasure.CONTRAST: 120.0 + wobble,
        ImageMeasure.TINT: 4.0 + wobble / 10,
        ImageMeasure.LIGHT: 230.0 + wobble,
        ImageMeasure.SCALE: 0.1,
        ImageMeasure.SHARPNESS: 0.14 + wobble / 1000,
    }
    return Occasion(
        id=f"o{number}",
        patient=f"p{number}",
        images=frozenset({images or f"image {number}"}),
        bundle=bundle,
        figures={**figures, **{ImageMeasure(name): value for name, value in more.items()}},
        networks=Counted({BLASTS: blasts, "lymphocyte": 500 - blasts}, 500),
    )


def usual(number: int) -> int:
    """Blasts of 500 cells, as chance spreads them around 100."""
    return int(np.random.default_rng(number).binomial(500, 0.2))


def chart_of(found: list[Chart], measure: str, reader: str | None = NETWORKS) -> Chart:
    (chart,) = [each for each in found if (each.reader, each.measure) == (reader, measure)]
    return chart


def signals(found: list[Chart]) -> set[tuple[str, str, tuple[Cause, ...]]]:
    return {
        (point.occasion, chart.measure, point.causes)
        for chart in found
        for point in chart.points
        if point.rules
    }


def steady(more: int = 0) -> list[Occasion]:
    return [occasion(number, usual(number)) for number in range(FIRST + more)]


def test_individuals_limits_are_those_of_the_textbook() -> None:
    """Montgomery, 6.4: the mean, and three times the mean moving range over 1.128, for few values wider."""
    values = np.array([10.0, 12.0, 11.0, 13.0, 50.0])
    limits = individuals(values, np.arange(4))
    assert limits.centre == 11.5
    assert limits.high == pytest.approx(np.full(5, 11.5 + 3 * (5 / 3) / 1.128 * widening(4)))


def test_limits_narrow_to_those_of_a_known_spread() -> None:
    assert widening(10) > widening(20) > widening(100) > 1
    assert widening(100_000) == pytest.approx(1, abs=1e-3)


def test_limits_of_a_share_follow_the_number_of_cells() -> None:
    counted = np.array([400.0, 400.0, 400.0, 100.0])
    limits = shares(np.array([80.0, 81.0, 79.0, 20.0]), counted, np.arange(3))
    assert limits is not None
    assert limits.centre == pytest.approx(0.2)
    # steadier than chance: the limits stay those of chance
    assert limits.sd == pytest.approx(np.sqrt(0.16 / counted) * widening(3))


def test_limits_of_a_share_widen_where_smears_differ_more_than_cells_drawn_at_random() -> None:
    """The spread that was put in is found again (Laney 2002)."""
    rng = np.random.default_rng(1)
    counted = np.full(400, 1000.0)
    cells = rng.binomial(1000, rng.normal(0.3, 0.03, 400)).astype(float)
    limits = shares(cells, counted, np.arange(400))
    assert limits is not None
    assert limits.sd[0] == pytest.approx(np.hypot(0.03, np.sqrt(0.21 / 1000)), rel=0.1)


def test_a_share_of_few_cells_has_no_limits() -> None:
    assert shares(np.full(20, 4.0), np.full(20, 500.0), np.arange(20)) is None
    found = charts([occasion(number, 2) for number in range(FIRST)], FIRST)
    assert chart_of(found, BLASTS).no_limits is NoLimits.FEW_CELLS


@pytest.mark.parametrize(
    ("deviations", "rules"),
    [
        ([0.0, 3.1], (Rule.ONE_3S,)),
        ([2.1, 2.2], (Rule.TWO_2S,)),
        ([2.1, -2.2], ()),
        ([1.1, 1.2, 1.1, 1.3], (Rule.FOUR_1S,)),
        ([-1.1, -1.2, -1.1, -0.9], ()),
        ([-2.1, -3.2], (Rule.ONE_3S, Rule.TWO_2S)),
        ([float("inf")], (Rule.ONE_3S,)),
    ],
)
def test_westgards_rules(deviations: list[float], rules: tuple[Rule, ...]) -> None:
    assert broken_rules(deviations)[-1] == rules


def test_too_few_occasions_say_how_many_are_missing() -> None:
    found = charts(steady()[:13], FIRST)
    assert {chart.missing for chart in found} == {7}
    assert {chart.no_limits for chart in found} == {NoLimits.FEW_OCCASIONS}
    assert all(chart.centre is None and point.low is None for chart in found for point in chart.points)
    assert not signals(found)


def test_nothing_is_said_while_nothing_drifts() -> None:
    assert not signals(charts(steady(6), FIRST))


def test_a_paler_stain_is_the_stain_and_explains_the_share() -> None:
    found = charts([*steady(), occasion(FIRST, 190, contrast=80.0)], FIRST)
    assert signals(found) == {
        ("o20", "contrast", (Cause.STAIN,)),
        ("o20", BLASTS, (Cause.STAIN,)),
        ("o20", "lymphocyte", (Cause.STAIN,)),
    }


@pytest.mark.parametrize(("measure", "value"), [("light", 190.0), ("scale", 0.12), ("sharpness", 0.09)])
def test_light_scale_and_focus_are_the_camera(measure: str, value: float) -> None:
    usual_one = occasion(FIRST, 100)
    found = charts(
        [*steady(), replace(usual_one, figures={**usual_one.figures, ImageMeasure(measure): value})], FIRST
    )
    assert signals(found) == {("o20", measure, (Cause.CAMERA,))}


def test_a_share_that_is_out_alone_is_the_reader_or_the_smear() -> None:
    causes = {cause for *_, cause in signals(charts([*steady(), occasion(FIRST, 190)], FIRST))}
    assert causes == {(Cause.READER_OR_SMEAR,)}


def test_a_share_that_is_out_with_a_new_bundle_may_be_either() -> None:
    causes = {cause for *_, cause in signals(charts([*steady(), occasion(FIRST, 190, bundle="b")], FIRST))}
    assert causes == {(Cause.BUNDLE_OR_SMEAR,)}


def test_the_same_images_read_by_another_bundle_tell_of_the_bundle() -> None:
    again = occasion(FIRST, 130, bundle="b", images="image 3")
    changes = {BLASTS: Change(gained=32, lost=2), "lymphocyte": Change(gained=3, lost=2)}
    found = charts([*steady(), replace(again, changes=changes)], FIRST)
    assert signals(found) == {("o20", BLASTS, (Cause.BUNDLE,))}
    assert "o20" not in {point.occasion for point in chart_of(found, "contrast", None).points}


def test_images_read_again_set_no_limits() -> None:
    again = [occasion(number, usual(number), images="image 0") for number in range(30, 40)]
    assert chart_of(charts([*steady()[:15], *again], FIRST), BLASTS).missing == 5


def test_images_are_judged_once_a_chart_whichever_reading_of_them_is_the_first_there() -> None:
    signed = {"Rita": Counted({BLASTS: 90}, 500)}
    again = [replace(each, id=f"{each.id} again", bundle="b", readers=signed) for each in steady()]
    found = charts([*steady(), *again], FIRST)
    for reader in (NETWORKS, "Rita"):
        chart = chart_of(found, BLASTS, reader)
        judged = [point.occasion for point in chart.points if point.sets_limits]
        assert chart.no_limits is None
        assert judged == [each.id for each in (steady() if reader == NETWORKS else again)]
    assert len(chart_of(found, "contrast", None).points) == FIRST


@pytest.mark.parametrize(
    ("gained", "lost", "is_real"), [(0, 0, False), (6, 5, False), (9, 0, False), (10, 0, True)]
)
def test_changes_of_the_same_cells_are_real_beyond_chance(gained: int, lost: int, is_real: bool) -> None:
    """9 of 9: p = 2/512; 10 of 10: p = 2/1024."""
    assert Change(gained, lost).is_real is is_real


def test_a_person_has_a_chart_of_their_own() -> None:
    seen = [replace(each, readers={"Rita": Counted({BLASTS: 90}, 500)}) for each in steady()[:3]]
    chart = chart_of(charts(seen, FIRST), BLASTS, "Rita")
    assert [point.cells for point in chart.points] == [90, 90, 90]
    assert chart.missing == FIRST - 3


def test_a_target_is_the_centre_line() -> None:
    assert chart_of(charts(steady(), FIRST, {BLASTS: 0.25}), BLASTS).centre == 0.25


def test_chance_alone_rarely_breaks_a_rule_and_a_shift_is_found_soon() -> None:
    """Values as they are, and shifted by three standard deviations, after those that set the limits."""
    rng = np.random.default_rng(3)
    broken, found = [], []
    for _ in range(2000):
        values = rng.normal(0, 1, 30)
        broken += [bool(rules) for rules in rules_after(values)]
        found.append(any(rules_after(values + 3 * (np.arange(30) >= FIRST))[:4]))
    assert np.mean(broken) < 0.005
    assert np.mean(found) > 0.85


def rules_after(values: npt.NDArray[np.float64]) -> list[tuple[Rule, ...]]:
    limits = individuals(values, np.arange(FIRST))
    return broken_rules(limits.deviations(values)[FIRST:].tolist())
