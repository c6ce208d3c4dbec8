"""Figures shared by the workbook and the page: rows of a differential, facts beside it, the cohort's table.

A hematologist recounts from these, so each is computed once, here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from marrowscope.analysis.intervals import wilson
from marrowscope.analysis.shares import TypeShare, type_shares
from marrowscope.domain.cells import FLAG_BORDER
from marrowscope.domain.decision import Interval, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.patient import CohortReport, FieldReading, FieldStatus, PatientReading
from marrowscope.domain.taxonomy import CellType, taxonomy

VERDICTS = (Verdict.POSITIVE, Verdict.NEGATIVE, Verdict.INDETERMINATE, Verdict.INSUFFICIENT)


@dataclass(frozen=True)
class TypeRow:
    """One counted type of a differential.

    Attributes
    ----------
    cell_type : the type
    cells : how many
    interval : its share of the counted cells, with the Wilson interval
    share : the same with everything else known of it
    """

    cell_type: CellType
    cells: int
    interval: Interval
    share: TypeShare


def type_rows(patient: PatientReading) -> tuple[TypeRow, ...]:
    """Return the counted types in the taxonomy's order, those without a cell left out."""
    return tuple(
        TypeRow(taxonomy()[share.cell_type], share.cells, share.interval, share)
        for share in type_shares(patient.differential, patient.fields)
    )


def excluded_rows(differential: Differential) -> tuple[tuple[str, int], ...]:
    """Return what is left out of the count, in words, with the number of cells."""
    return tuple((_reason(name), cells) for name, cells in differential.excluded.items())


def non_erythroid_blasts(differential: Differential) -> Interval | None:
    """Return the blast share of the non-erythroid cells, printed beside the deciding share of all cells."""
    erythroid = sum(n for name, n in differential.counts.items() if taxonomy()[name].lineage == "erythroid")
    return wilson(differential.blasts, differential.counted - erythroid)


def scales(fields: Sequence[FieldReading]) -> tuple[tuple[float, str, int], ...]:
    """Return the scales used: micrometres per pixel, where they are from, number of fields."""
    used = Counter(
        (round(field.mpp, 4), field.scale_source)
        for field in fields
        if field.status is FieldStatus.READ and field.mpp is not None
    )
    return tuple((mpp, source, number) for (mpp, source), number in sorted(used.items()))


def confusion(report: CohortReport) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return per known truth how many patients got each of `VERDICTS`; empty when no truth is known."""
    known = [patient for patient in report.patients if patient.truth]
    table = Counter((patient.truth, patient.decision.verdict) for patient in known)
    truths = sorted({patient.truth for patient in known if patient.truth}, key=_sick_first)
    return tuple((truth, tuple(table[truth, verdict] for verdict in VERDICTS)) for truth in truths)


def review_facts(patient: PatientReading) -> tuple[tuple[str, str], ...]:
    """Return what people did to a count and who answers for it, as titles and words."""
    review = patient.review
    if review is None:
        return ()
    facts = [
        ("Review", f"{review.named} cells named by a person, {review.deleted} deleted, {review.added} added")
    ]
    signature = review.signature
    if signature is None:
        return (*facts, ("Signature", "not signed: a preliminary report"))
    facts.append(
        ("Signature", f"version {signature.version}, {signature.by}, {signature.at}: {signature.meaning}")
    )
    if signature.reason:
        facts.append(("Amended", signature.reason))
    return tuple(facts)


def fields_with(patient: PatientReading, status: FieldStatus) -> tuple[FieldReading, ...]:
    """Return the fields whose reading ended so."""
    return tuple(field for field in patient.fields if field.status is status)


def _sick_first(truth: str) -> tuple[bool, str]:
    return truth.casefold() not in {"leukemia", "leukaemia", "positive"}, truth


def _reason(name: str) -> str:
    if name == FLAG_BORDER:
        return "Cut by the image's edge"
    return taxonomy()[name].name if name in taxonomy() else name.replace("_", " ").capitalize()
