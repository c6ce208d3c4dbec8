"""Cells in memory, ready to be drawn: one square crop each, with its outline, background and stain."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.datasets.names import LEUKOCYTE, NOT_BLAST
from marrowscope.datasets.outline import outline_in
from marrowscope.errors import DatasetError
from marrowscope.imaging.background import brightest_colour_outside
from marrowscope.imaging.crops import crop_cells
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import as_found
from marrowscope.models.single_cell import find_single_cell
from marrowscope.synth import CELL_TYPES, draw_cell
from marrowscope.training.stain import Bytes, Floats, optical_density

CACHE_CONTEXT = 2.0
"""Side of a cached crop over the longer side of the cell's box: room to turn, shift and zoom."""

CACHE_PX = 192
"""Side of a cached crop: the cell covers about 96 px, 0.15 µm a pixel."""

BANK_FORMAT = 3
"""Raised when a bank's columns change: kept banks of before are then cut anew."""

NO_TYPE = -1
"""Type index of a cell whose type is not known, and of blasts, which the type head does not see."""

SYNTHETIC = "synthetic"
"""Source name of drawn cells."""

SYNTHETIC_MPP = 0.15

_FEW = 10  # cells, from which a laboratory teaches a type


@dataclass(frozen=True)
class CellBank:
    """n cells as parallel columns.

    `crops` (n, 192, 192, 3) uint8 RGB; `masks` (n, 192, 192) uint8, 255 inside the cell; `white` (n, 3)
    background colour 0-255; `stain` (n, 3) mean optical density inside the mask; `side_um` (n,) the crop's
    side; `is_blast` (n,) bool; `types` (n,) int index or NO_TYPE; `sources` (n,) names of sets; `groups` (n,)
    what must stay together (a patient, a field); `outlined` (n,) bool, false where the outline is only an
    ellipse in the box.
    """

    crops: Bytes
    masks: Bytes
    white: Floats
    stain: Floats
    side_um: Floats
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    outlined: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.crops)

    def select(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "CellBank":
        """Return the chosen rows."""
        return CellBank(*(getattr(self, f.name)[keep] for f in fields(self)))

    def of_one_source(self, types: Sequence[str]) -> tuple[str, ...]:
        """Return those of the types that fewer than two sources have cells of, at least `_FEW` each."""
        photographed = self.sources != SYNTHETIC
        found = []
        for index, name in enumerate(types):
            _, numbers = np.unique(self.sources[photographed & (self.types == index)], return_counts=True)
            if (numbers >= _FEW).sum() < 2:
                found.append(name)
        return tuple(found)

    def save(self, path: Path) -> None:
        """Write the bank as one ``.npz`` (uncompressed), atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.stem + ".partial.npz")
        np.savez(partial, **{f.name: getattr(self, f.name) for f in fields(self)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "CellBank":
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[f.name] for f in fields(cls)))


def joined(banks: Sequence[CellBank]) -> CellBank:
    """Return several banks as one."""
    return CellBank(*(np.concatenate([getattr(b, f.name) for b in banks]) for f in fields(CellBank)))


def bank_of_cells(
    cells: Sequence[LabelledCell],
    types: Sequence[str],
    mpp: float,
    detector: Detector,
    progress: Callable[[int, int], None] | None = None,
) -> CellBank:
    """Cut one crop for each labelled cell, by the detector's box as an analysis does.

    The outline by colour joins it where it agrees with the box. A cell that the detector does not find is
    taken to fill the middle half of its image. Raises DatasetError for a type that is neither a blast nor one
    of ``types`` or below one.
    """
    names = [cell.type_among(types) for cell in cells]
    rows = []
    for done, (cell, name) in enumerate(zip(cells, names, strict=True)):
        shown = find_single_cell(detector, cell.pixels(), mpp)
        rows.append(
            _row(
                shown.pixels,
                shown.box,
                outline_in(shown.pixels, shown.box) if shown.outline is None else shown.outline,
                mpp,
                is_blast=cell.is_blast,
                type_index=NO_TYPE if name is None else list(types).index(name),
                source=cell.source,
                group=cell.group,
            )
        )
        if progress is not None:
            progress(done + 1, len(cells))
    return _stacked(rows)


def bank_of_fields(
    fields_: Iterable[LabelledField], types: Sequence[str], mpp: float, detector: Detector
) -> CellBank:
    """Cut one crop for each whole leukocyte of labelled fields, by the detector's box where it finds it.

    Labels that are no type, ``leukocyte`` and ``leukocyte_not_blast``, say no more than that the cell is no
    blast: of such fields the patients' health is known.
    """
    rows = []
    for field in fields_:
        pixels = field.pixels()
        height, width = pixels.shape[:2]
        found = as_found(detector, pixels, mpp, field.boxes)
        for box, cut, label, ignored, nucleated in zip(
            field.boxes, found, field.labels, field.ignore, field.is_nucleated, strict=True
        ):
            if ignored or not nucleated or box[:2].min() <= 1 or box[2] >= width - 1 or box[3] >= height - 1:
                continue
            cell = LabelledCell(
                field.path, NOT_BLAST if label == LEUKOCYTE else label, field.group, field.source
            )
            name = cell.type_among(types)
            rows.append(
                _row(
                    pixels,
                    cut,
                    None,
                    mpp,
                    is_blast=cell.is_blast,
                    type_index=NO_TYPE if name is None else list(types).index(name),
                    source=field.source,
                    group=field.group,
                )
            )
    return _stacked(rows)


def bank_of_synthetic(types: Sequence[str], per_type: int, seed: int = 0) -> CellBank:
    """Draw synthetic cells: as many blasts as cells of all types together, source ``synthetic``.

    Types that cannot be drawn are left out. They are for training alone and stand in no figure.
    """
    rng = np.random.default_rng(seed)
    drawable = [name for name in types if name in CELL_TYPES]
    wanted = [name for name in drawable for _ in range(per_type)]
    rows: list[_Row] = []
    for name in wanted + ["blast"] * len(wanted):
        cell = draw_cell(rng, name, SYNTHETIC_MPP)
        is_blast = name == "blast"
        rows.append(
            _row(
                cell.pixels,
                cell.box,
                cell.coverage >= 0.5,
                SYNTHETIC_MPP,
                is_blast=is_blast,
                type_index=NO_TYPE if is_blast else list(types).index(name),
                source=SYNTHETIC,
                group=f"{SYNTHETIC}/{len(rows)}",
            )
        )
    return _stacked(rows)


_Row = tuple[Bytes, Bytes, Floats, Floats, float, bool, int, str, str, bool]


def _row(
    pixels: Bytes,
    box: Floats,
    mask: npt.NDArray[np.bool_] | None,
    mpp: float,
    *,
    is_blast: bool,
    type_index: int,
    source: str,
    group: str,
) -> _Row:
    """Cut one cell's crop and mask and measure its background and stain."""
    crop = crop_cells(pixels, box[None], CACHE_PX, CACHE_CONTEXT)[0]
    outlined = mask is not None
    if mask is None:
        cut = _ellipse()
    else:
        # Repeating the border would drag a cell that touches it outward: pad with nothing instead.
        pad = max(pixels.shape[:2])
        planes = np.repeat(np.pad(mask, pad).astype(np.uint8)[..., None] * 255, 3, axis=2)
        cut = crop_cells(planes, box[None] + np.float32(pad), CACHE_PX, CACHE_CONTEXT)[0, ..., 0]
    inside = cut > 127
    white = brightest_colour_outside(crop, inside)
    stain = optical_density(crop[inside], white).mean(axis=0).astype(np.float32)
    side_px = float(CACHE_CONTEXT * max(box[2] - box[0], box[3] - box[1]))
    return crop, cut, white, stain, side_px * mpp, is_blast, type_index, source, group, outlined


def _stacked(rows: Sequence[_Row]) -> CellBank:
    if not rows:
        raise DatasetError("no labelled cells to train on")
    columns = list(zip(*rows, strict=True))
    return CellBank(
        np.stack(columns[0]), np.stack(columns[1]), np.stack(columns[2]), np.stack(columns[3]),
        np.asarray(columns[4], dtype=np.float32), np.asarray(columns[5], dtype=bool),
        np.asarray(columns[6], dtype=np.int64), np.asarray(columns[7], dtype=np.str_),
        np.asarray(columns[8], dtype=np.str_), np.asarray(columns[9], dtype=bool),
    )  # fmt: skip


def _ellipse() -> Bytes:
    """Return a disc that fills the cell's box, in a cached crop."""
    ramp = np.arange(CACHE_PX) + 0.5 - CACHE_PX / 2
    radius = CACHE_PX / CACHE_CONTEXT / 2
    return ((ramp[:, None] ** 2 + ramp[None, :] ** 2 < radius**2) * 255).astype(np.uint8)
