"""The report of an analysis: as it stands now or as a version was signed, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.patient import CohortReport, Provenance, Signature
from marrowscope.exports.case.facts import file_title
from marrowscope.exports.formats import EXPORTS, Export, as_bytes
from marrowscope.exports.html import render
from marrowscope.exports.pdf import pdf_of
from marrowscope.service.analyses import count
from marrowscope.service.clock import iso
from marrowscope.service.errors import NotFoundError
from marrowscope.service.reports import documents, versions
from marrowscope.service.reports.pictures import ImageStore, StoredPictures
from marrowscope.service.store.tables.analyses import Analysis

MADE_OF_DATA: Mapping[str, Export] = {
    f"{export.name}.zip" if export.is_folder else export.name: export for export in EXPORTS.values()
}
"""The files that need nothing but the report's data, by name."""
PAGE, PRINT = "report.html", "report.pdf"


@dataclass(frozen=True)
class ReportFiles:
    """A report to make files from; `page` is the signed page, or the pictures to make one with."""

    report: CohortReport
    page: str | StoredPictures

    def title(self, name: str) -> str:
        """Return the name under which a file leaves the service: with patient and version."""
        (patient,) = self.report.patients
        return file_title(patient, name)

    def file(self, name: str) -> bytes:
        """Return a file of the report.

        Raises
        ------
        MissingExtraError
            It is a PDF or DICOM, and the extra is not installed.
        InputError
            The format cannot say what the report holds, such as tiles of a slide.
        NotFoundError
            There is no such file.
        """
        if name in {PAGE, PRINT}:
            page = self.page if isinstance(self.page, str) else render(self.report, self.page)
            return page.encode() if name == PAGE else pdf_of(page)
        if name not in MADE_OF_DATA:
            raise NotFoundError("there is no such file of a report")
        return as_bytes(MADE_OF_DATA[name], self.report)


def report_files(
    session: Session, images: ImageStore, laboratory: Laboratory, analysis: Analysis, number: int | None
) -> ReportFiles:
    """Return a version's report or, without its number, the one in force.

    Raises
    ------
    NotFoundError
        There is no such version, or its page is no longer kept.
    ConflictError
        The analysis is not done.
    """
    version = versions.in_force(session, analysis, number)
    if version is not None:
        return ReportFiles(documents.read(version.document), images.blobs.get(version.page).decode())
    report = current(session, laboratory, analysis)
    return ReportFiles(report, StoredPictures(session, images, analysis, report.patients[0]))


def current(
    session: Session, laboratory: Laboratory, analysis: Analysis, signature: Signature | None = None
) -> CohortReport:
    """Return a laboratory's report with the answers of the first reading as they are now.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    reading = count.counted(session, analysis)
    if reading.review is not None and signature is not None:
        reading = replace(reading, review=replace(reading.review, signature=signature))
    return CohortReport((reading,), provenance(analysis), laboratory)


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
