"""The reading of one field, in which imaging, networks and analysis come together.

bytes → pixels → scale → boxes → crops → probabilities → named cells → annotated picture and gallery
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from marrowscope.datasets.names import type_of_folder
from marrowscope.domain.case.megakaryocytes import MegakaryocyteSearch
from marrowscope.domain.cells import FLAG_BORDER, FLAG_REPEATED, Cells, Detections
from marrowscope.domain.counting import counted_once
from marrowscope.domain.geometry import border_margin, touching_border
from marrowscope.domain.patient import NO_MIDDLE_CELL, FieldReading, FieldStatus, ImageFigures
from marrowscope.domain.scale import SCALE_DISPUTED, Scale, ScaleBySize, ScaleSource
from marrowscope.domain.taxonomy import CellType, taxonomy
from marrowscope.errors import ImageError, InferenceError
from marrowscope.imaging.background import picture_within
from marrowscope.imaging.draw import annotate
from marrowscope.imaging.files.decode import (
    DEFAULT_LIMITS,
    DecodeLimits,
    FieldImage,
)
from marrowscope.imaging.files.sources import Source
from marrowscope.imaging.gallery import LARGE_PX, SQUARE_PX, grey_squares, sheet_of
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.imaging.quality import UNFIT_TILE, FieldQuality, assess
from marrowscope.imaging.repeats.cells import FieldCells, RepeatedCells, cell_sketches
from marrowscope.imaging.slides.megakaryocytes import search_field
from marrowscope.models.bundle import Bundle
from marrowscope.models.classifier import Classifier
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import at_working_scale, detect_field, detect_scaled
from marrowscope.models.naming import name_cells
from marrowscope.models.scale_decision import Unsettled, checked_given, scale_of_field, settle_scale
from marrowscope.models.single_cell import find_single_cell

ASSUMED_MPP = 0.1  # a 100x oil objective with a common camera
SCALE_SAMPLE = 8  # fields per patient on which the scale is measured, and up to as many times
_SCALE_ROUNDS = 3  # this, where they are small: single cells with a few red cells beside each
_SCALE_PIXELS = 2_000_000  # pixels from which no further round is needed
_NO_MEMORY = "not enough memory to analyse this image"


@dataclass(frozen=True)
class ReadingSettings:
    """Settings that affect the reading of a field.

    Attributes
    ----------
    mpp : micrometres per pixel of all images; if None, read from the files or measured
    count_border_cells : also count cells cut by the image's edge
    score_threshold : least confidence of a box; if None, that of the bundle
    single_cells : images are of single cells, as an analyser exports them: only the cell in the middle counts
    limits : limits on the size of an image
    pictures : draw the annotated picture of each field; changes no reading
    """

    mpp: float | None = None
    count_border_cells: bool = False
    score_threshold: float | None = None
    single_cells: bool = False
    limits: DecodeLimits = DEFAULT_LIMITS
    pictures: bool = True


@dataclass(frozen=True)
class FieldTask:
    """One field to read.

    Attributes
    ----------
    patient : name of the patient
    source : where the image comes from
    sha256 : digest of its bytes; of a tile, of its slide and its place
    scales : scale per image size (width, height), measured on a sample of the patient's fields
    """

    patient: str
    source: Source
    sha256: str
    scales: Mapping[tuple[int, int], Scale] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FieldResult:
    """A reading with its pictures.

    Attributes
    ----------
    patient : name of the patient
    reading : the field and its cells
    annotated : JPEG of the field with boxes, empty if the field was not read or no pictures are wanted
    gallery : JPEG with a square per cell, row by row; empty without cells
    large : JPEG with a square of `LARGE_PX` per candidate for a megakaryocyte; empty without any
    """

    patient: str
    reading: FieldReading
    annotated: bytes = b""
    gallery: bytes = b""
    large: bytes = b""


T = TypeVar("T")


def scale_sample(fields: Sequence[T]) -> list[T]:
    """Choose a patient's fields on which the scale is measured.

    They are evenly spaced, and so are the first `SCALE_SAMPLE` of them alone.
    """
    number = min(SCALE_SAMPLE * _SCALE_ROUNDS, len(fields))
    even = [fields[int(i * len(fields) / number)] for i in range(number)]
    return [field for first in range(_SCALE_ROUNDS) for field in even[first::_SCALE_ROUNDS]]


def load_field(task: FieldTask, limits: DecodeLimits) -> FieldImage | ImageError:
    """Read and decode a field; for an unreadable image, the error is returned instead of raised."""
    try:
        return task.source.image(limits, task.sha256)
    except ImageError as error:
        return error


def counted_once_each(
    fields: Sequence[FieldReading],
    repeated: RepeatedCells,
    sheet: Callable[[FieldReading], Image.Image | None],
) -> tuple[FieldReading, ...]:
    """Return the fields of a patient with every cell counted once, where fields overlap.

    Parameters
    ----------
    fields : in the order of the report
    repeated : finds the cells, and remembers those of this patient
    sheet : returns the sheet of a field's cells, None if it is lost: then nothing is compared with them
    """

    def cells(field: FieldReading) -> FieldCells:
        number = len(field.cells)
        picture = sheet(field) if number else None
        squares = np.zeros((number, SQUARE_PX, SQUARE_PX), np.uint8)
        if picture is not None:
            squares = grey_squares(picture, number)
        return FieldCells(
            (field.width, field.height), field.cells.boxes, cell_sketches(squares), field.cells.is_counted
        )

    # Images of single cells are cut round one cell each, and tiles of slides lie side by side.
    whole = [
        n
        for n, each in enumerate(fields)
        if each.status is FieldStatus.READ and not each.is_single_cell and each.slide_xy is None
    ]
    found = repeated([((fields[n].name, fields[n].sha256), partial(cells, fields[n])) for n in whole])
    marked = list(fields)
    for n, is_repeated in zip(whole, found, strict=True):
        marked[n] = replace(fields[n], cells=counted_once(fields[n].cells, is_repeated))
    return tuple(marked)


def failed(task: FieldTask, message: str) -> FieldResult:
    """Return the result of a field that could not be read."""
    reading = FieldReading(
        name=task.source.name, status=FieldStatus.FAILED, message=message, sha256=task.sha256
    )
    return FieldResult(task.patient, reading)


class FieldReader:
    """Reads fields one after the other, with both networks in memory.

    Parameters
    ----------
    bundle : a verified bundle
    settings : settings that affect the reading
    threads : processor threads used inside each network
    """

    def __init__(self, bundle: Bundle, settings: ReadingSettings, threads: int = 1) -> None:
        self.bundle = bundle
        self.settings = settings
        self._threads = threads
        self._detector = Detector(bundle, threads)
        self._classifier = Classifier(bundle, threads)

    def read(self, task: FieldTask, image: FieldImage | ImageError) -> FieldResult:
        """Read one decoded field, and draw its pictures."""
        return self.begin(task, image)()

    def begin(self, task: FieldTask, image: FieldImage | ImageError) -> Callable[[], FieldResult]:
        """Read one decoded field; the function returned draws its pictures, in whatever thread."""
        if isinstance(image, ImageError):
            return partial(failed, task, str(image))
        try:
            reading = self._read(task, image)
        except InferenceError as error:
            return partial(failed, task, str(error))
        except MemoryError:
            return partial(failed, task, _NO_MEMORY)
        return partial(self._drawn, task, image.pixels, reading)

    def with_settings(self, settings: ReadingSettings) -> "FieldReader":
        """Return a reader with the same networks and other settings."""
        other = copy.copy(self)
        other.settings = settings
        return other

    def measure_patient(self, tasks: Sequence[FieldTask]) -> ScaleBySize:
        """Return the scale of each image size in a sample of a patient's fields (`scale_sample`)."""
        images: list[FieldImage] = []
        for number, task in enumerate(tasks):
            seen = sum(image.pixels.shape[0] * image.pixels.shape[1] for image in images)
            if number >= SCALE_SAMPLE and seen >= _SCALE_PIXELS:
                break
            image = load_field(task, self.settings.limits)
            if isinstance(image, FieldImage):
                images.append(image)
        return self.measure_scales(images)

    def measure_scales(self, images: Sequence[FieldImage]) -> ScaleBySize:
        """Return the scale of each image size among a patient's fields.

        Fields of one size come from one camera, so their evidence is pooled: red cells if possible, as their
        size varies least, or leukocytes if the marrow is too dense to show red cells. A size without evidence
        takes the scale of the patient's other fields. A size taken at two magnifications is left out: each of
        its fields is then measured alone. Images of single cells share one scale, whatever their sizes.
        """
        if self.settings.single_cells:
            return self._one_scale(images)
        by_size: dict[tuple[int, int], list[FieldImage]] = {}
        for image in images:
            by_size.setdefault(_size(image), []).append(image)
        scales = {size: self._scale(group) for size, group in by_size.items()}
        measured = {size: scale for size, scale in scales.items() if isinstance(scale, Scale)}
        if not measured:
            return {}
        typical = sorted(scale.mpp for scale in measured.values())[len(measured) // 2]
        unknown = [size for size, scale in scales.items() if scale is Unsettled.NOTHING_KNOWN]
        return measured | dict.fromkeys(unknown, Scale(typical, ScaleSource.PATIENT))

    def detect(self, pixels: npt.NDArray[np.uint8], mpp: float) -> Detections:
        """Find the leukocytes in a field of known scale; boxes are in its pixels."""
        return detect_field(self._detector, pixels, mpp, self.settings.score_threshold)

    def name(self, pixels: npt.NDArray[np.uint8], found: Detections, scale: Scale) -> Cells:
        """Name the cells detected in a field of known scale."""
        at_border = touching_border(found.boxes, picture_within(pixels), border_margin(scale.mpp))
        return name_cells(
            found,
            self._classifier(pixels, found.boxes),
            self._classifier.settings,
            # An image of a single cell was cut round that cell, tightly or not.
            np.zeros_like(at_border) if self.settings.single_cells else at_border,
            count_border_cells=self.settings.count_border_cells,
        )

    def scale_of(self, image: FieldImage) -> Scale:
        """Return the scale of a single image."""
        return self.measure_scales([image]).get(_size(image), Scale(ASSUMED_MPP, ScaleSource.ASSUMED))

    def _drawn(self, task: FieldTask, pixels: npt.NDArray[np.uint8], reading: FieldReading) -> FieldResult:
        """Return the result of a field that was read; of an image of a single cell, the sheet shows all."""
        is_field = reading.status is FieldStatus.READ and not reading.is_single_cell
        try:
            annotated = _annotated(pixels, reading.cells) if is_field and self.settings.pictures else b""
            gallery = sheet_of(pixels, reading.cells.boxes)
            searched = reading.megakaryocytes
            large = b"" if searched is None else large_sheet_of(pixels, searched)
            return FieldResult(task.patient, reading, annotated, gallery, large)
        except MemoryError:
            return failed(task, _NO_MEMORY)

    def _read(self, task: FieldTask, image: FieldImage) -> FieldReading:
        common = self._common_scale(task, image)
        scale = self.scale_of(image) if common is None else scale_of_field(image, common)
        if self.settings.single_cells and image.slide_xy is None:
            return self._read_single_cell(task, image, scale)
        seen = at_working_scale(self._detector, image.pixels, scale.mpp)
        quality = assess(seen)
        if image.slide_xy is not None and UNFIT_TILE.intersection(quality.flags):
            return self._unfit(task, image, scale, quality)
        found = detect_scaled(self._detector, seen, _size(image), self.settings.score_threshold)
        cells = self.name(image.pixels, found, scale)
        reading = self._reading(task, image, scale, cells, quality)
        is_searched = image.slide_xy is None and scale.tells_large_cells
        searched = search_field(image.pixels, scale.mpp) if is_searched else None
        return replace(reading, megakaryocytes=searched, picture=picture_within(image.pixels))

    def _read_single_cell(self, task: FieldTask, image: FieldImage, scale: Scale) -> FieldReading:
        """Read the cell in the middle of an image; its picture is on the patient's sheet of cells."""
        height, width = image.pixels.shape[:2]
        shown = find_single_cell(self._detector, image.pixels, scale.mpp)
        found = Detections(shown.box[None], np.full(1, shown.score, np.float32))
        cells = self.name(shown.pixels, found, scale)
        # Named by its whole box; where the image ends, so does the box that others work with.
        cells = replace(cells, boxes=cells.boxes.clip(0, np.array([width, height] * 2, np.float32)))
        quality = assess(at_working_scale(self._detector, image.pixels, scale.mpp))
        reading = replace(
            self._reading(task, image, scale, cells, quality),
            is_single_cell=True,
            signed_type=type_of_folder(PurePosixPath(task.source.name).parent.name),
        )
        if shown.is_found:
            return reading
        return replace(reading, notes=(*reading.notes, NO_MIDDLE_CELL))

    def _unfit(self, task: FieldTask, image: FieldImage, scale: Scale, quality: FieldQuality) -> FieldReading:
        """Pass a tile over: a slide has others."""
        reading = self._reading(task, image, scale, Cells.empty(), quality)
        why = ", ".join(flag.replace("_", " ") for flag in quality.flags)
        return replace(reading, status=FieldStatus.UNFIT, message=why)

    def _reading(
        self, task: FieldTask, image: FieldImage, scale: Scale, cells: Cells, quality: FieldQuality
    ) -> FieldReading:
        return FieldReading(
            name=task.source.name,
            status=FieldStatus.READ,
            cells=cells,
            width=image.pixels.shape[1],
            height=image.pixels.shape[0],
            scale=scale,
            flags=(*map(str, quality.flags), *((SCALE_DISPUTED,) if scale.remark else ())),
            notes=(*image.notes, *((scale.remark,) if scale.remark else ())),
            sha256=task.sha256,
            figures=ImageFigures(quality.slide, quality.contrast, quality.sharpness),
            slide_xy=image.slide_xy,
            orientation=image.orientation,
        )

    def _common_scale(self, task: FieldTask, image: FieldImage) -> Scale | None:
        """Return the scale that an image shares with others of the patient, None if it is measured alone."""
        if self.settings.single_cells:  # the sample need not hold every size
            return next(iter(task.scales.values()), None)
        return task.scales.get(_size(image))

    def _one_scale(self, images: Sequence[FieldImage]) -> ScaleBySize:
        """Return the same scale for every size: an analyser has one objective, and may cut as it likes."""
        measured = self._scale(images) if images else Unsettled.NOTHING_KNOWN
        scale = measured if isinstance(measured, Scale) else Scale(ASSUMED_MPP, ScaleSource.ASSUMED)
        return dict.fromkeys(map(_size, images), scale)

    def _scale(self, images: Sequence[FieldImage]) -> Scale | Unsettled:
        if self.settings.mpp is not None:
            return checked_given(self.settings.mpp, images)
        return settle_scale(self._detector, images, self._threads)


def annotated_again(task: FieldTask, cells: Cells, limits: DecodeLimits) -> bytes:
    """Return the annotated picture of a field that was read, with its cells as they are marked by now.

    Empty if the image can no longer be read.
    """
    image = load_field(task, limits)
    return b"" if isinstance(image, ImageError) else _annotated(image.pixels, cells)


def large_sheet_of(pixels: npt.NDArray[np.uint8], found: MegakaryocyteSearch) -> bytes:
    """Return a JPEG with a square of `LARGE_PX` of each candidate of a field; empty without any."""
    boxes = np.array([each.box for each in found.candidates], np.float32).reshape(-1, 4)
    return sheet_of(pixels, boxes, LARGE_PX)


def _annotated(pixels: npt.NDArray[np.uint8], cells: Cells) -> bytes:
    kinds = [taxonomy()[name] for name in cells.cell_types]
    picture = annotate(
        pixels,
        cells.boxes,
        [_rgb(kind) for kind in kinds],
        [kind.abbreviation for kind in kinds],
        dashed=[not c.is_counted and bool({FLAG_BORDER, FLAG_REPEATED} & {*c.flags}) for c in cells],
        legend={
            f"{kind.abbreviation}: {kind.name}": _rgb(kind)
            for kind in taxonomy()
            if kind.id in set(cells.cell_types)
        },
    )
    return jpeg_bytes(picture, 90)


def _rgb(kind: CellType) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(kind.colour)[:3]
    return red, green, blue


def _size(image: FieldImage) -> tuple[int, int]:
    return image.pixels.shape[1], image.pixels.shape[0]
