"""A database of an earlier version, filled, comes up to date with everything that was in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from fastapi.testclient import TestClient
from sqlalchemy import Connection, column, insert, select, table, text
from sqlalchemy.exc import IntegrityError
from tests.service.conftest import PASSWORDS, log_in
from tests.service.postgres import Server

from marrowscope.codec import from_json
from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate
from marrowscope.domain.scale import Scale, ScaleSource, SizeScale, scales_by_size
from marrowscope.service.accounts.passwords import hash_password
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date, config
from marrowscope.service.store.tables.analyses import Analysis, AnalysisField
from marrowscope.service.store.tables.audit import AuditEntry, AuditHead
from marrowscope.service.store.tables.patients import IdempotentUpload, Megakaryocyte
from marrowscope.service.store.tables.reviews import Answer, Reading
from marrowscope.service.trail import audit, checking

API = "/api/v1"
EARLY = datetime(2026, 1, 1, tzinfo=UTC)
SIGNED = EARLY + timedelta(hours=3)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'service.db'}"
    else:
        url = request.getfixturevalue("postgres").create(f"old_{tmp_path.name[:40]}".lower())
    database = Database(Settings(database=url).database_url)
    yield database
    database.close()
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        server.drop(url.rsplit("/", 1)[1])


def put(connection: Connection, into: str, **values: Any) -> None:
    """Insert a row by column names alone, whatever today's models say."""
    connection.execute(table(into, *(column(name) for name in values)).insert().values(**values))


def identifier(name: str) -> str:
    """An identifier of the right form: 32 hexadecimal digits."""
    return name.encode().hex().ljust(32, "0")


def put_patient(connection: Connection) -> None:
    put(
        connection, "patients", id=identifier("p"), name="P", created_at=EARLY, changed_at=EARLY,
        status="ready", fields_count=2, fields_failed=0,
    )  # fmt: skip


def put_field(connection: Connection, name: str, created_at: datetime = EARLY) -> None:
    put(
        connection, "fields", id=identifier(name), patient_id=identifier("p"), name=name, size=5, width=1,
        height=1, status="stored", message="", created_at=created_at,
    )  # fmt: skip


def put_user(connection: Connection, username: str, name: str) -> None:
    put(
        connection, "users", id=identifier(username), username=username, name=name, role="reviewer",
        active=True, created_at=EARLY, password_hash=hash_password(PASSWORDS["rita"]),
    )  # fmt: skip


def put_analysis(connection: Connection, name: str, *, locked: bool, scales: str = "[]") -> None:
    put(
        connection, "analyses", id=identifier(name), patient_id=identifier("p"), status="done", priority=0,
        bundle="b", bundle_title="b", bundle_sha256="0" * 64, rule="over-20", floor=200,
        facts='{"settings": {}, "error_rates": null, "unfamiliar_rates": null}', scales=scales,
        is_scaled=True, scale_deaths=0, total=1, done=1, failed=0, cells=5, blasts=0, created_at=EARLY,
        created_by="Rita", changed_at=EARLY, message="", revision=4, version=int(locked), locked=locked,
    )  # fmt: skip


def put_cell(connection: Connection, number: int, **answered: Any) -> str:
    cell = identifier(f"c{number}")
    values: dict[str, Any] = {
        "origin": "network", "model_type": "lymphocyte", "model_counted": True, "type": "lymphocyte",
        "counted": True, "deleted": False, "revision": 0, "comments": 0, **answered,
    }  # fmt: skip
    put(
        connection, "cells", id=cell, analysis_id=identifier("a"), field_id=identifier("f"), place=0,
        number=number, x0=1.0, y0=2.0, x1=30.0, y1=40.0, score=0.9, probability=0.8, p_blast=0.1, flags="[]",
        **values,
    )  # fmt: skip
    return cell


def put_entries(connection: Connection, *entries: tuple[str, str, str]) -> None:
    """Add entries (actor, action, subject) to the trail, chained as it is."""
    head = connection.execute(select(AuditHead.number, AuditHead.hash)).one()
    number, previous = head
    for actor, action, subject in entries:
        number += 1
        entry = AuditEntry(
            number=number, at=EARLY + timedelta(minutes=number), actor_id=None, actor=actor, action=action,
            subject_kind="cell", subject_id=subject, patient_id=identifier("p"), before="null", after="null",
            previous=previous,
        )  # fmt: skip
        entry.hash = previous = audit.digest(entry)
        values = {each.name: getattr(entry, each.name) for each in AuditEntry.__table__.columns}
        connection.execute(insert(AuditEntry).values(**values))
    connection.execute(text("UPDATE audit_head SET number = :n, hash = :h"), {"n": number, "h": previous})


@pytest.fixture
def reviewed_in_0002(empty: Database) -> Database:
    """A database of version 0002 with answers of both kinds of reading.

    Cell 1 was named by Rita, after Anna; 2 deleted by Anna; 3 named and taken back by Rita; 4 never touched;
    5 drawn by Rita; 6 named by somebody of whom the trail has no entry. Rudi read 1 to 4 a second time.
    """
    rita = {"reviewed_by": "Rita Vogt", "reviewed_at": EARLY + timedelta(hours=1)}
    anna = {"reviewed_by": "Anna", "reviewed_at": EARLY + timedelta(hours=2)}
    with empty.changing() as connection:
        command.upgrade(config(connection), "0002")
        for username, name in (("rita", "Rita Vogt"), ("anna", "Anna"), ("rudi", "Rudi")):
            put_user(connection, username, name)
        put_patient(connection)
        put_field(connection, "f")
        put_analysis(connection, "a", locked=False)
        put_analysis(connection, "signed", locked=True)
        put(
            connection, "versions", id=identifier("v"), analysis_id=identifier("signed"), version=1,
            username="rita", signed_by="Rita Vogt", signed_at=SIGNED, meaning="seen", decision="negative",
            sha256="0" * 64, page="0" * 64, document="{}",
        )  # fmt: skip
        cells = [
            put_cell(connection, 1, reviewed_type="blast", type="blast", revision=2, **rita),
            put_cell(connection, 2, deleted=True, counted=False, revision=1, **anna),
            put_cell(connection, 3, revision=2),
            put_cell(connection, 4),
            put_cell(
                connection, 5, origin="person", model_type=None, model_counted=False, type="plasma_cell",
                reviewed_type="plasma_cell", **rita,
            ),
            put_cell(connection, 6, reviewed_type="monocyte", type="monocyte", revision=1, **anna),
        ]  # fmt: skip
        put(
            connection, "readings", id=identifier("r"), analysis_id=identifier("a"), username="rudi",
            reader="Rudi", status="open", opened_at=EARLY,
        )  # fmt: skip
        for cell, cell_type, deleted, revision in (
            (cells[0], "monocyte", False, 1), (cells[1], None, True, 3), (cells[2], None, False, 2),
        ):  # fmt: skip
            put(
                connection, "second_answers", reading_id=identifier("r"), cell_id=cell, type=cell_type,
                deleted=deleted, at=EARLY + timedelta(hours=4), revision=revision,
            )  # fmt: skip
        put(
            connection, "upload_answers", patient_id=identifier("p"), key="k", created_at=EARLY, items="[]"
        )  # fmt: skip
        put_entries(
            connection, ("anna", "cell.review", cells[0]), ("rita", "cell.review", cells[0]),
            ("anna", "cell.review", cells[1]), ("rita", "cell.review", cells[2]),
            ("rita", "cell.review", cells[2]), ("rita", "cell.add", cells[4]),
        )  # fmt: skip
    bring_up_to_date(empty)
    return empty


def answers_of(database: Database, reading: str) -> list[tuple[Any, ...]]:
    with database.reading() as session:
        found = session.scalars(select(Answer).where(Answer.reading_id == identifier(reading)))
        rows = [(a.cell_id, a.type, a.deleted, a.username, a.by, a.at, a.revision) for a in found]
    return sorted(rows)


def test_every_answer_of_the_first_reading_is_kept_with_who_gave_it(reviewed_in_0002: Database) -> None:
    at = EARLY + timedelta(hours=1)
    assert answers_of(reviewed_in_0002, "a") == [
        (identifier("c1"), "blast", False, "rita", "Rita Vogt", at, 2),
        (identifier("c2"), None, True, "anna", "Anna", EARLY + timedelta(hours=2), 1),
        # Taken back: nothing is said, the revision goes on, and the trail knows who did it and when.
        (identifier("c3"), None, False, "rita", "Rita Vogt", EARLY + timedelta(minutes=5), 2),
        (identifier("c5"), "plasma_cell", False, "rita", "Rita Vogt", at, 0),
        (identifier("c6"), "monocyte", False, "anna", "Anna", EARLY + timedelta(hours=2), 1),
    ]


def test_every_answer_of_a_second_reading_is_kept(reviewed_in_0002: Database) -> None:
    at = EARLY + timedelta(hours=4)
    assert answers_of(reviewed_in_0002, "r") == [
        (identifier("c1"), "monocyte", False, "rudi", "Rudi", at, 1),
        (identifier("c2"), None, True, "rudi", "Rudi", at, 3),
        (identifier("c3"), None, False, "rudi", "Rudi", at, 2),
    ]


def test_first_readings_become_rows_and_second_ones_stay(reviewed_in_0002: Database) -> None:
    with reviewed_in_0002.reading() as session:
        found = session.scalars(select(Reading).order_by(Reading.kind, Reading.id)).all()
        assert [(r.id, r.analysis_id, r.kind, r.status, r.username, r.finished_at) for r in found] == [
            (identifier("a"), identifier("a"), "first", "open", None, None),
            (identifier("signed"), identifier("signed"), "first", "finished", None, SIGNED),
            (identifier("r"), identifier("a"), "second", "open", "rudi", None),
        ]


def test_a_repeated_upload_still_finds_its_results(reviewed_in_0002: Database) -> None:
    with reviewed_in_0002.reading() as session:
        known = session.get(IdempotentUpload, (identifier("p"), "k"))
        assert known is not None
        assert (known.items, known.created_at) == ([], EARLY)


def test_the_trail_stays_whole(reviewed_in_0002: Database) -> None:
    with reviewed_in_0002.reading() as session:
        assert checking.verify(session).is_whole


def test_a_migrated_review_is_shown_as_it_was(reviewed_in_0002: Database, tmp_path: Path) -> None:
    app = create_app(Settings(data_folder=tmp_path), reviewed_in_0002, with_jobs=False)
    with TestClient(app) as client:
        log_in(client, "rita", PASSWORDS["rita"])
        items = client.get(f"{API}/analyses/{identifier('a')}/cells").json()["items"]
    names = ("type", "reviewed_type", "reviewed_by", "deleted", "counted", "revision")
    assert [tuple(cell[name] for name in names) for cell in items] == [
        ("blast", "blast", "Rita Vogt", False, True, 2),
        ("lymphocyte", None, "Anna", True, False, 1),
        ("lymphocyte", None, None, False, True, 2),
        ("lymphocyte", None, None, False, True, 0),
        ("plasma_cell", "plasma_cell", "Rita Vogt", False, True, 0),
        ("monocyte", "monocyte", "Anna", False, True, 1),
    ]


def test_scales_measured_before_are_read_again(empty: Database) -> None:
    with empty.changing() as connection:
        command.upgrade(config(connection), "0002")
        put_patient(connection)
        put_analysis(connection, "a", locked=False, scales='[[640, 480, 0.1, "red cells"]]')
        put_analysis(connection, "b", locked=False)
    bring_up_to_date(empty)
    with empty.reading() as session:
        one, other = (session.get_one(Analysis, identifier(name)).scales for name in ("a", "b"))
        found = scales_by_size(from_json(one, tuple[SizeScale, ...]))
        assert found == {(640, 480): Scale(0.1, ScaleSource.RED_CELLS)}
        assert other == []


def test_images_that_an_earlier_version_removed_are_marked(empty: Database) -> None:
    with empty.changing() as connection:
        command.upgrade(config(connection), "0001")
        put_patient(connection)
        put_field(connection, "before")
        put_field(connection, "after", EARLY + timedelta(days=60))
        put(
            connection, "audit_entries", number=99, at=EARLY + timedelta(days=30), actor="system",
            action="patient.expire", subject_kind="patient", patient_id=identifier("p"), before="null",
            after="null", previous="x", hash="x",
        )  # fmt: skip
    bring_up_to_date(empty)
    with empty.reading() as session:
        rows = session.execute(text("SELECT name, expired_at IS NOT NULL FROM fields"))
        assert {name: bool(is_expired) for name, is_expired in rows} == {"before": True, "after": False}


def test_candidates_of_slides_keep_their_answers_and_fields_may_have_some(empty: Database) -> None:
    with empty.changing() as connection:
        command.upgrade(config(connection), "0020")
        put(
            connection, "patients", id=identifier("p"), name="P", search_name="p", created_at=EARLY,
            changed_at=EARLY, status="done", fields_count=1, fields_failed=0, details="{}",
            details_revision=0,
        )  # fmt: skip
        put_field(connection, "f")
        put(
            connection, "slides", id=identifier("s"), patient_id=identifier("p"), name="smear.svs",
            sha256="ab" * 32, width=9000, height=8000, mpp=0.25, countable_mm2=3.5, tile_mm2=0.07, tiles=5,
            created_at=EARLY, examined_mm2=4.0,
        )  # fmt: skip
        put(
            connection, "megakaryocytes", id=identifier("m"), slide_id=identifier("s"), place=0, x0=1, y0=2,
            x1=300, y1=400, area_um2=2000.5, nucleus_um2=700.0, score=0.9, confirmed=True,
            answered_by="Rita", answered_at=SIGNED,
        )  # fmt: skip
        put(
            connection, "analyses", id=identifier("a"), patient_id=identifier("p"), status="done", priority=0,
            bundle="b", bundle_title="b", bundle_sha256="0" * 64, rule="over-20", floor=200,
            facts="{}", scales="[]", is_scaled=True, scale_deaths=0, total=1, done=1, failed=0, cells=0,
            blasts=0, created_at=EARLY, created_by="Rita", changed_at=EARLY, message="", revision=0,
            version=0, locked=False,
        )  # fmt: skip
        put(
            connection, "analysis_fields", id=identifier("af"), analysis_id=identifier("a"),
            field_id=identifier("f"), place=0, status="done", message="", cells=0, scale_source="",
            flags="[]", repeated="[]", deaths=0,
        )  # fmt: skip
    bring_up_to_date(empty)
    with empty.writing() as session:
        kept = session.get_one(Megakaryocyte, identifier("m"))
        assert (kept.slide_id, kept.field_id, kept.place) == (identifier("s"), None, 0)
        assert kept.candidate == MegakaryocyteCandidate((1, 2, 300, 400), 2000.5, 700.0, 0.9, True)
        assert (kept.answered_by, kept.answered_at) == ("Rita", SIGNED)
        row = session.get_one(AnalysisField, identifier("af"))
        assert (row.examined_mm2, row.megakaryocytes) == (None, [])
        session.add(Megakaryocyte.of(kept.candidate, 0, field_id=identifier("f")))
    with pytest.raises(IntegrityError), empty.writing() as session:
        session.add(Megakaryocyte.of(kept.candidate, 1))
