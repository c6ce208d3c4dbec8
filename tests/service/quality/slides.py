"""Occasions of a control slide, drawn straight into the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.service.drawn import Drawn, draw
from tests.service.review.test_answers import API

from marrowscope.codec import to_json
from marrowscope.domain.patient import ImageFigures
from marrowscope.service.clock import now
from marrowscope.service.store.tables.analyses import Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.reviews import first_reading

CELLS = 120
BLAST_SHARE = 0.3


@dataclass(frozen=True)
class Slide:
    """A control slide and its occasions."""

    app: FastAPI
    client: TestClient
    id: str

    def occasion(self, number: int, *, contrast: float = 120.0, blast_share: float = BLAST_SHARE) -> Drawn:
        """Draw an occasion with images of its own, and say that it is one."""
        service = self.app.state.service
        drawn = draw(
            service.database, service.blobs, name=f"QC-{number:02d}", cells=CELLS, fields=2,
            blast_share=blast_share, seed=100 + number,
        )  # fmt: skip
        wobble = (-1) ** number
        figures = ImageFigures((232.0 + wobble, 228.0, 230.0), contrast + wobble, 0.14 + wobble / 1000)
        with service.database.writing() as session:
            for row in session.scalars(
                select(AnalysisField).where(AnalysisField.analysis_id == drawn.analysis)
            ):
                row.reading = {**(row.reading or {}), "figures": to_json(figures)}
            analysis = session.get_one(Analysis, drawn.analysis)
            analysis.finished_at = now() + timedelta(days=number)
        assert self.mark(drawn.patient).status_code == 204
        return drawn

    def read_again(
        self, drawn: Drawn, *, days: int, blasts: int = 0, bundle: str | None = "beef" * 16
    ) -> str:
        """Read an occasion again, by another bundle unless None, which calls so many more cells blasts."""
        with self.app.state.service.database.writing() as session:
            old = session.get_one(Analysis, drawn.analysis)
            own = ("patient_id", "status", "bundle", "rule", "floor", "facts", "total", "done", "cells")
            made = Analysis(
                **{name: getattr(old, name) for name in own},
                bundle_title="marrowscope-2 2.0",
                bundle_sha256=bundle or old.bundle_sha256,
                finished_at=now() + timedelta(days=days),
            )
            session.add(made)
            session.flush()
            session.add(first_reading(made.id))
            for table in (AnalysisField, Cell):
                for row in session.scalars(select(table).where(table.analysis_id == old.id)):
                    session.add(copied(row, analysis_id=made.id))
            session.flush()
            wanted = Cell.analysis_id == made.id, Cell.model_type != "blast", Cell.model_counted.is_(True)
            for cell in session.scalars(select(Cell).where(*wanted).limit(blasts)):
                cell.model_type = "blast"
            old.patient.analysis_id = made.id
            return made.id

    def mark(self, patient: str, control: str | None = "") -> Any:
        body = {"control_id": self.id if control == "" else control}
        return self.client.put(f"{API}/patients/{patient}/control", json=body)

    def shown(self) -> dict[str, Any]:
        answer = self.client.get(f"{API}/controls/{self.id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def chart(self, measure: str, reader: str | None = "") -> dict[str, Any]:
        (found,) = [c for c in self.shown()["charts"] if (c["reader"], c["measure"]) == (reader, measure)]
        return dict(found)


def copied(row: Any, **other: Any) -> Any:
    """The same row with another identifier."""
    kept = {c.key: getattr(row, c.key) for c in type(row).__table__.columns if c.key != "id"}
    return type(row)(**{**kept, **other})


def add_slide(app: FastAPI, client: TestClient, **more: Any) -> Slide:
    answer = client.post(f"{API}/controls", json={"name": "Marrow A", "first": 10, **more})
    assert answer.status_code == 201, answer.text
    return Slide(app, client, answer.json()["id"])


def signals(slide: Slide) -> Sequence[tuple[str | None, str, tuple[str, ...]]]:
    return [
        (chart["reader"], chart["measure"], tuple(point["causes"]))
        for chart in slide.shown()["charts"]
        for point in chart["points"]
        if point["signal"] and not point["acknowledged"]
    ]
