"""What every format of annotated images says of a report: its images, and the cells in each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import FLAG_DELETED, Cells
from marrowscope.domain.patient import TURNED_UPRIGHT, CohortReport, FieldReading, FieldStatus
from marrowscope.domain.quantity import quantity
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.imaging.names import safe_name, safe_path

_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class ImageCells:
    """One image and its cells, without those that a reader deleted.

    Attributes
    ----------
    patient : whose image it is
    field : its reading
    rows : (n,) rows of the reading's cells
    """

    patient: str
    field: FieldReading
    rows: npt.NDArray[np.intp]

    @property
    def cells(self) -> Cells:
        """The cells."""
        return self.field.cells.rows(self.rows)

    @property
    def path(self) -> str:
        """Path of the image below the folder of all patients, safe on every system."""
        return f"{safe_name(self.patient)}/{safe_path(self.field.name)}"


def images_of(report: CohortReport) -> Iterator[ImageCells]:
    """Yield the images that were read, in the report's order."""
    for patient in report.patients:
        for field in patient.fields:
            if field.status is FieldStatus.READ:
                kept = [row for row, flags in enumerate(field.cells.flags) if FLAG_DELETED not in flags]
                yield ImageCells(patient.patient, field, np.array(kept, np.intp))


def refuse_slides(report: CohortReport, what: str, instead: str) -> None:
    """Refuse tiles of whole slides, of which there are no image files.

    Parameters
    ----------
    what : the format
    instead : what to do about it

    Raises
    ------
    InputError
        The report has some.
    """
    names = [image.field.slide for image in images_of(report) if image.field.slide]
    if names:
        raise InputError(
            f"{what} needs an image file for every field, and {names[0]} is a whole slide: {instead}"
        )


def turned_note(report: CohortReport) -> str:
    """Return a sentence about the images whose boxes are turned back; empty if there is none.

    Raises
    ------
    InputError
        A field was turned by a version that did not keep how.
    """
    turned = 0
    for image in images_of(report):
        if TURNED_UPRIGHT in image.field.notes and image.field.orientation == 1:
            raise InputError(
                f"how {image.field.name} of {image.patient} was turned upright is not recorded: "
                "analyse it again with this version"
            )
        turned += image.field.orientation != 1
    if not turned:
        return ""
    return (
        f"{quantity(turned, 'image')} with an EXIF orientation: boxes are in pixels as stored, which is how "
        "QuPath shows an image"
    )


def cell_facts(cells: Cells) -> list[dict[str, Any]]:
    """Return what is known of each cell beside its box and type, by the columns of `cells.csv`."""
    return [
        {
            "score": round(cell.score, _DECIMALS),
            "probability": round(cell.probability, _DECIMALS),
            "p_blast": round(cell.p_blast, _DECIMALS),
            "is_blast": cell.is_blast,
            "counted": cell.is_counted,
            "flags": list(cell.flags),
        }
        for cell in cells
    ]


def type_names() -> list[str]:
    """Return the identifiers of all types, in an order that does not depend on what was found."""
    return [kind.id for kind in taxonomy()]
