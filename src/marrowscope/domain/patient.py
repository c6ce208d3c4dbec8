"""A patient's reading: fields, cells, differential, decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from marrowscope.domain.cells import Cells
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Decision, Interval, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import ErrorRates
from marrowscope.domain.scale import Scale


class FieldStatus(StrEnum):
    """How the reading of a field ended."""

    READ = "read"
    FAILED = "failed"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, eq=False)
class FieldReading:
    """One field of view and the cells in it.

    Attributes
    ----------
    name : path relative to the patient's folder, with ``/``
    status : read, failed, or the same image as another field (then not counted again)
    message : why it failed, or which field it repeats; one line
    width, height : pixels of the original image, 0 when it could not be read
    scale : micrometres per pixel used, and what they rest on; None when the field was not read
    flags : quality problems, as words
    notes : what was done to the pixels while reading (orientation, bit depth, ...)
    cells : named cells in pixels of the original image
    sha256 : digest of the file's bytes, empty when it could not be read
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

    @property
    def measures_cells(self) -> bool:
        """Whether the field's cells were named with their size beside their picture."""
        return self.scale is not None and self.scale.measures_cells

    @property
    def mpp(self) -> float | None:
        """Micrometres per pixel used, None when not known."""
        return None if self.scale is None else self.scale.mpp


@dataclass(frozen=True)
class Signature:
    """Who answers for a count.

    Attributes
    ----------
    version : 1 for the first signed report, one more after each amendment
    by : name of the person
    at : UTC, ISO 8601
    meaning : what the signature says, in the person's words
    reason : why the report was amended, None for the first
    """

    version: int
    by: str
    at: str
    meaning: str
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Review:
    """What people did to a count.

    Attributes
    ----------
    network : the patient as the networks alone read it
    named, deleted : cells of the networks that a person named, or said not to be cells
    added : cells that a person drew
    signature : None until somebody signs
    """

    network: "PatientReading"
    named: int
    deleted: int
    added: int
    signature: Signature | None = None

    @property
    def cells(self) -> int:
        """All cells a person said something of."""
        return self.named + self.deleted + self.added


@dataclass(frozen=True, eq=False)
class PatientReading:
    """Everything known of one patient.

    Attributes
    ----------
    patient : the name given by folder, file or manifest
    fields : in natural order
    differential : of all fields together
    blast_interval : raw share with its interval, None when no cell is counted
    adjusted_interval : share corrected for the classifier's error rates, None when they are not known
    decision : by the rule chosen
    clustering : what it costs the count that cells of one field resemble each other
    share_from_probabilities : blast share by the cells' probabilities (0..1), None where it cannot be had
    exact_interval : the raw share with Clopper and Pearson's interval
    bootstrap_interval : the raw share with an interval over resampled fields, None with one field
    rates : the classifier's error rates by which `adjusted_interval` is corrected
    reviewed_interval : share inferred from cells that a person reviewed, None without a review
    alternatives : what the other rules say of the same count
    flags : problems of the whole patient, as sentences
    truth : ``leukemia`` / ``healthy`` (or what the manifest says), None when not given
    review : what people did to the count, None when nobody has looked at it
    """

    patient: str
    fields: tuple[FieldReading, ...]
    differential: Differential
    blast_interval: Interval | None
    adjusted_interval: Interval | None
    decision: Decision
    clustering: Clustering = NO_CLUSTERING
    share_from_probabilities: float | None = None
    exact_interval: Interval | None = None
    bootstrap_interval: Interval | None = None
    rates: ErrorRates | None = None
    reviewed_interval: Interval | None = None
    alternatives: tuple[Decision, ...] = ()
    flags: tuple[str, ...] = ()
    truth: str | None = None
    review: Review | None = None

    @property
    def fields_failed(self) -> int:
        """Fields that could not be read."""
        return sum(f.status is FieldStatus.FAILED for f in self.fields)

    @cached_property
    def cells(self) -> Cells:
        """Cells of all fields, in their order."""
        return Cells.concatenate([f.cells for f in self.fields])


@dataclass(frozen=True)
class Provenance:
    """Where a report comes from.

    Attributes
    ----------
    version : of this software
    bundle : name and version of the networks
    bundle_sha256 : digest of the bundle
    started, finished : UTC, ISO 8601
    settings : name → value, everything that changes the result
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
    """A run over one or more patients."""

    patients: tuple[PatientReading, ...]
    provenance: Provenance

    def verdicts(self) -> Mapping[str, Verdict]:
        """Return each patient's verdict by the chosen rule."""
        return {p.patient: p.decision.verdict for p in self.patients}
