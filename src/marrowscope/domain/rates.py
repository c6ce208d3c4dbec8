"""How often the networks are right about blasts: on held-out cells, in other laboratories, in this one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from marrowscope.domain.case.specimen import Specimen


@dataclass(frozen=True)
class ErrorRates:
    """Counts on held-out cells of the training's laboratories, for the model card.

    No count is corrected by them, as they say nothing of another laboratory.

    Attributes
    ----------
    blasts_called, blasts_seen : blasts called blasts, and all blasts tested (sensitivity)
    others_cleared, others_seen : other cells not called blasts, and all other cells tested (specificity)
    source : where these cells come from
    """

    blasts_called: int
    blasts_seen: int
    others_cleared: int
    others_seen: int
    source: str

    @property
    def are_measured(self) -> bool:
        """Whether both blasts and other cells were tested."""
        return bool(self.blasts_seen) and bool(self.others_seen)


@dataclass(frozen=True)
class PatientCells:
    """How cells of one patient were named: blasts, other counted cells, and those of either called blasts."""

    blasts: int
    blasts_called: int
    others: int
    others_called: int


@dataclass(frozen=True)
class Laboratory:
    """How the cells of one laboratory were named by networks that never saw that laboratory.

    Attributes
    ----------
    name : of the laboratory
    specimen : what the cells are from
    blasts, blasts_called : blasts tested, and those of them called blasts by the shipped rule
    others, others_called : other counted cells tested, and those of them called blasts
    by_patient : the same of each patient, which tells how patients differ; empty if it is not known whose
        cells they are
    finds, false_finds : cells that the detector found and the rule counted, and those of them that are no
        nucleated cell; 0 and 0 if not measured
    """

    name: str
    specimen: Specimen
    blasts: int
    blasts_called: int
    others: int
    others_called: int
    by_patient: tuple[PatientCells, ...] = ()
    finds: int = 0
    false_finds: int = 0

    @classmethod
    def of_patients(cls, name: str, specimen: Specimen, patients: Sequence[PatientCells]) -> Self:
        """Put the cells of several patients together."""
        return cls(
            name=name,
            specimen=specimen,
            blasts=sum(one.blasts for one in patients),
            blasts_called=sum(one.blasts_called for one in patients),
            others=sum(one.others for one in patients),
            others_called=sum(one.others_called for one in patients),
            by_patient=tuple(patients),
        )

    def __post_init__(self) -> None:
        pairs = (
            (self.blasts_called, self.blasts),
            (self.others_called, self.others),
            (self.false_finds, self.finds),
        )
        if any(not 0 <= part <= whole for part, whole in pairs):
            raise ValueError(f"figures of laboratory {self.name!r}: a part is larger than the whole")

    @property
    def cells(self) -> int:
        """Number of cells tested."""
        return self.blasts + self.others

    @property
    def patients(self) -> int:
        """Number of patients, 0 if not known."""
        return len(self.by_patient)


@dataclass(frozen=True)
class BlastKind:
    """How many blasts of one kind were tested, and how many of them were called blasts."""

    cell_type: str
    cells: int
    called: int


@dataclass(frozen=True)
class Validation:
    """A laboratory's own measurement of a bundle on cells that its people named.

    Attributes
    ----------
    figures : how the cells were named
    date : UTC, ISO 8601
    operator : who measured
    bundle, bundle_sha256 : name and digest of the networks measured; the figures hold for no others
    """

    figures: Laboratory
    date: str
    operator: str
    bundle: str
    bundle_sha256: str

    def describe(self) -> str:
        """Return the measurement in words for print."""
        cells = f"{self.figures.blasts} blasts and {self.figures.others} other cells"
        of = f" of {self.figures.patients} patients" if self.figures.patients > 1 else ""
        return f"the validation of {self.date[:10]} by {self.operator} ({self.figures.specimen}: {cells}{of})"


@dataclass(frozen=True)
class KnownErrors:
    """What is known of the networks' errors, and of what they cannot name.

    Attributes
    ----------
    laboratories : figures of laboratories that the networks never saw, one entry each
    validation : this laboratory's own, None if there is none for these networks
    types : types other than blasts that the networks name; empty if not known
    blast_kinds : kinds of blasts on which they were measured
    experimental : types that were taught from one laboratory alone
    """

    laboratories: tuple[Laboratory, ...] = ()
    validation: Validation | None = None
    types: tuple[str, ...] = ()
    blast_kinds: tuple[BlastKind, ...] = ()
    experimental: tuple[str, ...] = ()


NOTHING_KNOWN = KnownErrors()
