"""Measure how often intervals hold the truth and decisions are wrong, on simulated laboratories and smears.

    python bench/counts/coverage.py --table docs/explanation/coverage.csv \
        --write docs/explanation/statistics.md

Laboratories differ: the logits of their sensitivity and specificity are drawn from a bivariate normal
distribution. A bundle knows a few of them, by finite numbers of cells; the patient comes from one more.
Fields of a smear have their own shares of blasts (beta-distributed, so that marks within a field correlate as
stated). What is measured are the functions of the software.
"""

import argparse
import csv
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from marrowscope.analysis.clustering import clustering, clustering_of_lot
from marrowscope.analysis.decide import side
from marrowscope.analysis.intervals import LEVEL, level_of_repeated_looks
from marrowscope.analysis.numbers import Inferred, Numbers
from marrowscope.analysis.review import reviewed_share
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import OVER_20, Interval, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import KnownErrors, Laboratory, PatientCells, Validation
from marrowscope.models.bundle import load_bundle

Random = np.random.Generator
SHARES = (0.005, 0.05, 0.10, 0.18, 0.20, 0.22, 0.30, 0.50, 0.80)
NEAR = (0.18, 0.22)  # wrong decisions are counted outside
PATIENTS_ICC = 0.05  # how alike errors on cells of one patient are
VALIDATED = 10  # patients whose cells a laboratory labels
USELESS = ((0.55, 0.50), (0.45, 0.55), (0.60, 0.42), (0.50, 0.50))
_WHOLE = ("known", "cells", "fields", "smears")
MEASURED = "as measured"
START, END = "<!-- coverage: start -->", "<!-- coverage: end -->"


@dataclass(frozen=True)
class Spread:
    """How laboratories differ: mean, deviation, correlation of the logits of sensitivity and specificity."""

    mean: tuple[float, float]
    deviation: tuple[float, float]
    correlation: float

    @classmethod
    def of(cls, rates: Sequence[tuple[float, float]], factor: float = 1.0) -> "Spread":
        """Return the spread of given laboratories, their deviations times a factor."""
        logits = logit(np.array(rates))
        first, second = factor * logits.std(axis=0, ddof=1)
        return cls(tuple(logits.mean(axis=0)), (first, second), float(np.corrcoef(logits.T)[0, 1]))

    def draw(self, number: int, rng: Random) -> npt.NDArray[np.float64]:
        """Return sensitivity and specificity of so many laboratories, (number, 2)."""
        both = self.correlation * self.deviation[0] * self.deviation[1]
        covariance = [[self.deviation[0] ** 2, both], [both, self.deviation[1] ** 2]]
        return np.asarray(expit(rng.multivariate_normal(self.mean, covariance, number)))


@dataclass(frozen=True)
class Setting:
    """A kind of laboratory, smear and procedure; `basis` is what decides."""

    basis: str
    laboratories: str
    known: int
    cells: int
    fields: int
    icc: float
    looks: str = "one"


@dataclass(frozen=True)
class Row:
    """Outcomes at one true share, in percent: coverage of the deciding interval, and decisions."""

    basis: str
    laboratories: str
    known: int
    cells: int
    fields: int
    icc: float
    looks: str
    share: float
    smears: int
    covered: float
    above: float
    below: float
    counted_covered: float

    @property
    def wrong(self) -> float:
        """Wrong decisions, in percent."""
        return self.below if OVER_20.is_met_by(self.share) else self.above


def measured_rates() -> list[tuple[float, float]]:
    """Return sensitivity and specificity of the laboratories that the built-in bundle carries."""
    return [
        (one.blasts_called / one.blasts, 1 - one.others_called / one.others)
        for one in load_bundle().laboratories
    ]


RATES = measured_rates()
SPREADS = {
    MEASURED: Spread.of(RATES),
    "half as different": Spread.of(RATES, 0.5),
    "twice as different": Spread.of(RATES, 2.0),
    "errors unrelated": Spread(Spread.of(RATES).mean, Spread.of(RATES).deviation, 0.0),
    "useless": Spread.of(USELESS),
}


def settings() -> Iterator[Setting]:
    """Yield what is measured."""
    for laboratories in SPREADS:
        for known in (3, 5, 8) if laboratories == MEASURED else (5,):
            yield Setting("laboratories", laboratories, known, 500, 50, 0.05)
    for fields_, icc in ((10, 0.0), (10, 0.3), (25, 0.1), (50, 0.05)):
        if fields_ != 50:
            yield Setting("laboratories", MEASURED, 5, 500, fields_, icc)
        yield Setting("validated", MEASURED, 300, 500, fields_, icc)
        yield Setting("reviewed", MEASURED, 100, 500, fields_, icc)
        yield Setting("all reviewed", MEASURED, 0, 500, fields_, icc)
    yield Setting("all reviewed", MEASURED, 0, 200, 4, 0.3)
    yield Setting("all reviewed", MEASURED, 0, 200, 8, 0.3)
    for known in (60, 1000):
        yield Setting("validated", MEASURED, known, 500, 50, 0.05)
    for basis, known in (("laboratories", 5), ("validated", 300), ("reviewed", 100), ("all reviewed", 0)):
        yield Setting(basis, MEASURED, known, 2000, 200, 0.05, "repeated")


def smear(setting: Setting, share: float, rates: Sequence[float], rng: Random) -> list[npt.NDArray[np.int64]]:
    """Draw (k,) cells of each field, of them blasts, and of them and of all cells those called blasts."""
    k = setting.fields
    sizes = np.full(k, setting.cells // k)
    of_field = np.full(k, share)
    if setting.icc:
        strength = 1 / setting.icc - 1
        of_field = rng.beta(share * strength, (1 - share) * strength, k)
    blasts = rng.binomial(sizes, of_field)
    true = rng.binomial(blasts, rates[0])
    return [sizes, blasts, true, true + rng.binomial(sizes - blasts, 1 - rates[1])]


def figures(own: Sequence[float], cells: int, rng: Random) -> Laboratory:
    """Measure a laboratory on so many cells, a third of them blasts, of ten patients who differ."""
    each = []
    for _ in range(VALIDATED):
        sensitivity, specificity = of_a_patient(own, rng)
        blasts = max(cells // VALIDATED // 3, 1)
        others = cells // VALIDATED - blasts
        called = rng.binomial(blasts, sensitivity), rng.binomial(others, 1 - specificity)
        each.append(PatientCells(blasts, int(called[0]), others, int(called[1])))
    return Laboratory.of_patients("one", Specimen.MARROW, each)


def known_of(setting: Setting, own: Sequence[float], rng: Random) -> KnownErrors:
    """Draw what a bundle, or this laboratory, knows of the errors."""
    if setting.basis == "laboratories":
        drawn = SPREADS[setting.laboratories].draw(setting.known, rng)
        sizes = rng.choice([200, 1000, 3000], setting.known)
        return KnownErrors(tuple(figures(rates, size, rng) for rates, size in zip(drawn, sizes, strict=True)))
    if setting.basis == "validated":
        return KnownErrors((), Validation(figures(own, setting.known, rng), "", "", "", ""))
    return KnownErrors()


def of_a_patient(own: Sequence[float], rng: Random) -> Sequence[float]:
    """Draw sensitivity and specificity of a patient of a laboratory."""
    strength = 1 / PATIENTS_ICC - 1
    return [float(rng.beta(rate * strength, (1 - rate) * strength)) for rate in own]


def outcome(setting: Setting, share: float, rng: Random) -> tuple[Verdict, bool, bool]:
    """Draw one laboratory and one patient; return the verdict, and what the two intervals cover."""
    own = SPREADS[setting.laboratories].draw(1, rng)[0]
    known = known_of(setting, own, rng)
    drawn = smear(setting, share, of_a_patient(own, rng), rng)
    if setting.looks == "repeated":
        return repeated(setting, known, drawn, share, rng)
    return one_look(setting, known, drawn, share, level=LEVEL, reviewed=setting.known, rng=rng)


def one_look(
    setting: Setting,
    known: KnownErrors,
    drawn: Sequence[npt.NDArray[np.int64]],
    share: float,
    *,
    level: float,
    reviewed: int,
    rng: Random,
) -> tuple[Verdict, bool, bool]:
    """Decide as the software does."""
    sizes, blasts, true, called = drawn
    marks = blasts if setting.basis == "all reviewed" else called
    counted = int(sizes.sum())
    cluster = clustering(sizes, marks)
    inferred = Inferred(is_complete=setting.basis == "all reviewed")
    if setting.basis == "reviewed":
        groups = np.stack([true, blasts - true, called - true, sizes - blasts - (called - true)], axis=1)
        names = np.repeat(np.tile([3, 2, 1, 0], len(sizes)), groups.ravel())
        field = np.repeat(np.arange(len(sizes)), sizes)
        order = rng.permutation(counted)
        part, rest = names[order[:reviewed]], names[order[reviewed:]]
        seen = np.bincount(field[order[:reviewed]], minlength=len(sizes))
        hits = np.bincount(field[order[:reviewed]], part >= 2, minlength=len(sizes))
        of_lot = clustering_of_lot(sizes, seen, hits)
        interval = reviewed_share(part >= 2, part % 2 == 1, rest % 2 == 1, level, of_lot)
        inferred = Inferred(interval, reviewed)
    total = int(marks.sum())
    differential = Differential({"blast": total, "lymphocyte": counted - total}, {}, total)
    numbers = Numbers(differential, cluster, known, inferred, level)
    deciding = numbers.deciding
    verdict = Verdict.INDETERMINATE if deciding is None else side(deciding, OVER_20)
    return verdict, holds(deciding, share), holds(numbers.counted, share)


def repeated(
    setting: Setting,
    known: KnownErrors,
    drawn: Sequence[npt.NDArray[np.int64]],
    share: float,
    rng: Random,
) -> tuple[Verdict, bool, bool]:
    """Look after every hundred cells until it decides; it covers if every interval looked at does."""
    level = level_of_repeated_looks()
    verdict, covered, raw = Verdict.INDETERMINATE, True, True
    if setting.basis == "reviewed":  # one count, more and more of it reviewed
        seed = int(rng.integers(1 << 32))
        looks: Iterator[tuple[Sequence[npt.NDArray[np.int64]], int]] = (
            ([part[:50] for part in drawn], n) for n in range(100, 500, 20)
        )
    else:
        seed = 0
        looks = (([part[:k] for part in drawn], 0) for k in range(20, setting.fields + 1, 10))
    for part, reviewed in looks:
        at = np.random.default_rng(seed)
        verdict, holding, raw = one_look(setting, known, part, share, level=level, reviewed=reviewed, rng=at)
        covered = covered and holding
        if verdict is not Verdict.INDETERMINATE:
            break
    return verdict, covered, raw


def holds(interval: Interval | None, share: float) -> bool:
    """Return whether an interval holds the share."""
    return interval is not None and interval.low <= share <= interval.high


def measured(setting: Setting, share: float, smears: int, rng: Random) -> Row:
    """Simulate laboratories and smears of one setting."""
    found = [outcome(setting, share, rng) for _ in range(smears)]
    verdicts = [verdict for verdict, _, _ in found]

    def percent(of: Callable[[tuple[Verdict, bool, bool]], bool]) -> float:
        return round(100 * sum(map(of, found)) / smears, 2)

    return Row(
        **vars(setting),
        share=100 * share,
        smears=smears,
        covered=percent(lambda one: one[1]),
        above=round(100 * verdicts.count(Verdict.POSITIVE) / smears, 2),
        below=round(100 * verdicts.count(Verdict.NEGATIVE) / smears, 2),
        counted_covered=percent(lambda one: one[2]),
    )


def page(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the table of the document: a line per setting, over all true shares."""
    yield f"{rows[0].smears} laboratories with a smear each, of every line and every true share, 0.5 to 80 %."
    yield ""
    yield (
        "| decides | laboratories | known | cells / fields | ICC | looks | covers % | wrong at most % "
        "| decided at 5 / 10 / 30 / 50 % |"
    )
    yield "|:--|:--|--:|--:|--:|:--|--:|--:|:--|"
    groups: dict[Setting, list[Row]] = {}
    for row in rows:
        groups.setdefault(Setting(**{f.name: getattr(row, f.name) for f in fields(Setting)}), []).append(row)
    for setting, group in groups.items():
        wrong = max(row.wrong for row in group if not NEAR[0] < row.share / 100 < NEAR[1])
        decided = {row.share: row.above + row.below for row in group}
        shown = " / ".join(f"{decided[share]:.0f}" for share in (5, 10, 30, 50))
        low, high = min(row.covered for row in group), max(row.covered for row in group)
        yield (
            f"| {setting.basis} | {setting.laboratories} | {setting.known or '–'} "
            f"| {setting.cells} / {setting.fields} | {setting.icc:g} | {setting.looks} "
            f"| {low:.1f}–{high:.1f} | {wrong:.1f} | {shown} |"
        )


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write every row as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(vars(row) for row in rows)


def read_table(path: Path) -> list[Row]:
    """Return the rows of a table that was written before."""
    types = {"basis": str, "laboratories": str, "looks": str, **dict.fromkeys(_WHOLE, int)}
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Row(**{name: types.get(name, float)(value) for name, value in line.items()})
            for line in csv.DictReader(stream)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--smears", type=int, default=400, help="of each setting and share (400)")
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument("--write", type=Path, help="document whose table between the markers is replaced")
    parser.add_argument("--table", type=Path, help="CSV to write every row to")
    parser.add_argument("--again", action="store_true", help="measure nothing: print what --table holds")
    options = parser.parse_args()
    rows = read_table(options.table) if options.again else simulated(options)
    if options.write:
        text = "\n".join(page(rows))
        before = options.write.read_text("utf-8")
        after = re.sub(f"{START}.*?{END}", lambda _: f"{START}\n{text}\n{END}", before, flags=re.DOTALL)
        options.write.write_text(after, "utf-8")


def simulated(options: argparse.Namespace) -> list[Row]:
    """Simulate every setting, and tell and write each as it is done."""
    rng = np.random.default_rng(options.seed)
    rows: list[Row] = []
    start = time.monotonic()
    for setting in settings():
        rows += [measured(setting, share, options.smears, rng) for share in SHARES]
        if options.table:
            write_table(rows, options.table)
        print(f"{time.monotonic() - start:5.0f} s  {list(page(rows))[-1]}", flush=True)
    return rows


if __name__ == "__main__":
    main()
