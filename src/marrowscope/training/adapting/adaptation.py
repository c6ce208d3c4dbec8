"""One adaptation: new heads on features computed once, judged by cells they did not learn from.

What the heads learned before is kept by replay: for features drawn from the bundle's feature space the
predictions must stay the same (van de Ven et al., "Brain-inspired replay for continual learning",
doi:10.1038/s41467-020-17866-2). Every new cell is predicted once by heads not trained on its group; if that
is not better than the old heads, these stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.splits import block_split
from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import BundleError, DatasetError
from marrowscope.evaluation.statistics.metrics import area_under_roc
from marrowscope.models.bundle import Bundle, ClassifierSettings
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.training.adapting.heads import CellFeatures, HeadReader, Heads
from marrowscope.training.adapting.replace_heads import replace_heads
from marrowscope.training.adapting.seen_cells import SeenCells
from marrowscope.training.calibration import blast_counts, even_odds, uncertain_range
from marrowscope.training.finished_run import NETWORK, FinishedRun
from marrowscope.training.onnx_layers import layers_of_onnx

FOLDS = 4
"""Parts the new cells are dealt into; heads learn from the others when a part is judged."""

FEWEST = 8
"""New cells below which nothing can be learned and checked."""

REPLAYED = 3000
"""Drawn features on which predictions must stay."""

Learning = Callable[[int, int], None]
"""Called with fits done and fits in all."""


@dataclass(frozen=True)
class _Judged:
    """Predictions for new cells by heads not trained on them: P(blast) and type (n,)."""

    p_blast: npt.NDArray[np.float64]
    named: npt.NDArray[np.int64]

    def scores(self, cells: CellFeatures, threshold: float) -> dict[str, float]:
        """Give the blast head's AUC and balanced accuracy and the types' accuracy, where there are any."""
        found: dict[str, float] = {}
        if cells.is_blast.any() and not cells.is_blast.all():
            counts = blast_counts(self.p_blast, cells.is_blast, threshold)
            found["auc"] = round(area_under_roc(cells.is_blast, self.p_blast), 4)
            found["balanced_accuracy"] = round(counts.balanced_accuracy, 4)
        typed = cells.types >= 0
        if typed.any():
            found["type_accuracy"] = round(float((self.named == cells.types)[typed].mean()), 4)
        return found


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of an adaptation.

    Attributes
    ----------
    heads : those kept: the new ones, or the old ones where the new are not better
    kept : ``after`` or ``before``
    threshold : of the blast head
    scores : figures of both on the new cells, ``before`` and ``after``
    p_blast : (n,) of the new cells, by heads that had not learned from them where the new ones are kept
    """

    heads: Heads
    kept: str
    threshold: float
    scores: dict[str, dict[str, float]]
    p_blast: npt.NDArray[np.float64]


class Adaptation:
    """The trunk, the replay and the settings of one adaptation.

    Parameters
    ----------
    start : bundle to start from
    types : of the new heads, the bundle's first

    Raises
    ------
    BundleError
        The bundle has no feature space, without which nothing can be replayed.
    """

    def __init__(self, start: Bundle, types: Sequence[str]) -> None:
        if not start.classifier.feature_space:
            raise BundleError(f"bundle {start.name} has no feature space to keep its knowledge by")
        self.types, self.settings, self.trained_on = tuple(types), start.classifier, start.trained_on
        self.network = start.folder / start.classifier.file
        self.space = FeatureSpace.load(start.folder / start.classifier.feature_space)
        self.reader = HeadReader(self.settings, self.types)
        self.before = Heads.of_layers(layers_of_onnx(self.network)).widened(len(self.types))

    def learned(self, seen: SeenCells, progress: Learning | None = None) -> Outcome:
        """Learn from cells, and keep the new heads unless they are worse.

        Parameters
        ----------
        progress : called after each fit

        Raises
        ------
        DatasetError
            The cells are too few.
        """
        if len(seen) < FEWEST:
            raise DatasetError(f"{len(seen)} cells are too few to learn from and to check on")
        replay = self.space.drawn(np.random.default_rng(0), REPLAYED)
        turned = self.turned(seen)
        folds = deal(seen.kinds.tolist(), seen.groups.tolist())
        report = progress or (lambda *_: None)
        judged = self._judged(turned, folds, replay, report)
        after = self.reader.fitted(self.before, _together(turned), replay)
        report(FOLDS + 1, FOLDS + 1)
        return self._outcome(after, turned[0], judged)

    def turned(self, seen: SeenCells) -> list[CellFeatures]:
        """Return cells under each turn, the upright ones first, with their truth by these types."""
        index = np.array([self.types.index(k) if k in self.types else -1 for k in seen.kinds.tolist()])
        return [CellFeatures(features, seen.is_blast, index.astype(np.int64)) for features in seen.turned]

    def write(
        self, out: Path, outcome: Outcome, seen: SeenCells, laboratory: str, rates: ErrorRates | None = None
    ) -> FinishedRun[ClassifierSettings]:
        """Write the network, its settings and its feature space, the new cells now familiar.

        Parameters
        ----------
        laboratory : set id of the new cells
        rates : of cells kept out; those of the new cells, each judged by heads that had not learned from it,
            for None
        """
        out.mkdir(parents=True, exist_ok=True)
        replace_heads(self.network, out / NETWORK, outcome.heads.as_layers())
        cells = self.turned(seen)[0]
        known = np.where(cells.is_blast, len(self.types), cells.types)
        means = [cells.features[known == kind].mean(axis=0) for kind in np.unique(known)]
        wider = np.concatenate([self.space.means, np.stack(means)]).astype(np.float32)
        replace(self.space, means=wider).save(out / "feature_space.npz")
        run = self._finished(outcome, cells, laboratory, rates)
        run.write(out)
        return run

    def _judged(
        self,
        turned: Sequence[CellFeatures],
        folds: npt.NDArray[np.int64],
        replay: npt.NDArray[np.float32],
        report: Learning,
    ) -> _Judged:
        """Predict every cell with heads trained on the other folds."""
        upright = turned[0]
        p_blast, named = np.zeros(len(upright)), np.zeros(len(upright), np.int64)
        for done, fold in enumerate(np.unique(folds)):
            report(done, FOLDS + 1)
            held_out = folds == fold
            shown = _together([cells.select(~held_out) for cells in turned])
            heads = self.reader.fitted(self.before, shown, replay)
            p_blast[held_out] = self.reader.p_blast(heads, upright.select(held_out))
            named[held_out] = self.reader.named(heads, upright.select(held_out))
        return _Judged(p_blast, named)

    def _outcome(self, after: Heads, cells: CellFeatures, judged: _Judged) -> Outcome:
        """Keep the new heads unless they rank blasts and name types worse than the old ones."""
        old = _Judged(self.reader.p_blast(self.before, cells), self.reader.named(self.before, cells))
        threshold = self.settings.blast_threshold
        chosen = self._threshold(judged, cells)
        scores = {"before": old.scores(cells, threshold), "after": judged.scores(cells, chosen)}
        means = {
            when: float(np.mean([v for k, v in s.items() if k != "balanced_accuracy"] or [0.0]))
            for when, s in scores.items()
        }
        if means["after"] < means["before"]:
            return Outcome(self.before, "before", threshold, scores, old.p_blast)
        return Outcome(after, "after", chosen, scores, judged.p_blast)

    def _threshold(self, judged: _Judged, cells: CellFeatures) -> float:
        """Choose the threshold at which the fitted odds are even: on few cells the best one is luck."""
        if cells.is_blast.all() or not cells.is_blast.any():
            return self.settings.blast_threshold
        return even_odds(judged.p_blast, cells.is_blast) or self.settings.blast_threshold

    def _finished(
        self, outcome: Outcome, cells: CellFeatures, laboratory: str, rates: ErrorRates | None
    ) -> FinishedRun[ClassifierSettings]:
        counts = blast_counts(outcome.p_blast, cells.is_blast, outcome.threshold)
        uncertain = self.settings.uncertain_blast
        if outcome.kept == "after" and cells.is_blast.any() and not cells.is_blast.all():
            uncertain = uncertain_range(outcome.threshold, [(outcome.p_blast, cells.is_blast)])
        settings = replace(
            self.settings,
            file=NETWORK,
            types=self.types,
            blast_threshold=outcome.threshold,
            uncertain_blast=uncertain,
            feature_space="feature_space.npz",
        )
        trained_on = tuple(dict.fromkeys((*self.trained_on, laboratory)))
        source = f"{len(cells)} cells of the laboratory, each judged by heads that had not learned from it"
        figures = {"test": {"blast": counts.as_dict()}, "adaptation": outcome.scores}
        return FinishedRun(settings, trained_on, 0, rates or counts.error_rates(source), figures)


def _together(turned: Sequence[CellFeatures]) -> CellFeatures:
    """Join the same cells under several turns."""
    return CellFeatures(
        np.concatenate([c.features for c in turned]),
        np.concatenate([c.is_blast for c in turned]),
        np.concatenate([c.types for c in turned]),
    )


@dataclass(frozen=True)
class _Place:
    """A new cell for the dealing into folds: its row, kind and group."""

    row: int
    kind: str
    group: str

    @property
    def path(self) -> Path:
        return Path(self.group)


def deal(kinds: Sequence[str], groups: Sequence[str]) -> npt.NDArray[np.int64]:
    """Deal cells into folds (n,), each kind evenly, never tearing a group apart.

    Cells of one group alone are dealt as they come, field after field, which nearly keeps fields together.
    """
    if len(set(groups)) == 1:
        groups = [f"{row:09d}" for row in range(len(groups))]
    places = [_Place(row, *pair) for row, pair in enumerate(zip(kinds, groups, strict=True))]
    parts = block_split(places, lambda place: place.kind, {str(i): 1 / FOLDS for i in range(FOLDS)})
    folds = np.zeros(len(places), np.int64)
    for name, members in parts.items():
        folds[[place.row for place in members]] = int(name)
    return folds
