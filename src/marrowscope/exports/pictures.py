"""Pictures a report is illustrated with, and which cells it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from marrowscope.domain.cells import FLAG_DELETED, Cell
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.taxonomy import taxonomy

_PATIENTS_AT_EASE = 12  # with full limits this many patients make a page of about 15 MB


@dataclass(frozen=True)
class PictureLimits:
    """How many pictures the page shows of one patient: blasts, cells of every other type, fields."""

    blasts: int = 60
    of_a_type: int = 6
    fields: int = 12


FULL = PictureLimits()


def limits_for(patients: int) -> PictureLimits:
    """Return the limits for a cohort: fewer pictures each when there are many patients."""
    if patients <= _PATIENTS_AT_EASE:
        return FULL

    def fewer(most: int, least: int) -> int:
        return max(most * _PATIENTS_AT_EASE // patients, least)

    return PictureLimits(fewer(FULL.blasts, 6), fewer(FULL.of_a_type, 1), fewer(FULL.fields, 1))


@dataclass(frozen=True)
class GalleryItem:
    """The picture of one cell.

    Attributes
    ----------
    cell_type : taxonomy identifier
    p_blast : 0..1
    is_blast : called a blast
    field : name of the field it lies in
    cell_index : row among the cells of that field, from 0
    jpeg : a square around the cell
    """

    cell_type: str
    p_blast: float
    is_blast: bool
    field: str
    cell_index: int
    jpeg: bytes


class Pictures(Protocol):
    """Where a report gets its pictures."""

    def gallery(self, patient: str) -> Sequence[GalleryItem]:
        """Return cells of a patient, at least those of `cells_to_show`; more are left out."""

    def preview(self, patient: str, field: str) -> bytes | None:
        """Return a small JPEG of an annotated field, None if there is none."""

    def annotated_path(self, patient: str, field: str) -> str | None:
        """Return the annotated field's path relative to the report, quoted as in an URL, or None."""


class NoPictures:
    """No pictures at all: a report of numbers."""

    def gallery(self, patient: str) -> Sequence[GalleryItem]:
        """Return nothing."""
        del patient
        return ()

    def preview(self, patient: str, field: str) -> bytes | None:
        """Return nothing."""
        del patient, field
        return None

    def annotated_path(self, patient: str, field: str) -> str | None:
        """Return nothing."""
        del patient, field
        return None


def cells_to_show(patient: PatientReading, limits: PictureLimits = FULL) -> tuple[tuple[str, int], ...]:
    """Choose the cells a report shows, as pairs of field name and row in that field.

    Blasts come first, the likeliest first; then each other type in the taxonomy's order, likewise. Counted
    cells come before cells left out of the count; those a person deleted are not shown.
    """
    groups: dict[str, list[tuple[tuple[bool, float], str, int]]] = {}
    for field in patient.fields:
        for row, cell in enumerate(field.cells):
            if FLAG_DELETED in cell.flags:
                continue
            key = "" if cell.is_blast else cell.cell_type
            groups.setdefault(key, []).append((_rank(cell), field.name, row))
    chosen: list[tuple[str, int]] = []
    for key in ("", *(cell_type.id for cell_type in taxonomy())):
        ranked = sorted(groups.get(key, ()))
        chosen += [(name, row) for _, name, row in ranked[: limits.of_a_type if key else limits.blasts]]
    return tuple(chosen)


def _rank(cell: Cell) -> tuple[bool, float]:
    likelihood = cell.p_blast if cell.is_blast else cell.probability
    return not cell.is_counted, -likelihood
