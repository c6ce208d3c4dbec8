"""A deleted patient is gone, the audit trail is not; old images go, what was counted and signed stays."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update
from tests.service.again import analyse_again, found_anew
from tests.service.drawn import Drawn, draw
from tests.service.reports.test_signing import export, name_blasts, sign
from tests.service.review.answered import cells_of
from tests.service.review.test_answers import API, refused, trail

from marrowscope.service.clock import now
from marrowscope.service.images import retention
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.retention import sweep
from marrowscope.service.jobs.timekeeper import Timekeeper
from marrowscope.service.settings import Settings
from marrowscope.service.store.base import Base
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.trail import checking

OF_PATIENTS = {
    "patients", "fields", "idempotent_uploads", "analyses", "analysis_fields", "cells", "readings", "answers",
    "carried_cells", "comments", "versions", "amendments",
}  # fmt: skip


def files(blobs: Blobs) -> int:
    return sum(path.is_file() for path in blobs.path("00").parent.parent.rglob("*"))


def delete(client: TestClient, drawn: Drawn, reason: str = "asked for by the patient") -> Response:
    return client.request("DELETE", f"{API}/patients/{drawn.patient}", json={"reason": reason})


def test_a_deleted_patient_leaves_an_audit_stub_alone(
    app: FastAPI, reviewer: TestClient, admin: TestClient, database: Database, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 3)
    cell = cells_of(reviewer, drawn.analysis)[0]
    reviewer.post(f"{API}/cells/{cell['id']}/comments", json={"text": "Mrs Example's blast"})
    signed = sign(reviewer, drawn).json()
    analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert delete(admin, drawn).status_code == 204
    refused(admin.get(f"{API}/patients/{drawn.patient}"), 404, "not-found")
    refused(admin.get(f"{API}/cells/{cell['id']}"), 404, "not-found")
    assert files(app.state.service.blobs) == 0
    with database.reading() as session:
        for name in OF_PATIENTS:
            table = Base.metadata.tables[name]
            assert session.scalar(select(func.count()).select_from(table)) == 0, name
        assert checking.verify(session).is_whole
    (entry,) = trail(database, "patient.delete")
    assert entry["after"] == {"reason": "asked for by the patient"}
    assert entry["before"]["signed"] == [{"version": 1, "sha256": signed["sha256"]}]
    assert "P-017" not in str(entry)


def test_images_another_patient_has_too_stay(
    admin: TestClient, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    twin = draw(database, blobs, name="P-018")
    before = files(blobs)
    assert delete(admin, drawn).status_code == 204
    assert files(blobs) == before
    assert delete(admin, twin).status_code == 204
    assert files(blobs) == 0


def test_only_an_administrator_deletes_and_says_why(
    reviewer: TestClient, admin: TestClient, viewer: TestClient, database: Database, drawn: Drawn
) -> None:
    refused(delete(viewer, drawn), 403, "forbidden")
    refused(delete(reviewer, drawn), 403, "forbidden")
    refused(delete(admin, drawn, reason=" "), 422, "invalid")
    with database.writing() as session:
        session.execute(update(Patient).values(status="running"))
    refused(delete(admin, drawn), 409, "conflict")


def test_old_images_go_and_what_was_signed_stays(
    reviewer: TestClient, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 3)
    sign(reviewer, drawn)
    page = export(reviewer, drawn, "report.html")
    draw(database, blobs, name="P-018", seed=2)
    young = files(blobs)
    assert sweep(database, blobs, days=30) == 0
    assert files(blobs) == young
    with database.writing() as session:
        old = update(Patient).where(Patient.id == drawn.patient)
        session.execute(old.values(changed_at=now() - timedelta(days=31)))
    assert sweep(database, blobs, days=30) == 1
    assert files(blobs) == young - 8  # four images, four sheets
    assert sweep(database, blobs, days=30) == 0
    cell = cells_of(reviewer, drawn.analysis)[0]
    refused(reviewer.get(f"{API}/cells/{cell['id']}/crop.jpg"), 404, "not-found")
    assert export(reviewer, drawn, "report.html") == page
    (entry,) = trail(database, "patient.expire")
    assert (entry["actor"], entry["after"]) == ("system", {"images": 8})


def test_the_service_removes_them_by_itself_where_the_settings_say_when(
    settings: Settings, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(changed_at=now() - timedelta(days=31)))
    timekeeper = Timekeeper(settings.model_copy(update={"retention_days": 30}), database, blobs)
    timekeeper.start()
    while files(blobs):
        threading.Event().wait(0.05)
    timekeeper.stop()
    (entry,) = trail(database, "patient.expire")
    assert entry["actor"] == "system"


def test_images_added_while_a_sweep_is_under_way_stay(
    database: Database, blobs: Blobs, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as session:
        session.execute(update(Patient).values(changed_at=now() - timedelta(days=60)))
    before, expire = files(blobs), retention._expire

    def later(*arguments: Any) -> bool:
        with database.writing() as session:
            session.execute(update(Patient).values(changed_at=now()))
        return expire(*arguments)

    monkeypatch.setattr(retention, "_expire", later)
    assert sweep(database, blobs, days=30) == 0
    assert files(blobs) == before
