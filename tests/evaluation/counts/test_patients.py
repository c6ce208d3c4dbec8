"""Patients decided against the truth: counts, shares with intervals, coverage, and tables that do not fit."""

import json
from pathlib import Path

import numpy as np
import pytest

from marrowscope.errors import DatasetError
from marrowscope.evaluation.counts.agreement import passing_bablok
from marrowscope.evaluation.counts.patients import evaluate_patients
from marrowscope.evaluation.plots.counts import draw_patients

REPORTS = """patient,decision,blast_percent,ci_low,ci_high,adjusted_low,adjusted_high
a,positive,60,50,70,52,72
b,negative,2,1,4,0,3
c,negative,19,15,23,14,22
d,indeterminate,21,17,26,18,27
e,insufficient,,,,,
f,positive,25,21,30,20,29
g,negative,1,0,3,0,2
x,negative,1,0,3,0,2
"""
TRUTH = """patient,truth,blast_percent
a,leukemia,65
b,healthy,8
c,leukemia,22
d,leukemia,24
e,healthy,1
f,healthy,
g,Normal,2
y,healthy,3
"""


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "patients.csv").write_text(REPORTS)
    (tmp_path / "truth.csv").write_text(TRUTH)
    return tmp_path / "patients.csv", tmp_path / "truth.csv"


def test_confusion_errors_and_shares(tables: tuple[Path, Path]) -> None:
    result = evaluate_patients(*tables)
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert content["confusion"] == {
        "leukemia": {"positive": 1, "negative": 1, "indeterminate": 1, "insufficient": 0},
        "healthy": {"positive": 1, "negative": 2, "indeterminate": 0, "insufficient": 1},
    }
    assert result.sensitivity.value == 0.5
    assert result.specificity.value == pytest.approx(2 / 3)
    assert result.sensitivity_of_all.value == pytest.approx(1 / 3)
    assert result.specificity_of_all.value == 0.5
    assert result.decided.value == pytest.approx(5 / 7)
    assert [(e.patient, e.decision, e.blast_percent) for e in result.errors] == [
        ("c", "negative", 19),
        ("f", "positive", 25),
    ]
    assert (result.without_truth, result.without_report) == (("x",), ("y",))


def test_wilson_interval_is_the_published_one(tables: tuple[Path, Path]) -> None:
    # 1 of 2: Wilson's interval is 0.0945 to 0.9055.
    assert evaluate_patients(*tables).sensitivity.to_json() == pytest.approx([0.0945, 0.9055], abs=1e-3)


def test_coverage_counts_patients_with_a_known_percentage(tables: tuple[Path, Path]) -> None:
    result = evaluate_patients(*tables)
    assert result.interval_coverage.value == pytest.approx(4 / 5)  # a, c, d, g inside; b outside
    assert result.adjusted_interval_coverage.value == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    ("reports", "truth", "message"),
    [
        ("patient\na\n", TRUTH, "missing columns: decision"),
        ("patient,decision\na,perhaps\n", TRUTH, "none of"),
        (REPORTS, "patient,diagnosis\na,AML\n", "missing columns: truth"),
        (REPORTS, "patient,truth\na,sick\n", "use leukemia or healthy"),
        (REPORTS, "patient,truth\nz,healthy\n", "share no patient"),
        (REPORTS, "patient,truth\na,healthy\na,healthy\n", "twice"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, reports: str, truth: str, message: str) -> None:
    (tmp_path / "r.csv").write_text(reports)
    (tmp_path / "t.csv").write_text(truth)
    with pytest.raises(DatasetError, match=message):
        evaluate_patients(tmp_path / "r.csv", tmp_path / "t.csv")


def test_agreement_of_percentages_and_pictures(tables: tuple[Path, Path], tmp_path: Path) -> None:
    result = evaluate_patients(*tables)
    assert [(pair.true, pair.measured) for pair in result.pairs] == [
        (65, 60),
        (8, 2),
        (22, 19),
        (24, 21),
        (2, 1),
    ]
    found = result.agreement
    assert found is not None
    assert found.bias.value == pytest.approx(-3.6)  # of -5, -6, -3, -3, -1
    spread = 3.8**0.5
    assert found.limits[0].value == pytest.approx(-3.6 - 1.96 * spread)
    assert found.limits[1].value == pytest.approx(-3.6 + 1.96 * spread)
    assert result.adjusted_agreement is None
    drawn = draw_patients(result, tmp_path / "plots")
    assert sorted(path.name for path in drawn) == [
        f"{name}.{suffix}"
        for name in ("decisions", "differences", "percentages")
        for suffix in ("png", "svg")
    ]
    assert all(path.stat().st_size > 1000 for path in drawn)


SIGNED = """patient,diagnosis,leukocytes,blast_percent
a,AML,100,65
b,AML,100,8
c,APL,100,22
d,AML,25,24
g,AML,100,2
z,AML,100,9
"""


def test_of_ill_patients_alone_percentages_are_compared(tables: tuple[Path, Path]) -> None:
    tables[1].write_text(SIGNED)
    result = evaluate_patients(*tables)
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert result.n_patients == 5
    assert sum(sum(row) for row in result.confusion) == 0
    assert result.decided.value is None
    assert content["agreement"]["bias"] == pytest.approx(-3.6)
    assert content["agreement"]["mean_absolute_error"] == pytest.approx(3.6)
    low, high = content["agreement"]["mean_absolute_error_ci"]
    assert 1 <= low < 3.6 < high <= 6
    assert content["sides"]["over_20"]["measured_over"] == 2  # a, d
    assert content["sides"]["over_20"]["measured_not_over"] == 1  # c, read as 19 %
    assert content["sides"]["over_20"]["decisions"] == {
        "positive": 1, "negative": 1, "indeterminate": 1, "insufficient": 0
    }  # fmt: skip
    assert content["sides"]["not_over_20"]["measured_not_over"] == 2
    assert content["sides"]["between_10_and_30"] is None  # two patients are too few
    assert content["adjusted_sides"] is None


def test_a_true_percentage_that_was_counted_has_its_own_error(tables: tuple[Path, Path]) -> None:
    tables[1].write_text(SIGNED)
    result = evaluate_patients(*tables)
    # b is read as 2 (1 to 4), its truth of 8 of 100 cells is 4.1 to 15.0 by Wilson: 6 > (3.9² + 2²)^0.5.
    assert result.interval_coverage.value == pytest.approx(4 / 5)
    assert result.within_both_errors.value == pytest.approx(4 / 5)
    tables[1].write_text(SIGNED.replace("b,AML,100", "b,AML,25"))  # 8 of 25: 2.2 to 25.0
    assert evaluate_patients(*tables).within_both_errors.value == 1
    tables[1].write_text(TRUTH)
    assert evaluate_patients(*tables).within_both_errors.value is None


def test_near_the_threshold_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(
        "patient,decision,blast_percent\n" + "".join(f"{n},indeterminate,{n + 2}\n" for n in range(5, 40, 5))
    )
    (tmp_path / "t.csv").write_text(
        "patient,blast_percent\n" + "".join(f"{n},{n}\n" for n in range(5, 40, 5))
    )
    found = evaluate_patients(tmp_path / "r.csv", tmp_path / "t.csv").sides
    assert found is not None
    assert found.near is not None
    assert found.near.n_patients == 5  # 10, 15, 20, 25, 30
    assert found.measured == ((3, 0), (1, 3))  # 20 is not over 20, and read as 22


def test_no_agreement_without_true_percentages(tables: tuple[Path, Path], tmp_path: Path) -> None:
    tables[1].write_text("patient,truth\na,leukemia\nb,healthy\n")
    result = evaluate_patients(*tables)
    assert result.agreement is None
    assert len(draw_patients(result, tmp_path)) == 2


def test_line_of_passing_and_bablok() -> None:
    x = np.array([1.0, 2, 4, 7, 11, 12, 20, 31])
    slope, intercept = passing_bablok(x, 2 * x + 1)
    assert (slope.value, intercept.value) == pytest.approx((2, 1))
    outlier = 2 * x + 1
    outlier[-1] = 0
    assert passing_bablok(x, outlier)[0].value == pytest.approx(2)
    # Neither measurement is the reference: exchanging them inverts the line.
    rng = np.random.default_rng(1)
    y = x + rng.normal(0, 1, 8)
    there, back = passing_bablok(x, y)[0].value, passing_bablok(y, x)[0].value
    assert there is not None
    assert back is not None
    assert there * back == pytest.approx(1, abs=0.02)
    assert passing_bablok(np.ones(4), np.ones(4))[0].value is None


def test_its_interval_holds_the_slope_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(300):
        true = rng.uniform(0, 80, 25)
        slope, _ = passing_bablok(true + rng.normal(0, 2, 25), true + rng.normal(0, 2, 25))
        assert slope.low is not None
        assert slope.high is not None
        held.append(slope.low <= 1 <= slope.high)
    assert 0.92 <= np.mean(held) <= 0.99


def test_patients_whose_numbers_a_spreadsheet_changed_are_matched(tmp_path: Path) -> None:
    reports, truth = tmp_path / "patients.csv", tmp_path / "truth.csv"
    reports.write_text("patient,decision\n007,positive\n1E5,negative\n\u00d6z,negative\n", "utf-8")
    truth.write_text("patient;truth\n7;leukemia\n100000;healthy\nO\u0308z;healthy\n", "utf-8")
    result = evaluate_patients(reports, truth)
    assert (result.n_patients, result.without_truth, result.without_report) == (3, (), ())
