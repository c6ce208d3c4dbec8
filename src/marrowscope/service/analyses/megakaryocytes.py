"""Candidates for megakaryocytes on a patient's slides and in their fields, with what readers said of them.

They belong to the slide or to the field, so that answers stay when the patient is analysed again. A slide is
looked at once, when it is uploaded. A field is looked at with every reading, and another scale may find
others in it: an analysis says of each of its fields which candidates are its own. What was found before with
the same box, size and score is the same row. Of others the boxes tell, by the rule for all cells
(`OF_ONE_CELL`): a new candidate that shows a cell known from any earlier reading takes over what was said of
it, with author and time, and an answer holds for all rows that show its cell. An answer whose cell is not
found again falls to no other one, and is there when it is. The trail tells what was carried, and what left.

Of images that repeat one another, an analysis reads one, so that no spot is counted twice. The same image of
two patients is two fields, with answers of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.megakaryocytes import MegakaryocyteSearch
from marrowscope.domain.geometry import OF_ONE_CELL, Boxes, overlaps
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


def held_in(session: Session, field_id: str) -> list[Megakaryocyte]:
    """Return all candidates ever found in a field; other transactions that ask wait until this one ends."""
    query = select(Megakaryocyte).where(Megakaryocyte.field_id == field_id).order_by(Megakaryocyte.place)
    return list(session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def showing_same_cell(candidate: Megakaryocyte, rows: Sequence[Megakaryocyte]) -> list[Megakaryocyte]:
    """Return those of an image's candidates that show the same cell as one of them, the likest first."""
    shared = overlaps(_boxes([candidate]), _boxes(rows))[0][0]
    order = np.argsort(-shared, kind="stable")
    return [rows[place] for place in order if shared[place] >= OF_ONE_CELL]


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
    known = held_in(session, row.field_id)
    before = _listed_before(session, row, known)
    as_found = {replace(each.candidate, is_confirmed=None): each for each in known}
    new = [each for each in found.candidates if each not in as_found]
    for place, each in enumerate(new, start=len(known)):
        as_found[each] = Megakaryocyte.of(each, place, field_id=row.field_id)
        session.add(as_found[each])
    session.flush()
    own = [as_found[each] for each in found.candidates]
    row.examined_mm2, row.megakaryocytes = found.examined_mm2, [each.place for each in own]
    patient_id = session.get_one(Analysis, row.analysis_id).patient_id
    for each in new:
        _carry(session, patient_id, as_found[each], known)
    for one in before:
        if one.confirmed is not None and not showing_same_cell(one, own):
            _tell(session, patient_id, one, one, None)


def _listed_before(
    session: Session, row: AnalysisField, known: Sequence[Megakaryocyte]
) -> list[Megakaryocyte]:
    """Return which of the known candidates in a field the reading before this one had found."""
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
    return [each for each in known if each.place in (places or ())]


def _carry(session: Session, patient_id: str, target: Megakaryocyte, known: Sequence[Megakaryocyte]) -> None:
    """Let what was said of a cell hold for a new candidate that shows it."""
    source = next(iter(showing_same_cell(target, known)), None)
    if source is None or source.confirmed is None:
        return
    target.confirmed = source.confirmed
    target.answered_by, target.answered_at = source.answered_by, source.answered_at
    _tell(session, patient_id, target, source, {"confirmed": target.confirmed})


def _tell(
    session: Session,
    patient_id: str,
    subject: Megakaryocyte,
    source: Megakaryocyte,
    after: dict[str, bool | None] | None,
) -> None:
    said = {"field": source.field_id, "megakaryocyte": source.id, "confirmed": source.confirmed}
    audit.record(
        session, SYSTEM, "megakaryocyte.carry", "megakaryocyte", subject.id, patient_id=patient_id,
        before=said, after=after,
    )  # fmt: skip


def _boxes(rows: Iterable[Megakaryocyte]) -> Boxes:
    return np.asarray([row.box for row in rows], np.float32).reshape(-1, 4)
