"""Figures that several formats print: rows of a differential, related facts, and the cohort's table.

They are computed in one place so that all formats agree.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import median

from marrowscope.analysis.clustering import clustering
from marrowscope.analysis.intervals import poisson_bounds, wilson
from marrowscope.analysis.shares import TypeShare, type_shares
from marrowscope.domain.case.megakaryocytes import Megakaryocytes
from marrowscope.domain.cells import FLAG_BORDER, FLAG_REPEATED
from marrowscope.domain.decision import BASIS_WORDS, COUNTED_WORDS, Basis, Interval, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.domain.patient import (
    CohortReport,
    FieldReading,
    FieldStatus,
    PatientReading,
    known_state_words,
)
from marrowscope.domain.percent import percents_that_sum
from marrowscope.domain.quantity import quantity
from marrowscope.domain.scale import ScaleSource
from marrowscope.domain.taxonomy import ERYTHROID, CellType, taxonomy

VERDICTS = (Verdict.POSITIVE, Verdict.NEGATIVE, Verdict.INDETERMINATE, Verdict.INSUFFICIENT)


LINEAGES = {
    "blast": ("Blasts", "#d62728"),
    "granulocytic": ("Granulocytes and precursors", "#7aa6d6"),
    "monocytic": ("Monocytes and precursors", "#8c6bb1"),
    "lymphoid": ("Lymphocytes and plasma cells", "#5aae8c"),
    ERYTHROID: ("Erythroblasts", "#c9a227"),
    "megakaryocytic": ("Megakaryocytic cells", "#b07aa1"),
    "unknown": ("Unclassified", "#b8bec7"),
}
"""Name and colour of each lineage. Blasts of all kinds form a lineage of their own."""


CORRECTED_WORDS = "Corrected"
"""Title of the share that decided in reports of earlier versions."""


@dataclass(frozen=True)
class LineageRow:
    """A lineage's total: name, colour, counted cells, and percent; the percentages sum to 100."""

    name: str
    colour: str
    cells: int
    percent: float


@dataclass(frozen=True)
class Sampling:
    """Distribution of the counted cells: cells per slide, number of fields with any, cells per such field."""

    slides: tuple[tuple[str, int], ...]
    fields: int
    median: float
    fewest: int
    most: int


@dataclass(frozen=True)
class TypeRow:
    """One counted type of a differential.

    Attributes
    ----------
    cell_type : the type
    cells : number of cells
    interval : its share of the counted cells, with the Wilson interval
    share : the same share with all its figures
    """

    cell_type: CellType
    cells: int
    interval: Interval
    share: TypeShare


def type_rows(patient: PatientReading) -> tuple[TypeRow, ...]:
    """Return the types that have counted cells, in the taxonomy's order."""
    return tuple(
        TypeRow(taxonomy()[share.cell_type], share.cells, share.interval, share)
        for share in type_shares(patient.differential, patient.fields)
    )


def lineage_rows(differential: Differential) -> tuple[LineageRow, ...]:
    """Return the totals of the lineages that have counted cells."""
    totals: Counter[str] = Counter()
    for name, cells in differential.counts.items():
        cell_type = taxonomy()[name]
        totals["blast" if cell_type.is_blast else cell_type.lineage] += cells
    percents = percents_that_sum(totals, fixed="blast")
    return tuple(
        LineageRow(*LINEAGES[name], totals[name], percents[name]) for name in LINEAGES if totals[name]
    )


def sampling(patient: PatientReading) -> Sampling | None:
    """Return the distribution of the counted cells over slides and fields, None without any.

    Each sub-folder of the patient's folder is taken as a slide, as is each whole-slide image; not so
    sub-folders of single cells.
    """
    slides: Counter[str] = Counter()
    filled = []
    for field in patient.fields:
        counted = int(field.cells.is_counted.sum())
        if counted:
            filled.append(counted)
            slides[_slide(field)] += counted
    if not filled:
        return None
    rows = tuple(sorted((name, number) for name, number in slides.items()))
    return Sampling(rows, len(filled), median(filled), min(filled), max(filled))


def _slide(field: FieldReading) -> str:
    return "." if field.is_single_cell else field.slide or str(PurePosixPath(field.name).parent)


@dataclass(frozen=True)
class ShareRow:
    """One of a patient's blast shares.

    Attributes
    ----------
    title : of the share
    interval : the share, with its interval
    is_basis : whether it is the one that decides once enough cells are counted
    decides : whether it decides: with too few cells, none does
    """

    title: str
    interval: Interval
    is_basis: bool
    decides: bool


def share_rows(patient: PatientReading) -> tuple[ShareRow, ...]:
    """Return the counted share and those that follow from it, the same in every format."""
    basis = patient.decision.decided_by
    rows = [
        (COUNTED_WORDS, patient.blast_interval, False),
        (BASIS_WORDS[Basis.LABORATORIES], patient.expected_interval, basis is Basis.LABORATORIES),
    ]
    if basis is Basis.VALIDATED:
        rows.append((BASIS_WORDS[basis], patient.adjusted_interval, True))
    if basis is Basis.NONE:  # in reports of earlier versions, whose corrected share decided
        rows.append((CORRECTED_WORDS, patient.adjusted_interval, True))
    rows.append((BASIS_WORDS[Basis.REVIEWED], patient.reviewed_interval, basis is Basis.REVIEWED))
    is_enough = patient.decision.is_by_enough_cells
    return tuple(
        ShareRow(title, share, is_basis, decides=is_basis and is_enough)
        for title, share, is_basis in rows
        if share is not None
    )


def why_nothing_decides(patient: PatientReading) -> str:
    """Return why no share of a patient decides, as tables say it in its place; empty where one does."""
    if patient.deciding_interval is not None:
        return ""
    if not patient.differential.counted:
        return "No cell counted"
    is_enough = patient.decision.is_by_enough_cells
    return BASIS_WORDS[Basis.NONE] if is_enough else patient.decision.words


def excluded_rows(differential: Differential) -> tuple[tuple[str, int], ...]:
    """Return the reasons for which cells are left out of the count, each with the number of cells."""
    return tuple((_reason(name), cells) for name, cells in differential.excluded.items())


def blasts_not_counted(patient: PatientReading) -> str:
    """Return how many of the cells called blasts are not counted, and why, in words; empty if all are."""
    left_out = [cell.flags for cell in patient.cells if cell.is_blast and not cell.is_counted]
    repeated = sum(FLAG_REPEATED in flags for flags in left_out)
    cut = sum(FLAG_BORDER in flags and FLAG_REPEATED not in flags for flags in left_out)
    causes = (
        (cut, "cut by the edge"),
        (repeated, "shown by an earlier field"),
        (len(left_out) - cut - repeated, "left out"),
    )
    said = [f"{cells} {cause}" for cells, cause in causes if cells]
    return f"{', '.join(said)}, not counted" if said else ""


def non_erythroid_blasts(patient: PatientReading) -> Interval | None:
    """Return the blast share of the non-erythroid cells, printed beside the deciding share of all cells.

    Its interval takes clustering in fields into account, like that of all cells.
    """
    erythroid = {cell_type.id for cell_type in taxonomy() if cell_type.lineage == ERYTHROID}
    kept = [
        [cell for cell in field.cells if cell.is_counted and cell.cell_type not in erythroid]
        for field in patient.fields
    ]
    counted = [len(cells) for cells in kept]
    blasts = [sum(map(patient.differential.counts_as_blast, cells)) for cells in kept]
    return wilson(sum(blasts), sum(counted), clustering=clustering(counted, blasts))


def scales(fields: Sequence[FieldReading]) -> tuple[tuple[float, ScaleSource, int], ...]:
    """Return the scales used: micrometres per pixel, source, and number of fields."""
    used = Counter(
        (round(field.scale.mpp, 4), field.scale.source)
        for field in fields
        if field.status is FieldStatus.READ and field.scale is not None
    )
    return tuple((mpp, source, number) for (mpp, source), number in sorted(used.items()))


def confusion(report: CohortReport) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return for each known state, in words, the number of patients with each of `VERDICTS`.

    Empty if none is known.
    """
    known = [patient for patient in report.patients if patient.truth]
    table = Counter((patient.truth, patient.decision.verdict) for patient in known)
    truths = sorted({patient.truth for patient in known if patient.truth}, key=_leukemia_first)
    return tuple(
        (known_state_words(truth), tuple(table[truth, verdict] for verdict in VERDICTS)) for truth in truths
    )


def review_facts(patient: PatientReading) -> tuple[tuple[str, str], ...]:
    """Return titles and texts about the review and the signature."""
    review = patient.review
    if review is None:
        return ()
    named = quantity(review.named, "cell")
    facts = [("Review", f"{named} named by a reader, {review.deleted} deleted, {review.added} added")]
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
    """Return the fields with this status."""
    return tuple(field for field in patient.fields if field.status is status)


def _leukemia_first(truth: str) -> tuple[bool, str]:
    return truth.casefold() not in {"leukemia", "leukaemia", "positive"}, truth


def _reason(name: str) -> str:
    if name == FLAG_BORDER:
        return "Cut by the image's edge"
    if name == FLAG_REPEATED:
        return "Shown by an earlier field, too"
    return taxonomy()[name].name if name in taxonomy() else name.replace("_", " ").capitalize()


def confirmed_per_mm2(found: Megakaryocytes) -> tuple[float, float, float] | None:
    """Return the megakaryocytes that a reader confirmed per mm² examined, with the exact Poisson interval.

    None without any answer: candidates alone are no count.
    """
    if not found.confirmed and not found.rejected:
        return None
    low, high = poisson_bounds(found.confirmed)
    return found.per_mm2(found.confirmed), found.per_mm2(low), found.per_mm2(high)
