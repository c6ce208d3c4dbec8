"""What a report tells the systems of a hospital: its figures with their codes, the same in every format."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.case.ranges import Figure
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import BASIS_WORDS, Basis, Interval
from marrowscope.domain.patient import PatientReading, Provenance
from marrowscope.domain.percent import FILE_DECIMALS, file_percent
from marrowscope.domain.quantity import quantity
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.exports.case.codes import OF_REPORTS, loinc_of
from marrowscope.exports.case.comparison import Compared, Comparison, compare
from marrowscope.exports.case.facts import signature_of
from marrowscope.exports.case.rows import beside_rows, case_rows
from marrowscope.exports.figures import (
    CORRECTED_WORDS,
    ShareRow,
    confirmed_per_mm2,
    share_rows,
    type_rows,
)
from marrowscope.exports.provenance import NOTICE
from marrowscope.exports.tables import reasons
from marrowscope.imaging.names import shown, shown_lines

LOINC_NAME, SNOMED_NAME = "LN", "SCT"
OF = {
    Specimen.MARROW: ("nucleated cells", "in bone marrow"),
    Specimen.BLOOD: ("leukocytes", "in blood"),
    Specimen.NOT_STATED: ("nucleated cells", "in a smear"),
}
"""Specimen → what the percentages are of, and where."""
MEGAKARYOCYTES = "megakaryocytes-mm2"
"""Key of the megakaryocytes per mm²."""
_KEYS = {
    BASIS_WORDS[Basis.LABORATORIES]: "expected",
    BASIS_WORDS[Basis.VALIDATED]: "validated",
    CORRECTED_WORDS: "corrected",
    BASIS_WORDS[Basis.REVIEWED]: "reviewed",
}
_LONGEST_KEY = 20  # the longest code of HL7 v2 (CE.1)
_SPACE = uuid.UUID("6f1c1f0a-4a0e-5f0e-9a54-0d5b6f6d7c11")  # namespace of the identifiers made here


class Unit(Enum):
    """Unit of a figure: its code by UCUM, and how it is printed."""

    PERCENT = ("%", "%")
    CELLS = ("{cells}", "cells")
    RATIO = ("1", "1")
    PER_MM2 = ("/mm2", "/mm²")
    MM2 = ("mm2", "mm²")

    @property
    def code(self) -> str:
        """UCUM's code."""
        return self.value[0]

    @property
    def printed(self) -> str:
        """As people read it."""
        return self.value[1]


@dataclass(frozen=True)
class Part:
    """A figure that belongs to another: a bound of its interval, the cells behind it; `key` names it."""

    key: str
    text: str
    value: float
    unit: Unit


@dataclass(frozen=True)
class Observed:
    """One figure of a report.

    Attributes
    ----------
    key : own code, at most 20 signs long, for systems that want one where there is no other
    text : what it is
    value, unit : as in every file
    loinc, snomed : codes, None where there is none
    compared : with its reference range, None where there is none
    parts : figures that belong to it
    note : what it rests on
    """

    key: str
    text: str
    value: float
    unit: Unit
    loinc: str | None = None
    snomed: str | None = None
    compared: Compared | None = None
    parts: tuple[Part, ...] = ()
    note: str = ""


def observed(patient: PatientReading, laboratory: Laboratory) -> Iterator[Observed]:
    """Yield a report's figures: cells counted, blasts, types, groups with a range, ratios, megakaryocytes.

    LOINC's codes name the specimen, so that there are none where it is not stated; those "by manual count"
    are used only in signed reports.
    """
    specimen = patient.details.specimen
    codes, (cells, place) = OF_REPORTS[specimen], OF[specimen]
    comparison = compare(patient, laboratory)
    is_signed = signature_of(patient) is not None
    yield Observed(
        "cells-counted",
        f"Cells counted {place}",
        patient.differential.counted,
        Unit.CELLS,
        loinc=codes.cells_counted,
    )
    if patient.blast_interval is not None:
        yield Observed(
            "blasts",
            f"Blasts per 100 {cells} {place}",
            file_percent(patient.blast_interval.estimate),
            Unit.PERCENT,
            loinc=loinc_of(taxonomy()[BLAST], specimen, is_signed=is_signed),
            compared=comparison.by_type.get(BLAST),
            parts=(
                *_bounds("counted", patient.blast_interval, "counted share"),
                *(part for row in share_rows(patient)[1:] for part in _share(row)),
                *_by_networks(patient),
            ),
        )
    yield from _types(patient, comparison, is_signed=is_signed)
    for group in comparison.groups:
        text = f"{group.range.title} per 100 {cells} {place}"
        key = "-".join(sorted(group.range.types))[:_LONGEST_KEY]
        yield Observed(key, text, group.value, Unit.PERCENT, compared=group)
    by_figure = {
        Figure.M_TO_E: codes.myeloid_erythroid,
        Figure.ERYTHROBLASTS_PER_100: codes.erythroblasts_per_100,
    }
    for figure, title, value, note in beside_rows(patient):
        if value is not None:
            compared = comparison.beside.get(figure)
            yield Observed(
                figure.value[:_LONGEST_KEY],
                f"{title} {place}",
                value,
                Unit.RATIO,
                by_figure[figure],
                compared=compared,
                note=note,
            )
    yield from _megakaryocytes(patient)


def _megakaryocytes(patient: PatientReading) -> Iterator[Observed]:
    """Yield the megakaryocytes that a reader confirmed per mm², beside the differential.

    Candidates are told to no hospital, and none is said to have been confirmed while any waits for an answer:
    that would read as a marrow without megakaryocytes. No LOINC code of a number per area is known here.
    """
    found = patient.megakaryocytes
    per_mm2 = None if found is None else confirmed_per_mm2(found)
    if found is None or per_mm2 is None or (found.unanswered and not found.confirmed):
        return
    rate, low, high = (round(value, FILE_DECIMALS) for value in per_mm2)
    exact = "exact 95 % interval"
    waiting = f"; {quantity(found.unanswered, 'candidate')} unanswered" if found.unanswered else ""
    yield Observed(
        MEGAKARYOCYTES,
        "Megakaryocytes confirmed by a reader per mm² examined",
        rate,
        Unit.PER_MM2,
        parts=(
            Part("meg-confirmed", "megakaryocytes confirmed by a reader", found.confirmed, Unit.CELLS),
            Part("meg-unanswered", "candidates that no reader answered", found.unanswered, Unit.CELLS),
            Part("meg-examined", "area examined", round(found.examined_mm2, FILE_DECIMALS), Unit.MM2),
            Part("meg-lower", f"{exact}, lower bound", low, Unit.PER_MM2),
            Part("meg-upper", f"{exact}, upper bound", high, Unit.PER_MM2),
        ),
        note=f"not in the differential{waiting}",
    )


def _types(patient: PatientReading, comparison: Comparison, *, is_signed: bool) -> Iterator[Observed]:
    """Yield every counted type; the total of all blasts is a figure of its own."""
    specimen = patient.details.specimen
    rows = type_rows(patient)
    has_kinds = any(row.cell_type.is_blast and row.cell_type.id != BLAST for row in rows)
    for row in rows:
        kind = row.cell_type
        if kind.id == BLAST and not has_kinds:
            continue
        # The total of all blasts already has blasts' code.
        loinc = None if kind.id == BLAST else loinc_of(kind, specimen, is_signed=is_signed)
        yield Observed(
            kind.id[:_LONGEST_KEY],
            f"{kind.name} per 100 {OF[specimen][0]}",
            file_percent(row.interval.estimate),
            Unit.PERCENT,
            loinc=loinc,
            snomed=kind.snomed,
            compared=comparison.by_type.get(kind.id),
            parts=(
                Part("cells", "cells of this type", row.cells, Unit.CELLS),
                *_bounds("share", row.interval, "share"),
            ),
        )


def conclusion_lines(patient: PatientReading) -> list[str]:
    """Return what a report says in words: conclusion, decision, what weakens it, the case, who signed."""
    decision, details = patient.decision, patient.details
    own = [f"{title}: {shown(text)}" for title, text in case_rows(patient) if title != "Conclusion"]
    return [
        *([shown_lines(details.conclusion)] if details.conclusion else []),
        f"{decision.statement} (rule: {decision.rule.condition}).",
        *map(shown, reasons(patient)),
        *own,
        *_review_lines(patient),
        NOTICE,
    ]


def _review_lines(patient: PatientReading) -> Iterator[str]:
    review = patient.review
    if review is None:
        return
    yield f"A reader reviewed {quantity(review.cells, 'cell')}."
    signature = review.signature
    if signature is not None:
        yield f"Version {signature.version}, signed by {shown(signature.by)}: {shown(signature.meaning)}"
        if signature.reason:
            yield f"Amended: {shown(signature.reason)}"


def issued(patient: PatientReading, provenance: Provenance) -> str:
    """Return when a report was signed or, before that, made."""
    signature = signature_of(patient)
    return signature.at if signature else provenance.finished


def identify(*parts: str) -> str:
    """Return the UUID of what these texts name: the same for the same texts."""
    return str(uuid.uuid5(_SPACE, "\0".join(parts)))


def identify_version(patient: PatientReading, provenance: Provenance, name: str) -> str:
    """Return the UUID of a part of one version of a patient's report."""
    signature = signature_of(patient)
    version = str(signature.version) if signature else ""
    return identify("patient", shown(patient.patient), provenance.started, version, name)


def _bounds(key: str, interval: Interval, of: str) -> Iterator[Part]:
    level = f"{100 * interval.level:g} % interval of the {of}"
    for end, share in (("lower", interval.low), ("upper", interval.high)):
        yield Part(f"{key}-{end}", f"{level}, {end} bound", file_percent(share), Unit.PERCENT)


def _share(row: ShareRow) -> Iterator[Part]:
    """Yield one of the shares that follow from the counted one, marked if it decides."""
    key = _KEYS[row.title]
    title = f"blast share: {row.title[0].lower()}{row.title[1:]}{' (decides)' if row.decides else ''}"
    yield Part(key, title, file_percent(row.interval.estimate), Unit.PERCENT)
    yield from _bounds(key, row.interval, title)


def _by_networks(patient: PatientReading) -> Iterator[Part]:
    if patient.review is not None and patient.review.network.blast_interval is not None:
        share = file_percent(patient.review.network.blast_interval.estimate)
        yield Part("networks", "blast share by the networks alone", share, Unit.PERCENT)
