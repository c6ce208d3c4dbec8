"""Blast shares of fields compared with labels of whole fields: a weak truth if no cell is labelled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowscope.datasets.layouts.fields import LabelledField, read_unlabelled
from marrowscope.domain.cells import Cells
from marrowscope.errors import DatasetError
from marrowscope.evaluation.fields.reading import (
    OnField,
    Pixels,
    read_set,
    spread,
    unfamiliar_share,
)
from marrowscope.evaluation.networks.background import (
    BackgroundBaseline,
    background_baseline,
)
from marrowscope.evaluation.statistics.bootstrap import Estimate, group_bootstrap
from marrowscope.evaluation.statistics.metrics import Bools, Floats, area_under_roc
from marrowscope.imaging.background import mean_colour_outside
from marrowscope.models.bundle import Bundle


@dataclass(frozen=True)
class LabelShares:
    """Fields of one label.

    `n_read` of them hold a counted cell; `quartiles` of the blast shares of these, None without any.
    """

    label: str
    is_malignant: bool
    n_fields: int
    n_read: int
    n_cells: int
    quartiles: tuple[float, float, float] | None


@dataclass(frozen=True)
class FieldSharesResult:
    """What `evaluate_field_shares` found, field by field, on the fields that hold a counted cell.

    `share_auc` is the probability that a malignant field's share of blasts exceeds a benign one's;
    `probability_auc` the same of the mean blast probability of its cells. Beside them what
    distinguishes fields without naming a cell: the background colour, and the number of cells alone.
    """

    share_auc: Estimate
    probability_auc: Estimate
    number_auc: float | None
    background_only: BackgroundBaseline
    labels: tuple[LabelShares, ...]
    unfamiliar: float | None

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return {
            "share_auc": self.share_auc.value,
            "share_auc_ci": self.share_auc.to_json(),
            "probability_auc": self.probability_auc.value,
            "probability_auc_ci": self.probability_auc.to_json(),
            "number_auc": self.number_auc,
            "background_only": self.background_only.to_json(),
            "labels": [vars(label) for label in self.labels],
            "n_fields": sum(label.n_fields for label in self.labels),
            "n_read": sum(label.n_read for label in self.labels),
            "unfamiliar": self.unfamiliar,
        }


@dataclass(frozen=True)
class FieldSharesTest:
    """Which fields are read; the folder a field lies in is its label.

    Attributes
    ----------
    data : the set's folder
    malignant, benign : names of folders in it
    mpp : micrometres per pixel; measured as the main job does when None
    fields : only so many fields of each label, evenly spread; all when None
    """

    data: Path
    malignant: Sequence[str]
    benign: Sequence[str]
    mpp: float | None = None
    fields: int | None = None

    def measure(self, bundle: Bundle, threads: int = 1, on_field: OnField | None = None) -> FieldSharesResult:
        """Read the fields and compare their shares.

        Raises
        ------
        DatasetError
            A folder is not there, or holds no image.
        """
        labels = (*self.benign, *self.malignant)
        fields = [field for label in labels for field in self._of(label)]
        pixels = [field.pixels() for field in fields]
        return evaluate_field_shares(
            [field.path.relative_to(self.data).parts[0] for field in fields],
            self.malignant,
            pixels,
            read_set(bundle, pixels, mpp=self.mpp, threads=threads, on_field=on_field),
        )

    def _of(self, label: str) -> list[LabelledField]:
        found = read_unlabelled(self.data / label)
        if not found:
            raise DatasetError(f"{self.data / label} holds no fields")
        return found if self.fields is None else spread(found, self.fields)


def evaluate_field_shares(
    labels: Sequence[str], malignant: Sequence[str], fields: Sequence[Pixels], read: Sequence[Cells]
) -> FieldSharesResult:
    """Compare the blast shares of malignant with those of other fields.

    Parameters
    ----------
    labels : of each field
    malignant : the labels of leukemia; all others are benign
    fields : their pixels, for the colour beside the cells
    read : their cells
    """
    is_malignant = np.array([label in malignant for label in labels], dtype=bool)
    number = np.array([int(cells.is_counted.sum()) for cells in read], dtype=np.float64)
    kept = number > 0
    shares = _means(read, lambda cells: cells.is_blast.astype(np.float64))
    probabilities = _means(read, lambda cells: cells.p_blast.astype(np.float64))
    colours = np.stack([_beside_cells(*pair) for pair in zip(fields, read, strict=True)])
    return FieldSharesResult(
        share_auc=_auc(is_malignant[kept], shares[kept]),
        probability_auc=_auc(is_malignant[kept], probabilities[kept]),
        number_auc=_auc(is_malignant, number).value,
        background_only=background_baseline(colours, is_malignant, ["one source"] * len(read)),
        labels=tuple(_of_label(name, malignant, labels, number, shares) for name in dict.fromkeys(labels)),
        unfamiliar=unfamiliar_share(read),
    )


def _means(read: Sequence[Cells], of: Callable[[Cells], Floats]) -> Floats:
    """Mean of a column over the counted cells of each field, (fields,); NaN without any."""
    return np.array([
        of(cells)[cells.is_counted].mean() if cells.is_counted.any() else np.nan for cells in read
    ])  # fmt: skip


def _auc(is_malignant: Bools, score: Floats) -> Estimate:
    each = [str(index) for index in range(len(score))]  # without names of patients every field stands alone
    return group_bootstrap(lambda weights: area_under_roc(is_malignant, score, weights), each)


def _of_label(
    name: str, malignant: Sequence[str], labels: Sequence[str], number: Floats, shares: Floats
) -> LabelShares:
    mine = np.array([label == name for label in labels], dtype=bool)
    known = shares[mine & (number > 0)]
    return LabelShares(
        label=name,
        is_malignant=name in malignant,
        n_fields=int(mine.sum()),
        n_read=len(known),
        n_cells=int(number[mine].sum()),
        quartiles=_quartiles(known) if len(known) else None,
    )


def _quartiles(shares: Floats) -> tuple[float, float, float]:
    low, middle, high = (float(value) for value in np.quantile(shares, [0.25, 0.5, 0.75]))
    return low, middle, high


def _beside_cells(pixels: Pixels, cells: Cells) -> Floats:
    """Mean colour, (3,), of a field outside the boxes of its cells."""
    covered = np.zeros(pixels.shape[:2], dtype=bool)
    for x0, y0, x1, y1 in np.maximum(cells.boxes, 0).round().astype(int):
        covered[y0:y1, x0:x1] = True
    return mean_colour_outside(pixels, covered)
