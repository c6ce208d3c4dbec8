"""A folder of DICOM objects: for each patient a structured report, and the annotations of every image."""

from pathlib import Path

from pydicom.dataset import Dataset

from marrowscope.domain.patient import CohortReport
from marrowscope.exports.atomic import atomic_path
from marrowscope.exports.field.cells import images_of, refuse_slides
from marrowscope.exports.hospital.dicom.annotations import annotations
from marrowscope.exports.hospital.dicom.images import image_header
from marrowscope.exports.hospital.dicom.structured_report import structured_report
from marrowscope.imaging.names import safe_name

ANNOTATIONS, REPORT = "annotations.dcm", "report.dcm"


def write_dicom(report: CohortReport, folder: Path) -> None:
    """Write `PATIENT/report.dcm` and `PATIENT/FIELD.annotations.dcm`.

    Raises
    ------
    InputError
        A field is a tile of a whole slide.
    OSError
        The folder cannot be written to.
    """
    refuse_slides(report, "DICOM", "fhir and hl7 carry its figures to the hospital's systems, pdf the report")
    patients = {patient.patient: patient for patient in report.patients}
    headers: dict[str, list[Dataset]] = {}
    for image in images_of(report):
        patient = patients[image.patient]
        header = image_header(patient, image, report)
        headers.setdefault(image.patient, []).append(header)
        found = annotations(patient, image, header, report)
        if found is not None:
            _save(found, folder / f"{image.path}.{ANNOTATIONS}")
    for name, own in headers.items():
        _save(structured_report(patients[name], own, report), folder / safe_name(name) / REPORT)


def _save(dataset: Dataset, path: Path) -> None:
    with atomic_path(path) as beside:
        dataset.save_as(beside, enforce_file_format=True)
