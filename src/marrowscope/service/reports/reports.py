"""Reports of an analysis: as it stands now, or as a version was signed; their pictures and files."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from sqlalchemy import and_, select
from sqlalchemy.orm import Session, undefer

from marrowscope.datasets.convert import convert
from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import labelled_field
from marrowscope.domain.patient import CohortReport, PatientReading, Provenance, Signature
from marrowscope.errors import DatasetError
from marrowscope.exports.fhir import write_fhir
from marrowscope.exports.html import render
from marrowscope.exports.pdf import pdf_of
from marrowscope.exports.pictures import FULL, GalleryItem, cells_to_show
from marrowscope.exports.tables import write_cells_csv, write_patients_csv
from marrowscope.exports.workbook import write_workbook
from marrowscope.pipeline import GALLERY_PX, from_gallery
from marrowscope.service.analyses import count
from marrowscope.service.clock import iso
from marrowscope.service.errors import ConflictError, NotFoundError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.pictures import Pictures
from marrowscope.service.reports import documents
from marrowscope.service.store.analyses import DONE, Analysis, AnalysisField, Cell
from marrowscope.service.store.patients import Field
from marrowscope.service.store.reviews import Answer, Version

TABLES: Mapping[str, Callable[[CohortReport, Path], None]] = {
    "cells.csv": write_cells_csv,
    "patients.csv": write_patients_csv,
    "patients.xlsx": write_workbook,
    "fhir.json": write_fhir,
}
PAGE, PRINT, TRAINING = "report.html", "report.pdf", "training.zip"
_PREVIEW_PX = 720
_SOURCE = "marrowscope"


def current(session: Session, analysis: Analysis, signature: Signature | None = None) -> CohortReport:
    """Return the report with the answers of the first reading as they are now.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    reading = count.counted(session, analysis)
    if reading.review is not None and signature is not None:
        reading = replace(reading, review=replace(reading.review, signature=signature))
    return CohortReport((reading,), provenance(analysis))


def provenance(analysis: Analysis) -> Provenance:
    """Return where the figures of an analysis come from."""
    settings: dict[str, str] = analysis.facts["settings"]
    return Provenance(
        version=settings["version"],
        bundle=analysis.bundle_title,
        bundle_sha256=analysis.bundle_sha256,
        started=iso(analysis.started_at or analysis.created_at),
        finished=iso(analysis.finished_at or analysis.changed_at),
        settings=settings,
        seconds={},
    )


def version_of(session: Session, analysis: Analysis, number: int | None) -> Version | None:
    """Return a signed version; for None the latest while it is in force, else None.

    Raises
    ------
    NotFoundError
        There is no such version.
    """
    if number is None and not analysis.locked:
        return None
    wanted = analysis.version if number is None else number
    found = session.scalar(
        select(Version)
        .where(Version.analysis_id == analysis.id, Version.version == wanted)
        .options(undefer(Version.document))
    )
    if found is None:
        raise NotFoundError("this analysis has no such version")
    return found


@dataclass(frozen=True)
class Shelf:
    """Where images and pictures are kept."""

    blobs: Blobs
    pictures: Pictures


@dataclass(frozen=True)
class Source:
    """What files are made from: a report and its page, as it was signed or to be made with these pictures."""

    report: CohortReport
    page: "str | StoredPictures"

    def file(self, name: str) -> bytes:
        """Return a file of the report.

        Raises
        ------
        MissingExtraError
            It is a PDF, and the extra is not installed.
        NotFoundError
            There is no such file.
        """
        if name in {PAGE, PRINT}:
            page = self.page if isinstance(self.page, str) else render(self.report, self.page)
            return page.encode() if name == PAGE else pdf_of(page)
        if name not in TABLES:
            raise NotFoundError("there is no such file of a report")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            TABLES[name](self.report, path)
            return path.read_bytes()


def source(session: Session, shelf: Shelf, analysis: Analysis, number: int | None) -> Source:
    """Return what files are made from, of a version or, without its number, of what is in force.

    Raises
    ------
    NotFoundError
        There is no such version, or its page is no longer kept.
    ConflictError
        The analysis is not done.
    """
    version = version_of(session, analysis, number)
    if version is not None:
        return Source(documents.read(version.document), shelf.blobs.get(version.page).decode())
    report = current(session, analysis)
    return Source(report, StoredPictures(session, shelf, analysis, report.patients[0]))


class StoredPictures:
    """Pictures of an analysis from the blob store; what is no longer kept is left out.

    All of the database's part is read at the start: pictures may be made after the session is closed.
    """

    def __init__(self, session: Session, shelf: Shelf, analysis: Analysis, reading: PatientReading) -> None:
        rows = session.execute(
            select(Field.name, Field.sha256, AnalysisField.gallery, AnalysisField.annotated)
            .join(AnalysisField, AnalysisField.field_id == Field.id)
            .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == DONE)
        )
        self._digests = {name: (image, gallery, annotated) for name, image, gallery, annotated in rows}
        self._shelf = shelf
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
        """Return a small JPEG of the annotated field, None where it is not kept."""
        del patient
        _, _, annotated = self._digests.get(field, (None, None, None))
        if annotated is None:
            return None
        try:
            with Image.open(self._shelf.blobs.path(annotated)) as image:
                image.draft("RGB", (_PREVIEW_PX, _PREVIEW_PX))
                image.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
                return _jpeg(image, 80)
        except OSError:
            return None

    def annotated_path(self, patient: str, field: str) -> str | None:
        """Return nothing: a report that leaves the service links nowhere."""
        del patient, field
        return None

    def _squares(self, name: str, rows: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return squares of cells: from the sheet, those a person drew from the image."""
        image, sheet, _ = self._digests.get(name, (None, None, None))
        reading = self._reading
        network = reading.review.network if reading.review else reading
        on_sheet = len(next(f.cells for f in network.fields if f.name == name))
        boxes = next(f.cells for f in reading.fields if f.name == name).boxes
        squares = []
        try:
            whole = Image.open(io.BytesIO(self._shelf.blobs.get(sheet))) if sheet else None
            for row in rows:
                if row < on_sheet and whole is not None:
                    squares.append((row, _jpeg(from_gallery(whole, row), 85)))
                elif image is not None:
                    x0, y0, x1, y1 = (float(side) for side in boxes[row])
                    squares.append((row, self._shelf.pictures.crop(image, (x0, y0, x1, y1), GALLERY_PX)))
        except NotFoundError:
            return squares
        return squares


@dataclass(frozen=True)
class ReviewedCell:
    """A reviewed cell of an image: where it is, what a person called it, and µm per pixel where known."""

    image: str
    mpp: float | None
    box: tuple[float, float, float, float]
    cell_type: str


def reviewed_cells(session: Session, analysis: Analysis) -> list[ReviewedCell]:
    """Return the cells that people named in the first reading, in order; deleted ones are none.

    Raises
    ------
    ConflictError
        Nobody has named a cell yet.
    """
    rows = session.execute(
        select(Field.sha256, AnalysisField.mpp, Cell, Answer.type)
        .join(Answer, and_(Answer.cell_id == Cell.id, Answer.reading_id == analysis.id))
        .join(Field, Field.id == Cell.field_id)
        .join(
            AnalysisField, and_(AnalysisField.field_id == Field.id, AnalysisField.analysis_id == analysis.id)
        )
        .where(Cell.analysis_id == analysis.id, Answer.type.is_not(None), Answer.deleted.is_(False))
        .order_by(Cell.place, Cell.number)
    )
    found = [
        ReviewedCell(sha256, mpp, cell.box, cell_type)
        for sha256, mpp, cell, cell_type in rows
        if sha256 is not None and cell_type is not None
    ]
    if not found:
        raise ConflictError("nobody has named a cell of this analysis yet: there is nothing to learn from")
    return found


def write_training_zip(cells: Sequence[ReviewedCell], group: str, blobs: Blobs, path: Path) -> None:
    """Cut reviewed cells into a ZIP with a folder per type, as `train classifier --data` reads it.

    Parameters
    ----------
    cells : of one patient
    group : what keeps the patient's cells together in a split; part of every file's name
    blobs : where the images lie
    path : file to write

    Raises
    ------
    NotFoundError
        The images are no longer kept.
    """
    by_image: dict[tuple[str, float | None], list[Annotation]] = {}
    for cell in cells:
        by_image.setdefault((cell.image, cell.mpp), []).append((cell.cell_type, cell.box, False))
    try:
        fields = [
            labelled_field(blobs.path(image), found, f"{_SOURCE}/{group}", _SOURCE, mpp=mpp)
            for (image, mpp), found in by_image.items()
        ]
        with tempfile.TemporaryDirectory() as folder:
            convert(fields, "cells", Path(folder) / "cells")
            _pack(Path(folder) / "cells", path)
    except DatasetError as error:
        raise NotFoundError("the images are no longer kept") from error


def _pack(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                # A fixed instant: equal cells give equal bytes.
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                packed.writestr(entry, file.read_bytes())


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
