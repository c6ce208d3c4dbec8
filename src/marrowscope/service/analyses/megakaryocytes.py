"""Candidates for megakaryocytes on a patient's slides and in their fields, with what readers said of them.

They belong to the slide or to the field, so that answers stay when the patient is analysed again. A slide is
looked at once, when it is uploaded. A field is looked at with every reading, and another scale may find
others in it: an analysis says of each of its fields which candidates are its own. What was found before with
the same box, size and score is the same row. Of others the boxes tell, by the rule for all cells
(`OF_ONE_CELL`): a candidate that shows a cell of the reading before takes over what was said of it, with its
author and time. An answer whose cell is not found again falls to no other one: it stays on its row, which
comes back if it is found again. The trail tells both.

Of images that repeat one another, an analysis reads one, so that no spot is counted twice. The same image of
two patients is two fields, with answers of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.domain.geometry import OF_ONE_CELL, Boxes, pair_by_overlap
from marrowscope.service.actors import SYSTEM
from marrowscope.service.images.slides import CandidateBox
from marrowscope.service.store.tables.analyses import Analysis, AnalysisField
from marrowscope.service.store.tables.patients import Field, Megakaryocyte, Slide
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class FoundOn:
    """What came of looking at a slide, or at a field in an analysis.

    Attributes
    ----------
    image : the slide or field
    examined_mm2 : area in which a megakaryocyte would have been seen; None where nobody has looked
    rows : candidates, the likeliest first
    """

    image: Slide | Field
    examined_mm2: float | None
    rows: tuple[Megakaryocyte, ...]

    @property
    def search(self) -> MegakaryocyteSearch | None:
        """The same as a report has it."""
        if self.examined_mm2 is None:
            return None
        return MegakaryocyteSearch(self.examined_mm2, tuple(row.candidate for row in self.rows))


def on_slides(session: Session, slides: Sequence[Slide]) -> list[FoundOn]:
    """Return what came of looking at each of these slides."""
    own: dict[str | None, list[Megakaryocyte]] = {}
    query = select(Megakaryocyte).where(Megakaryocyte.slide_id.in_([slide.id for slide in slides]))
    for row in session.scalars(query.order_by(Megakaryocyte.place)):
        own.setdefault(row.slide_id, []).append(row)
    return [FoundOn(slide, slide.examined_mm2, tuple(own.get(slide.id, ()))) for slide in slides]


def in_fields(session: Session, analysis_id: str) -> list[FoundOn]:
    """Return what came of looking at the fields of an analysis so far, in their order; tiles are none."""
    fields = session.execute(
        select(Field, AnalysisField.examined_mm2, AnalysisField.megakaryocytes)
        .join(AnalysisField, AnalysisField.field_id == Field.id)
        .where(AnalysisField.analysis_id == analysis_id, AnalysisField.examined_mm2.is_not(None))
        .order_by(AnalysisField.place)
    ).all()
    rows = session.scalars(
        select(Megakaryocyte)
        .join(AnalysisField, AnalysisField.field_id == Megakaryocyte.field_id)
        .where(AnalysisField.analysis_id == analysis_id)
    )
    own = {(row.field_id, row.place): row for row in rows}
    return [
        FoundOn(field, examined_mm2, tuple(own[field.id, place] for place in places))
        for field, examined_mm2, places in fields
    ]


def boxes_on(session: Session, image: Slide | Field) -> tuple[CandidateBox, ...]:
    """Return the boxes of all candidates ever found on a slide or field, in the order of their pictures."""
    is_there = Megakaryocyte.slide_id if isinstance(image, Slide) else Megakaryocyte.field_id
    query = select(Megakaryocyte).where(is_there == image.id).order_by(Megakaryocyte.place)
    return tuple(row.box for row in session.scalars(query))


def keep(session: Session, row: AnalysisField, found: MegakaryocyteSearch | None) -> None:
    """Keep what a reading found in its field, with what was said of the same cells before.

    Parameters
    ----------
    row : the field's, in the analysis that reads it
    found : None where the reading did not look
    """
    row.examined_mm2, row.megakaryocytes = None, []
    if found is None:
        return
    before = _listed_before(session, row)
    own = _rows_of(session, row.field_id, found.candidates)
    row.examined_mm2, row.megakaryocytes = found.examined_mm2, [each.place for each in own]
    same = {before[old]: own[new] for old, new in pair_by_overlap(_boxes(before), _boxes(own), OF_ONE_CELL)}
    patient_id = session.get_one(Analysis, row.analysis_id).patient_id
    for each in before:
        _carry(session, patient_id, each, same.get(each))


def _listed_before(session: Session, row: AnalysisField) -> list[Megakaryocyte]:
    """Return the candidates that the reading before found in a field."""
    places = session.scalar(
        select(AnalysisField.megakaryocytes)
        .join(Analysis, Analysis.id == AnalysisField.analysis_id)
        .where(
            AnalysisField.field_id == row.field_id,
            AnalysisField.id != row.id,
            AnalysisField.examined_mm2.is_not(None),
        )
        .order_by(Analysis.created_at.desc())
        .limit(1)
    )
    if not places:
        return []
    # Held, as who answers does: an answer is given before, and carried over, or after, and refused.
    query = select(Megakaryocyte).where(
        Megakaryocyte.field_id == row.field_id, Megakaryocyte.place.in_(places)
    )
    return list(session.scalars(query.order_by(Megakaryocyte.place).with_for_update()))


def _rows_of(
    session: Session, field_id: str, candidates: Sequence[MegakaryocyteCandidate]
) -> list[Megakaryocyte]:
    """Return the rows of candidates in a field; those that were not known are added."""
    query = select(Megakaryocyte).where(Megakaryocyte.field_id == field_id)
    known = {
        replace(row.candidate, is_confirmed=None): row
        for row in session.scalars(query.order_by(Megakaryocyte.place))
    }
    for each in candidates:
        if each not in known:
            known[each] = Megakaryocyte.of(each, len(known), field_id=field_id)
            session.add(known[each])
    session.flush()
    return [known[each] for each in candidates]


def _carry(session: Session, patient_id: str, source: Megakaryocyte, target: Megakaryocyte | None) -> None:
    """Let what was said last of a cell hold for the same cell as it was found now, None if it was not."""
    if target is source or (
        source.confirmed is None if target is None else source.confirmed is target.confirmed
    ):
        return
    said = {"field": source.field_id, "megakaryocyte": source.id, "confirmed": source.confirmed}
    if target is not None:
        target.confirmed = source.confirmed
        target.answered_by, target.answered_at = source.answered_by, source.answered_at
    audit.record(
        session, SYSTEM, "megakaryocyte.carry", "megakaryocyte", (target or source).id, patient_id=patient_id,
        before=said, after=None if target is None else {"confirmed": target.confirmed},
    )  # fmt: skip


def _boxes(rows: Iterable[Megakaryocyte]) -> Boxes:
    return np.asarray([row.box for row in rows], np.float32).reshape(-1, 4)
