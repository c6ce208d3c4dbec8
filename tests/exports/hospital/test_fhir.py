"""The Bundle for a laboratory system: whole, coded rightly, saying no more than was signed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from tests.domain.test_taxonomy import mod10_holds, verhoeff_holds
from tests.exports.fake_report import KNOWN, nine_patients, patient, report

from marrowscope import export
from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.review import read_reviewed
from marrowscope.analysis.reviewed import Answer
from marrowscope.domain.case.details import CaseDetails
from marrowscope.domain.case.laboratory import Systems
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.patient import CohortReport, PatientReading, Signature
from marrowscope.errors import InputError
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.exports.hospital.fhir import LOINC, SNOMED, codes, fhir_bundle, write_fhir
from marrowscope.exports.provenance import NOTICE
from marrowscope.journal import Journal

STATED = CaseDetails(
    Specimen.MARROW,
    age_years=40.0,
    site="sternum",
    collected="2026-01-03",
    received="2026-01-04",
    requester="Dr. Roth",
    order_number="A-17",
    phrases=("blasts.auer_rods",),
    conclusion="AML",
)
NETWORK = patient("P01", blast_share=0.3, cells=300, fields=5, details=CaseDetails(Specimen.MARROW))


def signed(version: int) -> PatientReading:
    field = NETWORK.fields[0]
    row = next(i for i, cell in enumerate(field.cells) if cell.is_blast and cell.is_counted)
    reading = read_reviewed(NETWORK, {field.name: {row: Answer("myeloblast")}}, {}, CountingSettings(), KNOWN)
    assert reading.review is not None
    reason = "a field was counted twice" if version > 1 else None
    signature = Signature(version, "Dr. <Ana> Roth", "2026-01-06T10:00:00Z", "Checked by me", reason)
    return replace(reading, review=replace(reading.review, signature=signature))


def resources(reading: PatientReading, kind: str) -> list[dict[str, Any]]:
    bundle = fhir_bundle(report([reading]))
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def codings(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "system" in value and "code" in value and "value" not in value:
            yield value
        for part in value.values():
            yield from codings(part)
    elif isinstance(value, list):
        for part in value:
            yield from codings(part)


def test_every_code_has_its_check_digit() -> None:
    loinc, snomed = codes()
    assert all(mod10_holds(code) for code in loinc)
    assert all(verhoeff_holds(code) for code in snomed)
    for reading in (NETWORK, signed(1)):
        used = list(codings(fhir_bundle(report([reading]))))
        assert {c["code"] for c in used if c["system"] == LOINC} <= set(loinc)
        assert {c["code"] for c in used if c["system"] == SNOMED} <= set(snomed)


@pytest.mark.parametrize(
    ("reading", "status"), [(NETWORK, "preliminary"), (signed(1), "final"), (signed(2), "amended")]
)
def test_the_status_follows_the_signature(reading: PatientReading, status: str) -> None:
    found = resources(reading, "DiagnosticReport") + resources(reading, "Observation")
    assert {each["status"] for each in found} == {status}


def test_manual_counts_are_claimed_only_once_signed() -> None:
    manual = {"11106-2", "11112-0", "11108-8", "11128-6"}
    before = {c["code"] for c in codings(fhir_bundle(report([NETWORK])))}
    after = {c["code"] for c in codings(fhir_bundle(report([signed(1)])))}
    assert not manual & before
    assert manual - {"11106-2"} <= after
    assert "56972008" in before  # the lymphocyte, by SNOMED CT


def test_figures_are_those_of_the_report() -> None:
    by_code = {
        c["code"]: each for each in resources(NETWORK, "Observation") for c in each["code"].get("coding", ())
    }
    assert by_code["38257-2"]["valueQuantity"]["value"] == NETWORK.differential.counted
    assert NETWORK.blast_interval is not None
    assert by_code["11150-0"]["valueQuantity"]["value"] == round(100 * NETWORK.blast_interval.estimate, 2)
    cells = [
        part["valueInteger"]
        for each in resources(NETWORK, "Observation")
        for part in each.get("component", ())
        if "valueInteger" in part
    ]
    assert sum(cells) + NETWORK.differential.blasts == NETWORK.differential.counted


def test_who_signed_and_what_the_networks_said_are_in_it() -> None:
    (found,) = resources(signed(2), "DiagnosticReport")
    assert found["resultsInterpreter"] == [{"display": "Dr. <Ana> Roth"}]
    assert found["issued"] == "2026-01-06T10:00:00Z"
    assert "a field was counted twice" in found["conclusion"]
    assert NOTICE in found["conclusion"]
    texts = json.dumps(resources(signed(2), "Observation"))
    assert "by the networks alone" in texts
    (device,) = resources(signed(2), "Device")
    assert {v["value"] for v in device["version"]} >= {"marrowscope-1", "4c1d" * 16}


def test_a_bundle_is_whole_and_the_same_every_time(tmp_path: Path) -> None:
    cohort = nine_patients()
    write_fhir(cohort, tmp_path / "a.json")
    write_fhir(cohort, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    bundle = json.loads((tmp_path / "a.json").read_text("utf-8"))
    addresses = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(addresses)) == len(addresses)
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert entry["fullUrl"] == f"urn:uuid:{resource['id']}"
        for reference in [
            *resource.get("result", ()),
            *([resource["device"]] if "device" in resource else []),
        ]:
            assert reference["reference"] in addresses


def test_a_server_takes_the_bundle_as_a_transaction_once() -> None:
    """What a server asks of a transaction (http://hl7.org/fhir/R4/bundle.html): requests and identifiers."""
    bundle = fhir_bundle(report([signed(1), patient("P02", blast_share=0.1, cells=200, fields=2)]))
    assert bundle["type"] == "transaction"
    conditions = []
    for entry in bundle["entry"]:
        resource, request = entry["resource"], entry["request"]
        assert (request["method"], request["url"]) == ("POST", resource["resourceType"])
        (identifier,) = resource["identifier"]
        # What is not signed may change: a server that has it must not take it for the same.
        assert ("ifNoneExist" in request) is (resource.get("status") != "preliminary")
        if "ifNoneExist" in request:
            assert request["ifNoneExist"] == f"identifier={identifier['system']}|{identifier['value']}"
            conditions.append((request["url"], request["ifNoneExist"]))
        if "subject" in resource:
            assert resource["subject"]["identifier"]["system"]
    assert len(set(conditions)) == len(conditions) > 1


def test_a_run_is_exported_again_when_asked_for(tmp_path: Path) -> None:
    Journal(tmp_path, {}, resume=False)
    cohort = report([patient("no fields", fields=0, cells=0)])
    written = export(cohort, tmp_path, ["fhir"])
    assert [path.name for path in written] == ["fhir.json"]
    assert json.loads(written[0].read_text("utf-8")) == fhir_bundle(cohort)
    with pytest.raises(InputError, match="pdf, fhir"):
        export(cohort, tmp_path, ["docx"])


def test_codes_are_those_of_the_specimen_and_none_without_one() -> None:
    details = CaseDetails(Specimen.BLOOD, age_years=40.0)
    blood = patient("P01", blast_share=0.3, cells=300, fields=5, details=details)
    used = {c["code"] for c in codings(fhir_bundle(report([blood]))) if c["system"] == LOINC}
    assert {"26446-5", "736-9", "19048-8"} <= used
    assert not used & {"48807-2", "38257-2", "11138-5", "11150-0", "709-6"}
    (found,) = resources(blood, "DiagnosticReport")
    assert found["code"] == {"text": "Blood film report"}
    unknown = fhir_bundle(report([patient("P01", blast_share=0.3, cells=300, fields=5)]))
    assert not [c for c in codings(unknown) if c["system"] == LOINC]
    assert not [e for e in unknown["entry"] if e["resource"]["resourceType"] == "Specimen"]


def test_specimen_order_ranges_and_morphology_are_in_it() -> None:
    reading = patient("P01", blast_share=0.3, cells=300, fields=5, details=STATED)
    bundle = fhir_bundle(replace(report([reading]), laboratory=read_laboratory(None)))
    by_kind: dict[str, list[Any]] = {}
    for entry in bundle["entry"]:
        by_kind.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    (specimen,), (found,) = by_kind["Specimen"], by_kind["DiagnosticReport"]
    assert specimen["collection"] == {"collectedDateTime": "2026-01-03", "bodySite": {"text": "sternum"}}
    assert specimen["receivedTime"] == "2026-01-04"
    assert found["specimen"] == [{"reference": f"urn:uuid:{specimen['id']}"}]
    assert found["effectiveDateTime"] == "2026-01-03"
    assert found["basedOn"][0]["identifier"]["value"] == "A-17"
    assert found["conclusion"].startswith("AML\n")
    observed = {each["code"]["text"]: each for each in by_kind["Observation"]}
    blasts = observed["Blasts per 100 nucleated cells in bone marrow"]
    assert blasts["referenceRange"][0]["high"]["value"] == 3.0
    assert blasts["interpretation"][0]["coding"][0]["code"] == "H"
    rods = observed["Blasts, morphology"]["valueCodeableConcept"]
    assert (rods["text"], rods["coding"][0]["code"]) == ("Auer rods", "blasts.auer_rods")
    assert observed["M:E ratio in bone marrow"]["referenceRange"][0]["low"] == {"value": 2.0}


@pytest.mark.parametrize(
    "cohort",
    [nine_patients(), report([NETWORK]), report([signed(1)]), report([signed(2)])],
    ids=["nine", "network", "signed", "amended"],
)
def test_the_bundle_is_valid_by_the_published_definitions(cohort: CohortReport) -> None:
    """By fhir.resources, whose R4B has the same report, observation, specimen, device and bundle as R4."""
    cohort = replace(cohort, laboratory=read_laboratory(None))
    bundle = Bundle.model_validate(json.loads(json.dumps(fhir_bundle(cohort))))
    assert len(bundle.entry or ()) == len(fhir_bundle(cohort)["entry"])


def test_identifiers_are_of_the_laboratorys_systems() -> None:
    laboratory = replace(
        read_laboratory(None), systems=Systems(patient="urn:oid:1.2.3", order="https://lab.example/orders")
    )
    reading = patient(
        "P01", blast_share=0.3, cells=200, fields=2, details=CaseDetails(Specimen.MARROW, order_number="A-17")
    )
    bundle = fhir_bundle(replace(report([reading]), laboratory=laboratory))
    found = next(
        e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DiagnosticReport"
    )
    assert found["subject"]["identifier"] == {"system": "urn:oid:1.2.3", "value": "P01"}
    assert found["basedOn"][0]["identifier"] == {"system": "https://lab.example/orders", "value": "A-17"}
