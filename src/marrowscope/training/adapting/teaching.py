"""Teaching a bundle the reviewed cells of a laboratory, judged by patients it does not learn from.

Who is kept out is drawn by lot before anything is learned. The present bundle and the new one name the cells
of these patients; and, on cells drawn from the present bundle's feature space, it is counted how often the
new one says what the present one says: what is forgotten of the laboratories taught before.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.review_zip import REVIEWS
from marrowscope.domain.rates import ErrorRates
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.background import background_baseline
from marrowscope.evaluation.statistics.bootstrap import Estimate, Weights, group_bootstrap, share_estimate
from marrowscope.evaluation.statistics.metrics import Bools, area_under_roc, balanced_accuracy, share
from marrowscope.models.bundle import Bundle
from marrowscope.training.adapting.adaptation import REPLAYED, Adaptation, Learning, Outcome
from marrowscope.training.adapting.heads import CellFeatures, Heads
from marrowscope.training.adapting.seen_cells import SeenCells
from marrowscope.training.calibration import blast_counts
from marrowscope.training.release import bundle_of_runs

FEWEST_PATIENTS = 4
"""Patients below which cells cannot be both learned from and kept out."""

KEPT_OUT = 0.25
"""Share of the patients that is drawn; at least two are, as one tells nothing of how patients differ."""

_DRAWS = 100  # after which a lot without both kinds of cell on both sides is taken
_REPLAY_SEED = 1  # features other than those that predictions were held to in learning
_ROUNDS = 400

Shares = Sequence[tuple[Bools, Bools]]
"""Hits, and among which, of the present bundle and of the new one."""


@dataclass(frozen=True)
class PatientShare:
    """What a patient gives to learn from: blasts and other cells."""

    blasts: int
    others: int


@dataclass(frozen=True)
class Figure:
    """A figure of the present bundle and of the new one on the same `n` cells, and the gain of the new one.

    Intervals (95 %) are over patients; that of the gain is of the difference, cell by cell the same patients.
    """

    name: str
    n: int
    before: Estimate
    after: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Kept:
    """How often the new bundle says of `n` drawn cells what the present one says of them."""

    name: str
    n: int
    share: Estimate


@dataclass(frozen=True)
class Taught:
    """What came of teaching.

    Attributes
    ----------
    is_better : whether the new heads are kept; the present ones stay otherwise, and no bundle is written
    learned, asked : cells learned from, and cells of the patients kept out
    figures : on the cells kept out
    background_auc, background_balanced_accuracy : what the colour beside the same cells tells of blasts, by a
        regression on the cells learned from; None where one kind is missing
    replay : on drawn cells of the laboratories taught before
    threshold_before, threshold_after : probability from which a cell is called a blast
    """

    is_better: bool
    learned: int
    asked: int
    figures: tuple[Figure, ...]
    background_auc: float | None
    background_balanced_accuracy: float | None
    replay: tuple[Kept, ...]
    threshold_before: float
    threshold_after: float


def draw_lot(
    patients: Mapping[str, PatientShare], may_be_kept_out: Collection[str], seed: int
) -> tuple[str, ...]:
    """Draw the patients that are kept out, in the order of their names.

    Drawn again where one side would lack blasts or other cells, which nobody could judge or learn by.

    Parameters
    ----------
    patients : what each gives to learn from
    may_be_kept_out : those of them that the present bundle has not learned from

    Raises
    ------
    DatasetError
        There are too few patients.
    """
    open_to_lot = sorted(set(patients) & set(may_be_kept_out))
    number = max(2, ceil(KEPT_OUT * len(patients)))
    if len(patients) < FEWEST_PATIENTS:
        raise DatasetError(
            f"{len(patients)} patients are too few to learn from and to check on: it takes {FEWEST_PATIENTS}"
        )
    if len(open_to_lot) < 2:
        raise DatasetError(
            "the present networks have learned from these patients: it takes two others to compare on"
        )
    number = min(number, len(open_to_lot), len(patients) - 2)
    rng = np.random.default_rng(seed)
    drawn = [tuple(sorted(rng.permutation(open_to_lot)[:number].tolist())) for _ in range(_DRAWS)]
    return next((each for each in drawn if _has_both(patients, each)), drawn[0])


def _has_both(patients: Mapping[str, PatientShare], kept_out: Collection[str]) -> bool:
    sides = [[one for name, one in patients.items() if (name in kept_out) == out] for out in (True, False)]
    return all(any(p.blasts for p in side) and any(p.others for p in side) for side in sides)


def teach(
    start: Bundle,
    seen: SeenCells,
    kept_out: Collection[str],
    out: Path,
    *,
    version: str,
    progress: Learning | None = None,
) -> Taught:
    """Teach a bundle and compare; the new bundle is written to ``out`` unless the present heads stay.

    Parameters
    ----------
    start : the present bundle
    seen : cells of its types and blasts, their groups the patients
    kept_out : patients that are not learned from
    out : folder of the new bundle
    version : of the new bundle, which keeps the name
    progress : called with fits done and fits in all

    Raises
    ------
    DatasetError
        The cells are too few.
    BundleError
        The bundle has no feature space.
    """
    is_out = np.isin(seen.groups, sorted(kept_out))
    shown, asked = seen.select(~is_out), seen.select(is_out)
    if not len(asked):
        raise DatasetError("no cell of the patients that are kept out can be used")
    adaptation = Adaptation(start, start.classifier.types)
    outcome = adaptation.learned(shown, progress)
    if outcome.kept == "after":
        with TemporaryDirectory() as run:
            rates = _rates(adaptation, outcome, asked)
            adaptation.write(Path(run), outcome, shown, REVIEWS, rates)
            bundle_of_runs(
                out, None, Path(run), start.folder, name=start.name, version=version, licence=start.licence
            )
    return _compared(adaptation, outcome, shown, asked)


def _rates(adaptation: Adaptation, outcome: Outcome, asked: SeenCells) -> ErrorRates:
    cells = adaptation.turned(asked)[0]
    rows = _takes_part(asked)
    p_blast = adaptation.reader.p_blast(outcome.heads, cells)
    patients = len(set(asked.groups.tolist()))
    source = f"{rows.sum()} reviewed cells of {patients} patients drawn by lot and not learned from"
    return blast_counts(p_blast[rows], cells.is_blast[rows], outcome.threshold).error_rates(source)


def _takes_part(seen: SeenCells) -> npt.NDArray[np.bool_]:
    """Return which cells are asked whether they are blasts: those that are counted."""
    known = taxonomy()
    return np.array([kind not in known or known[kind].is_counted for kind in seen.kinds.tolist()], bool)


def _compared(adaptation: Adaptation, outcome: Outcome, shown: SeenCells, asked: SeenCells) -> Taught:
    rows, learned_rows = _takes_part(asked), _takes_part(shown)
    baseline = background_baseline(
        asked.background[rows],
        asked.is_blast[rows],
        ["ours"] * int(rows.sum()),
        (
            shown.background[learned_rows],
            shown.is_blast[learned_rows],
            ["ours"] * int(learned_rows.sum()),
        ),
    )
    old = adaptation.settings.blast_threshold
    return Taught(
        is_better=outcome.kept == "after",
        learned=len(shown),
        asked=len(asked),
        figures=_figures(adaptation, outcome, asked),
        background_auc=baseline.blast_auc,
        background_balanced_accuracy=baseline.blast_balanced_accuracy,
        replay=_replayed(adaptation, outcome),
        threshold_before=old,
        threshold_after=outcome.threshold,
    )


def _figures(adaptation: Adaptation, outcome: Outcome, asked: SeenCells) -> tuple[Figure, ...]:
    cells, rows = adaptation.turned(asked)[0], _takes_part(asked)
    groups = asked.groups[rows].tolist()
    truth = cells.is_blast[rows]
    both = ((adaptation.before, adaptation.settings.blast_threshold), (outcome.heads, outcome.threshold))
    p_blast = [adaptation.reader.p_blast(heads, cells)[rows] for heads, _ in both]
    called = [p >= threshold for p, (_, threshold) in zip(p_blast, both, strict=True)]
    typed = cells.types >= 0
    right = [(adaptation.reader.named(heads, cells) == cells.types)[typed] for heads, _ in both]

    def figure(name: str, n: int, of: Callable[[int, Weights], float], shares: Shares = ()) -> Figure:
        among = asked.groups[typed].tolist() if name == "type_accuracy" else groups
        if shares:
            before, after = (share_estimate(hits, of_all, among, _ROUNDS) for hits, of_all in shares)
        else:
            before, after = (group_bootstrap(partial(of, i), among, _ROUNDS) for i in (0, 1))
        return Figure(name, n, before, after, group_bootstrap(lambda w: of(1, w) - of(0, w), among, _ROUNDS))

    def share_of(name: str, hits: Sequence[Bools], of_all: Bools) -> Figure:
        shares = [(each, of_all) for each in hits]
        return figure(name, int(of_all.sum()), lambda i, w: share(hits[i], of_all, w), shares)

    return (
        figure("auc", len(truth), lambda i, w: area_under_roc(truth, p_blast[i], w)),
        figure("balanced_accuracy", len(truth), lambda i, w: balanced_accuracy(truth, called[i], w)),
        share_of("sensitivity", called, truth),
        share_of("specificity", [~each for each in called], ~truth),
        share_of("type_accuracy", right, np.ones(int(typed.sum()), bool)),
    )


def _replayed(adaptation: Adaptation, outcome: Outcome) -> tuple[Kept, ...]:
    drawn = adaptation.space.drawn(np.random.default_rng(_REPLAY_SEED), REPLAYED)
    old_blast, old_named = _predictions(
        adaptation, adaptation.before, adaptation.settings.blast_threshold, drawn
    )
    new_blast, new_named = _predictions(adaptation, outcome.heads, outcome.threshold, drawn)
    # Every drawn cell is one of its own.
    each = [str(row) for row in range(len(drawn))]

    def kept(name: str, hits: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> Kept:
        return Kept(name, int(among.sum()), share_estimate(hits, among, each, _ROUNDS))

    return (
        kept("blasts", new_blast, old_blast),
        kept("others", ~new_blast, ~old_blast),
        kept("types", new_named == old_named, ~old_blast),
    )


def _predictions(
    adaptation: Adaptation, heads: Heads, threshold: float, drawn: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return which drawn cells heads call blasts, and the likeliest type of each."""
    n = len(drawn)
    cells = CellFeatures(drawn, np.zeros(n, bool), np.full(n, -1))
    reader = adaptation.reader
    return np.asarray(reader.p_blast(heads, cells) >= threshold), reader.named(heads, cells)
