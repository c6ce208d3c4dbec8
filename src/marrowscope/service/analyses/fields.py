"""The readings of an analysis' fields: recorded as they come, or taken over from an earlier analysis.

A field's reading depends on its bytes and on what `RunSettings.reading_facts` names. Where an earlier
analysis of the patient has the same facts, its readings of fields that are still there hold as they are, and
so do the scales it measured: fields added since are read at the scale of their size, so that all fields of
one camera keep one scale.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import exists, func, insert, select
from sqlalchemy.orm import Session, undefer

from marrowscope.codec import from_json, to_json
from marrowscope.domain.cells import FLAG_REPEATED
from marrowscope.domain.counting import counted_once
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import ScaleBySize, SizeScale, listed_scales, scales_by_size
from marrowscope.imaging.repeats.cells import RepeatedCells
from marrowscope.pipeline import counted_once_each
from marrowscope.service.analyses import megakaryocytes
from marrowscope.service.clock import now
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.claims import QUEUED
from marrowscope.service.store.tables.analyses import (
    DONE,
    FAILED,
    LIVE,
    NETWORK,
    Analysis,
    AnalysisField,
    Cell,
)
from marrowscope.service.store.tables.patients import FIELD_STORED, Field


def record(
    session: Session,
    analysis: Analysis,
    row: AnalysisField,
    reading: FieldReading,
    pictures: tuple[str | None, str | None] = (None, None),
) -> None:
    """Record a field's reading on its row, its cells, and its candidates for megakaryocytes.

    Parameters
    ----------
    pictures : digests of the gallery sheet and of the annotated field
    """
    is_read = reading.status is FieldStatus.READ
    row.status, row.message = (DONE if is_read else FAILED), reading.message
    row.let_go()
    row.reading = to_json(reading)
    row.cells, row.mpp = len(reading.cells), reading.mpp
    row.scale_source = "" if reading.scale is None else reading.scale.source.value
    row.flags = list(reading.flags)
    row.gallery, row.annotated = pictures
    megakaryocytes.keep(session, row, reading.megakaryocytes)
    analysis.done += 1
    analysis.failed += not is_read
    analysis.cells += len(reading.cells)
    analysis.blasts += int((reading.cells.is_blast & reading.cells.is_counted).sum())
    analysis.changed_at = now()
    if len(reading.cells):  # as rows: thousands of objects would hold up whoever else writes
        session.execute(insert(Cell), list(_cells(row, reading)))


def count_once(
    session: Session, analysis: Analysis, blobs: Blobs, repeated: RepeatedCells | None = None
) -> None:
    """Leave out of the count what an earlier field shows, too, among the fields that are read.

    Parameters
    ----------
    repeated : remembers the cells of this analysis, where it is looked at again and again
    """
    rows = session.scalars(
        select(AnalysisField)
        .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == DONE)
        .order_by(AnalysisField.place)
        .options(undefer(AnalysisField.reading))
    ).all()
    readings = {row.id: from_json(row.reading, FieldReading) for row in rows if row.reading is not None}
    compared = [row for row in rows if row.id in readings]
    sheets = {readings[row.id].name: row.gallery for row in compared}
    lost: set[str] = set()

    def sheet(reading: FieldReading) -> Image.Image | None:
        picture = _sheet(sheets[reading.name], blobs)
        if picture is None:
            lost.add(reading.name)
        return picture

    marked = counted_once_each([readings[row.id] for row in compared], repeated or RepeatedCells(), sheet)
    for row, reading in zip(compared, marked, strict=True):
        if reading.name in lost:  # what was found while there were pictures still holds
            readings[row.id] = as_counted(readings[row.id], row.repeated)
        else:
            readings[row.id] = reading
            _mark(session, row, reading)
    cells = [reading.cells for reading in readings.values()]
    analysis.blasts = sum(int((each.is_blast & each.is_counted).sum()) for each in cells)


def as_counted(reading: FieldReading, repeated: Sequence[int]) -> FieldReading:
    """Return a field's reading without counting the cells of these rows, which an earlier field shows."""
    is_repeated = np.isin(np.arange(len(reading.cells)), repeated)
    return replace(reading, cells=counted_once(reading.cells, is_repeated))


def _sheet(digest: str | None, blobs: Blobs) -> Image.Image | None:
    """Return the sheet of a field's cells; None where it is no longer kept, or damaged."""
    try:
        with Image.open(blobs.path(digest or "")) as sheet:
            sheet.load()
            return sheet.copy()
    except OSError:
        return None


def _mark(session: Session, row: AnalysisField, reading: FieldReading) -> None:
    """Write which of a field's cells are repeated, where that has changed."""
    repeated = [n for n, flags in enumerate(reading.cells.flags) if FLAG_REPEATED in flags]
    changed = set(repeated) ^ set(row.repeated)
    if not changed:
        return
    row.repeated = repeated
    cells = session.scalars(
        select(Cell).where(
            Cell.analysis_id == row.analysis_id,
            Cell.field_id == row.field_id,
            Cell.origin == NETWORK,
            Cell.number.in_({n + 1 for n in changed}),
        )
    )
    for cell in cells:
        n = cell.number - 1
        cell.flags = list(reading.cells.flags[n])
        cell.model_counted = bool(reading.cells.is_counted[n])


def continued(session: Session, patient_id: str, facts: Mapping[str, str]) -> Analysis | None:
    """Return the patient's latest analysis whose readings are those that a new one would make, if any.

    Parameters
    ----------
    facts : everything on which the new readings depend, except the fields' content
    """
    has_read = exists().where(AnalysisField.analysis_id == Analysis.id, AnalysisField.status == DONE)
    earlier = session.scalars(
        select(Analysis)
        .where(Analysis.patient_id == patient_id, Analysis.is_scaled, has_read)
        .order_by(Analysis.created_at.desc())
    )
    return next((each for each in earlier if facts.items() <= each.facts["settings"].items()), None)


def number_known(session: Session, source: Analysis | None) -> int:
    """Return how many of the patient's present fields an analysis has read."""
    if source is None:
        return 0
    query = (
        select(func.count())
        .select_from(AnalysisField)
        .join(Field)
        .where(
            AnalysisField.analysis_id == source.id,
            AnalysisField.status == DONE,
            Field.status == FIELD_STORED,
        )
    )
    return session.scalar(query) or 0


def take_over(session: Session, analysis: Analysis) -> int:
    """Take over what the analysis that this one continues has read; return the number of fields."""
    source = session.get(Analysis, analysis.continues) if analysis.continues is not None else None
    if source is None:
        return 0
    known = {
        row.field_id: row
        for row in session.scalars(
            select(AnalysisField)
            .where(AnalysisField.analysis_id == source.id, AnalysisField.status == DONE)
            .options(undefer(AnalysisField.reading))
        )
    }
    taken = 0
    for row in _waiting(session, analysis):
        earlier = known.get(row.field_id)
        if earlier is None or earlier.reading is None:
            continue
        reading = as_counted(from_json(earlier.reading, FieldReading), earlier.repeated)
        record(session, analysis, row, reading, (earlier.gallery, earlier.annotated))
        row.reading, row.repeated = earlier.reading, list(earlier.repeated)
        row.taken_from = earlier.taken_from or source.id
        taken += 1
    session.flush()
    if not analysis.is_scaled:
        analysis.scales = source.scales
        left = [row.field_id for row in _waiting(session, analysis)]
        sizes = session.execute(select(Field.width, Field.height).where(Field.id.in_(left)))
        analysis.is_scaled = {(width, height) for width, height in sizes} <= scales_of(analysis).keys()
    return taken


def scales_of(analysis: Analysis) -> ScaleBySize:
    """Return the scales known for the patient's images, by their size."""
    return scales_by_size(from_json(analysis.scales, tuple[SizeScale, ...]))


def record_scales(analysis: Analysis, measured: ScaleBySize) -> None:
    """Record scales that were measured; those taken over stay, since fields were read with them.

    Those of a live analysis are measured anew while it goes on, and hold for fields to come.
    """
    known = scales_of(analysis)
    scales = {**known, **measured} if analysis.status == LIVE else {**measured, **known}
    analysis.scales = to_json(listed_scales(scales))
    analysis.is_scaled, analysis.scale_owner = True, None


def unread(session: Session, analysis_ids: Iterable[str]) -> dict[str, int]:
    """Return, by analysis, how many images its patient has got that it does not hold."""
    is_held = exists().where(AnalysisField.analysis_id == Analysis.id, AnalysisField.field_id == Field.id)
    rows = session.execute(
        select(Analysis.id, func.count())
        .join(Field, Field.patient_id == Analysis.patient_id)
        .where(Analysis.id.in_(list(analysis_ids)), Field.status == FIELD_STORED, ~is_held)
        .group_by(Analysis.id)
    )
    return dict(rows.all())


def _waiting(session: Session, analysis: Analysis) -> list[AnalysisField]:
    rows = session.scalars(
        select(AnalysisField)
        .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == QUEUED)
        .order_by(AnalysisField.place)
    )
    return list(rows)


def _cells(row: AnalysisField, reading: FieldReading) -> Iterator[dict[str, Any]]:
    for number, cell in enumerate(reading.cells, start=1):
        x0, y0, x1, y1 = cell.box
        yield {
            "analysis_id": row.analysis_id,
            "field_id": row.field_id,
            "place": row.place,
            "number": number,
            "x0": x0,
            "y0": y0,
            "x1": x1,
            "y1": y1,
            "score": cell.score,
            "probability": cell.probability,
            "p_blast": cell.p_blast,
            "flags": list(cell.flags),
            "model_type": cell.cell_type,
            "model_counted": cell.is_counted,
            "second_type": cell.second_type or None,
            "second_probability": cell.second_probability if cell.second_type else None,
        }
