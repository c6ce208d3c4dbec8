"""Measure how often intervals contain the truth and decisions are wrong, on simulated counts of known truth.

    python bench/coverage.py --write docs/statistics.md

Each field of a smear has its own share of blasts (beta-distributed about the smear's, so that marks within
a field correlate as stated). Each cell is called by a classifier with given error rates, which the software
knows only from held-out cells, drawn anew for each smear. The last table is about smears with many unfamiliar
cells. The functions measured are those of the software.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowscope.analysis.clustering import critical_value, design, intraclass_correlation
from marrowscope.analysis.correction import corrected_bounds
from marrowscope.analysis.decide import decide
from marrowscope.analysis.evidence import STRICTER, Evidence
from marrowscope.analysis.intervals import LEVEL, score_bounds
from marrowscope.analysis.unfamiliar import UnfamiliarCells
from marrowscope.domain.decision import OVER_20, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import ErrorRates

NUMBERS = (200, 500, 1000)
SHARES = (0.005, 0.02, 0.05, 0.10, 0.18, 0.20, 0.22, 0.40, 0.80)
RATES = ((1.0, 1.0), (0.96, 0.96), (0.9, 0.95))
CORRELATIONS = (0.0, 0.05)
FIELD_SIZES = (7, 13)  # cells, in turn: ten on average
OTHER_SIZES = ((2, 4), (15, 25), (40, 60))
HELD_OUT = (1000, 2000)  # blasts and other cells from which the error rates are known
UNFAMILIAR = (0.3, 0.6)  # shares of unfamiliar cells in a smear
UNFAMILIAR_RATES = ErrorRates(170, 200, 170, 200, "simulated")  # of unfamiliar cells, here and elsewhere
FAMILIAR = ErrorRates(960, 1000, 1920, 2000, "simulated")
THRESHOLD = OVER_20.threshold_percent / 100
START, END = "<!-- coverage: start -->", "<!-- coverage: end -->"


@dataclass(frozen=True)
class Setting:
    """A kind of smear and classifier."""

    cells: int
    share: float
    sensitivity: float
    specificity: float
    correlation: float
    field_sizes: tuple[int, int] = FIELD_SIZES


@dataclass(frozen=True)
class Outcome:
    """Percentages over the smears of one setting.

    `covered` and `raw_covered` are the coverage of the corrected and of the counted interval. `wrong` and
    `open_` are wrong and undecided decisions; `wrong_at_printed` are wrong ones if the printed interval
    decided, and `naive_wrong` those of the bare comparison with the threshold.
    """

    setting: Setting
    covered: float
    raw_covered: float
    wrong: float
    open_: float
    wrong_at_printed: float
    naive_wrong: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--smears", type=int, default=10_000, help="of each setting (10000)")
    parser.add_argument("--seed", type=int, default=20_260_101)
    parser.add_argument("--write", type=Path, help="document whose table between the markers is replaced")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    outcomes = [simulated(setting, options.smears, rng) for setting in settings()]
    others = {
        sizes: [
            simulated(Setting(n, share, 0.96, 0.96, correlation, sizes), options.smears // 4, rng)
            for n in NUMBERS
            for share in SHARES
            for correlation in CORRELATIONS
        ]
        for sizes in OTHER_SIZES
    }
    unfamiliar_outcomes = [
        unfamiliar_smears(share, unfamiliar, options.smears // 10, rng)
        for unfamiliar in UNFAMILIAR
        for share in SHARES
    ]
    text = "\n".join(
        [*page(outcomes, options.smears), "", *other_sizes(others), "", *unfamiliar_page(unfamiliar_outcomes)]
    )
    print(text)
    if options.write:
        before = options.write.read_text("utf-8")
        block = f"{START}\n{text}\n{END}"
        after = re.sub(f"{START}.*?{END}", lambda _: block, before, flags=re.DOTALL)
        options.write.write_text(after, "utf-8")


def settings() -> Iterator[Setting]:
    for correlation in CORRELATIONS:
        for cells in NUMBERS:
            for share in SHARES:
                for sensitivity, specificity in RATES:
                    yield Setting(cells, share, sensitivity, specificity, correlation)


def simulated(setting: Setting, smears: int, rng: np.random.Generator) -> Outcome:
    share, n = setting.share, setting.cells
    sizes = np.resize(setting.field_sizes, n * len(setting.field_sizes) // sum(setting.field_sizes))
    shape = (smears, sizes.size)
    if setting.correlation:
        spread = (1 - setting.correlation) / setting.correlation
        of_field = rng.beta(share * spread, (1 - share) * spread, shape)
    else:
        of_field = np.full(shape, share)
    called = of_field * setting.sensitivity + (1 - of_field) * (1 - setting.specificity)
    blasts = rng.binomial(sizes, called)
    rates = ErrorRates(
        rng.binomial(HELD_OUT[0], setting.sensitivity, smears),  # type: ignore[arg-type]  # many smears at once
        HELD_OUT[0],
        rng.binomial(HELD_OUT[1], setting.specificity, smears),  # type: ignore[arg-type]  # many smears at once
        HELD_OUT[1],
        "simulated",
    )
    _, effect, freedom = design(sizes, intraclass_correlation(sizes, blasts))
    z = critical_value(LEVEL, freedom)
    counted = blasts.sum(axis=1) / sizes.sum()
    raw = score_bounds(counted, sizes.sum() / effect, z)
    number = sizes.sum() / effect
    low, high = corrected_bounds(counted, number, rates, LEVEL, freedom)
    strict = corrected_bounds(counted, number, rates, STRICTER, freedom, equal_tails=True)
    positive = (strict[0] > THRESHOLD) & (raw[1] > THRESHOLD)
    negative = (strict[1] <= THRESHOLD) & (raw[0] <= THRESHOLD)
    if share > THRESHOLD:
        wrong, at_printed, naive = negative, high <= THRESHOLD, counted <= THRESHOLD
    else:
        wrong, at_printed, naive = positive, low > THRESHOLD, counted > THRESHOLD
    return Outcome(
        setting,
        covered=100 * np.mean((low <= share) & (share <= high)),
        raw_covered=100 * np.mean((raw[0] <= share) & (share <= raw[1])),
        wrong=100 * np.mean(wrong),
        open_=100 * np.mean(~positive & ~negative),
        wrong_at_printed=100 * np.mean(at_printed),
        naive_wrong=100 * np.mean(naive),
    )


@dataclass(frozen=True)
class UnfamiliarOutcome:
    """Percentages over smears with unfamiliar cells; `plain_wrong` if these were taken as familiar."""

    share: float
    unfamiliar: float
    covered: float
    wrong: float
    open_: float
    plain_wrong: float


def unfamiliar_smears(
    share: float, unfamiliar: float, smears: int, rng: np.random.Generator
) -> UnfamiliarOutcome:
    """Simulate smears of 500 independent cells, and decide them as the software does."""
    truth = Verdict.POSITIVE if share > THRESHOLD else Verdict.NEGATIVE
    wrong = {Verdict.POSITIVE: Verdict.NEGATIVE, Verdict.NEGATIVE: Verdict.POSITIVE}[truth]
    covered, verdicts, plain = [], [], []
    for _ in range(smears):
        unfamiliar_cells = int(rng.binomial(500, unfamiliar))
        called = [
            int(rng.binomial(blasts, rates.blasts_called / rates.blasts_seen))
            + int(rng.binomial(cells - blasts, 1 - rates.others_cleared / rates.others_seen))
            for cells, rates in ((500 - unfamiliar_cells, FAMILIAR), (unfamiliar_cells, UNFAMILIAR_RATES))
            for blasts in [int(rng.binomial(cells, share))]
        ]
        differential = Differential({"blast": sum(called), "lymphocyte": 500 - sum(called)}, {}, sum(called))
        doubtful = UnfamiliarCells(called[1], unfamiliar_cells - called[1], UNFAMILIAR_RATES)
        evidence = Evidence(
            differential,
            FAMILIAR,
            whole_cells=500,
            unfamiliar_cells=unfamiliar_cells,
            counted_unfamiliar=doubtful,
        )
        interval = evidence.correction.interval
        covered.append(interval is not None and interval.low <= share <= interval.high)
        verdicts.append(decide(evidence, OVER_20).verdict)
        plain.append(decide(Evidence(differential, FAMILIAR), OVER_20).verdict)
    return UnfamiliarOutcome(
        share,
        unfamiliar,
        covered=100 * float(np.mean(covered)),
        wrong=100 * verdicts.count(wrong) / smears,
        open_=100 * (smears - verdicts.count(wrong) - verdicts.count(truth)) / smears,
        plain_wrong=100 * plain.count(wrong) / smears,
    )


def unfamiliar_page(outcomes: list[UnfamiliarOutcome]) -> Iterator[str]:
    se = UNFAMILIAR_RATES.blasts_called / UNFAMILIAR_RATES.blasts_seen
    sp = UNFAMILIAR_RATES.others_cleared / UNFAMILIAR_RATES.others_seen
    yield (
        "Smears of 500 cells of which some are unfamiliar and named worse than the bundle's rates say "
        f"(0.96 / 0.96): {se:g} / {sp:g}, known from {UNFAMILIAR_RATES.blasts_seen} blasts and "
        f"{UNFAMILIAR_RATES.others_seen} other cells of another laboratory. *As if familiar*: wrong "
        "decisions if these cells were counted like the others."
    )
    yield ""
    yield (
        "| unfamiliar % | true % | interval covers % | wrong decisions % | left open % "
        "| wrong as if familiar % |"
    )
    yield "|--:|--:|--:|--:|--:|--:|"
    for o in outcomes:
        yield (
            f"| {100 * o.unfamiliar:g} | {100 * o.share:g} | {o.covered:.1f} | {o.wrong:.2f} | {o.open_:.1f} "
            f"| {o.plain_wrong:.2f} |"
        )


def page(outcomes: list[Outcome], smears: int) -> Iterator[str]:
    covered = np.array([o.covered for o in outcomes])
    wrong = np.array([o.wrong for o in outcomes])
    at_printed = np.array([o.wrong_at_printed for o in outcomes])
    naive = np.array([o.naive_wrong for o in outcomes])
    within = np.mean((covered >= 93) & (covered <= 97.5))
    yield f"{smears} smears of each of {len(outcomes)} settings."
    yield (
        f"The corrected interval holds the truth in {covered.min():.1f} to {covered.max():.1f} % of the "
        f"smears of a setting ({100 * within:.0f} % of the settings lie within 93 to 97.5 %); "
        f"at most {wrong.max():.2f} % of the decisions are wrong (if the printed 95 % interval decided "
        f"{at_printed.max():.2f} %, by the bare count {naive.max():.0f} %)."
    )
    yield ""
    outside = [o for o in outcomes if not 93 <= o.covered <= 97.5]
    too_low = sum(o.covered < 93 for o in outside)
    largest = max((o.setting.share for o in outside), default=0.0)
    yield (
        f"Of the {len(outside)} settings outside that band {too_low} lie below it; all have a true share of "
        f"{100 * largest:g} % or less."
    )
    yield ""
    yield (
        "| cells | ICC | true % | Se / Sp | corrected interval covers % | raw interval covers % "
        "| wrong decisions % | left open % | wrong by the bare count % |"
    )
    yield "|--:|--:|--:|:--|--:|--:|--:|--:|--:|"
    for o in outcomes:
        s = o.setting
        yield (
            f"| {s.cells} | {s.correlation:g} | {100 * s.share:g} | {s.sensitivity:g} / {s.specificity:g} "
            f"| {o.covered:.1f} | {o.raw_covered:.1f} | {o.wrong:.2f} | {o.open_:.1f} | {o.naive_wrong:.1f} |"
        )


def other_sizes(outcomes: dict[tuple[int, int], list[Outcome]]) -> Iterator[str]:
    yield "Other sizes of fields, over all numbers of cells, shares and ICCs above, at 0.96 / 0.96:"
    yield ""
    yield "cells of a field | corrected interval covers % | wrong decisions at most %"
    yield "--:|--:|--:"
    for (small, large), some in outcomes.items():
        low, high = min(o.covered for o in some), max(o.covered for o in some)
        yield f"{small} and {large} | {low:.1f} to {high:.1f} | {max(o.wrong for o in some):.2f}"


if __name__ == "__main__":
    main()
