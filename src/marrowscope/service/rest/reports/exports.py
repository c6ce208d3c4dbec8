"""Files of a report: page, PDF, tables, what other programs read, cells to train on."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.reports import reports, training_zip
from marrowscope.service.reports.pictures import ImageStore
from marrowscope.service.rest.dependencies import Service, TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import Id
from marrowscope.service.review import readings
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.trail import audit

router = APIRouter(prefix="/analyses/{analysis_id}/exports", tags=["exports"])


class ReportFile(StrEnum):
    """Files made of a report."""

    HTML = "report.html"
    PDF = "report.pdf"
    CELLS = "cells.csv"
    PATIENTS = "patients.csv"
    WORKBOOK = "patients.xlsx"
    FHIR = "fhir.json"
    HL7 = "report.hl7"
    DICOM = "dicom.zip"
    GEOJSON = "geojson.zip"
    COCO = "coco.json"
    YOLO = "yolo.zip"
    VOC = "voc.zip"


_MEDIA = {
    ReportFile.HTML: "text/html; charset=utf-8",
    ReportFile.PDF: "application/pdf",
    ReportFile.CELLS: "text/csv; charset=utf-8",
    ReportFile.PATIENTS: "text/csv; charset=utf-8",
    ReportFile.WORKBOOK: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportFile.FHIR: "application/fhir+json",
    ReportFile.HL7: "application/hl7-v2; charset=utf-8",
    ReportFile.DICOM: "application/zip",
    ReportFile.GEOJSON: "application/zip",
    ReportFile.COCO: "application/json",
    ReportFile.YOLO: "application/zip",
    ReportFile.VOC: "application/zip",
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {
            media.split(";", maxsplit=1)[0]: {"schema": {"type": "string", "format": "binary"}}
            for media in _MEDIA.values()
        },
    }
}
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
# A report opened in the browser may use its own style and nothing else.
_PAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
Number = Annotated[int | None, Query(ge=1, le=100_000)]


@router.get("/training.zip", response_class=FileResponse, responses=_ZIP)
def training(session: Transaction, user: Viewer, service: TheService, analysis_id: Id) -> FileResponse:
    """Return the cells that people named, a folder per type, to train on."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    found = training_zip.reviewed_cells(session, analysis)
    _note(service, user, analysis, "training.zip")
    session.close()  # cutting cells takes a while: release the database connection
    path = service.scratch / f"training-{uuid4().hex}.zip"
    training_zip.write_training_zip(found, analysis.patient_id, service.blobs, path)
    remove = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/zip", filename="training.zip", background=remove)


@router.get("/{name}", response_class=Response, responses=_FILES)
def file(
    session: Transaction,
    user: Viewer,
    service: TheService,
    analysis_id: Id,
    name: ReportFile,
    version: Number = None,
) -> Response:
    """Return a file of the report: of a signed version, by default the one in force, else as it stands."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    images = ImageStore(service.blobs, service.pictures)
    files = reports.report_files(session, images, service.laboratory, analysis, version)
    _note(service, user, analysis, name.value, version)
    session.close()  # pages and PDFs take a while
    is_page = name == ReportFile.HTML
    title = quote(files.title(name.value))
    headers = {
        "Cache-Control": "no-store",
        # The plain name is for clients that do not know the other form (RFC 6266).
        "Content-Disposition": f"{'inline' if is_page else 'attachment'}; "
        f"filename=\"{name.value}\"; filename*=UTF-8''{title}",
    }
    if is_page:
        headers["Content-Security-Policy"] = _PAGE_POLICY
    return Response(files.file(name), media_type=_MEDIA[name], headers=headers)


def _note(service: Service, user: Actor, analysis: Analysis, name: str, version: int | None = None) -> None:
    """Record who takes which file out, before they get it."""
    after = {"file": name} if version is None else {"file": name, "version": version}
    with service.database.writing() as session:
        audit.record(
            session, user, "report.export", "analysis", analysis.id, patient_id=analysis.patient_id,
            after=after,
        )  # fmt: skip
