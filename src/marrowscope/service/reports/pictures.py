"""Pictures for a report's page, from the blob store."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.megakaryocytes import ListedCandidate
from marrowscope.domain.patient import PatientReading
from marrowscope.exports.pictures import FULL, GalleryItem, NoPictures, cells_to_show
from marrowscope.imaging import gallery
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.service.errors import NotFoundError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.pictures import Pictures
from marrowscope.service.store.tables.analyses import DONE, Analysis, AnalysisField
from marrowscope.service.store.tables.patients import Field

_PREVIEW_PX = 720


@dataclass(frozen=True)
class ImageStore:
    """Access to images and pictures."""

    blobs: Blobs
    pictures: Pictures


class StoredPictures(NoPictures):
    """Pictures of an analysis from the blob store; missing ones are left out.

    There are no paths of annotated fields and sheets: a report that leaves the service has no links to files.
    The database is read at construction only: pictures may be made after the session is closed.
    """

    def __init__(
        self, session: Session, images: ImageStore, analysis: Analysis, reading: PatientReading
    ) -> None:
        rows = session.execute(
            select(Field.name, Field.sha256, AnalysisField.gallery, AnalysisField.annotated)
            .join(AnalysisField, AnalysisField.field_id == Field.id)
            .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == DONE)
        )
        self._digests = {name: (image, sheet, annotated) for name, image, sheet, annotated in rows}
        self._images = images
        self._reading = reading

    def gallery(self, patient: str) -> Sequence[GalleryItem]:
        """Return the squares of the cells a report shows."""
        del patient
        reading = self._reading
        fields = {field.name: field for field in reading.fields}
        by_field: dict[str, list[int]] = {}
        shown = cells_to_show(reading, FULL)
        for name, row in shown:
            by_field.setdefault(name, []).append(row)
        squares = {
            (name, row): square
            for name, rows in by_field.items()
            for row, square in self._squares(name, rows)
        }
        items = []
        for name, row in shown:
            if (name, row) in squares:
                cell = fields[name].cells[row]
                square = squares[name, row]
                items.append(GalleryItem(cell.cell_type, cell.p_blast, cell.is_blast, name, row, square))
        return items

    def preview(self, patient: str, field: str) -> bytes | None:
        """Return a small JPEG of the annotated field, None if there is none."""
        del patient
        _, _, annotated = self._digests.get(field, (None, None, None))
        if annotated is None:
            return None
        try:
            with Image.open(self._images.blobs.path(annotated)) as image:
                image.draft("RGB", (_PREVIEW_PX, _PREVIEW_PX))
                image.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
                return jpeg_bytes(image, 80)
        except OSError:
            return None

    def megakaryocyte(self, patient: str, listed: ListedCandidate) -> bytes | None:
        """Return a square around a candidate for a megakaryocyte, None if it is no longer kept."""
        del patient
        large = self._reading.megakaryocytes
        if large is None:
            return None
        slides = {slide.sha256 for slide in self._reading.slides}
        boxes = [each.candidate.box for each in large.listed if each.sha256 == listed.sha256]
        try:
            return self._images.pictures.megakaryocyte(
                listed.sha256, boxes, listed.place, is_on_slide=listed.sha256 in slides
            )
        except NotFoundError:
            return None

    def _squares(self, name: str, rows: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return squares of cells: from the sheet, or from the image for cells a person drew."""
        image, sheet, _ = self._digests.get(name, (None, None, None))
        reading = self._reading
        network = reading.review.network if reading.review else reading
        on_sheet = len(next(f.cells for f in network.fields if f.name == name))
        boxes = next(f.cells for f in reading.fields if f.name == name).boxes
        squares = []
        try:
            whole = Image.open(io.BytesIO(self._images.blobs.get(sheet))) if sheet else None
            for row in rows:
                if row < on_sheet and whole is not None:
                    squares.append((row, jpeg_bytes(gallery.from_sheet(whole, row), 85)))
                elif image is not None:
                    x0, y0, x1, y1 = (float(side) for side in boxes[row])
                    squares.append(
                        (row, self._images.pictures.crop(image, (x0, y0, x1, y1), gallery.SQUARE_PX))
                    )
        except NotFoundError:
            return squares
        return squares
