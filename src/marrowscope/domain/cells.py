"""Cells of a field as parallel columns, with a view of single rows for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from marrowscope import optional
from marrowscope.domain.geometry import Boxes, Scores

if TYPE_CHECKING:
    from pandas import DataFrame

# Marks a cell can carry besides its type.
FLAG_BORDER = "border"  # cut by the image's edge: not counted
FLAG_REPEATED = "repeated"  # shown by an earlier field, too, which overlaps: counted there
FLAG_UNCERTAIN = "uncertain"  # no type is certain enough
FLAG_UNCERTAIN_BLAST = "uncertain_blast"  # neither surely a blast nor surely none
FLAG_UNFAMILIAR = "unfamiliar"  # unlike the cells the networks learned from
FLAG_REVIEWED = "reviewed"  # named by a reader
FLAG_ADDED = "added"  # drawn by a reader
FLAG_DELETED = "deleted"  # marked by a reader as not a cell


def _checked(name: str, array: npt.NDArray[np.generic], shape: tuple[int | None, ...]) -> None:
    expected = tuple(a if w is None else w for a, w in zip(array.shape, shape, strict=False))
    if len(array.shape) != len(shape) or array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")


@dataclass(frozen=True, eq=False)
class Detections:
    """Leukocytes found in one image.

    Attributes
    ----------
    boxes : (n, 4) float32, ``x0, y0, x1, y1`` in pixels of the original image
    scores : (n,) float32 in 0..1
    """

    boxes: Boxes
    scores: Scores

    def __post_init__(self) -> None:
        _checked("boxes", self.boxes, (None, 4))
        _checked("scores", self.scores, (len(self.boxes),))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: npt.NDArray[np.generic] | slice) -> Self:
        return replace(self, boxes=self.boxes[rows], scores=self.scores[rows])

    @classmethod
    def empty(cls) -> Self:
        """Return a value with no detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class CellPredictions:
    """The classifier's predictions for n cells.

    Attributes
    ----------
    probabilities : (n, 1 + types) float32, blast first, rows sum to 1
    is_unfamiliar : (n,) cells unlike those the classifier learned from; all False if the bundle cannot tell
    """

    probabilities: npt.NDArray[np.float32]
    is_unfamiliar: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        _checked("is_unfamiliar", self.is_unfamiliar, (len(self.probabilities),))


@dataclass(frozen=True)
class Cell:
    """One cell: the row view of `Cells`."""

    box: tuple[float, float, float, float]
    score: float
    cell_type: str
    probability: float
    p_blast: float
    is_blast: bool
    is_counted: bool
    flags: tuple[str, ...]
    second_type: str = ""
    second_probability: float = 0.0


@dataclass(frozen=True, eq=False)
class Cells:
    """Named cells of one field.

    Attributes
    ----------
    boxes : (n, 4) float32, ``x0, y0, x1, y1`` in pixels of the original image, origin top left
    scores : (n,) float32, the detector's confidence
    cell_types : n taxonomy identifiers
    probability : (n,) float32, probability of the named type (of the most likely one if unclassified)
    p_blast : (n,) float32
    is_blast, is_counted : (n,) bool
    flags : n tuples of ``FLAG_*`` values
    second_types : n taxonomy identifiers, the most likely type other than the one the networks named; empty
        where unknown
    second_probability : (n,) float32, its probability, 0 where unknown

    The last two default to unknown: records of earlier versions do not have them.
    """

    boxes: Boxes
    scores: Scores
    cell_types: tuple[str, ...]
    probability: npt.NDArray[np.float32]
    p_blast: npt.NDArray[np.float32]
    is_blast: npt.NDArray[np.bool_]
    is_counted: npt.NDArray[np.bool_]
    flags: tuple[tuple[str, ...], ...]
    second_types: tuple[str, ...] = ()
    second_probability: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        n = len(self.boxes)
        _checked("boxes", self.boxes, (None, 4))
        for name, unknown in (("second_types", ("",) * n), ("second_probability", np.zeros(n, np.float32))):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, unknown)
        for name in ("scores", "probability", "p_blast", "is_blast", "is_counted", "second_probability"):
            _checked(name, getattr(self, name), (n,))
        for name in ("cell_types", "flags", "second_types"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, expected {n}")

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, row: int) -> Cell:
        x0, y0, x1, y1 = (float(v) for v in self.boxes[row])
        return Cell(
            box=(x0, y0, x1, y1),
            score=float(self.scores[row]),
            cell_type=self.cell_types[row],
            probability=float(self.probability[row]),
            p_blast=float(self.p_blast[row]),
            is_blast=bool(self.is_blast[row]),
            is_counted=bool(self.is_counted[row]),
            flags=self.flags[row],
            second_type=self.second_types[row],
            second_probability=float(self.second_probability[row]),
        )

    def __iter__(self) -> Iterator[Cell]:
        rows = zip(
            self.boxes.tolist(),
            self.scores.tolist(),
            self.cell_types,
            self.probability.tolist(),
            self.p_blast.tolist(),
            self.is_blast.tolist(),
            self.is_counted.tolist(),
            self.flags,
            self.second_types,
            self.second_probability.tolist(),
            strict=True,
        )
        return (Cell(tuple(box), *rest) for box, *rest in rows)

    def rows(self, chosen: npt.NDArray[np.integer] | Sequence[int]) -> Self:
        """Return the chosen rows in the order given; a row chosen twice appears twice."""
        index = np.asarray(chosen, np.intp)
        return replace(
            self,
            boxes=self.boxes[index],
            scores=self.scores[index],
            cell_types=tuple(self.cell_types[i] for i in index),
            probability=self.probability[index],
            p_blast=self.p_blast[index],
            is_blast=self.is_blast[index],
            is_counted=self.is_counted[index],
            flags=tuple(self.flags[i] for i in index),
            second_types=tuple(self.second_types[i] for i in index),
            second_probability=self.second_probability[index],
        )

    def to_frame(self) -> "DataFrame":
        """Return a pandas data frame, a row for each cell, with the columns of `cells.csv`.

        Boxes are in pixels of the field; `flags` are tuples.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        columns = {
            **{name: self.boxes[:, side] for side, name in enumerate(("x0", "y0", "x1", "y1"))},
            "score": self.scores,
            "cell_type": list(self.cell_types),
            "probability": self.probability,
            "p_blast": self.p_blast,
            "is_blast": self.is_blast,
            "counted": self.is_counted,
            "flags": list(self.flags),
            "second_type": list(self.second_types),
            "second_probability": self.second_probability,
        }
        return optional.pandas().DataFrame(columns)

    @classmethod
    def empty(cls) -> Self:
        """Return a field without cells."""
        floats, bools = np.zeros(0, np.float32), np.zeros(0, bool)
        return cls(np.zeros((0, 4), np.float32), floats, (), floats, floats, bools, bools, ())

    @classmethod
    def concatenate(cls, parts: "Sequence[Cells]") -> Self:
        """Join the cells of several fields, in order."""
        if not parts:
            return cls.empty()
        return cls(
            boxes=np.concatenate([p.boxes for p in parts]),
            scores=np.concatenate([p.scores for p in parts]),
            cell_types=tuple(name for p in parts for name in p.cell_types),
            probability=np.concatenate([p.probability for p in parts]),
            p_blast=np.concatenate([p.p_blast for p in parts]),
            is_blast=np.concatenate([p.is_blast for p in parts]),
            is_counted=np.concatenate([p.is_counted for p in parts]),
            flags=tuple(flags for p in parts for flags in p.flags),
            second_types=tuple(name for p in parts for name in p.second_types),
            second_probability=np.concatenate([p.second_probability for p in parts]),
        )
