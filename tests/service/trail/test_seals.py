"""The end of the audit trail is sealed outside the database: neither can be cut alone without being found."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, text, update
from tests.service.trail.test_audit import API, check, lift_protection, write

from marrowscope.service.actors import SYSTEM
from marrowscope.service.errors import UnavailableError
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.audit import AuditEntry, AuditHead
from marrowscope.service.trail import audit, checking, seals
from marrowscope.service.trail.seals import BEGINNING, Intent, Seals


def cut(database: Database, last: int) -> None:
    """Cut the trail after entry `last`, with the head and the protection as if nothing had been done."""
    protection = lift_protection(database)
    with database.changing() as connection:
        connection.execute(delete(AuditEntry).where(AuditEntry.number > last))
        hashes = text("SELECT hash FROM audit_entries ORDER BY number DESC LIMIT 1")
        head = connection.scalar(hashes) or BEGINNING
        connection.execute(update(AuditHead).values(number=last, hash=head))
        for statement in protection:
            connection.execute(text(statement))


def files(settings: Settings) -> list[Path]:
    return sorted(settings.seal_folder.glob("*.jsonl"))


@pytest.mark.parametrize("left", [1, 4])
def test_a_tail_that_was_cut_is_missed(database: Database, left: int) -> None:
    write(database, 5)
    cut(database, 8 - left)
    assert check(database).fault == f"entries {9 - left} to 8, which were sealed, are missing"


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        (7, "entries 8 to 8, which were sealed, are missing: others were written in their place"),
        (6, "entry 7 is not the one that was sealed"),
    ],
)
def test_a_tail_written_anew_is_found(database: Database, last: int, fault: str) -> None:
    write(database, 5)
    cut(database, last)
    write(database, 5)
    assert check(database).fault == fault


def test_an_emptied_table_is_found(database: Database) -> None:
    write(database, 5)
    cut(database, 0)
    assert not check(database).is_whole


def test_an_empty_trail_of_a_used_installation_is_not_whole(database: Database, settings: Settings) -> None:
    write(database, 1)
    cut(database, 0)
    with database.changing() as connection:
        connection.execute(update(AuditHead).values(unsealed=0))
    shutil.rmtree(settings.seal_folder)
    assert check(database).fault == "there are users or patients, but no entry says where they come from"


@pytest.mark.parametrize("number", [0, 1])
def test_a_dropped_trigger_is_found(database: Database, number: int) -> None:
    write(database, 2)
    for statement in lift_protection(database)[:number]:
        with database.changing() as connection:
            connection.execute(text(statement))
    if number and not database.is_sqlite:  # it has one only, which is there again
        assert check(database).is_whole
    else:
        assert "no longer protects the trail" in str(check(database).fault)


def test_a_disabled_trigger_is_found(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite cannot disable a trigger")
    with database.changing() as connection:
        connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only"))
    assert "no longer protects the trail" in str(check(database).fault)


def test_a_missing_head_is_found_and_nothing_is_recorded_any_more(database: Database) -> None:
    write(database, 2)
    with database.changing() as connection:
        connection.execute(delete(AuditHead))
    assert check(database).fault == "the head of the trail is missing"
    with pytest.raises(UnavailableError, match="no head"):
        write(database, 1)


def test_deleted_seals_are_found_also_after_the_trail_went_on(database: Database, settings: Settings) -> None:
    write(database, 5)
    shutil.rmtree(settings.seal_folder)
    assert check(database).fault == "the seals of entries 4 to 8 are missing"
    write(database, 1)
    assert check(database).fault == "the seals of entries 4 to 8 are missing"


def test_old_seals_put_back_are_found_also_after_the_trail_went_on(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    write(database, 2)
    shutil.copytree(settings.seal_folder, tmp_path / "old")
    write(database, 3)
    shutil.rmtree(settings.seal_folder)
    shutil.copytree(tmp_path / "old", settings.seal_folder)
    assert check(database).fault == "the seals of entries 6 to 8 are missing"
    write(database, 1)
    assert check(database).fault == "the seals of entries 6 to 8 are missing"


@pytest.mark.parametrize("file", [0, 1, -1])
def test_seals_rotate_and_each_file_is_chained_to_the_one_before(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, file: int
) -> None:
    monkeypatch.setattr(seals, "ROTATE_BYTES", 1000)
    write(database, 9)
    assert len(files(settings)) > 3
    assert check(database).is_whole
    files(settings)[file].unlink()
    assert not check(database).is_whole


def test_a_file_that_a_full_disk_left_empty_is_gone_on_with(database: Database, settings: Settings) -> None:
    write(database, 5)
    (path,) = files(settings)
    path.with_name("seals-000002.jsonl").touch()
    write(database, 2)
    assert len(files(settings)) == 2
    assert check(database).is_whole


def test_an_altered_seal_is_found(database: Database, settings: Settings) -> None:
    write(database, 3)
    (path,) = files(settings)
    path.write_text(path.read_text().replace('"end": 5', '"end": 4', 1))
    assert check(database).fault == f"the file {path.name} of the seals was altered"


def test_a_line_taken_out_of_the_seals_is_found(database: Database, settings: Settings) -> None:
    write(database, 3)
    (path,) = files(settings)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for number, line in enumerate(lines) if number != 1))
    assert check(database).fault == f"the file {path.name} of the seals was altered"


def test_an_entry_that_is_not_the_sealed_one_is_found(database: Database, settings: Settings) -> None:
    write(database, 3)
    lines = [json.loads(line) for line in files(settings)[0].read_text().splitlines()]
    shutil.rmtree(settings.seal_folder)
    forged = Seals(settings.seal_folder)
    for line in lines:
        if "hash" in line:
            forged.write(Intent(line["start"], line["end"], "0" * 64 if line["end"] == 5 else line["hash"]))
    assert check(database).fault == "entry 5 is not the one that was sealed"


def test_a_transaction_that_failed_leaves_the_trail_whole(database: Database, settings: Settings) -> None:
    write(database, 2)
    seal = Seals(settings.seal_folder)
    seal.write(Intent(5, 6, "f" * 64))  # it died before its commit
    assert check(database).is_whole
    write(database, 2)
    assert check(database).is_whole
    with (settings.seal_folder / files(settings)[0].name).open("ab") as file:
        file.write(b'{"start": 7, "en')  # and one died while it wrote
    assert check(database).is_whole
    write(database, 2)
    assert check(database).is_whole
    assert check(database).entries == 9


def test_nothing_is_committed_that_cannot_be_sealed(
    admin: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = check(database).entries

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Seals, "write", full)
    answer = admin.post(f"{API}/patients", json={"name": "P-1"})
    assert answer.status_code == 503
    assert "No space left" in answer.json()["detail"]
    assert admin.get(f"{API}/patients").json()["items"] == []
    monkeypatch.undo()
    assert check(database).entries == entries
    assert check(database).is_whole


def test_a_trail_older_than_the_seals_is_sealed_from_its_end_on(database: Database) -> None:
    assert check(database).unsealed == 3  # the furnished database was made without seals
    write(database, 2)
    assert check(database).is_whole
    cut(database, 2)
    assert not check(database).is_whole


def test_seals_begun_anew_are_told_in_the_trail(database: Database, settings: Settings) -> None:
    write(database, 2)
    shutil.rmtree(settings.seal_folder)
    write(database, 1)
    with database.writing() as session:
        checking.seal_anew(session, SYSTEM, "backup restored")
    found = check(database)
    assert found.is_whole
    assert found.unsealed == found.entries - 1
    with database.reading() as session:
        last = list(audit.entries(session))[-1]
    assert (last.action, json.loads(last.after)["reason"]) == ("trail.seal", "backup restored")
