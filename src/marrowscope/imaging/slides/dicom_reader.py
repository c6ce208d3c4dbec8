"""DICOM whole-slide images (DICOM PS3.3, A.32.8), read by wsidicom (extra `dicom`)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from wsidicom import WsiDicom

from marrowscope.errors import ImageError
from marrowscope.imaging.files.pixel_size import plausible
from marrowscope.imaging.slides.slide import Level, Pixels, checked_levels

_WHOLE_SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"  # VL Whole Slide Microscopy Image Storage


class DicomReader:
    """One series of a whole-slide image.

    Parameters
    ----------
    paths : its instances; labels and overviews among them are left alone

    Raises
    ------
    WsiDicomError
        The instances do not make a slide.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        with _quiet():
            self._slide = WsiDicom.open(list(paths))
        found = [(level.size.width, level.size.height, level.level) for level in self._slide.levels]
        self.levels = checked_levels(tuple(Level(w, h, found[0][0] / max(w, 1)) for w, h, _ in found))
        self._numbers = {(w, h): number for w, h, number in found}
        self.mpp = plausible(self._slide.levels.base_level.mpp.width)

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Return a region."""
        here = self.levels[level]
        number = self._numbers[here.width, here.height]
        with _quiet():
            region = self._slide.read_region((x, y), number, (width, height), threads=1)
        return np.asarray(region.convert("RGB"))

    def close(self) -> None:
        """Close all instances."""
        self._slide.close()


def series_of(paths: Sequence[Path]) -> tuple[tuple[Path, ...], ...]:
    """Return the files of each whole-slide series among DICOM files, in the order of the files.

    Raises
    ------
    ImageError
        None of the files belongs to a whole-slide image.
    """
    series: dict[str, list[Path]] = {}
    for path in paths:
        with _quiet():
            header = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=["SOPClassUID", "SeriesInstanceUID"]
            )
        if header.get("SOPClassUID") == _WHOLE_SLIDE:
            series.setdefault(str(header.get("SeriesInstanceUID", "")), []).append(path)
    if not series:
        raise ImageError("this DICOM file is not a whole-slide image")
    return tuple(tuple(each) for each in series.values())


@contextmanager
def _quiet() -> Iterator[None]:
    """Let no warning out about values that do not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
