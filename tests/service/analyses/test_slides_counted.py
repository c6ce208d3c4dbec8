"""A count says how much of each slide it rests on."""

import pytest
from sqlalchemy import select
from tests.service.drawn import Drawn

from marrowscope.domain.patient import PatientReading
from marrowscope.service.analyses import count
from marrowscope.service.recent import Recent
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import FAILED, Analysis, AnalysisField
from marrowscope.service.store.tables.patients import Field, Slide


def test_the_area_counted_is_that_of_the_tiles_that_were_read(
    drawn: Drawn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        analysis = session.get_one(Analysis, drawn.analysis)
        slide = Slide(
            patient_id=analysis.patient_id,
            name="smear.svs",
            sha256="ab" * 32,
            width=9000,
            height=8000,
            mpp=0.25,
            countable_mm2=3.5,
            tile_mm2=0.07,
            tiles=50,
        )
        session.add(slide)
        session.flush()
        rows = session.scalars(
            select(AnalysisField)
            .where(AnalysisField.analysis_id == analysis.id)
            .order_by(AnalysisField.place)
        ).all()
        assert len(rows) > 1
        for row in rows:
            session.get_one(Field, row.field_id).slide_id = slide.id
        rows[0].status, rows[0].message = FAILED, "out of focus"
    # Counted when it was drawn, before it was of a slide.
    monkeypatch.setattr(count, "_recent", Recent[PatientReading](1))
    with database.reading() as session:
        reading = count.network_reading(session, session.get_one(Analysis, drawn.analysis))
    (found,) = reading.slides
    assert (found.name, found.tiles, found.tiles_counted, found.tiles_unfit) == (
        "smear.svs", 50, len(rows) - 1, 1,
    )  # fmt: skip
    assert found.counted_mm2 == pytest.approx(0.07 * (len(rows) - 1))
    assert found.summary in reading.flags
