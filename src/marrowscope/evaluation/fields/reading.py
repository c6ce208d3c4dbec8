"""Whole fields of a set read as the main job reads a patient's: a scale per image size, then cells named."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import FLAG_UNFAMILIAR, Cells, Detections
from marrowscope.domain.scale import Scale
from marrowscope.imaging.files.decode import FieldImage
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import FieldReader, ReadingSettings

Item = TypeVar("Item")
Pixels = npt.NDArray[np.uint8]  # (H, W, 3) RGB
OnField = Callable[[int, int], None]  # called with (fields done, fields) after each

SCALE_SAMPLE = 12
"""Fields on which the scale of a set is measured."""


class SetReader:
    """Reads the fields of one set.

    Parameters
    ----------
    bundle : a verified bundle
    sample : fields of the set, on which the scale is measured
    settings : as for the main job
    threads : processor threads
    """

    def __init__(
        self, bundle: Bundle, sample: Sequence[Pixels], settings: ReadingSettings, threads: int
    ) -> None:
        self._reader = FieldReader(bundle, settings, threads)
        self._scales = self._reader.measure_scales([FieldImage(pixels, None) for pixels in sample])

    def scale(self, pixels: Pixels) -> Scale:
        """Give the scale of a field."""
        size = pixels.shape[1], pixels.shape[0]
        return self._scales.get(size) or self._reader.scale_of(FieldImage(pixels, None))

    def detect(self, pixels: Pixels) -> Detections:
        """Find the cells of a field."""
        return self._reader.detect(pixels, self.scale(pixels).mpp)

    def cells(self, pixels: Pixels) -> Cells:
        """Find and name the cells of a field."""
        scale = self.scale(pixels)
        return self._reader.name(pixels, self._reader.detect(pixels, scale.mpp), scale)


def read_set(
    bundle: Bundle,
    fields: Sequence[Pixels],
    *,
    mpp: float | None = None,
    threads: int = 1,
    on_field: OnField | None = None,
) -> list[Cells]:
    """Find and name the cells of every field of a set.

    Parameters
    ----------
    bundle : a verified bundle
    fields : of one set
    mpp : micrometres per pixel; measured as the main job does when None
    threads : processor threads
    on_field : called with (fields done, fields) after each
    """
    reader = SetReader(bundle, spread(fields, SCALE_SAMPLE), ReadingSettings(mpp=mpp), threads)
    read = []
    for done, pixels in enumerate(fields, start=1):
        read.append(reader.cells(pixels))
        if on_field is not None:
            on_field(done, len(fields))
    return read


def spread(items: Sequence[Item], n: int) -> list[Item]:
    """Give `n` items evenly spread over a sequence, all of them if there are fewer."""
    step = max(len(items) / n, 1)
    return [items[int(i * step)] for i in range(min(n, len(items)))]


def unfamiliar_share(read: Iterable[Cells]) -> float | None:
    """Share of the cells that are unlike what the classifier learned from; None without cells."""
    cells = Cells.concatenate(list(read))
    return sum(FLAG_UNFAMILIAR in flags for flags in cells.flags) / len(cells) if len(cells) else None
