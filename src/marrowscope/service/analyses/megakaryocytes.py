"""Candidates for megakaryocytes on a patient's slides, with what readers said of them.

They belong to the slide, so that answers stay when its tiles are analysed again.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.service.store.tables.patients import Megakaryocyte, Slide


def searches_of(session: Session, slides: Sequence[Slide]) -> dict[str, MegakaryocyteSearch | None]:
    """Return what came of looking at each slide, by identifier; None of slides nobody has looked at."""
    found: dict[str, list[Megakaryocyte]] = {slide.id: [] for slide in slides}
    for row in rows_on(session, list(found)):
        found[row.slide_id].append(row)
    return {
        slide.id: None
        if slide.examined_mm2 is None
        else MegakaryocyteSearch(slide.examined_mm2, tuple(map(_candidate, found[slide.id])))
        for slide in slides
    }


def rows_on(session: Session, slide_ids: Sequence[str]) -> Sequence[Megakaryocyte]:
    """Return the candidates on slides, the likeliest of each slide first."""
    query = select(Megakaryocyte).where(Megakaryocyte.slide_id.in_(slide_ids))
    return session.scalars(query.order_by(Megakaryocyte.slide_id, Megakaryocyte.place)).all()


def boxes_on(session: Session, slide: Slide) -> tuple[tuple[int, int, int, int], ...]:
    """Return the boxes of all candidates on a slide, in the order of their pictures."""
    return tuple(_candidate(row).box for row in rows_on(session, [slide.id]))


def _candidate(row: Megakaryocyte) -> MegakaryocyteCandidate:
    box = row.x0, row.y0, row.x1, row.y1
    return MegakaryocyteCandidate(box, row.area_um2, row.nucleus_um2, row.score, row.confirmed)
