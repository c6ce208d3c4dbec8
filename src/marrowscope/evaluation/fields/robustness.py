"""Whether a count stays the same when the same fields are larger, darker, or stained differently."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowscope.datasets.layouts.fields import read_fields
from marrowscope.domain.cells import Cells
from marrowscope.domain.differential import count
from marrowscope.errors import DatasetError
from marrowscope.evaluation.fields.changes import FIELD_CHANGES, FieldChange
from marrowscope.evaluation.fields.reading import (
    Pixels,
    read_set,
    spread,
    unfamiliar_share,
)
from marrowscope.models.bundle import Bundle

ReadAtSize = Callable[[Sequence[Pixels], float], Sequence[Cells]]


@dataclass(frozen=True)
class FieldsCount:
    """Count over all fields together, as for a patient: cells counted and blasts among them.

    `unfamiliar` is the share of the cells unlike what the classifier learned from.
    """

    n_counted: int
    n_blasts: int
    unfamiliar: float | None

    @property
    def blast_share(self) -> float | None:
        """Share of blasts among the counted cells, None without any."""
        return self.n_blasts / self.n_counted if self.n_counted else None

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return vars(self) | {"blast_share": self.blast_share}


@dataclass(frozen=True)
class ChangedCount:
    """The fields read after one change.

    `count_change` is the change of the cells counted as a share of those before, `share_change` that of the
    blast share (0.03: three points). Cells lost in one field and gained in another make up for each other
    there, as in a patient's count; `field_count_change` is the sum of the fields' own changes, whatever
    their sign, as a share of the cells before. None where there is nothing to compare.
    """

    change: str
    reading: FieldsCount
    count_change: float | None
    share_change: float | None
    field_count_change: float | None


@dataclass(frozen=True)
class RobustnessResult:
    """What `evaluate_robustness` found; the worst changes are the largest of either sign."""

    n_fields: int
    unchanged: FieldsCount
    changed: tuple[ChangedCount, ...]

    @property
    def worst_count_change(self) -> float | None:
        """Largest change of the number of cells counted; None if one is undefined."""
        return _worst([changed.count_change for changed in self.changed])

    @property
    def worst_share_change(self) -> float | None:
        """Largest change of the blast share; None if one is undefined."""
        return _worst([changed.share_change for changed in self.changed])

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return {
            "worst_count_change": self.worst_count_change,
            "worst_share_change": self.worst_share_change,
            "n_fields": self.n_fields,
            "unchanged": self.unchanged.to_json(),
            "changed": [vars(changed) | {"reading": changed.reading.to_json()} for changed in self.changed],
        }


@dataclass(frozen=True)
class RobustnessTest:
    """Which fields are changed and read again.

    Attributes
    ----------
    data : the set's folder
    layout, split : how to read it
    fields : how many fields, evenly spread over the set
    mpp : micrometres per pixel; measured anew after every change, as the main job does, when None
    """

    data: Path
    layout: str = "auto"
    split: str | None = None
    fields: int = 12
    mpp: float | None = None

    def measure(self, bundle: Bundle, threads: int = 1) -> RobustnessResult:
        """Read the fields, change them, read them again.

        Raises
        ------
        DatasetError
            There are none.
        """
        found = sorted(read_fields(self.data, self.layout, self.split), key=lambda field: field.path.name)
        if not found:
            raise DatasetError(f"{self.data} holds no fields")

        def read(fields: Sequence[Pixels], size: float) -> Sequence[Cells]:
            return read_set(bundle, fields, mpp=self.mpp and self.mpp / size, threads=threads)

        pixels = [field.pixels() for field in spread(found, self.fields)]
        return evaluate_robustness(read, pixels)


def evaluate_robustness(
    read: ReadAtSize, fields: Sequence[Pixels], changes: Sequence[FieldChange] = FIELD_CHANGES
) -> RobustnessResult:
    """Read fields as they are and after each change.

    Parameters
    ----------
    read : from fields and by what their sides were multiplied to their cells, one `Cells` a field
    fields : as they are
    changes : made one at a time, each on the fields as they are
    """
    before = read(fields, 1.0)
    after = {
        change.name: read([change.apply(pixels) for pixels in fields], change.size) for change in changes
    }
    return RobustnessResult(
        len(fields), _reading(before), tuple(_changed(name, before, cells) for name, cells in after.items())
    )


def _changed(name: str, before: Sequence[Cells], after: Sequence[Cells]) -> ChangedCount:
    old, new = _reading(before), _reading(after)
    per_field = [
        int(b.is_counted.sum()) - int(a.is_counted.sum()) for b, a in zip(before, after, strict=True)
    ]
    shares = old.blast_share, new.blast_share
    return ChangedCount(
        name,
        new,
        count_change=(new.n_counted - old.n_counted) / old.n_counted if old.n_counted else None,
        share_change=None if shares[0] is None or shares[1] is None else shares[1] - shares[0],
        field_count_change=float(np.abs(per_field).sum() / old.n_counted) if old.n_counted else None,
    )


def _reading(read: Sequence[Cells]) -> FieldsCount:
    counted = count(Cells.concatenate(read))
    return FieldsCount(counted.counted, counted.blasts, unfamiliar_share(read))


def _worst(changes: Sequence[float | None]) -> float | None:
    known = [abs(change) for change in changes if change is not None]
    return max(known) if known and len(known) == len(changes) else None
