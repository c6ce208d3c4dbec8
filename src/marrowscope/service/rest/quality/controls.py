"""Control slides, their charts, and their alarms."""

import csv
import io
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from marrowscope.analysis.control.charts import NETWORKS, Chart, Point
from marrowscope.analysis.control.limits import OCCASIONS
from marrowscope.exports.tables import csv_text
from marrowscope.service.clock import iso
from marrowscope.service.quality import alarms, controls
from marrowscope.service.quality.alarms import Signal, Watched
from marrowscope.service.quality.figures import Seen
from marrowscope.service.rest.dependencies import Admin, Reviewer, Transaction, Viewer
from marrowscope.service.rest.review.readings import AgreedCells, agreed_cells
from marrowscope.service.rest.shapes import BodyId, Id, Instant, Line, Page, Shape
from marrowscope.service.store.tables.controls import Acknowledgement

router = APIRouter(tags=["quality"])
CauseName = Literal["bundle", "stain", "camera", "bundle or smear", "reader or smear"]
RuleName = Literal["1-3s", "2-2s", "4-1s", "paired"]
_COLUMNS = (
    "at", "patient", "analysis", "bundle", "reader", "measure", "value", "cells", "counted", "sets_limits",
    "centre", "low", "high", "rules", "causes", "acknowledged_by", "reason",
)  # fmt: skip
_TABLE = {200: {"description": "A row a value", "content": {"text/csv": {"schema": {"type": "string"}}}}}
_OWN = ("id", "name", "first", "target_id", "target_gone_at")
_FEWEST, _MOST = 10, 100


class NewControl(Shape):
    """A control slide to add; without `target_id` the first occasions say what to expect."""

    name: Line
    first: Annotated[int, Field(ge=_FEWEST, le=_MOST)] = OCCASIONS
    target_id: BodyId | None = None


class ControlShape(Shape):
    """A control slide and its alarm: open signals, and what has drifted.

    `missing` occasions until there are limits. `target_gone_at` is when the case that said what to expect was
    deleted: since then the first occasions say it. Of a slide that you read blind, no figures are told
    (`hidden`).
    """

    id: str
    name: str
    first: int
    target_id: str | None
    target_gone_at: Instant | None
    occasions: int
    missing: int
    signals: int
    causes: list[CauseName]
    hidden: bool


class PointShape(Shape):
    """A value at an occasion; shares are in percent. `signal` names it where a rule is broken."""

    analysis_id: str
    value: float
    cells: int | None
    counted: int | None
    sets_limits: bool
    low: float | None
    high: float | None
    rules: list[RuleName]
    causes: list[CauseName]
    signal: str | None
    acknowledged: bool


class ChartShape(Shape):
    """A measure over time; `reader` is null for a figure of the images, and empty for the networks."""

    reader: str | None
    measure: str
    centre: float | None
    missing: int
    no_limits: Literal["few occasions", "few cells"] | None
    points: list[PointShape]


class TargetAgreement(AgreedCells):
    """A reader's names against the expected ones, on the same cells; the networks' name is empty."""

    reader: str


class OccasionShape(Shape):
    """An occasion: `images` read, `flagged` ones of them with a problem of quality."""

    analysis_id: str
    patient_id: str
    patient: str
    at: Instant
    bundle: str
    bundle_sha256: str
    images: int
    flagged: int
    counted: int
    agreements: list[TargetAgreement]


class AcknowledgementShape(Shape):
    """Why signals are no longer an alarm."""

    id: str
    by: str
    at: Instant
    reason: str
    signals: list[str]


class ControlDetail(ControlShape):
    """A control slide with its occasions, charts, and acknowledged alarms."""

    seen: list[OccasionShape]
    charts: list[ChartShape]
    acknowledgements: list[AcknowledgementShape]


class Mark(Shape):
    """The control slide of which a patient is an occasion, null for none."""

    control_id: BodyId | None


class NewAcknowledgement(Shape):
    """Signals to acknowledge, and why."""

    signals: Annotated[list[Annotated[str, Field(max_length=400)]], Field(min_length=1, max_length=5000)]
    reason: Line


@router.get("/controls")
def list_controls(session: Transaction, user: Viewer) -> Page[ControlShape]:
    """List the control slides with their alarms, by name."""
    found = []
    hidden = controls.hidden_from(session, user)
    for control in controls.listed(session):
        is_hidden = control.id in hidden
        own = {name: getattr(control, name) for name in _OWN}
        if is_hidden:
            figures = {"occasions": 0, "missing": 0, "signals": 0, "causes": []}
        else:
            figures = _figures(alarms.watch(session, control))
        found.append(ControlShape(**own, **figures, hidden=is_hidden))  # type: ignore[arg-type]  # as made above
    return Page(items=found)


@router.post("/controls", status_code=201)
def add_control(session: Transaction, user: Reviewer, body: NewControl) -> ControlDetail:
    """Add a control slide."""
    made = controls.add(session, user, body.name, body.first, body.target_id)
    return _detail(alarms.watched(session, user, made.id))


@router.get("/controls/{control_id}")
def show_control(session: Transaction, user: Viewer, control_id: Id) -> ControlDetail:
    """Show a control slide's occasions and charts."""
    return _detail(alarms.watched(session, user, control_id))


@router.delete("/controls/{control_id}", status_code=204)
def remove_control(session: Transaction, user: Admin, control_id: Id) -> None:
    """Remove a control slide; its occasions are patients like others again."""
    controls.remove(session, user, control_id)


@router.get("/controls/{control_id}/charts.csv", response_class=Response, responses=_TABLE)  # type: ignore[arg-type]  # a status is a number or a word
def table(session: Transaction, user: Viewer, control_id: Id) -> Response:
    """Return all values of a control slide's charts as a table, with limits and signals."""
    headers = {"Content-Disposition": 'attachment; filename="control.csv"'}
    text = _table(alarms.watched(session, user, control_id))
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.put("/patients/{patient_id}/control", status_code=204)
def mark_patient(session: Transaction, user: Reviewer, patient_id: Id, body: Mark) -> None:
    """Say that a patient is an occasion of a control slide, so that it leaves the worklist, or of none."""
    controls.mark(session, user, patient_id, body.control_id)


@router.post("/controls/{control_id}/acknowledgements", status_code=201)
def acknowledge(
    session: Transaction, user: Reviewer, control_id: Id, body: NewAcknowledgement
) -> AcknowledgementShape:
    """Acknowledge open signals, with a reason: they are no longer an alarm."""
    given = alarms.acknowledge(session, user, control_id, body.signals, body.reason)
    return AcknowledgementShape.model_validate(given)


@router.get("/alarms")
def list_alarms(session: Transaction, user: Viewer) -> Page[ControlShape]:
    """List the control slides whose alarm is on."""
    return Page(items=[_summary(each) for each in alarms.raised(session, user)])


def _figures(found: Watched) -> dict[str, object]:
    return {
        "occasions": len(found.seen),
        "missing": found.missing,
        "signals": len(found.open),
        "causes": [cause.value for cause in found.causes],
    }


def _summary(found: Watched) -> ControlShape:
    own = {name: getattr(found.control, name) for name in _OWN}
    return ControlShape(**own, **_figures(found), hidden=False)  # type: ignore[arg-type]  # as made above


def _detail(found: Watched) -> ControlDetail:
    signals = {signal.key: signal for signal in found.signals}
    given = {each.acknowledged.id: each.acknowledged for each in found.signals if each.acknowledged}
    return ControlDetail(
        **_summary(found).model_dump(),
        seen=[_occasion(each, found) for each in found.seen],
        charts=[_chart(chart, signals) for chart in found.charts],
        acknowledgements=[AcknowledgementShape.model_validate(each) for each in given.values()],
    )


def _occasion(each: Seen, found: Watched) -> OccasionShape:
    analysis = each.analysis
    return OccasionShape(
        analysis_id=analysis.id,
        patient_id=analysis.patient_id,
        patient=analysis.patient.name,
        at=found.at(analysis.id),
        bundle=analysis.bundle_title,
        bundle_sha256=analysis.bundle_sha256,
        images=len(each.occasion.images),
        flagged=each.flagged,
        counted=each.occasion.networks.counted,
        agreements=[
            TargetAgreement(reader=reader, **agreed_cells(told).model_dump())
            for reader, told in each.agreements.items()
        ],
    )


def _chart(chart: Chart, signals: dict[str, Signal]) -> ChartShape:
    scale = 1.0 if chart.reader is None else 100.0
    return ChartShape(
        reader=chart.reader,
        measure=chart.measure,
        centre=_scaled(chart.centre, scale),
        missing=chart.missing,
        no_limits=None if chart.no_limits is None else chart.no_limits.value,
        points=[_point(chart, point, scale, signals) for point in chart.points],
    )


def _point(chart: Chart, point: Point, scale: float, signals: dict[str, Signal]) -> PointShape:
    signal = signals.get(alarms.key_of(chart, point)) if point.rules else None
    return PointShape(
        analysis_id=point.occasion,
        value=point.value * scale,
        cells=point.cells,
        counted=point.counted,
        sets_limits=point.sets_limits,
        low=_scaled(point.low, scale),
        high=_scaled(point.high, scale),
        rules=[rule.value for rule in point.rules],
        causes=[cause.value for cause in point.causes],
        signal=None if signal is None else signal.key,
        acknowledged=signal is not None and signal.acknowledged is not None,
    )


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _table(found: Watched) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    by_id = {each.analysis.id: each.analysis for each in found.seen}
    given: dict[str, Acknowledgement | None] = {each.key: each.acknowledged for each in found.signals}
    for chart in _detail(found).charts:
        for point in chart.points:
            analysis = by_id[point.analysis_id]
            acknowledged = given.get(point.signal or "")
            values = (
                iso(found.at(analysis.id)), analysis.patient.name, analysis.id, analysis.bundle_title,
                _reader(chart.reader), chart.measure, repr(point.value), point.cells, point.counted,
                point.sets_limits, _digits(chart.centre), _digits(point.low), _digits(point.high),
                " ".join(point.rules), "; ".join(point.causes),
                None if acknowledged is None else acknowledged.by,
                None if acknowledged is None else acknowledged.reason,
            )  # fmt: skip
            writer.writerow([csv_text(value) for value in values])
    return stream.getvalue()


def _digits(value: float | None) -> str | None:
    """Write all digits: a scale has more than the two decimals of a percentage."""
    return None if value is None else repr(value)


def _reader(reader: str | None) -> str:
    return "images" if reader is None else "networks" if reader == NETWORKS else reader
