"""How well whole patients are decided: reports against the truth, with what was left undecided in sight."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from marrowscope.domain.decision import Verdict
from marrowscope.errors import DatasetError, InputError
from marrowscope.evaluation.counts.agreement import Agreement, agreement
from marrowscope.evaluation.counts.percents import (
    Pair,
    Sides,
    counted_bounds,
    sides,
    within_both_errors,
)
from marrowscope.evaluation.statistics.bootstrap import Estimate
from marrowscope.imaging.files.spreadsheets import known_id, read_table
from marrowscope.models.bundle import Bundle

TRUTHS = ("leukemia", "healthy")
DECISIONS = tuple(verdict.value for verdict in Verdict)
# Other words tables use for the two truths.
_SPELLINGS = {
    "leukemia": "leukemia",
    "leukaemia": "leukemia",
    "positive": "leukemia",
    "1": "leukemia",
    "true": "leukemia",
    "healthy": "healthy",
    "normal": "healthy",
    "negative": "healthy",
    "0": "healthy",
    "false": "healthy",
}


@dataclass(frozen=True)
class PatientError:
    """A patient decided wrongly."""

    patient: str
    truth: str
    decision: str
    blast_percent: float | None


@dataclass(frozen=True)
class PatientsResult:
    """Decisions against truths; `confusion` rows as `TRUTHS`, columns as `DECISIONS`.

    Sensitivity and specificity are among the patients decided positive or negative, `sensitivity_of_all`
    and `specificity_of_all` among all patients (an undecided one counts as not found), with Wilson's 95 %
    intervals. `interval_coverage` is the share of patients with a known blast percentage whose interval
    holds it; None where the truth gives none, as are `pairs`, `adjusted_pairs` and how well the counted and
    the corrected percentage agree with it. `within_both_errors` is the share of those for whom the interval
    and the true count's own error together allow both counts to be of one share. A patient whose truth is not
    told stands in the figures of percentages alone.
    """

    confusion: tuple[tuple[int, ...], ...]
    sensitivity: Estimate
    specificity: Estimate
    sensitivity_of_all: Estimate
    specificity_of_all: Estimate
    decided: Estimate
    interval_coverage: Estimate
    adjusted_interval_coverage: Estimate
    within_both_errors: Estimate
    adjusted_within_both_errors: Estimate
    errors: tuple[PatientError, ...]
    n_patients: int
    without_truth: tuple[str, ...]
    without_report: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    adjusted_pairs: tuple[Pair, ...] = ()
    agreement: Agreement | None = None
    adjusted_agreement: Agreement | None = None
    sides: Sides | None = None
    adjusted_sides: Sides | None = None

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on."""
        figures = {
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
            "sensitivity_of_all": self.sensitivity_of_all,
            "specificity_of_all": self.specificity_of_all,
            "decided": self.decided,
            "interval_coverage": self.interval_coverage,
            "adjusted_interval_coverage": self.adjusted_interval_coverage,
            "within_both_errors": self.within_both_errors,
            "adjusted_within_both_errors": self.adjusted_within_both_errors,
        }
        return {
            "confusion": {
                truth: dict(zip(DECISIONS, row, strict=True))
                for truth, row in zip(TRUTHS, self.confusion, strict=True)
            },
            **{name: figure.value for name, figure in figures.items()},
            **{f"{name}_ci": figure.to_json() for name, figure in figures.items()},
            "errors": [vars(error) for error in self.errors],
            "n_patients": self.n_patients,
            "without_truth": list(self.without_truth),
            "without_report": list(self.without_report),
            **{
                name: None if part is None else part.to_json()
                for name, part in (
                    ("agreement", self.agreement),
                    ("adjusted_agreement", self.adjusted_agreement),
                    ("sides", self.sides),
                    ("adjusted_sides", self.adjusted_sides),
                )
            },
        }


@dataclass(frozen=True)
class PatientsTest:
    """Where an analysis of patients and the truth lie.

    Attributes
    ----------
    data : the set's folder
    file : ``patients.csv`` of an analysis of it
    truth : table of truths, relative to the folder
    """

    data: Path
    file: Path
    truth: str = "patients.csv"

    def measure(self, bundle: Bundle, threads: int = 1) -> PatientsResult:  # noqa: ARG002 - as its siblings
        """Compare both. Raises DatasetError where either cannot be read."""
        return evaluate_patients(self.file, self.data / self.truth)


def evaluate_patients(reports_csv: Path, truth_csv: Path) -> PatientsResult:
    """Compare `patients.csv` of an analysis with a table of truths.

    Parameters
    ----------
    reports_csv : columns `patient`, `decision`; `blast_percent`, `ci_low`, `ci_high`, `adjusted_low`,
        `adjusted_high` if coverage is wanted
    truth_csv : columns `patient`, and `truth` (leukemia or healthy) or `blast_percent` or both; if known, the
        number of `leukocytes` (or nucleated cells) on which the percentage was counted

    Raises
    ------
    DatasetError : a table lacks a column, holds an unknown word, or both share no patient
    """
    reports = _read_table(reports_csv, ("patient", "decision"))
    stated = _read_table(truth_csv, ("patient",), ("truth", "blast_percent"))
    truths = {known_id(name, reports) or name: row for name, row in stated.items()}
    if not set(reports) & set(truths):
        raise DatasetError(f"{reports_csv} and {truth_csv} share no patient")
    for name, row in truths.items():
        row["truth"] = _truth(row, truth_csv) if name in reports and "truth" in row else ""
    for row in reports.values():
        row["decision"] = _decision(row, reports_csv)
    return compare_with_truth(reports, truths)


def compare_with_truth(
    reports: Mapping[str, Mapping[str, str]], truths: Mapping[str, Mapping[str, str]]
) -> PatientsResult:
    """Compare rows of a report with the truth, each by patient; columns as for `evaluate_patients`."""
    both = [patient for patient in reports if patient in truths]
    told = [patient for patient in both if truths[patient]["truth"]]
    decided = [(truths[p]["truth"], reports[p]["decision"]) for p in told]
    counts = [[decided.count((truth, decision)) for decision in DECISIONS] for truth in TRUTHS]
    ill, well = (dict(zip(DECISIONS, row, strict=True)) for row in counts)
    pairs = _pairs(reports, truths, "blast_percent", "ci_low", "ci_high")
    adjusted = _pairs(reports, truths, "adjusted_percent", "adjusted_low", "adjusted_high")
    return PatientsResult(
        confusion=tuple(tuple(row) for row in counts),
        sensitivity=_wilson(ill["positive"], ill["positive"] + ill["negative"]),
        specificity=_wilson(well["negative"], well["positive"] + well["negative"]),
        sensitivity_of_all=_wilson(ill["positive"], sum(ill.values())),
        specificity_of_all=_wilson(well["negative"], sum(well.values())),
        decided=_wilson(sum(row["positive"] + row["negative"] for row in (ill, well)), len(told)),
        interval_coverage=_coverage(reports, truths, "ci_low", "ci_high"),
        adjusted_interval_coverage=_coverage(reports, truths, "adjusted_low", "adjusted_high"),
        errors=tuple(
            PatientError(patient, truth, decision, _number(reports[patient], "blast_percent"))
            for patient, (truth, decision) in zip(told, decided, strict=True)
            if (truth, decision) in {("leukemia", "negative"), ("healthy", "positive")}
        ),
        n_patients=len(both),
        without_truth=tuple(patient for patient in reports if patient not in truths),
        without_report=tuple(patient for patient in truths if patient not in reports),
        pairs=pairs,
        adjusted_pairs=adjusted,
        agreement=agreement([pair.true for pair in pairs], [pair.measured for pair in pairs]),
        adjusted_agreement=agreement([p.true for p in adjusted], [p.measured for p in adjusted]),
        within_both_errors=_wilson(*within_both_errors(pairs)),
        adjusted_within_both_errors=_wilson(*within_both_errors(adjusted)),
        sides=sides(pairs, DECISIONS),
        adjusted_sides=sides(adjusted, DECISIONS),
    )


def _read_table(
    path: Path, needed: tuple[str, ...], one_of: tuple[str, ...] = ()
) -> dict[str, dict[str, str]]:
    """Rows of a CSV file by their `patient`; it has all columns needed, and at least one of others."""
    try:
        read = read_table(path)
        read.require(needed if {*one_of} & {*read.columns} else (*needed, *one_of[:1]))
    except InputError as error:
        raise DatasetError(str(error)) from error
    table: dict[str, dict[str, str]] = {}
    for row in (each.values for each in read.rows):
        if row["patient"] in table:
            raise DatasetError(f"{path}: names patient {row['patient']} twice")
        table[row["patient"]] = row
    return table


def _truth(row: Mapping[str, str], path: Path) -> str:
    word = row["truth"].strip().lower()
    if word not in _SPELLINGS:
        raise DatasetError(f"{path}: truth {row['truth']!r} of {row['patient']}: use leukemia or healthy")
    return _SPELLINGS[word]


def _decision(row: Mapping[str, str], path: Path) -> str:
    word = row["decision"].strip().lower()
    if word not in DECISIONS:
        raise DatasetError(f"{path}: decision {row['decision']!r} of {row['patient']} is none of {DECISIONS}")
    return word


def _coverage(
    reports: Mapping[str, Mapping[str, str]], truths: Mapping[str, Mapping[str, str]], low: str, high: str
) -> Estimate:
    """Share of the patients with a known percentage and an interval whose interval holds it."""
    inside = []
    for patient, row in reports.items():
        bounds = _number(row, low), _number(row, high)
        true_percent = _number(truths.get(patient, {}), "blast_percent")
        if true_percent is not None and bounds[0] is not None and bounds[1] is not None:
            inside.append(bounds[0] <= true_percent <= bounds[1])
    return _wilson(sum(inside), len(inside))


def _pairs(
    reports: Mapping[str, Mapping[str, str]],
    truths: Mapping[str, Mapping[str, str]],
    measured: str,
    low: str,
    high: str,
) -> tuple[Pair, ...]:
    """Patients of whom both percentages are known."""
    pairs = []
    for patient, row in reports.items():
        true_percent, percent = _number(truths.get(patient, {}), "blast_percent"), _number(row, measured)
        if true_percent is not None and percent is not None:
            cells = _number(truths[patient], "leukocytes")
            bounds = counted_bounds(true_percent, cells)
            decision = row.get("decision", "")
            pairs.append(
                Pair(true_percent, percent, _number(row, low), _number(row, high), *bounds, decision)
            )
    return tuple(pairs)


def _number(row: Mapping[str, str], key: str) -> float | None:
    try:
        number = float(row.get(key, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wilson(hits: int, trials: int) -> Estimate:
    if trials == 0:
        return Estimate(None)
    bounds = binomtest(hits, trials).proportion_ci(method="wilson")
    return Estimate(hits / trials, float(bounds.low), float(bounds.high))
