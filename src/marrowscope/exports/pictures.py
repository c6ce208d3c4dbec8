"""The pictures in a report, and the choice of cells to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from marrowscope.domain.case.megakaryocytes import ListedCandidate
from marrowscope.domain.cells import FLAG_DELETED, Cell
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.taxonomy import taxonomy

_PATIENTS_WITH_FULL_LIMITS = 12  # which makes a page of about 15 MB


@dataclass(frozen=True)
class PictureLimits:
    """Greatest number of pictures per patient: blasts, cells of each other type, fields, megakaryocytes."""

    blasts: int = 60
    of_a_type: int = 6
    fields: int = 12
    megakaryocytes: int = 60


FULL = PictureLimits()


def limits_for(patients: int) -> PictureLimits:
    """Return the limits for a cohort, with fewer pictures per patient in large ones."""
    if patients <= _PATIENTS_WITH_FULL_LIMITS:
        return FULL

    def fewer(most: int, least: int) -> int:
        return max(most * _PATIENTS_WITH_FULL_LIMITS // patients, least)

    return PictureLimits(
        fewer(FULL.blasts, 6),
        fewer(FULL.of_a_type, 1),
        fewer(FULL.fields, 1),
        fewer(FULL.megakaryocytes, 6),
    )


@dataclass(frozen=True)
class GalleryItem:
    """A picture of one cell.

    Attributes
    ----------
    cell_type : taxonomy identifier
    p_blast : 0..1
    is_blast : whether it is called a blast
    field : name of its field
    cell_index : row among the cells of that field, from 0
    jpeg : square image around the cell
    """

    cell_type: str
    p_blast: float
    is_blast: bool
    field: str
    cell_index: int
    jpeg: bytes


class Pictures(Protocol):
    """Source of the pictures in a report."""

    def gallery(self, patient: str) -> Sequence[GalleryItem]:
        """Return pictures of a patient's cells, including all in `cells_to_show`; others are ignored."""

    def preview(self, patient: str, field: str) -> bytes | None:
        """Return a small JPEG of an annotated field, None if there is none."""

    def annotated_path(self, patient: str, field: str) -> str | None:
        """Return the annotated field's path relative to the report, quoted as in a URL, or None."""

    def sheets(self, patient: str) -> Sequence[str]:
        """Return the paths of the sheets with the patient's single cells, as those of annotated fields."""

    def megakaryocyte(self, patient: str, listed: ListedCandidate) -> bytes | None:
        """Return a JPEG square around a candidate for a megakaryocyte, None if there is none."""


class NoPictures:
    """No pictures, for a report of figures only."""

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

    def sheets(self, patient: str) -> Sequence[str]:
        """Return nothing."""
        del patient
        return ()

    def megakaryocyte(self, patient: str, listed: ListedCandidate) -> bytes | None:
        """Return nothing."""
        del patient, listed
        return None


def cells_to_show(patient: PatientReading, limits: PictureLimits = FULL) -> tuple[tuple[str, int], ...]:
    """Choose the cells to show in a report, as pairs of field name and row in that field.

    Blasts come first, then the other types in the taxonomy's order, each with the most likely cells first.
    Counted cells come before cells left out of the count; deleted cells are not shown.
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
