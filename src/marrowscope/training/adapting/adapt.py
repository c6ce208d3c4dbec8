"""Adapt a bundle's classifier to a laboratory's own stain and scanner, in minutes on a processor.

The trunk stays; the heads learn anew, on features computed once (`adaptation`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.layouts.csv_boxes import read_csv
from marrowscope.datasets.layouts.recognise import identify_set
from marrowscope.datasets.layouts.review_zip import REVIEWS, read_review_zips
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.shown_cells import ShownCell, cells_of_fields, cells_of_folders
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.detector import Detector
from marrowscope.training.adapting.adaptation import Adaptation
from marrowscope.training.adapting.seen_cells import is_blast, see_cells
from marrowscope.training.finished_run import NETWORK

UNTYPED = "leukocyte_not_blast"

Progress = Callable[[dict[str, Any]], None]


def adapt_classifier(
    data: Path | None,
    out: Path,
    *,
    images: Path | None = None,
    reviews: Sequence[Path] = (),
    bundle: str | Path | None = None,
    mpp: float | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Path:
    """Adapt a bundle's classifier to the cells in ``data`` and return ``out/classifier.onnx``.

    Parameters
    ----------
    data : folder with a sub-folder of single-cell images per cell type; `leukocyte_not_blast` holds cells of
        unknown type. Or a reviewed `cells.csv` of an analysis. Types the bundle does not know yet are added.
    images : of a `cells.csv`: what was analysed
    reviews : archives of cells reviewed in the service, beside a folder or alone
    out : receives ``classifier.onnx``, ``classifier.json`` and ``feature_space.npz``, for `bundle build`
    bundle : what to start from, the built-in one by default
    mpp : micrometres per pixel of the images; None: whole fields are measured, single cells taken
        to fill half of their image
    threads : processor threads of the trunk
    progress : called with what was read and found

    Raises
    ------
    DatasetError
        Too few cells, or a type the taxonomy does not know.
    BundleError
        The bundle has no feature space, without which nothing can be replayed.
    """
    start = load_bundle(bundle)
    Adaptation(start, start.classifier.types)  # what cannot be adapted is told before cells are looked at
    report = progress or (lambda _: None)
    with TemporaryDirectory() as unpacked:
        given = _Given(data, images, tuple(reviews), Path(unpacked))
        new = _read(given, start, mpp, threads)
        added = (k for k in new.kinds if k not in start.classifier.types and not is_blast(k) and k != UNTYPED)
        adaptation = Adaptation(start, (*start.classifier.types, *added))
        seen = see_cells(start, new.shown, threads)
    report({"types": list(adaptation.types), "cells": len(seen)})
    outcome = adaptation.learned(seen)
    report({"judged": outcome.scores, "kept": outcome.kept})
    adaptation.write(out, outcome, seen, given.set_id())
    return out / NETWORK


@dataclass(frozen=True)
class _NewCells:
    """The cells to learn from: the names of their types, and the cells themselves, cut when needed."""

    kinds: tuple[str, ...]
    shown: Iterable[ShownCell]


@dataclass(frozen=True)
class _Given:
    """Where the new cells are, and a folder to unpack archives into."""

    data: Path | None
    images: Path | None
    reviews: tuple[Path, ...]
    unpacked: Path

    def set_id(self) -> str:
        """Give the set id of the laboratory's cells: a public set's, or the name of their folder."""
        folder = self.images or self.data
        return REVIEWS if folder is None else identify_set(folder)

    def single_cells(self) -> list[LabelledCell]:
        """Return the cells that are images of their own."""
        cells = [] if self.data is None else read_folder_per_type(self.data)
        return [*cells, *(read_review_zips(self.reviews, self.unpacked) if self.reviews else [])]


def _read(given: _Given, start: Bundle, mpp: float | None, threads: int) -> _NewCells:
    """Read a folder per type and reviews, or a reviewed cells.csv with what was analysed."""
    cut = Detector(start, threads), start.classifier, mpp
    if given.data is not None and given.data.suffix.lower() == ".csv":
        if given.reviews:
            raise DatasetError("give reviews of the service, or a reviewed cells.csv, not both at once")
        fields = read_csv(given.data, given.images)
        labels = {
            label for f in fields for label in np.array(f.labels, str)[f.is_nucleated & ~f.ignore].tolist()
        }
        found = _NewCells(tuple(sorted(labels)), cells_of_fields(fields, *cut))
    else:
        cells = given.single_cells()
        kinds = {cell.taxonomy_type for cell in cells}
        found = _NewCells(tuple(sorted(kinds)), cells_of_folders(cells, *cut))
    unknown = [kind for kind in found.kinds if kind not in taxonomy() and kind != UNTYPED]
    if unknown:
        raise DatasetError(f"cell types the taxonomy does not know: {', '.join(unknown)}")
    return found
