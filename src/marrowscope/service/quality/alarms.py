"""Alarms: signals of a control slide's charts that nobody has acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.analysis.control.charts import Cause, Chart, Point, charts
from marrowscope.errors import InputError
from marrowscope.service.actors import Actor
from marrowscope.service.errors import ForbiddenError
from marrowscope.service.quality import controls, figures
from marrowscope.service.quality.figures import Seen
from marrowscope.service.recent import Recent
from marrowscope.service.review.readings import BLIND
from marrowscope.service.store.tables.controls import Acknowledgement, Control
from marrowscope.service.trail import audit

_charts: Recent[Sequence[Chart]] = Recent(200)  # asked for at every scrape of the metrics


@dataclass(frozen=True)
class Signal:
    """A value that breaks a rule, and who acknowledged it, if anybody did."""

    key: str
    chart: Chart
    point: Point
    acknowledged: Acknowledgement | None


@dataclass(frozen=True)
class Watched:
    """A control slide with its occasions, charts and signals."""

    control: Control
    seen: Sequence[Seen]
    charts: Sequence[Chart]
    signals: Sequence[Signal]

    @property
    def open(self) -> list[Signal]:
        """The signals that nobody has acknowledged: while there are any, the alarm is on."""
        return [signal for signal in self.signals if signal.acknowledged is None]

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What has drifted, by the open signals."""
        told = {cause for signal in self.open for cause in signal.point.causes}
        return tuple(cause for cause in Cause if cause in told)

    @property
    def missing(self) -> int:
        """Occasions missing until the networks' charts have limits."""
        return max((chart.missing for chart in self.charts), default=self.control.first)

    def at(self, occasion: str) -> datetime:
        """When an occasion was read."""
        found = next(each.analysis for each in self.seen if each.analysis.id == occasion)
        return found.finished_at or found.created_at


def watched(session: Session, actor: Actor, control_id: str) -> Watched:
    """Return a control slide with all that is known of it.

    Raises
    ------
    NotFoundError
        There is none.
    ForbiddenError
        The actor reads something of it blind.
    """
    control = controls.get(session, control_id)
    if controls.is_hidden(session, actor, control):
        raise ForbiddenError(BLIND)
    return watch(session, control)


def watch(session: Session, control: Control) -> Watched:
    """Return a control slide with all that is known of it, whoever asks."""
    seen = figures.seen(session, control)
    target = figures.target_shares(session, control)
    drawn = _charts.get(
        (control.id, control.first, tuple((target or {}).items()), tuple(each.key for each in seen)),
        lambda: charts([each.occasion for each in seen], control.first, target),
    )
    given = session.scalars(
        select(Acknowledgement).where(Acknowledgement.control_id == control.id).order_by(Acknowledgement.at)
    ).all()
    by_key = {key: each for each in given for key in each.signals}
    signals = []
    for chart in drawn:
        for point in chart.points:
            if point.rules:
                key = key_of(chart, point)
                signals.append(Signal(key, chart, point, by_key.get(key)))
    return Watched(control, seen, drawn, signals)


def key_of(chart: Chart, point: Point) -> str:
    """Return what names a signal: occasion, measure, and reader or ``*`` for a figure of the images."""
    return f"{point.occasion}:{chart.measure}:{'*' if chart.reader is None else chart.reader}"


def raised(session: Session, actor: Actor) -> list[Watched]:
    """Return the control slides whose alarm is on, without those that the actor reads blind."""
    hidden = controls.hidden_from(session, actor)
    found = [watch(session, control) for control in controls.listed(session) if control.id not in hidden]
    return [each for each in found if each.open]


def open_by_cause(session: Session) -> dict[Cause, int]:
    """Return the number of open signals of all control slides by what has drifted."""
    found = [signal for control in controls.listed(session) for signal in watch(session, control).open]
    return {cause: sum(cause in signal.point.causes for signal in found) for cause in Cause}


def acknowledge(
    session: Session, actor: Actor, control_id: str, keys: Sequence[str], reason: str
) -> Acknowledgement:
    """Acknowledge signals, so that they are no longer an alarm.

    Raises
    ------
    NotFoundError
        There is no such control slide.
    ForbiddenError
        The actor reads something of it blind.
    InputError
        One of the signals is not open.
    """
    found = watched(session, actor, control_id)
    if not set(keys) <= {signal.key for signal in found.open}:
        raise InputError("these are not all open signals of this control slide; load it again")
    given = Acknowledgement(
        control_id=control_id, signals=list(keys), reason=reason, username=actor.username, by=actor.name
    )
    session.add(given)
    session.flush()
    causes = sorted({c.value for s in found.open if s.key in set(keys) for c in s.point.causes})
    audit.record(
        session, actor, "control.acknowledge", "control", control_id,
        after={"signals": len(given.signals), "causes": causes, "reason": reason},
    )  # fmt: skip
    return given
