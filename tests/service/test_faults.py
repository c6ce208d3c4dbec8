"""Every write of the service fails once: it says so and goes on; what was acknowledged is still there."""

import errno
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from tests import costly
from tests.faults import Here, fault
from tests.service.conftest import PASSWORDS, log_in
from tests.service.drawn import Drawn
from tests.service.images.test_retention import delete
from tests.service.reports.test_signing import name_blasts, sign
from tests.service.review.answered import cells_of
from tests.service.review.test_answers import change, other
from tests.service.uploaded import API, listed, new_patient, png, rows, send

from marrowscope.service.images import pictures, uploads
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import check_blobs
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.trail import checking

# SQLite's writes are this machine's.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def in_this_process(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images be worked on where their writes can fail, and uploads lie on the disk of the data."""
    monkeypatch.setattr(uploads, "image_workers", lambda _: Here())
    monkeypatch.setattr(pictures, "image_workers", lambda _: Here())
    monkeypatch.setattr(tempfile, "tempdir", str(app.state.service.scratch))


@pytest.fixture
def whole(database: Database, viewer: TestClient) -> Callable[[], None]:
    """Check that the service goes on reading, and that nothing recorded is lost."""

    def check() -> None:
        assert viewer.get(f"{API}/patients").status_code == 200
        with database.reading() as session:
            assert checking.verify(session).fault is None

    return check


def each_write_fails(
    folder: Path, ask: Callable[[], Any], whole: Callable[[], None], unchanged: Callable[[], bool]
) -> tuple[Any, int]:
    """Repeat a request, each time with a disk that is full from another write on, until it succeeds.

    It succeeds once the failing write is one that only tidies up, or the request has no more of them. Return
    its answer, and how many writes failed before.
    """
    at = 0
    while True:
        with fault(folder, at) as failing:
            answer = ask()
        whole()
        if answer.is_success:
            return answer, at
        assert failing.happened
        assert answer.status_code == 503, (at, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert unchanged(), at
        at += 1


def test_every_write_of_an_upload_may_fail(
    reviewer: TestClient, settings: Settings, whole: Callable[[], None], blobs: Blobs, database: Database
) -> None:
    patient = new_patient(reviewer)
    large = costly.saved(costly.field(800, 600), "BMP")  # too large for memory while it comes in
    answer, failed = each_write_fails(
        settings.data_folder,
        lambda: send(reviewer, patient, ("a.png", png(1)), ("b.bmp", large)),
        whole,
        lambda: listed(reviewer, patient) == [],
    )
    assert rows(answer) == [("a.png", "stored"), ("b.bmp", "stored")]
    assert failed > 40
    for field in listed(reviewer, patient):
        assert reviewer.get(f"{API}/fields/{field['id']}/thumbnail.jpg").status_code == 200
    found = check_blobs(database, blobs)
    assert (found.checked, found.faults) == (2, ())


def test_every_write_of_pictures_may_fail(
    reviewer: TestClient, settings: Settings, whole: Callable[[], None]
) -> None:
    patient = new_patient(reviewer)
    field = send(reviewer, patient, ("a.png", png(1))).json()["items"][0]["field_id"]
    answer, failed = each_write_fails(
        settings.data_folder,
        lambda: reviewer.get(f"{API}/fields/{field}/image_files/9/0_0.jpg"),
        whole,
        lambda: len(listed(reviewer, patient)) == 1,
    )
    assert answer.headers["content-type"] == "image/jpeg"
    assert failed > 3


def test_every_write_of_a_signature_may_fail(
    reviewer: TestClient, settings: Settings, drawn: Drawn, whole: Callable[[], None]
) -> None:
    name_blasts(reviewer, drawn, 3)
    answer, failed = each_write_fails(
        settings.data_folder,
        lambda: sign(reviewer, drawn),
        whole,
        lambda: reviewer.get(f"{API}/patients/{drawn.patient}").json()["status"] == "done",
    )
    assert answer.status_code == 201
    assert failed > 3
    assert reviewer.get(f"{API}/analyses/{drawn.analysis}/exports/report.html").status_code == 200


def test_every_removal_of_a_deletion_may_fail(
    admin: TestClient, settings: Settings, drawn: Drawn, whole: Callable[[], None]
) -> None:
    for at in count():
        with fault(settings.data_folder, at, errno.EIO) as failing:
            answer = delete(admin, drawn)
        whole()
        if answer.status_code == 204:
            break
        assert failing.happened
    assert admin.get(f"{API}/patients/{drawn.patient}").status_code == 404


@pytest.fixture
def commits(database: Database) -> list[str]:
    """Reasons for which the next commits fail; an empty one lets a commit pass."""
    reasons: list[str] = []

    def fail(_: Any) -> None:
        if reasons and (reason := reasons.pop(0)):
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError(reason))

    event.listen(database.engine, "commit", fail)
    return reasons


@pytest.mark.parametrize("reason", ["database or disk is full", "disk I/O error"])
def test_every_commit_may_fail(
    reviewer: TestClient,
    admin: TestClient,
    drawn: Drawn,
    commits: list[str],
    whole: Callable[[], None],
    *,
    reason: str,
) -> None:
    patient = new_patient(reviewer)
    cell = cells_of(reviewer, drawn.analysis)[0]
    requests: list[tuple[Callable[[], Any], int]] = [
        (lambda: reviewer.post(f"{API}/patients", json={"name": "new"}), 201),
        (lambda: send(reviewer, patient, ("a.png", png(1))), 200),
        (lambda: change(reviewer, drawn, other(cell)), 200),
        (lambda: sign(reviewer, drawn), 201),
        (lambda: delete(admin, drawn), 204),
    ]
    for ask, done in requests:
        before = reviewer.get(f"{API}/patients").json()
        commits.append(reason)
        answer = ask()
        assert answer.status_code == 503, answer.text
        assert not commits
        whole()
        assert reviewer.get(f"{API}/patients").json() == before
        assert ask().status_code == done
        whole()


def test_a_session_that_cannot_be_renewed_goes_on_reading(
    app: FastAPI, viewer: TestClient, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.now(UTC) + timedelta(minutes=30)
    monkeypatch.setattr("marrowscope.service.accounts.sessions.now", lambda: later)
    commits.append("database or disk is full")
    assert viewer.get(f"{API}/patients").status_code == 200
    assert not commits


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_jumps_loses_nothing(
    app: FastAPI,
    reviewer: TestClient,
    drawn: Drawn,
    whole: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    *,
    hours: int,
) -> None:
    name_blasts(reviewer, drawn, 2)
    jumped = datetime.now(UTC) + timedelta(hours=hours)
    for module in (
        "accounts.sessions", "trail.audit", "review.answers", "reports.signing", "images.patients",
        "analyses.analyses", "jobs.queue",
    ):  # fmt: skip
        monkeypatch.setattr(f"marrowscope.service.{module}.now", lambda: jumped)
    if hours > 0:  # a session is over when the clock says so, whatever moved it
        assert reviewer.get(f"{API}/patients").status_code == 401
        log_in(reviewer, "rita", PASSWORDS["rita"])
    name_blasts(reviewer, drawn, 2)
    patient = new_patient(reviewer, "P 2")
    assert rows(send(reviewer, patient, ("a.png", png(1)))) == [("a.png", "stored")]
    assert sign(reviewer, drawn).status_code == 201
    named = [cell for cell in cells_of(reviewer, drawn.analysis) if cell["reviewed_type"] is not None]
    assert len(named) == 4
    if hours > 0:
        log_in(reviewer, "rita", PASSWORDS["rita"])
    with app.state.service.database.reading() as session:
        assert checking.verify(session).fault is None
