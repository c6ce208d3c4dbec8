"""A patient's reading: fields, cells, differential, decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from marrowscope.domain.case.details import NOTHING_STATED, CaseDetails
from marrowscope.domain.case.laboratory import NO_LABORATORY, Laboratory
from marrowscope.domain.case.megakaryocytes import (
    Megakaryocytes,
    MegakaryocyteSearch,
    megakaryocytes_of,
)
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import Cells
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Decision, Interval, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.geometry import border_margin, touching_border, turned_back
from marrowscope.domain.quantity import quantity
from marrowscope.domain.scale import Scale

OF_SEVERAL = "of several images in the file"
"""Beginning of the notes on an image that was chosen among those of its file."""

TURNED_UPRIGHT = "turned upright as its EXIF orientation says"
"""Note on an image that was stored on its side."""

NO_MIDDLE_CELL = "no cell was found in the middle; the middle half of the image was taken for it"
"""Note on an image of a single cell."""

AT = "@"
"""Between the name of a slide and the place of one of its tiles."""


def tile_name(slide: str, x: int, y: int) -> str:
    """Return the name of the tile whose left upper pixel lies at a column and a row of a slide."""
    return f"{slide}{AT}{x},{y}"


class FieldStatus(StrEnum):
    """Outcome of reading a field."""

    READ = "read"
    FAILED = "failed"
    DUPLICATE = "duplicate"
    UNFIT = "unfit"
    """A tile of a slide that is not sharp, or shows nothing: another one is taken in its place."""


@dataclass(frozen=True)
class ImageFigures:
    """How stain, light and focus show in an image, at the detector's working scale.

    Attributes
    ----------
    slide : red, green, blue, 0 to 255, of the empty slide
    contrast : grey levels of the green channel between the lightest and the darkest parts
    sharpness : 0.25 for ideal edges, less as they blur; None if the image has no edges
    """

    slide: tuple[float, float, float]
    contrast: float
    sharpness: float | None


@dataclass(frozen=True, eq=False)
class FieldReading:
    """One field of view and the cells in it.

    Attributes
    ----------
    name : path relative to the patient's folder, separated by ``/``
    status : read, failed, or duplicate (the same image as another field, not counted again)
    message : why it failed, or which field it repeats; one line
    width, height : pixels of the original image, 0 if it could not be read
    scale : micrometres per pixel used, and their source; None if the field was not read
    flags : names of quality problems
    notes : conversions made while reading (orientation, bit depth, ...)
    cells : named cells in pixels of the field
    sha256 : digest of the file's bytes, empty if it could not be read
    is_single_cell : the image is of the one cell in its middle
    signed_type : type of that cell as the analyser or a technologist signed it; None if not known
    figures : of the image; None if the field was not read, or was before they were kept
    slide_xy : column and row of the field's left upper pixel in the slide that it is a tile of
    megakaryocytes : looked for in a field that could hold one; None in tiles, in images of single cells, and
        where the scale does not tell one from leukocytes (`Scale.tells_large_cells`)
    orientation : EXIF orientation by which the stored pixels were turned upright; 1 if they were not, or the
        field was read before it was kept
    picture : left, top, right, bottom of the picture in the image, without bands around it that are none;
        None if the field was read before it was kept
    """

    name: str
    status: FieldStatus
    cells: Cells = field(default_factory=Cells.empty)
    message: str = ""
    width: int = 0
    height: int = 0
    scale: Scale | None = None
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sha256: str = ""
    is_single_cell: bool = False
    signed_type: str | None = None
    figures: ImageFigures | None = None
    slide_xy: tuple[int, int] | None = None
    megakaryocytes: MegakaryocyteSearch | None = None
    orientation: int = 1
    picture: tuple[int, int, int, int] | None = None

    def is_cut(self, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Return which boxes (n, 4) in pixels of the field reach its picture's edge, or beyond."""
        whole = self.picture or (0, 0, self.width, self.height)
        return touching_border(boxes, whole, border_margin(self.mpp))

    @property
    def slide(self) -> str | None:
        """Name of the slide that the field is a tile of, None if it is none."""
        return None if self.slide_xy is None else self.name.rpartition(AT)[0]

    @property
    def boxes_in_image(self) -> npt.NDArray[np.float32]:
        """Boxes (n, 4) of the cells in pixels of the original image: of a tile, in those of its slide."""
        if self.slide_xy is None:
            return self.cells.boxes
        return self.cells.boxes + np.array(self.slide_xy * 2, np.float32)

    @property
    def boxes_as_stored(self) -> npt.NDArray[np.float32]:
        """The same in the file's pixels as they are stored, for programs that do not turn images upright."""
        return turned_back(self.boxes_in_image, self.width, self.height, self.orientation)

    @property
    def mpp(self) -> float | None:
        """Micrometres per pixel used, None if not known."""
        return None if self.scale is None else self.scale.mpp


@dataclass(frozen=True)
class SlideReading:
    """A whole slide, and how much of it was counted.

    Attributes
    ----------
    name : path relative to the patient's folder
    sha256 : digest of its file, or of the digests of several
    width, height : full-resolution pixels
    mpp : micrometres per pixel by which areas are told
    countable_mm2 : area in which cells lie in one layer
    counted_mm2 : area of the tiles that were counted
    tiles : laid on the countable area
    tiles_counted, tiles_unfit : counted; not sharp or empty, and passed over
    megakaryocytes : looked for all over the slide; None if it was read before they were
    """

    name: str
    sha256: str
    width: int
    height: int
    mpp: float
    countable_mm2: float
    counted_mm2: float
    tiles: int
    tiles_counted: int
    tiles_unfit: int
    megakaryocytes: MegakaryocyteSearch | None = None

    @property
    def overview(self) -> str:
        """Name of the picture that shows where it was counted."""
        return f"{self.name}{AT}overview"

    @property
    def summary(self) -> str:
        """How much was counted, as a sentence."""
        unfit = f"; {quantity(self.tiles_unfit, 'tile')} not sharp or empty" if self.tiles_unfit else ""
        return (
            f"{self.name}: {self.counted_mm2:.2f} mm² counted ({quantity(self.tiles_counted, 'tile')}) of "
            f"{self.countable_mm2:.2f} mm² in which cells lie in one layer{unfit}."
        )


@dataclass(frozen=True)
class Change:
    """A statement of a report that is another in the version before: what of, as it was, as it is."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Waiver:
    """What was open in a count when it was signed, and why it could stay so in the signer's words."""

    point: str
    reason: str


@dataclass(frozen=True)
class Signature:
    """A signature under a report.

    Attributes
    ----------
    version : 1 for the first signed report, increased by one with each amendment
    by : name of the signer
    at : UTC, ISO 8601
    meaning : what the signer confirms, in their own words
    reason : why the report was amended, None for the first version
    changes : what differs from the version before
    waivers : what was open, and why it could stay so
    """

    version: int
    by: str
    at: str
    meaning: str
    reason: str | None = None
    changes: tuple[Change, ...] = ()
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, eq=False)
class Review:
    """What readers changed in a count.

    Attributes
    ----------
    network : the patient's reading by the networks alone
    named, deleted : number of detected cells that a reader named, or marked as not a cell
    added : number of cells that a reader drew
    signature : None until the report is signed
    """

    network: "PatientReading"
    named: int
    deleted: int
    added: int
    signature: Signature | None = None

    @property
    def cells(self) -> int:
        """Number of cells with a reader's answer."""
        return self.named + self.deleted + self.added


def known_state_words(truth: str) -> str:
    """Return a patient's truth in words; files for programs keep the value.

    ``healthy`` says only that there is no leukemia: a marrow with 14 % blasts has that value, too.
    """
    return "no leukemia" if truth == "healthy" else truth


@dataclass(frozen=True, eq=False)
class PatientReading:
    """Everything known about one patient.

    Attributes
    ----------
    patient : name given by the folder, file or manifest
    fields : in natural order
    differential : of all fields together
    blast_interval : counted share with its interval, None if no cell is counted
    adjusted_interval : the share that decides, None if nothing does (`Decision.decided_by`)
    decision : by the chosen rule
    clustering : precision lost because cells of one field resemble each other
    exact_interval : counted share with Clopper and Pearson's interval
    bootstrap_interval : counted share with an interval over resampled fields, None with a single field
    expected_interval : share if this laboratory is like those measured, None if too few were
    looks_again : the count was looked at repeatedly, and the deciding interval holds for all looks
    limits : what this count cannot see, as sentences that stand beside the verdict
    reviewed_interval : share inferred from reviewed cells, None without a review
    alternatives : decisions of the other rules on the same count
    flags : problems that concern the whole patient, as sentences
    truth : ``leukemia`` / ``healthy`` (or the manifest's own value), None if not given
    review : what readers changed in the count, None before a review
    passed_over : names of files among the patient's that are no images as far as is known, nor documents
    details : what the laboratory states about the case
    slides : whole slides whose tiles are among the fields
    """

    patient: str
    fields: tuple[FieldReading, ...]
    differential: Differential
    blast_interval: Interval | None
    adjusted_interval: Interval | None
    decision: Decision
    clustering: Clustering = NO_CLUSTERING
    exact_interval: Interval | None = None
    bootstrap_interval: Interval | None = None
    expected_interval: Interval | None = None
    reviewed_interval: Interval | None = None
    looks_again: bool = False
    limits: tuple[str, ...] = ()
    alternatives: tuple[Decision, ...] = ()
    flags: tuple[str, ...] = ()
    truth: str | None = None
    review: Review | None = None
    passed_over: tuple[str, ...] = ()
    details: CaseDetails = NOTHING_STATED
    slides: tuple[SlideReading, ...] = ()

    @property
    def known_state(self) -> str:
        """The truth as people read it, empty if it is not given."""
        return known_state_words(self.truth or "")

    @property
    def deciding_interval(self) -> Interval | None:
        """The share that decides, None if nothing does: with too few cells none does, whatever is known."""
        return self.adjusted_interval if self.decision.is_by_enough_cells else None

    @property
    def images_passed_over(self) -> int:
        """Number of the patient's images that nothing was counted from: not read, or repetitions."""
        return sum(f.status is not FieldStatus.READ for f in self.fields) + len(self.passed_over)

    @property
    def fields_failed(self) -> int:
        """Number of fields that could not be read."""
        return sum(f.status is FieldStatus.FAILED for f in self.fields)

    @cached_property
    def megakaryocytes(self) -> Megakaryocytes | None:
        """Megakaryocytes looked for; None in blood, and where no image could show one."""
        if self.details.specimen is Specimen.BLOOD:
            return None
        images: tuple[FieldReading | SlideReading, ...] = (*self.fields, *self.slides)
        return megakaryocytes_of((image.name, image.sha256, image.megakaryocytes) for image in images)

    @cached_property
    def cells(self) -> Cells:
        """Cells of all fields, in field order."""
        return Cells.concatenate([f.cells for f in self.fields])


@dataclass(frozen=True)
class EarlierCount:
    """A patient's earlier count: digests of the images, and whether it was itself another look."""

    images: frozenset[str]
    looks_again: bool


@dataclass(frozen=True)
class Provenance:
    """How a report was made.

    Attributes
    ----------
    version : of this software
    bundle : name and version of the networks
    bundle_sha256 : digest of the bundle
    started, finished : UTC, ISO 8601
    settings : name → value of everything that affects the result
    seconds : stage → wall-clock seconds
    """

    version: str
    bundle: str
    bundle_sha256: str
    started: str
    finished: str
    settings: Mapping[str, str]
    seconds: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class CohortReport:
    """The results of a run over one or more patients, and the laboratory that reports them."""

    patients: tuple[PatientReading, ...]
    provenance: Provenance
    laboratory: Laboratory = NO_LABORATORY

    @property
    def has_pictures(self) -> bool:
        """Whether annotated pictures were to be drawn."""
        return self.provenance.settings.get("pictures") != "false"

    def verdicts(self) -> Mapping[str, Verdict]:
        """Return each patient's verdict by the chosen rule."""
        return {p.patient: p.decision.verdict for p in self.patients}
