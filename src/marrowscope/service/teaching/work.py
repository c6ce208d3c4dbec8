"""The work of the process that teaches: features of the cells of one image; the heads and the comparison.

It knows no database. What it computes lies in the teaching's folder, so that a later server can go on from
there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowscope.datasets.labelled import labelled_field
from marrowscope.datasets.layouts.review_zip import REVIEWS
from marrowscope.errors import BundleError, DatasetError, InferenceError
from marrowscope.evaluation.networks.shown_cells import cells_of_fields
from marrowscope.exports.atomic import atomic_path, write_atomic
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.detector import Detector
from marrowscope.training.adapting.seen_cells import SeenCells, see_cells
from marrowscope.training.adapting.teaching import Taught, teach

PROGRESS = "fits"
"""File with the number of fits done, of the five there are."""
STOP = "stop"
"""File that ends the work before the next fit."""
NEW = "bundle"
"""Folder of the new bundle until it is complete."""


@dataclass(frozen=True)
class NamedCells:
    """The named cells of one image.

    Attributes
    ----------
    patient : identifier
    image : digest
    mpp : micrometres per pixel where known
    boxes : ``x0, y0, x1, y1`` in pixels of the image, one for each type
    """

    patient: str
    image: str
    mpp: float | None
    boxes: tuple[tuple[float, float, float, float], ...]
    types: tuple[str, ...]


@dataclass(frozen=True)
class Start:
    """The bundle to teach: its folder, and the digest it must have."""

    folder: Path
    sha256: str

    def load(self) -> Bundle:
        """Load it. Raises BundleError where it is another one."""
        bundle = load_bundle(self.folder)
        if bundle.sha256 != self.sha256:
            raise BundleError(f"the bundle {bundle.name} is not the one that was to be taught")
        return bundle


def look(start: Start, image: Path, cells: NamedCells, target: Path) -> None:
    """Compute the features of the named cells of one image.

    Raises
    ------
    DatasetError
        The image is no longer kept, or cannot be read.
    """
    bundle = start.load()
    labels = [(name, box, False) for name, box in zip(cells.types, cells.boxes, strict=True)]
    try:
        field = labelled_field(image, labels, cells.patient, REVIEWS, mpp=cells.mpp)
    except DatasetError:  # its message would name the file
        raise DatasetError("an image of a chosen case is no longer kept, or cannot be read") from None
    seen = see_cells(bundle, cells_of_fields([field], Detector(bundle, 1), bundle.classifier, cells.mpp))
    with atomic_path(target) as beside, beside.open("wb") as stream:
        np.savez(stream, turned=seen.turned, kinds=seen.kinds, groups=seen.groups, background=seen.background)


def learn(start: Start, folder: Path, parts: Sequence[Path], kept_out: Sequence[str], version: str) -> Taught:
    """Fit the heads, write the new bundle into the teaching's folder, and compare.

    Raises
    ------
    InferenceError
        It was told to stop.
    """
    seen = SeenCells.joined([part for path in parts if len(part := _load(path))])

    def note(done: int, total: int) -> None:
        if (folder / STOP).exists():
            raise InferenceError("stopped")
        write_atomic(folder / PROGRESS, f"{done} {total}".encode())

    return teach(start.load(), seen, kept_out, folder / NEW, version=version, progress=note)


def _load(path: Path) -> SeenCells:
    with np.load(path, allow_pickle=False) as stored:
        return SeenCells(stored["turned"], stored["kinds"], stored["groups"], stored["background"])
