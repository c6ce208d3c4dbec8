"""``report.hl7``: the report for a laboratory system, as HL7 v2.5.1 messages ORU^R01, one for each patient.

Written by hand, since a message is lines of fields: MSH, SFT, PID, OBR, NTE, OBX, SPM, in the order of the
standard's chapter 7. Figures and codes are those of `observed`; unsigned reports are preliminary (P), signed
ones final (F), amended ones corrected (C). The same version has the same message control id, so that a
receiver that has it already can tell.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from marrowscope.domain.case.details import Sex
from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.case.ranges import Flag
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.case.codes import OF_REPORTS
from marrowscope.exports.case.facts import signature_of, title_of
from marrowscope.exports.hospital.observed import (
    LOINC_NAME,
    SNOMED_NAME,
    Observed,
    Unit,
    conclusion_lines,
    identify,
    identify_version,
    issued,
    observed,
)
from marrowscope.exports.hospital.resources import SPECIMENS
from marrowscope.imaging.names import shown

VERSION = "2.5.1"
END = "\r"
"""Between the segments of a message."""
LOCAL_NAME = "99MSC"
"""Coding system of what has no code elsewhere."""
_CONTROL_ID_LENGTH = 20  # MSH-10
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_SEXES = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.NOT_STATED: "U"}
_FLAGS = {Flag.LOW: "L", Flag.HIGH: "H", Flag.INSIDE: "N"}

Field = str | Sequence[str]


def write_hl7(report: CohortReport, path: Path) -> None:
    """Write the messages of all patients, one after the other, in UTF-8. Equal reports give equal bytes.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    texts = (message(patient, report) for patient in report.patients)
    write_atomic(path, "".join(texts).encode("utf-8", "replace"))


def message(patient: PatientReading, report: CohortReport) -> str:
    """Return the message of one patient, each segment ended by a carriage return."""
    return "".join(f"{segment}{END}" for segment in _segments(patient, report))


def control_id(patient: PatientReading, report: CohortReport) -> str:
    """Return the control id of a patient's message (MSH-10): the same for the same version."""
    number = identify_version(patient, report.provenance, "message")
    return number.replace("-", "").upper()[:_CONTROL_ID_LENGTH]


def status_of(patient: PatientReading) -> str:
    """Return the status of a patient's results (tables 0085 and 0123)."""
    signature = signature_of(patient)
    if signature is None:
        return "P"
    return "C" if signature.version > 1 else "F"


def escaped(text: str) -> str:
    """Return a text without the signs that separate fields, on one line (HL7 2.5.1, 2.7)."""
    return "".join(_ESCAPES.get(sign, sign) for sign in " ".join(shown(text).split()))


def timestamp(iso: str) -> str:
    """Return a date or an instant as HL7 writes it.

    >>> timestamp("2026-03-14"), timestamp("2026-01-06T10:00:00+01:00"), timestamp("2026-01-06T10:00:00Z")
    ('20260314', '20260106100000+0100', '20260106100000+0000')
    """
    day, _, clock = iso.partition("T")
    zone = re.search(r"(?:[+-]\d\d:\d\d|Z)$", clock)
    offset = "" if zone is None else zone.group().replace("Z", "+0000").replace(":", "")
    return day.replace("-", "") + clock[:8].replace(":", "") + offset


def _segments(patient: PatientReading, report: CohortReport) -> Iterator[str]:
    systems, at = report.laboratory.systems, timestamp(issued(patient, report.provenance))
    header = [
        "MSH", "^~\\&", systems.application, systems.facility or report.laboratory.name,
        systems.receiving_application, systems.receiving_facility, at, "",
        ("ORU", "R01", "ORU_R01"), control_id(patient, report), "P", VERSION,
        "", "", "", "", "", "UNICODE UTF-8",
    ]  # fmt: skip
    yield _segment(*header, raw=1)
    provenance = report.provenance
    yield _segment("SFT", "marrowscope", provenance.version, "marrowscope", provenance.bundle_sha256)
    number = (patient.patient, "", "", systems.authority, "PI")
    # No name is known beside the number: the type U says that none is given.
    yield _segment("PID", "1", "", number, "", ("",) * 6 + ("U",), "", "", _SEXES[patient.details.sex])
    yield _order(patient, report, at)
    for place, line in enumerate(_note_lines(patient), start=1):
        yield _segment("NTE", str(place), "L", line)
    yield from _results(patient, report)
    yield from _specimen(patient)


def _order(patient: PatientReading, report: CohortReport, at: str) -> str:
    details, signature = patient.details, signature_of(patient)
    code = OF_REPORTS[details.specimen].report
    title = title_of(patient)
    service = (code, title, LOINC_NAME) if code else ("report", title, LOCAL_NAME)
    filler = identify("patient", shown(patient.patient), report.provenance.started)
    own = report.laboratory.systems.application
    fields: list[Field] = [""] * 33
    fields[0] = "OBR"
    fields[1] = "1"
    fields[2] = details.order_number
    fields[3] = (filler, own)
    fields[4] = service
    fields[7] = timestamp(details.collected)
    fields[13] = details.clinical_details
    fields[14] = timestamp(details.received)
    fields[16] = ("", details.requester) if details.requester else ""
    fields[22] = at
    fields[24] = "HM"  # hematology, table 0074
    fields[25] = status_of(patient)
    line = _segment(*fields)
    # The interpreter is a name within a name: their parts are separated by the next lower sign.
    return f"{line}&{escaped(signature.by)}" if signature else line.rstrip("|")


def _note_lines(patient: PatientReading) -> Iterator[str]:
    for text in conclusion_lines(patient):
        yield from (line for line in text.splitlines() if line.strip())


def _results(patient: PatientReading, report: CohortReport) -> Iterator[str]:
    status, place = status_of(patient), 0
    for number, each in enumerate(observed(patient, report.laboratory), start=1):
        place += 1
        yield _result(place, str(number), each, status)
        for part_number, part in enumerate(each.parts, start=1):
            place += 1
            own = Observed(part.key, part.text, part.value, part.unit)
            yield _result(place, f"{number}.{part_number}", own, status)
    for section, phrases in morphology().described(patient.details.phrases):
        place += 1
        text = "; ".join(phrase.text for phrase in phrases)
        code = (f"morph-{section.id}"[:20], f"{section.title}, morphology", LOCAL_NAME)
        yield _segment("OBX", str(place), "TX", code, "", text, "", "", "", "", "", status)


def _result(place: int, sub: str, each: Observed, status: str) -> str:
    codes = [(code, name) for code, name in ((each.loinc, LOINC_NAME), (each.snomed, SNOMED_NAME)) if code]
    coded = tuple(text for code, name in codes for text in (code, each.text, name)) or (
        each.key,
        each.text,
        LOCAL_NAME,
    )
    limits, flag = "", ""
    if each.compared is not None:
        limits = f"{each.compared.range.low:g}-{each.compared.range.high:g}"
        flag = _FLAGS[each.compared.flag]
    unit = (each.unit.code, each.unit.printed, "UCUM")
    value = f"{each.value:.2f}" if each.unit is Unit.PERCENT else f"{each.value:g}"
    line = _segment("OBX", str(place), "NM", coded, sub, value, unit, limits, flag, "", "", status)
    if not each.note:
        return line
    return line + END + _segment("NTE", "1", "L", each.note)


def _specimen(patient: PatientReading) -> Iterator[str]:
    details = patient.details
    word = SPECIMENS.get(details.specimen)
    if word is None:
        return
    fields: list[Field] = [""] * 19
    fields[0], fields[1] = "SPM", "1"
    fields[4] = ("", word)  # a word: no code of it is known here for certain
    fields[8] = ("", details.site) if details.site else ""
    fields[17], fields[18] = timestamp(details.collected), timestamp(details.received)
    yield _segment(*fields).rstrip("|")


def _segment(*fields: Field, raw: int | None = None) -> str:
    """Return a segment; a field of several texts has components, and `raw` is left as it is."""
    written = []
    for place, field in enumerate(fields):
        parts = (field,) if isinstance(field, str) else field
        texts = parts if place == raw else tuple(map(escaped, parts))
        written.append("^".join(texts).rstrip("^") if place != raw else texts[0])
    return "|".join(written)
