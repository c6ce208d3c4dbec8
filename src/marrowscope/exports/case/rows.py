"""What a report says beside the count, as rows of titles and texts: for workbooks and laboratory systems."""

from collections.abc import Iterator

from marrowscope.domain.case.ranges import Figure
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.differential import RATIO_DECIMALS, erythroblasts_per_100, myeloid_to_erythroid
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.percent import FILE_DECIMALS
from marrowscope.domain.quantity import quantity
from marrowscope.exports.case.facts import (
    detail_text,
    head,
    morphology_texts,
    signature_of,
    status_text,
    title_of,
)
from marrowscope.exports.figures import confirmed_per_mm2

MYELOID = "granulocytes, monocytes and their precursors, without mast cells and blasts"
"""What the M of an M:E ratio holds (ICSH 2008)."""


def case_rows(patient: PatientReading) -> Iterator[tuple[str, str]]:
    """Yield what is stated of a case, its morphology, its conclusion, and what an amendment changed."""
    details = patient.details
    yield "Report", f"{title_of(patient)} · {status_text(patient)}"
    yield from head(patient)
    yield from ((f"Morphology: {title}", text) for title, text in morphology_texts(details))
    if details.comment:
        yield "Comment", detail_text(details, "comment")
    if details.conclusion:
        yield "Conclusion", detail_text(details, "conclusion")
    signature = signature_of(patient)
    if signature is not None:
        for change in signature.changes:
            yield f"Erratum: {change.what}", f"{change.before} → {change.after}"


def beside_rows(patient: PatientReading) -> Iterator[tuple[Figure, str, float | None, str]]:
    """Yield the figures beside a specimen's differential: which, title, value, what it rests on."""
    differential = patient.differential
    if patient.details.specimen is Specimen.BLOOD:
        per_100 = erythroblasts_per_100(differential)
        rounded = None if per_100 is None else round(per_100, RATIO_DECIMALS)
        yield (
            Figure.ERYTHROBLASTS_PER_100,
            "Erythroblasts per 100 leukocytes",
            rounded,
            "not in the differential",
        )
        return
    found = myeloid_to_erythroid(differential)
    if found is None:
        yield Figure.M_TO_E, "M:E ratio", None, "no erythroblast is counted"
        return
    cells = f"{found.myeloid} to {quantity(found.erythroid, 'erythroblast')}"
    yield Figure.M_TO_E, "M:E ratio", round(found.ratio, RATIO_DECIMALS), f"{cells}; M: {MYELOID}"


def megakaryocyte_rows(patient: PatientReading) -> Iterator[tuple[str | int | float | None, ...]]:
    """Yield the megakaryocytes of a patient below their titles, nothing where none could be seen.

    As on the page, those that a reader confirmed have their number per mm² with its exact interval, and
    candidates have one only as long as nobody has answered any.
    """
    found = patient.megakaryocytes
    if found is None:
        return
    answered = confirmed_per_mm2(found)
    candidates = None if answered else round(found.per_mm2(found.unanswered), FILE_DECIMALS)
    yield "Megakaryocytes, not in the differential", "Number", "Per mm²", "Exact low", "Exact high"
    yield "Confirmed by a reader", found.confirmed, *(round(each, FILE_DECIMALS) for each in answered or ())
    yield "Rejected by a reader", found.rejected
    yield "Unconfirmed candidates", found.unanswered, candidates
    yield "Area examined, mm²", round(found.examined_mm2, FILE_DECIMALS)
