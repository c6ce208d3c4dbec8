"""The audit trail: every change is in it, and every alteration of it is found."""

import json
import shutil
import threading

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text, update
from sqlalchemy.exc import DatabaseError

from marrowscope.service.actors import SYSTEM
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.audit import AuditHead
from marrowscope.service.trail import audit, checking
from marrowscope.service.trail.seals import BEGINNING

API = "/api/v1"


def lift_protection(database: Database) -> list[str]:
    """What somebody with the database's own password could do; gives the statements that hide it again."""
    drops = ["DROP TRIGGER audit_entries_append_only ON audit_entries"]
    if database.is_sqlite:
        drops = [f"DROP TRIGGER audit_entries_{act}" for act in ("update", "delete")]
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger'"
    if not database.is_sqlite:
        query = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'audit_entries_append_only'"
    with database.changing() as connection:
        there = list(connection.scalars(text(query)))
        for drop in drops:
            connection.execute(text(drop))
    return there


def check(database: Database, known: tuple[int, str] | None = None) -> checking.TrailCheck:
    with database.reading() as session:
        return checking.verify(session, known)


def write(database: Database, number: int) -> None:
    for each in range(number):
        with database.writing() as session:
            audit.record(session, SYSTEM, "test.act", "test", str(each), before=each, after={"ß": 0.1 + each})


def test_an_untouched_trail_is_whole(database: Database) -> None:
    write(database, 5)
    found = check(database)
    assert found.is_whole
    assert found.entries == 3 + 5  # three users were made
    assert check(database, known=(found.entries, found.head)).is_whole


def test_the_database_itself_refuses_to_change_the_past(database: Database) -> None:
    write(database, 2)
    for statement in ("UPDATE audit_entries SET actor = 'x'", "DELETE FROM audit_entries"):
        with pytest.raises(DatabaseError, match="append-only"), database.changing() as connection:
            connection.execute(text(statement))
    assert check(database).is_whole


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("UPDATE audit_entries SET actor = 'somebody' WHERE number = 4", "entry 4 was altered"),
        ("UPDATE audit_entries SET after = '1' WHERE number = 6", "entry 6 was altered"),
        ("UPDATE audit_entries SET patient_id = 'x' WHERE number = 2", "entry 2 was altered"),
        ("DELETE FROM audit_entries WHERE number = 5", "entry 5 is missing"),
        ("DELETE FROM audit_entries WHERE number >= 7", "entries 7 to 8 are missing"),
        ("DELETE FROM audit_entries", "entries 1 to 8 are missing"),
    ],
)
def test_tampering_is_found(database: Database, tampering: str, fault: str) -> None:
    write(database, 5)
    lift_protection(database)
    with database.changing() as connection:
        connection.execute(text(tampering))
    found = check(database)
    assert not found.is_whole
    assert found.fault == fault


def test_a_rewritten_trail_is_found_by_a_head_noted_earlier(database: Database, settings: Settings) -> None:
    """Whoever controls the database and the files can forge both; a line kept elsewhere they cannot."""
    write(database, 5)
    noted = check(database)
    protection = lift_protection(database)
    with database.changing() as connection:
        connection.execute(text("DELETE FROM audit_entries"))
        connection.execute(update(AuditHead).values(number=0, hash=BEGINNING, unsealed=0))
        for statement in protection:
            connection.execute(text(statement))
    shutil.rmtree(settings.seal_folder)
    write(database, 20)
    assert check(database).is_whole
    assert not check(database, known=(noted.entries, noted.head)).is_whole
    assert not check(database, known=(500, noted.head)).is_whole


def test_writers_at_the_same_time_make_one_chain(database: Database) -> None:
    writers = [threading.Thread(target=write, args=(database, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = check(database)
    assert found.is_whole
    assert found.entries == 3 + 40


def test_the_trail_is_read_in_pages_and_exported_whole(admin: TestClient, database: Database) -> None:
    write(database, 5)
    first = admin.get(f"{API}/audit?limit=4").json()
    assert [entry["number"] for entry in first["items"]] == [9, 8, 7, 6]
    assert first["items"][0]["after"] == {"ß": 4.1}
    rest = admin.get(f"{API}/audit?limit=400&cursor={first['next']}").json()
    assert [entry["number"] for entry in rest["items"]] == [5, 4, 3, 2, 1]
    assert rest["next"] is None
    lines = admin.get(f"{API}/audit/export.jsonl").text.splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1, 11))
    assert json.loads(lines[-1])["action"] == "trail.export"
    assert json.loads(lines[-1])["hash"] == check(database).head


def test_the_trail_is_for_administrators(
    viewer: TestClient, reviewer: TestClient, client: TestClient
) -> None:
    for path in ("audit", "audit/export.jsonl"):
        assert client.get(f"{API}/{path}").status_code == 401
        assert viewer.get(f"{API}/{path}").status_code == 403
        assert reviewer.get(f"{API}/{path}").status_code == 403
