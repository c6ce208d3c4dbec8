"""``fhir.json``: the report for a laboratory system, as HL7 FHIR R4 (https://hl7.org/fhir/R4).

A Bundle of type `transaction`, which a FHIR server takes as it is, with the software as Device and, for each
patient, a DiagnosticReport with an Observation per cell type. Every resource has an identifier; what was
signed is created only where there is none of it, so that a file can be sent twice. Unsigned reports, which
may still change, are `preliminary`, signed ones `final`, and those signed again after an amendment `amended`.
Figures and codes are those of `observed`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from marrowscope.domain.patient import CohortReport, PatientReading, Provenance, Signature
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.case.codes import OF_REPORTS, all_loinc
from marrowscope.exports.case.facts import signature_of, title_of
from marrowscope.exports.hospital.observed import (
    MEGAKARYOCYTES,
    Observed,
    Part,
    Unit,
    conclusion_lines,
    identify,
    identify_version,
    issued,
    observed,
)
from marrowscope.exports.hospital.resources import (
    PERCENT,
    UNITS,
    Resource,
    morphology_contents,
    order_of,
    reference_of,
    specimen_content,
)
from marrowscope.exports.provenance import NOTICE
from marrowscope.imaging.names import shown

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
UUID = "urn:ietf:rfc:3986"
"""System of identifiers that are addresses (FHIR R4, 2.1.28.0.7)."""
VERSION = "urn:marrowscope:report:version"
"""Extension: number of the signed version."""
PRELIMINARY = "preliminary"


def write_fhir(report: CohortReport, path: Path) -> None:
    """Write the Bundle. Equal reports give equal bytes.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    text = json.dumps(fhir_bundle(report), indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text.encode("utf-8", "replace") + b"\n")


def fhir_bundle(report: CohortReport) -> Resource:
    """Return the Bundle as a JSON document."""
    device = _device(report.provenance)
    resources = [device]
    for patient in report.patients:
        resources += _PatientResources(patient, report, _address(device)).all()
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "timestamp": report.provenance.finished,
        "entry": [_entry(resource) for resource in resources],
    }


def _entry(resource: Resource) -> Resource:
    request = {"method": "POST", "url": resource["resourceType"]}
    if resource.get("status") != PRELIMINARY:
        (identifier,) = resource["identifier"]
        request["ifNoneExist"] = f"identifier={identifier['system']}|{identifier['value']}"
    return {"fullUrl": _address(resource), "resource": resource, "request": request}


def _device(provenance: Provenance) -> Resource:
    number = identify("device", provenance.version, provenance.bundle_sha256)
    return {
        "resourceType": "Device",
        "id": number,
        "identifier": [_own_identifier(number)],
        "deviceName": [{"name": "marrowscope", "type": "manufacturer-name"}],
        "version": [
            {"type": {"text": "software"}, "value": provenance.version},
            {"type": {"text": "networks"}, "value": provenance.bundle},
            {"type": {"text": "networks, SHA-256"}, "value": provenance.bundle_sha256},
        ],
        "note": [{"text": NOTICE}],
    }


class _PatientResources:
    """The resources of one patient's report."""

    def __init__(self, patient: PatientReading, report: CohortReport, device: str) -> None:
        self._patient = patient
        self._details = patient.details
        self._provenance = report.provenance
        self._laboratory = report.laboratory
        self._device = device
        self._signature = signature_of(patient)
        name = shown(patient.patient)
        system = report.laboratory.systems.patient
        self._subject = {"identifier": {"system": system, "value": name}, "display": name}

    def all(self) -> list[Resource]:
        """Return the report, then its observations, then the specimen if it is stated."""
        specimen = self._specimen()
        of_specimen = {"specimen": {"reference": _address(specimen[0])}} if specimen else {}
        observations = [
            {
                "resourceType": "Observation",
                "id": (own := self._identify(str(number))),
                "identifier": [_own_identifier(own)],
                "status": self._status,
                "subject": self._subject,
                **self._dates(),
                **of_specimen,
                "device": {"reference": self._device},
                **content,
            }
            for number, content in enumerate(self._contents())
        ]
        return [self._report(observations, specimen), *observations, *specimen]

    def _contents(self) -> Iterator[Resource]:
        """Yield what each Observation says: its place identifies it, so what later versions added is last."""
        figures = list(observed(self._patient, self._laboratory))
        yield from (_content(each) for each in figures if each.key != MEGAKARYOCYTES)
        yield from morphology_contents(self._details)
        yield from (_content(each) for each in figures if each.key == MEGAKARYOCYTES)

    def _dates(self) -> Resource:
        collected, at = self._details.collected, issued(self._patient, self._provenance)
        return {**({"effectiveDateTime": collected} if collected else {}), **({"issued": at} if at else {})}

    def _specimen(self) -> list[Resource]:
        content = specimen_content(self._details)
        number = self._identify("specimen")
        own = {"id": number, "identifier": [_own_identifier(number)], "subject": self._subject}
        return [] if content is None else [{**content, **own}]

    def _report(self, observations: Sequence[Resource], specimen: Sequence[Resource]) -> Resource:
        signature = self._signature
        signed: Resource = {}
        if signature is not None:
            signed = {
                "resultsInterpreter": [{"display": shown(signature.by)}],
                "extension": [{"url": VERSION, "valueInteger": signature.version}],
            }
        number = self._identify("report")
        code = OF_REPORTS[self._details.specimen].report
        return {
            "resourceType": "DiagnosticReport",
            "id": number,
            "identifier": [_own_identifier(number)],
            "status": self._status,
            **order_of(self._details, self._laboratory.systems.order),
            "code": _concept(code, None, title_of(self._patient)),
            "subject": self._subject,
            **self._dates(),
            **({"performer": [{"display": shown(name)}]} if (name := self._laboratory.name) else {}),
            **signed,
            **({"specimen": [{"reference": _address(each)} for each in specimen]} if specimen else {}),
            "result": [{"reference": _address(each)} for each in observations],
            "conclusion": "\n".join(conclusion_lines(self._patient)),
        }

    @property
    def _status(self) -> str:
        return status_of(self._signature)

    def _identify(self, name: str) -> str:
        return identify_version(self._patient, self._provenance, name)


def status_of(signature: Signature | None) -> str:
    """Return the status of a report (http://hl7.org/fhir/diagnostic-report-status) from its signature."""
    if signature is None:
        return PRELIMINARY
    return "amended" if signature.version > 1 else "final"


def codes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all LOINC and all SNOMED CT codes that a Bundle can contain."""
    return tuple(sorted(all_loinc())), tuple(sorted(kind.snomed for kind in taxonomy() if kind.snomed))


def _content(each: Observed) -> Resource:
    """Return what an Observation says of one figure."""
    return {
        "code": _concept(each.loinc, each.snomed, each.text),
        "valueQuantity": _quantity(each.value, each.unit),
        **reference_of(each.compared),
        **({"component": [_component(part) for part in each.parts]} if each.parts else {}),
        **({"note": [{"text": each.note}]} if each.note else {}),
    }


def _component(part: Part) -> Resource:
    if part.unit is Unit.CELLS:
        return {"code": {"text": part.text}, "valueInteger": part.value}
    return {"code": {"text": part.text}, "valueQuantity": _quantity(part.value, part.unit)}


def _quantity(value: float, unit: Unit) -> Resource:
    if unit is Unit.PERCENT:
        return {"value": value, **PERCENT}
    return {"value": value, "unit": unit.printed, "system": UNITS, "code": unit.code}


def _own_identifier(number: str) -> Resource:
    return {"system": UUID, "value": f"urn:uuid:{number}"}


def _concept(loinc: str | None, snomed: str | None, text: str) -> Resource:
    systems = ((LOINC, loinc), (SNOMED, snomed))
    codings = [{"system": system, "code": code} for system, code in systems if code]
    return {"coding": codings, "text": text} if codings else {"text": text}


def _address(resource: Resource) -> str:
    return f"urn:uuid:{resource['id']}"
