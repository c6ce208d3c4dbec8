"""``fhir.json``: the report for a laboratory system, as HL7 FHIR R4 (https://hl7.org/fhir/R4).

A Bundle of type `transaction`, which a FHIR server takes as it is, with the software as Device and, for each
patient, a DiagnosticReport with an Observation per cell type. Every resource has an identifier; what was
signed is created only where there is none of it, so that a file can be sent twice. Unsigned reports, which
may still change, are `preliminary`, signed ones `final`, and those signed again after an amendment `amended`.
LOINC's codes name the specimen, so that there are none where it is not stated; those "by manual count" are
used only in signed reports. Cell types are coded by SNOMED CT, too.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from marrowscope.domain.case.ranges import Figure
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import Interval
from marrowscope.domain.patient import CohortReport, PatientReading, Provenance, Signature
from marrowscope.domain.percent import file_percent
from marrowscope.domain.quantity import quantity
from marrowscope.domain.taxonomy import BLAST, CellType, taxonomy
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.case.codes import OF_REPORTS, all_loinc, loinc_of
from marrowscope.exports.case.comparison import Comparison, compare
from marrowscope.exports.case.facts import signature_of, title_of
from marrowscope.exports.case.rows import beside_rows, case_rows
from marrowscope.exports.figures import ShareRow, share_rows, type_rows
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
from marrowscope.exports.tables import reasons
from marrowscope.imaging.names import shown, shown_lines

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
UUID = "urn:ietf:rfc:3986"
"""System of identifiers that are addresses (FHIR R4, 2.1.28.0.7)."""
PATIENT = "urn:marrowscope:patient"
"""System of the patients' names as the images' folders gave them; a hospital's own is not known here."""
VERSION = "urn:marrowscope:report:version"
"""Extension: number of the signed version."""
PRELIMINARY = "preliminary"
_OF = {
    Specimen.MARROW: ("nucleated cells", "in bone marrow"),
    Specimen.BLOOD: ("leukocytes", "in blood"),
    Specimen.NOT_STATED: ("nucleated cells", "in a smear"),
}
_SPACE = uuid.UUID("6f1c1f0a-4a0e-5f0e-9a54-0d5b6f6d7c11")  # namespace of the identifiers made here


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
    number = _identify("device", provenance.version, provenance.bundle_sha256)
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
        self._codes = OF_REPORTS[patient.details.specimen]
        self._cells, self._place = _OF[patient.details.specimen]
        self._provenance = report.provenance
        self._laboratory = report.laboratory
        self._device = device
        self._signature = signature_of(patient)
        name = shown(patient.patient)
        self._subject = {"identifier": {"system": PATIENT, "value": name}, "display": name}

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
            for number, content in enumerate(self._observed())
        ]
        return [self._report(observations, specimen), *observations, *specimen]

    def _dates(self) -> Resource:
        collected = self._details.collected
        return {
            **({"effectiveDateTime": collected} if collected else {}),
            **({"issued": self._issued} if self._issued else {}),
        }

    def _specimen(self) -> list[Resource]:
        content = specimen_content(self._details)
        number = self._identify("specimen")
        own = {"id": number, "identifier": [_own_identifier(number)], "subject": self._subject}
        return [] if content is None else [{**content, **own}]

    def _report(self, observations: Sequence[Resource], specimen: Sequence[Resource]) -> Resource:
        decision = self._patient.decision
        signature = self._signature
        sentence = f"{decision.statement} (rule: {decision.rule.condition})."
        own = [f"{title}: {shown(text)}" for title, text in case_rows(self._patient) if title != "Conclusion"]
        conclusion = [shown_lines(self._details.conclusion)] if self._details.conclusion else []
        signed: Resource = {}
        if signature is not None:
            signed = {
                "resultsInterpreter": [{"display": shown(signature.by)}],
                "extension": [{"url": VERSION, "valueInteger": signature.version}],
            }
        number = self._identify("report")
        return {
            "resourceType": "DiagnosticReport",
            "id": number,
            "identifier": [_own_identifier(number)],
            "status": self._status,
            **order_of(self._details),
            "code": _concept(self._codes.report, title_of(self._patient)),
            "subject": self._subject,
            **self._dates(),
            **({"performer": [{"display": shown(name)}]} if (name := self._laboratory.name) else {}),
            **signed,
            **({"specimen": [{"reference": _address(each)} for each in specimen]} if specimen else {}),
            "result": [{"reference": _address(each)} for each in observations],
            "conclusion": "\n".join(
                [
                    *conclusion,
                    sentence,
                    *map(shown, reasons(self._patient)),
                    *own,
                    *self._review_lines(),
                    NOTICE,
                ]
            ),
        }

    def _review_lines(self) -> Iterator[str]:
        """Yield lines about the review and the signature."""
        review = self._patient.review
        if review is None:
            return
        yield f"A reader reviewed {quantity(review.cells, 'cell')}."
        signature = review.signature
        if signature is not None:
            yield f"Version {signature.version}, signed by {shown(signature.by)}: {shown(signature.meaning)}"
            if signature.reason:
                yield f"Amended: {shown(signature.reason)}"

    @property
    def _status(self) -> str:
        return status_of(self._signature)

    @property
    def _issued(self) -> str:
        return self._signature.at if self._signature else self._provenance.finished

    def _observed(self) -> Iterator[Resource]:
        patient = self._patient
        comparison = compare(patient, self._laboratory)
        is_signed = self._signature is not None
        yield {
            "code": _concept(self._codes.cells_counted, f"Cells counted {self._place}"),
            "valueQuantity": {"value": patient.differential.counted, "unit": "cells"},
        }
        if patient.blast_interval is not None:
            blasts = loinc_of(taxonomy()[BLAST], self._details.specimen, is_signed=is_signed)
            yield {
                "code": _concept(blasts, f"Blasts per 100 {self._cells} {self._place}"),
                **_share(patient.blast_interval),
                **reference_of(comparison.by_type.get(BLAST)),
                "component": [
                    *_bounds(patient.blast_interval, "counted share"),
                    *(part for row in share_rows(patient)[1:] for part in _component(row)),
                    *self._by_networks(),
                ],
            }
        yield from self._types(comparison)
        yield from self._groups(comparison)
        yield from self._beside(comparison)
        yield from morphology_contents(self._details)

    def _groups(self, comparison: Comparison) -> Iterator[Resource]:
        """Yield the shares of several types together that have a reference range."""
        for group in comparison.groups:
            yield {
                "code": {"text": f"{group.range.title} per 100 {self._cells} {self._place}"},
                "valueQuantity": {"value": group.value, **PERCENT},
                **reference_of(group),
            }

    def _beside(self, comparison: Comparison) -> Iterator[Resource]:
        """Yield the figures beside the differential."""
        codes = {
            Figure.M_TO_E: self._codes.myeloid_erythroid,
            Figure.ERYTHROBLASTS_PER_100: self._codes.erythroblasts_per_100,
        }
        for figure, title, value, text in beside_rows(self._patient):
            if value is not None:
                yield {
                    "code": _concept(codes[figure], f"{title} {self._place}"),
                    "valueQuantity": {"value": value, "unit": "1", "system": UNITS, "code": "1"},
                    **reference_of(comparison.beside.get(figure)),
                    "note": [{"text": text}],
                }

    def _types(self, comparison: Comparison) -> Iterator[Resource]:
        """Yield an Observation per counted type; the total of all blasts is a separate Observation."""
        rows = type_rows(self._patient)
        has_kinds = any(row.cell_type.is_blast and row.cell_type.id != BLAST for row in rows)
        for row in rows:
            if row.cell_type.id == BLAST and not has_kinds:
                continue
            yield {
                "code": type_code(
                    row.cell_type, self._details.specimen, is_signed=self._signature is not None
                ),
                **_share(row.interval),
                **reference_of(comparison.by_type.get(row.cell_type.id)),
                "component": [
                    {"code": {"text": "cells of this type"}, "valueInteger": row.cells},
                    *_bounds(row.interval, "share"),
                ],
            }

    def _by_networks(self) -> list[Resource]:
        review = self._patient.review
        if review is None or review.network.blast_interval is None:
            return []
        return [
            {
                "code": {"text": "blast share by the networks alone"},
                **_share(review.network.blast_interval),
            }
        ]

    def _identify(self, name: str) -> str:
        version = str(self._signature.version) if self._signature else ""
        return _identify("patient", shown(self._patient.patient), self._provenance.started, version, name)


def status_of(signature: Signature | None) -> str:
    """Return the status of a report (http://hl7.org/fhir/diagnostic-report-status) from its signature."""
    if signature is None:
        return PRELIMINARY
    return "amended" if signature.version > 1 else "final"


def type_code(cell_type: CellType, specimen: Specimen, *, is_signed: bool) -> Resource:
    """Return the coded concept for "cells of this type per 100 cells"."""
    codings = []
    loinc = loinc_of(cell_type, specimen, is_signed=is_signed)
    # The total of all blasts already has this code.
    if loinc is not None and cell_type.id != BLAST:
        codings.append({"system": LOINC, "code": loinc})
    if cell_type.snomed is not None:
        codings.append({"system": SNOMED, "code": cell_type.snomed})
    text = f"{cell_type.name} per 100 {_OF[specimen][0]}"
    return {"coding": codings, "text": text} if codings else {"text": text}


def codes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all LOINC and all SNOMED CT codes that a Bundle can contain."""
    return tuple(sorted(all_loinc())), tuple(sorted(kind.snomed for kind in taxonomy() if kind.snomed))


def _own_identifier(number: str) -> Resource:
    return {"system": UUID, "value": f"urn:uuid:{number}"}


def _concept(loinc: str | None, text: str) -> Resource:
    return {"coding": [{"system": LOINC, "code": loinc}], "text": text} if loinc else {"text": text}


def _percent_quantity(share: float) -> Resource:
    return {"value": file_percent(share), **PERCENT}


def _share(interval: Interval) -> Resource:
    return {"valueQuantity": _percent_quantity(interval.estimate)}


def _bounds(interval: Interval, of: str) -> list[Resource]:
    level = f"{100 * interval.level:g} % interval of the {of}"
    return [
        {"code": {"text": f"{level}, {end} bound"}, "valueQuantity": _percent_quantity(share)}
        for end, share in (("lower", interval.low), ("upper", interval.high))
    ]


def _component(row: ShareRow) -> list[Resource]:
    """Return one of the shares that follow from the counted one, marked if it decides."""
    title = f"blast share: {row.title[0].lower()}{row.title[1:]}{' (decides)' if row.decides else ''}"
    return [{"code": {"text": title}, **_share(row.interval)}, *_bounds(row.interval, title)]


def _identify(*parts: str) -> str:
    return str(uuid.uuid5(_SPACE, "\0".join(parts)))


def _address(resource: Resource) -> str:
    return f"urn:uuid:{resource['id']}"
