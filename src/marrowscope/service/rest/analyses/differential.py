"""The differential during a review: the networks' count and the readers' side by side."""

from functools import lru_cache
from typing import Literal

from fastapi import APIRouter

from marrowscope.analysis.numbers import Inferred
from marrowscope.analysis.shares import type_shares
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import Interval
from marrowscope.domain.differential import erythroblasts_per_100, myeloid_to_erythroid
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.percent import file_percent
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.figures import share_rows
from marrowscope.exports.tables import reasons
from marrowscope.service.analyses import analyses, count
from marrowscope.service.rest.dependencies import Transaction, Viewer
from marrowscope.service.rest.shapes import BodyId, Id, Shape, Verdict
from marrowscope.service.review import readings

router = APIRouter(tags=["reviews"])


class CountRow(Shape):
    """A counted type; `percent` is rounded so that all types give 100, the interval is 95 %."""

    type: str
    count: int
    percent: float
    ci_low: float
    ci_high: float


class LeftOut(Shape):
    """Cells not counted: a type, ``border`` or ``repeated``."""

    type: str
    count: int


class OtherDecision(Shape):
    """What another rule says of the same count."""

    rule: str
    decision: Verdict
    reasons: list[str]


class LineageRow(Shape):
    """All counted cells of a lineage."""

    lineage: str
    count: int
    percent: float


class RatioCells(Shape):
    """The cells on both sides of an M:E ratio."""

    myeloid: int
    erythroid: int


class Share(Shape):
    """One of the blast shares, and whether it decides; percentages 0 to 100."""

    title: str
    percent: float
    low: float
    high: float
    decides: bool


class Count(Shape):
    """A count with its decision; percentages 0 to 100, null where undefined.

    Of blood there is no M:E ratio, but the erythroblasts per 100 leukocytes.
    """

    rows: list[CountRow]
    excluded: list[LeftOut]
    counted: int
    unclassified: int
    blasts: int
    blast_percent: float | None
    ci_low: float | None
    ci_high: float | None
    adjusted_percent: float | None
    adjusted_low: float | None
    adjusted_high: float | None
    shares: list[Share]
    decision: Verdict
    decided_by: Literal["reviewed", "validated", "laboratories", "none"]
    band: str
    why: str
    rule: str
    reasons: list[str]
    limits: list[str]
    alternatives: list[OtherDecision]
    me_ratio: float | None
    me_cells: RatioCells | None
    erythroblasts_per_100: float | None
    lineages: list[LineageRow]
    more_cells: int | None
    flags: list[str]


class InferredShare(Shape):
    """The blast share inferred from a random sample of reviewed cells (prediction-powered inference)."""

    percent: float
    ci_low: float
    ci_high: float
    cells: int
    warnings: list[str]


class Lot(Shape):
    """How many cells of the lot are reviewed, of those from which their share decides."""

    answered: int
    wanted: int


class Differential(Shape):
    """The networks' count, the readers' count, and the recommended number of cells."""

    model: Count
    reviewed: Count
    reviewed_cells: int
    target: int
    floor: int
    inferred: InferredShare | None
    lot: Lot


@router.get("/analyses/{analysis_id}/differential")
def show_differential(
    session: Transaction, user: Viewer, analysis_id: Id, reading: BodyId | None = None
) -> Differential:
    """Show the current count of a reading."""
    analysis = analyses.get(session, analysis_id)
    chosen = readings.choose(session, user, analysis, reading)
    readings.refuse_learner(chosen)
    network = count.network_reading(session, analysis)
    answers = count.answers_of(session, chosen.id)
    reviewed = count.with_answers(analysis, network, answers)
    inferred = count.inferred(network, answers)
    return Differential(
        model=_networks_count(network),
        reviewed=count_of(reviewed),
        reviewed_cells=0 if reviewed.review is None else reviewed.review.cells,
        target=count.target_of(analysis, network),
        floor=analysis.floor,
        inferred=_inferred(inferred),
        lot=Lot(answered=inferred.answered, wanted=inferred.wanted),
    )


@lru_cache(maxsize=64)
def _networks_count(network: PatientReading) -> Count:
    """Return the networks' count, which does not change during a review."""
    return count_of(network)


def count_of(reading: PatientReading) -> Count:
    """Show a patient's count."""
    differential, decision = reading.differential, reading.decision
    raw, adjusted = reading.blast_interval, reading.adjusted_interval
    ratio = myeloid_to_erythroid(differential)
    is_blood = reading.details.specimen is Specimen.BLOOD
    low, middle, high = _percents(raw)
    adjusted_low, adjusted_middle, adjusted_high = _percents(adjusted)
    return Count(
        rows=_rows(reading),
        excluded=[LeftOut(type=name, count=cells) for name, cells in differential.excluded.items()],
        counted=differential.counted,
        unclassified=differential.unclassified,
        blasts=differential.blasts,
        blast_percent=middle,
        ci_low=low,
        ci_high=high,
        adjusted_percent=adjusted_middle,
        adjusted_low=adjusted_low,
        adjusted_high=adjusted_high,
        shares=[
            Share(
                title=row.title,
                percent=file_percent(row.interval.estimate),
                low=file_percent(row.interval.low),
                high=file_percent(row.interval.high),
                decides=row.decides,
            )
            for row in share_rows(reading)
        ],
        decision=decision.verdict.value,
        decided_by=decision.decided_by.value,
        band=decision.band,
        why=decision.why,
        rule=decision.rule.id,
        reasons=list(reasons(reading)),
        limits=list(reading.limits),
        alternatives=[
            OtherDecision(rule=other.rule.id, decision=other.verdict.value, reasons=list(other.reasons))
            for other in reading.alternatives
        ],
        me_ratio=None if ratio is None else ratio.ratio,
        me_cells=None if ratio is None else RatioCells(myeloid=ratio.myeloid, erythroid=ratio.erythroid),
        erythroblasts_per_100=erythroblasts_per_100(differential) if is_blood else None,
        lineages=_lineages(reading),
        more_cells=decision.cells_to_settle,
        flags=list(reading.flags),
    )


def _rows(reading: PatientReading) -> list[CountRow]:
    return [
        CountRow(
            type=share.cell_type,
            count=share.cells,
            percent=share.percent,
            ci_low=file_percent(share.interval.low),
            ci_high=file_percent(share.interval.high),
        )
        for share in type_shares(reading.differential, reading.fields)
    ]


def _lineages(reading: PatientReading) -> list[LineageRow]:
    cells: dict[str, int] = {}
    for name, number in reading.differential.counts.items():
        lineage = taxonomy()[name].lineage
        cells[lineage] = cells.get(lineage, 0) + number
    counted = reading.differential.counted
    return [
        LineageRow(lineage=lineage, count=number, percent=file_percent(number / counted))
        for lineage, number in cells.items()
        if number
    ]


def _percents(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    if interval is None:
        return None, None, None
    return file_percent(interval.low), file_percent(interval.estimate), file_percent(interval.high)


def _inferred(inferred: Inferred) -> InferredShare | None:
    if inferred.share is None:
        return None
    return InferredShare(
        percent=file_percent(inferred.share.estimate),
        ci_low=file_percent(inferred.share.low),
        ci_high=file_percent(inferred.share.high),
        cells=inferred.cells,
        warnings=list(inferred.warnings),
    )
