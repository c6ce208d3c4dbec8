"""Live analyses: the images that come while they are looked at."""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from marrowscope.pipeline import SCALE_SAMPLE
from marrowscope.service.analyses import analyses
from marrowscope.service.clock import now
from marrowscope.service.images import patients
from marrowscope.service.store.claims import QUEUED
from marrowscope.service.store.tables.analyses import (
    DUPLICATE,
    FAILED,
    LIVE,
    Analysis,
    AnalysisField,
    Cell,
    LiveSession,
)


def hold(session: Session, patient_id: str) -> None:
    """Let whoever closes a patient's live analysis wait until this transaction ends.

    To be called before the patient is held: the other order, which nobody else takes, would be a deadlock.
    """
    is_live = Analysis.patient_id == patient_id, Analysis.status == LIVE
    session.scalars(select(Analysis).where(*is_live).with_for_update()).all()


def follow(session: Session, patient_id: str) -> None:
    """Give a patient's live analysis, if there is one, the images that came since.

    An image that gave way to another one of the same field is no longer counted, even where it was read.
    """
    patient = patients.get(session, patient_id)
    analysis = patients.latest_analysis(session, patient)
    if analysis is None or analysis.status != LIVE:
        return
    rows = {
        row.field_id: row
        for row in session.scalars(select(AnalysisField).where(AnalysisField.analysis_id == analysis.id))
    }
    place = max((row.place for row in rows.values()), default=-1)
    images = patients.current_fields(session, patient.id)
    for field in images:
        status, message = analyses.first_state(field)
        row = rows.pop(field.id, None)
        if row is None:
            place += 1
            row = AnalysisField(analysis_id=analysis.id, field_id=field.id, place=place)
            row.status, row.message = status, message
            session.add(row)
        elif status != QUEUED or row.status == DUPLICATE or _was_unreadable(row):
            if row.status != status:
                _unread(session, row)
            row.status, row.message = status, message
    for row in rows.values():
        _unread(session, row)
        session.delete(row)
    analysis.total = len(images)
    analyses.recount(session, analysis)
    cells = select(func.sum(AnalysisField.cells)).where(AnalysisField.analysis_id == analysis.id)
    analysis.cells = session.scalar(cells) or 0
    analysis.changed_at = now()
    patients.refresh(session, patient)


def is_to_measure(live: LiveSession, analysis: Analysis) -> bool:
    """Return whether the scale is to be measured anew: there are twice as many fields as it was measured on.

    The first fields may show little to measure by. It holds for fields to come.
    """
    if live.measured_on is None:  # so that the networks are loaded when the first image comes
        return True
    read = analysis.done - analysis.failed
    return analysis.is_scaled and live.measured_on < SCALE_SAMPLE and read >= 2 * live.measured_on


def note_measured(session: Session, analysis: Analysis) -> None:
    """Note how many fields the scale was measured on; scales taken over are not measured again."""
    live = session.get(LiveSession, analysis.id)
    if live is None:
        return
    if live.measured_on is None and analysis.is_scaled:
        live.measured_on = SCALE_SAMPLE
        return
    number = select(func.count()).where(
        AnalysisField.analysis_id == analysis.id, AnalysisField.status != DUPLICATE
    )
    live.measured_on = session.scalar(number) or 0


def _was_unreadable(row: AnalysisField) -> bool:
    """Return whether an image was listed as broken when it came, rather than read in vain."""
    return row.status == FAILED and row.reading is None


def _unread(session: Session, row: AnalysisField) -> None:
    """Take what was read of a field out of its analysis."""
    session.execute(delete(Cell).where(Cell.analysis_id == row.analysis_id, Cell.field_id == row.field_id))
    row.let_go()
    row.reading = row.gallery = row.annotated = None
    row.cells, row.repeated, row.flags = 0, [], []
