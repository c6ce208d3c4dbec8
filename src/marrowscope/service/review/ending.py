"""How an analysis goes on after a field was read, and how it ends."""

from sqlalchemy.orm import Session

from marrowscope.imaging.repeats.cells import RepeatedCells
from marrowscope.service.analyses import analyses, fields
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.recent import Recent
from marrowscope.service.review import carrying
from marrowscope.service.store.tables.analyses import LIVE, Analysis

_compared: Recent[RepeatedCells] = Recent(4)  # of live analyses, which are compared after every field


def after_reading(session: Session, analysis: Analysis, blobs: Blobs) -> None:
    """Count each cell once in a live analysis; end another one if no field is left to read."""
    if analysis.status == LIVE:
        fields.count_once(session, analysis, blobs, _compared.get(analysis.id, RepeatedCells))
    elif analyses.is_complete(session, analysis):
        fields.count_once(session, analysis, blobs)
        analyses.end_complete(session, analysis)
        carrying.carry_over(session, analysis)
