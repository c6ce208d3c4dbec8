"""Measuring both networks of a bundle on labelled sets, as the main job uses them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.fields import LabelledField, read_fields, recognise_layout
from marrowscope.datasets.splits import labelled_part, taken
from marrowscope.errors import DatasetError
from marrowscope.evaluation.fields.reading import (
    SCALE_SAMPLE,
    OnField,
    Pixels,
    SetReader,
    spread,
)
from marrowscope.evaluation.networks.classifier import ClassificationResult, evaluate_classifier
from marrowscope.evaluation.networks.detector import DetectionResult, evaluate_detector
from marrowscope.evaluation.networks.shown_cells import ShownCell, cells_of_fields, cells_of_folders
from marrowscope.models.bundle import Bundle, ClassifierSettings
from marrowscope.models.classifier import Classifier
from marrowscope.models.detector import Detector
from marrowscope.pipeline import ReadingSettings

_LEAST_SCORE = 0.01  # low enough for the whole precision-recall curve


@dataclass(frozen=True)
class DetectorTest:
    """Which fields a detector is measured on, and how.

    Attributes
    ----------
    data : the set's folder
    layout, split : how to read it
    take : the part (by sorted name, fractions from and to) that is measured: what a recipe did not `take`
    last : only the last so many fields of it by name
    mpp : micrometres per pixel; measured as the main job does when None
    match_iou : overlap that counts as found
    counted : only finds that a differential counts, after the classifier has named them: what it calls a
        smudge cell, a platelet or an artefact is no false find then, and cells at the border are missed
    """

    data: Path
    layout: str = "auto"
    split: str | None = None
    last: int | None = None
    take: tuple[float, float] = (0.0, 1.0)
    mpp: float | None = None
    match_iou: float = 0.5
    counted: bool = False

    def fields(self) -> list[LabelledField]:
        """Read the fields of the test.

        Raises
        ------
        DatasetError
            There are none.
        """
        found = taken(read_fields(self.data, self.layout, self.split), self.take, self.data)
        return found if self.last is None else found[-self.last :]

    def measure(self, bundle: Bundle, threads: int = 1, on_field: OnField | None = None) -> DetectionResult:
        """Measure the detector on these fields, at the scale the main job would find."""
        chosen = self.fields()
        settings = ReadingSettings(mpp=self.mpp, score_threshold=None if self.counted else _LEAST_SCORE)
        sample = [field.pixels() for field in spread(chosen, SCALE_SAMPLE)]
        reader = SetReader(bundle, sample, settings, threads)

        def detect(pixels: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
            if self.counted:
                cells = reader.cells(pixels)
                return cells.boxes[cells.is_counted], cells.scores[cells.is_counted]
            found = reader.detect(pixels)
            return found.boxes, found.scores

        return evaluate_detector(
            detect,
            chosen,
            operating_score=bundle.detector.score_threshold,
            match_iou=self.match_iou,
            on_field=on_field,
        )


@dataclass(frozen=True)
class ClassifierTest:
    """Which cells a classifier is measured on.

    Attributes
    ----------
    data : a folder with a sub-folder per cell type, or a set of fields with labelled boxes
    part : ``all``, or a part of the set (`splits.parts_of`)
    mpp : micrometres per pixel; without it fields are measured, and single cells have the scale that their
        files state
    """

    data: Path
    part: str = "all"
    mpp: float | None = None

    def measure(
        self, bundle: Bundle, threads: int = 1, on_batch: Callable[[int], None] | None = None
    ) -> ClassificationResult:
        """Measure the classifier on these cells; `on_batch` is called with the number of cells done.

        Raises
        ------
        DatasetError
            There is no such folder, part or cell.
        """
        settings = bundle.classifier
        return evaluate_classifier(
            Classifier(bundle, threads),
            self._cells(Detector(bundle, threads), settings),
            blast_threshold=settings.blast_threshold,
            type_threshold=settings.type_threshold,
            on_batch=on_batch,
        )

    def _cells(self, detector: Detector, settings: ClassifierSettings) -> Iterator[ShownCell]:
        if not self.data.exists():
            raise DatasetError(f"no such folder: {self.data}")
        if self.data.is_file() or recognise_layout(self.data) not in {"cells", "unlabelled"}:
            return cells_of_fields(read_fields(self.data), detector, settings, self.mpp)
        return cells_of_folders(labelled_part(self.data, self.part), detector, settings, self.mpp)
