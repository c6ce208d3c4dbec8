"""Nothing that a row refers to is ever removed, and what is missing or altered on the disk is found."""

import os
import time
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, column, table, text, update
from tests.service.drawn import Drawn
from tests.service.reports.test_signing import export, name_blasts, sign

from marrowscope.service.images import patients
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import check_blobs
from marrowscope.service.images.leftovers import remove_leftovers
from marrowscope.service.images.retention import sweep
from marrowscope.service.store.base import Base
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import blob_columns, referenced_digests
from marrowscope.service.store.tables.patients import Patient

NO_BLOB = {
    "analyses.bundle_sha256", "api_tokens.secret_sha256", "audit_entries.hash", "audit_entries.previous",
    "audit_head.hash", "login_failures.name_sha256", "login_sessions.secret_sha256", "versions.sha256",
    "teachings.from_sha256", "teachings.bundle_sha256", "bundle_choices.sha256",
}  # fmt: skip
"""Columns as long as a digest that name no blob; whoever adds one here has thought about it."""

EARLY = datetime(2026, 1, 1, tzinfo=UTC)


def make_old(blobs: Blobs) -> None:
    """Make every blob two days old."""
    then = time.time() - 2 * 86_400
    for path in blobs.originals():
        os.utime(path, (then, then))


def insert(connection: Connection, into: str, **values: Any) -> None:
    """Insert a row by column names alone, whatever today's models say."""
    connection.execute(table(into, *(column(name) for name in values)).insert().values(**values))


def test_every_column_that_holds_a_digest_is_known_to_name_a_blob_or_not() -> None:
    columns = {str(each): each for held in Base.metadata.tables.values() for each in held.columns}
    blobs = {str(each) for each in blob_columns()}
    lengths = {name: getattr(each.type, "length", None) for name, each in columns.items()}
    assert {name for name, length in lengths.items() if length == 64} - blobs == NO_BLOB


def test_a_signed_page_outlives_the_sweep_of_a_later_start(
    app: FastAPI, reviewer: TestClient, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 3)
    assert sign(reviewer, drawn).status_code == 201
    page = export(reviewer, drawn, "report.html", version=1)
    make_old(blobs)
    assert remove_leftovers(database, blobs, app.state.service.scratch) == 0
    assert export(reviewer, drawn, "report.html", version=1) == page
    with database.reading() as session:
        kept = {path.name for path in blobs.originals()}
        assert kept == referenced_digests(session)


def test_a_signed_page_is_never_forgotten_as_an_orphan(
    reviewer: TestClient, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    sign(reviewer, drawn)
    with database.reading() as session:
        (page,) = session.scalars(text("SELECT page FROM versions"))
    patients.forget(database, blobs, [page])
    assert blobs.problem(page) is None


def test_what_is_missing_or_altered_is_found(
    reviewer: TestClient, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    sign(reviewer, drawn)
    whole = check_blobs(database, blobs)
    assert (whole.checked, whole.faults) == (9, ())
    with database.reading() as session:
        (page,) = session.scalars(text("SELECT page FROM versions"))
        image = min(session.scalars(text("SELECT sha256 FROM fields")))
    blobs.path(page).unlink()
    blobs.path(image).write_bytes(b"another image")
    found = {(fault.digest, fault.column, fault.problem) for fault in check_blobs(database, blobs).faults}
    assert found == {(page, "versions.page", "missing"), (image, "fields.sha256", "altered")}


def test_images_that_were_never_stored_or_are_past_their_time_are_not_missed(
    reviewer: TestClient, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    sign(reviewer, drawn)
    with database.changing() as connection:
        insert(
            connection, "fields", id="broken", patient_id=drawn.patient, name="broken.png", sha256="0" * 64,
            size=5, width=0, height=0, status="failed", message="truncated", created_at=EARLY,
        )  # fmt: skip
    assert check_blobs(database, blobs).faults == ()
    with database.changing() as connection:
        connection.execute(update(Patient).values(changed_at=EARLY))
    assert sweep(database, blobs, days=1) == 1
    after = check_blobs(database, blobs)
    assert (after.checked, after.faults) == (1, ())  # the signed page is still checked
