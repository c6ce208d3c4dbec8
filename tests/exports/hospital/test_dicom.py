"""DICOM objects: read back with pydicom and highdicom, checked by dciodvfy where it is installed."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from PIL import Image
from tests.exports.fake_report import patient, report
from tests.exports.field.test_field_formats import a_field, of
from tests.exports.hospital.test_fhir import signed
from tests.exports.hospital.test_hl7 import WHOLE

from marrowscope.domain.case.details import CaseDetails
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.patient import CohortReport
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.exports.field.cells import images_of
from marrowscope.exports.hospital.dicom.annotations import annotations
from marrowscope.exports.hospital.dicom.folder import write_dicom
from marrowscope.exports.hospital.dicom.images import image_header, write_images

CHECKER = shutil.which("dciodvfy")
# Told of a value that is not there: the condition of the check is the wrong way round in this version of it.
MISTAKEN = "CommonZCoordinateValue"


def whole(cohort: CohortReport) -> CohortReport:
    return replace(cohort, laboratory=replace(read_laboratory(None), name="Hematology"))


COHORTS = {"stated": report([WHOLE]), "signed": report([signed(1)]), "few": of(a_field("a.png"))}


@pytest.mark.parametrize("name", COHORTS)
def test_objects_keep_the_rules_of_the_standard(tmp_path: Path, name: str) -> None:
    if CHECKER is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    write_dicom(whole(COHORTS[name]), tmp_path)
    paths = sorted(tmp_path.rglob("*.dcm"))
    assert len(paths) > 1
    for path in paths:
        done = subprocess.run([CHECKER, "-new", str(path)], capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        assert not [line for line in lines if line.startswith("Error") and MISTAKEN not in line], path
        if any(MISTAKEN in line for line in lines):
            groups = pydicom.dcmread(path).AnnotationGroupSequence
            assert all(MISTAKEN not in group for group in groups)


def test_annotations_are_the_cells() -> None:
    field = a_field("a.png")
    ((header, found),) = _annotated(of(field))
    assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.91.1"
    assert found.ReferencedImageSequence[0].ReferencedSOPInstanceUID == header.SOPInstanceUID
    boxes, names = [], []
    for group in found.get_annotation_groups():
        for corners in group.get_graphic_data("2D"):
            boxes.append([*corners.min(axis=0), *corners.max(axis=0)])
            names.append(group.label)
    wanted = sorted(field.cells.boxes.tolist())
    np.testing.assert_allclose(sorted(boxes), wanted, atol=1e-3)
    assert len(set(names)) == len(set(field.cells.cell_types))


def _annotated(
    cohort: CohortReport,
) -> list[tuple[pydicom.Dataset, highdicom.ann.MicroscopyBulkSimpleAnnotations]]:
    (one,) = cohort.patients
    headers = [(image, image_header(one, image, cohort)) for image in images_of(cohort)]
    pairs = [(header, annotations(one, image, header, cohort)) for image, header in headers]
    return [(header, found) for header, found in pairs if found is not None]


def test_a_signed_report_is_verified_and_any_other_is_not(tmp_path: Path) -> None:
    for number, reading in enumerate((patient("P01", 0.3, 300, 5), signed(2))):
        write_dicom(whole(report([reading])), tmp_path / str(number))
    first, second = (pydicom.dcmread(tmp_path / str(n) / "P01" / "report.dcm") for n in (0, 1))
    assert (first.CompletionFlag, first.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert (second.CompletionFlag, second.VerificationFlag) == ("COMPLETE", "VERIFIED")
    assert "Ana" in str(second.VerifyingObserverSequence[0].VerifyingObserverName)
    assert second.VerifyingObserverSequence[0].VerifyingOrganization == "Hematology"


def test_figures_are_those_of_the_report(tmp_path: Path) -> None:
    write_dicom(whole(report([WHOLE])), tmp_path)
    (path,) = tmp_path.rglob("report.dcm")
    found = highdicom.sr.srread(path)
    values = {}
    assert isinstance(found.content, highdicom.sr.MeasurementReport)
    for group in found.content.get_image_measurement_groups():
        for each in group.get_measurements():
            values[each.name.value, each.name.scheme_designator] = each.value
    assert values["38257-2", "LN"] == WHOLE.differential.counted
    assert WHOLE.blast_interval is not None
    assert values["11150-0", "LN"] == pytest.approx(100 * WHOLE.blast_interval.estimate, abs=0.01)


def test_images_are_written_without_loss_and_are_those_referred_to(tmp_path: Path) -> None:
    root = tmp_path / "patients"
    (root / "P01").mkdir(parents=True)
    pixels = np.random.default_rng(1).integers(0, 255, (1200, 1600, 3), np.uint8)
    Image.fromarray(pixels).save(root / "P01" / "a.png")
    cohort = of(a_field("a.png", sha256=""))
    cohort = replace(cohort, patients=(replace(cohort.patients[0], details=CaseDetails(Specimen.BLOOD)),))
    write_dicom(cohort, tmp_path / "out")
    assert write_images(cohort, root, tmp_path / "out") == 1
    image = pydicom.dcmread(tmp_path / "out" / "P01" / "a.png.dcm")
    np.testing.assert_array_equal(image.pixel_array, pixels)
    found = pydicom.dcmread(tmp_path / "out" / "P01" / "a.png.annotations.dcm")
    assert found.ReferencedImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert found.StudyInstanceUID == image.StudyInstanceUID
    if CHECKER is not None:
        path = tmp_path / "out" / "P01" / "a.png.dcm"
        done = subprocess.run([CHECKER, "-new", str(path)], capture_output=True, text=True, check=False)
        assert not [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
