"""The formats that are made of a report alone, each as a file or a folder."""

import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from marrowscope.domain.patient import CohortReport
from marrowscope.errors import MissingExtraError
from marrowscope.exports.field.boxes import write_coco, write_voc, write_yolo
from marrowscope.exports.field.geojson import write_geojson
from marrowscope.exports.hospital.fhir import write_fhir
from marrowscope.exports.hospital.hl7 import write_hl7
from marrowscope.exports.tables import write_cells_csv, write_patients_csv
from marrowscope.exports.workbook import write_workbook


@dataclass(frozen=True)
class Export:
    """A format: the usual name of its file or folder, what writes it, and where images go beside it."""

    name: str
    write: Callable[[CohortReport, Path], None]
    is_folder: bool = False
    images: str | None = None


def _write_dicom(report: CohortReport, folder: Path) -> None:
    try:
        from marrowscope.exports.hospital.dicom.folder import write_dicom  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise MissingExtraError("DICOM", "dicom") from error
    write_dicom(report, folder)


EXPORTS: Mapping[str, Export] = {
    "cells": Export("cells.csv", write_cells_csv),
    "patients": Export("patients.csv", write_patients_csv),
    "xlsx": Export("patients.xlsx", write_workbook),
    "fhir": Export("fhir.json", write_fhir),
    "hl7": Export("report.hl7", write_hl7),
    "dicom": Export("dicom", _write_dicom, is_folder=True),
    "geojson": Export("geojson", write_geojson, is_folder=True, images=""),
    "coco": Export("coco.json", write_coco, images="images"),
    "yolo": Export("yolo", write_yolo, is_folder=True, images="images"),
    "voc": Export("voc", write_voc, is_folder=True, images="JPEGImages"),
}
"""By the names that people give."""


def as_bytes(export: Export, report: CohortReport) -> bytes:
    """Return an export as the bytes of one file; a folder is packed as ZIP."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / export.name
        export.write(report, path)
        if not export.is_folder:
            return path.read_bytes()
        packed = Path(scratch) / f"{export.name}.zip"
        pack(path, packed)
        return packed.read_bytes()


def pack(folder: Path, path: Path) -> None:
    """Pack a folder as ZIP. Equal files give equal bytes: their times are left out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, file.read_bytes())
