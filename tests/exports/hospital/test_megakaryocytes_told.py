"""Megakaryocytes leave for a hospital only once a reader confirmed some, per area, in no differential."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import openpyxl
import pytest
from fhir.resources.R4B.bundle import Bundle
from scipy.stats import poisson
from tests.exports.fake_report import report, with_megakaryocytes
from tests.exports.hospital.test_fhir import resources, signed
from tests.exports.hospital.test_hl7 import WHOLE, of, parsed, segments

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.patient import PatientReading
from marrowscope.exports.hospital.dicom.folder import write_dicom
from marrowscope.exports.hospital.fhir import fhir_bundle
from marrowscope.exports.workbook import write_workbook

TITLE = "Megakaryocytes confirmed by a reader per mm² examined"
HALF = with_megakaryocytes(WHOLE, True, True, False, None)
NOTHING_TO_TELL = {
    "nobody has answered": with_megakaryocytes(WHOLE, None, None),
    "one was rejected, another waits": with_megakaryocytes(WHOLE, False, None),
    "nothing was found": with_megakaryocytes(WHOLE),
    "none were looked for": WHOLE,
}


def told(reading: PatientReading) -> list[dict[str, Any]]:
    found = resources(reading, "Observation")
    return [each for each in found if "egakaryocyte" in json.dumps(each)]


@pytest.mark.parametrize("reading", NOTHING_TO_TELL.values(), ids=NOTHING_TO_TELL)
def test_candidates_alone_are_told_to_no_hospital(reading: PatientReading) -> None:
    assert told(reading) == []
    assert not [line for line in segments(reading, "OBX") if "egakaryocyte" in line[3]]


def test_confirmed_ones_are_told_per_area_with_their_interval() -> None:
    (found,) = told(HALF)
    assert found["code"] == {"text": TITLE}
    assert found["status"] == "preliminary"
    assert found["valueQuantity"] == {
        "value": 0.5, "unit": "/mm²", "system": "http://unitsofmeasure.org", "code": "/mm2",
    }  # fmt: skip
    parts = {
        each["code"]["text"]: each.get("valueInteger", each.get("valueQuantity", {}).get("value"))
        for each in found["component"]
    }
    low, high = (parts[f"exact 95 % interval, {end} bound"] for end in ("lower", "upper"))
    # The means of which two or more, and two or fewer, are counted in one of 40 cases.
    assert poisson.sf(1, 4 * low) == pytest.approx(0.025, rel=0.1)
    assert poisson.cdf(2, 4 * high) == pytest.approx(0.025, rel=0.1)
    assert parts["megakaryocytes confirmed by a reader"] == 2
    assert parts["candidates that no reader answered"] == 1
    assert parts["area examined"] == 4
    assert found["note"] == [{"text": "not in the differential; 1 candidate unanswered"}]


def test_where_all_were_rejected_there_are_none() -> None:
    (found,) = told(with_megakaryocytes(WHOLE, False, False))
    assert found["valueQuantity"]["value"] == 0
    assert found["note"] == [{"text": "not in the differential"}]


def test_they_are_in_no_differential_and_change_no_other_resource() -> None:
    """A version that was sent before has the same identifiers as ever."""
    with_them, without = (
        [entry["resource"] for entry in fhir_bundle(report([each]))["entry"]] for each in (HALF, WHOLE)
    )
    (own,) = [each for each in with_them if each.get("code", {}).get("text") == TITLE]
    result = {"reference": f"urn:uuid:{own['id']}"}
    others = [each for each in with_them if each is not own]
    (summary,) = [each for each in others if each["resourceType"] == "DiagnosticReport"]
    assert result in summary["result"]
    summary["result"].remove(result)
    assert others == without
    assert HALF.differential == WHOLE.differential
    Bundle.model_validate(json.loads(json.dumps(fhir_bundle(report([HALF])))))


def test_the_status_is_that_of_the_report() -> None:
    (found,) = told(with_megakaryocytes(signed(2), True))
    assert found["status"] == "amended"


def test_a_message_has_them_as_a_figure_of_its_own() -> None:
    parsed(HALF)
    lines = {line[3].split("^")[0]: line for line in segments(HALF, "OBX")}
    assert lines["megakaryocytes-mm2"][3] == f"megakaryocytes-mm2^{TITLE}^99MSC"
    assert lines["megakaryocytes-mm2"][5:7] == ["0.5", "/mm2^/mm²^UCUM"]
    assert lines["meg-confirmed"][5] == "2"
    assert lines["meg-unanswered"][5] == "1"


def test_the_structured_report_has_them(tmp_path: Path) -> None:
    write_dicom(of(HALF), tmp_path)
    (path,) = tmp_path.rglob("report.dcm")
    found = highdicom.sr.srread(path)
    assert isinstance(found.content, highdicom.sr.MeasurementReport)
    figures = [m for g in found.content.get_image_measurement_groups() for m in g.get_measurements()]
    (own,) = [each for each in figures if each.name.meaning == TITLE]
    assert (own.value, own.unit.value) == (0.5, "/mm2")


def rows(reading: PatientReading, path: Path) -> dict[str, list[Any]]:
    write_workbook(report([reading]), path)
    sheet = openpyxl.load_workbook(path).worksheets[1]
    return {line[0]: list(line[1:5]) for line in sheet.iter_rows(values_only=True) if line[0]}


def test_the_workbook_says_what_the_page_says(tmp_path: Path) -> None:
    book = rows(HALF, tmp_path / "half.xlsx")
    confirmed = book["Confirmed by a reader"]
    assert confirmed[:2] == [2, 0.5]
    assert confirmed[2] < 0.5 < confirmed[3]
    assert book["Rejected by a reader"][0] == 1
    assert book["Unconfirmed candidates"][:2] == [1, None]
    assert book["Area examined, mm²"][0] == 4
    unanswered = rows(NOTHING_TO_TELL["nobody has answered"], tmp_path / "none.xlsx")
    assert unanswered["Confirmed by a reader"] == [0, None, None, None]
    assert unanswered["Unconfirmed candidates"][:2] == [2, 0.5]
    assert "Unconfirmed candidates" not in rows(WHOLE, tmp_path / "whole.xlsx")


def test_of_blood_nothing_is_told(tmp_path: Path) -> None:
    blood = replace(HALF, details=replace(HALF.details, specimen=Specimen.BLOOD))
    assert told(blood) == []
    assert "Confirmed by a reader" not in rows(blood, tmp_path / "blood.xlsx")
