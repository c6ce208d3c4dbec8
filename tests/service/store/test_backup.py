"""A backup taken while the service runs restores everything, from and to both databases."""

import errno
import gzip
import io
import json
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.faults import fault
from tests.service.conftest import logged_in
from tests.service.drawn import Drawn, draw
from tests.service.postgres import Server
from tests.service.reports.test_signing import name_blasts, sign

from marrowscope.errors import InputError
from marrowscope.service.backups import archive, restore, tables
from marrowscope.service.backups.backup import Made, last_made_at, make
from marrowscope.service.exchange import outbox
from marrowscope.service.images.integrity import check_blobs
from marrowscope.service.images.slides import OVERVIEW
from marrowscope.service.jobs.sender import Sender
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis, LiveSession
from marrowscope.service.store.tables.patients import Field, Slide
from marrowscope.service.store.tables.reviews import Version
from marrowscope.service.trail import audit, checking

API = "/api/v1"


@pytest.fixture
def signed(app: FastAPI, reviewer: TestClient) -> Drawn:
    """A patient with answers and a signed report."""
    service = app.state.service
    drawn = draw(service.database, service.blobs, cells=24, fields=2)
    name_blasts(reviewer, drawn, 2)
    assert sign(reviewer, drawn).status_code == 201
    for folder, name in (("validations", "a.json"), ("bundles/taught-1", "bundle.toml")):
        kept = service.settings.data_folder / folder / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("taught here", "utf-8")
    return drawn


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation that does not exist yet."""
    if request.param == "sqlite":
        yield Settings(data_folder=tmp_path / "restored")
        return
    server: Server = request.getfixturevalue("postgres")
    name = f"restored_{uuid.uuid4().hex}"
    yield Settings(data_folder=tmp_path / "restored", database=server.create(name))
    server.drop(name)


@pytest.fixture
def made(app: FastAPI, signed: Drawn, settings: Settings, tmp_path: Path) -> Made:
    """A backup of it in `backup.tar`."""
    return make(app.state.service.database, settings, tmp_path / "backup.tar")


def seen(client: TestClient, drawn: Drawn) -> list[bytes]:
    """What the service says of a patient, the signed report included."""
    cells = client.get(f"{API}/analyses/{drawn.analysis}/cells").json()["items"]
    paths = [
        f"analyses/{drawn.analysis}",
        f"analyses/{drawn.analysis}/cells",
        f"cells/{cells[0]['id']}/crop.jpg",
    ]
    paths += [f"analyses/{drawn.analysis}/exports/{name}" for name in ("cells.csv", "report.html")]
    paths += ["patients", f"patients/{drawn.patient}/details", f"analyses/{drawn.analysis}/versions"]
    answers = [client.get(f"{API}/{path}") for path in paths]
    assert {answer.status_code for answer in answers} == {200}, paths
    return [answer.content for answer in answers]


def rows_of(database: Database) -> dict[str, list[str]]:
    """All rows, but those that log-ins and the restoring change."""
    found = {}
    with database.engine.connect() as connection:
        for table in tables.all_tables():
            if table.name not in {"login_sessions", "audit_entries", "audit_head"}:
                found[table.name] = sorted(map(repr, connection.execute(table.select())))
    return found


def test_what_was_signed_opens_again_on_either_database(
    app: FastAPI, made: Made, signed: Drawn, reviewer: TestClient, empty_place: Settings
) -> None:
    before, rows = seen(reviewer, signed), rows_of(app.state.service.database)
    assert reviewer.post(f"{API}/patients", json={"name": "after the backup"}).status_code == 201
    done = restore.restore(empty_place, empty_place.data_folder.parent / "backup.tar")
    assert (done.fault, done.replaced, done.about.rows["versions"]) == (None, None, 1)
    restored = create_app(empty_place, with_jobs=False)
    assert rows_of(restored.state.service.database) == rows
    with TestClient(restored):
        client = logged_in(restored, "rita")
        assert seen(client, signed) == before
        assert client.post(f"{API}/patients", json={"name": "goes on"}).status_code == 201
        database = restored.state.service.database
        with database.reading() as session:
            check = checking.verify(session, (made.about.entries, made.about.head))
        assert (check.fault, check.unsealed) == (None, 3)
        assert check.entries > made.about.entries
        assert check_blobs(database, restored.state.service.blobs).faults == ()
    for name in ("validations/a.json", "bundles/taught-1/bundle.toml"):
        assert (empty_place.data_folder / name).read_text("utf-8") == "taught here"


def test_the_archive_is_checked_without_this_software(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    sums = shutil.which("sha256sum")
    if sums is None:
        pytest.skip("no sha256sum on this machine")
    subprocess.run([sums, "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "unpacked", check=True)
    said = subprocess.run([sums, path], capture_output=True, text=True, check=True)
    assert said.stdout.split()[0] == made.sha256
    assert json.loads((tmp_path / "unpacked" / "backup.json").read_text())["entries"] == made.about.entries


def test_when_the_last_backup_was_made_is_known(app: FastAPI, settings: Settings, tmp_path: Path) -> None:
    assert last_made_at(settings) is None
    made = make(app.state.service.database, settings, tmp_path / "backup.tar")
    assert last_made_at(settings) == made.about.made_at


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: b"nothing of the kind", "not a backup"),
        (lambda content: content[: len(content) // 2], "incomplete"),
        (lambda content: content[:4000], "not a backup"),
        (lambda content: content.replace(b'"format": 1', b'"format": 9'), "later version"),
        (lambda content: content.replace(b"taught here", b"taught hers"), "altered"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_damaged_archive_changes_nothing(
    made: Made, tmp_path: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    path = tmp_path / "backup.tar"
    path.write_bytes(damage(path.read_bytes()))
    place = Settings(data_folder=tmp_path / "restored")
    with pytest.raises(InputError, match=said):
        restore.restore(place, path)
    assert not place.data_folder.exists()


def _entry(name: str, content: bytes, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for key, value in more.items():
        setattr(made, key, value)
    return made, content


def _sparse() -> tuple[tarfile.TarInfo, bytes]:
    """A file of no bytes that says it has 4 PiB of zeros."""
    size = str(1 << 52)
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": size}
    headers |= {"GNU.sparse.name": "blobs/originals/aa/aa"}
    return _entry("GNUSparseFile.0/aa", b"0\n".ljust(512, b"\0"), pax_headers=headers)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (_entry("../outside", b"x"), "nothing that a backup holds"),
        (_entry("/outside", b"x"), "nothing that a backup holds"),
        (_entry("blobs/link", b"", type=tarfile.SYMTYPE, linkname="/etc"), "nothing that a backup holds"),
        (_entry("blobs/device", b"", type=tarfile.CHRTYPE), "nothing that a backup holds"),
        (_sparse(), "nothing that a backup holds"),
        (_entry("bundles/foreign/bundle.toml", b"not in the list of digests"), "altered"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_last", [True, False])
def test_a_hostile_archive_changes_nothing(
    made: Made, tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], said: str, is_last: bool
) -> None:
    path = tmp_path / "hostile.tar"
    with (
        tarfile.open(tmp_path / "backup.tar") as good,
        tarfile.open(path, "w") as tar,
    ):
        for member in good.getmembers():
            if member.name == "SHA256SUMS" and not is_last:
                tar.addfile(entry[0], io.BytesIO(entry[1]))
            tar.addfile(member, good.extractfile(member))
        if is_last:
            tar.addfile(entry[0], io.BytesIO(entry[1]))
    place = Settings(data_folder=tmp_path / "restored")
    with pytest.raises(InputError, match=said):
        restore.restore(place, path)
    assert not place.data_folder.exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (b"no gzip", "rows of users"),
        (gzip.compress(b"[" * 100_000), "rows of users"),
        (gzip.compress(b'["one value"]\n'), "rows of users"),
        (gzip.compress(b"[]")[:-4], "rows of users"),
    ],
)
def test_rows_that_are_none_change_nothing(made: Made, tmp_path: Path, rows: bytes, said: str) -> None:
    path = tmp_path / "hostile.tar"
    with path.open("wb") as out, archive.Writer(out) as writer:
        for name, file in archive.members(tmp_path / "backup.tar"):
            content = rows if name == "tables/users.jsonl.gz" else file.read()
            if name != archive.SUMS:
                writer.add(name, io.BytesIO(content), len(content))
    place = Settings(data_folder=tmp_path / "restored")
    with pytest.raises(InputError, match=said):
        restore.restore(place, path)
    assert list(place.data_folder.iterdir()) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def die(*given: object, **more: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("dies", [False, True])
def test_what_may_have_happened_since_is_held(
    app: FastAPI,
    signed: Drawn,
    reviewer: TestClient,
    empty_place: Settings,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    dies: bool,
) -> None:
    service = app.state.service
    other = reviewer.post(f"{API}/patients", json={"name": "P 2"}).json()["id"]
    live = reviewer.post(f"{API}/patients/{other}/live").json()["id"]
    picture = service.blobs.derived("ab" * 32, OVERVIEW)
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"overview")
    with service.database.writing() as session:
        version = session.scalars(select(Version)).one()
        outbox.put(session, version, "/srv/outbox")
        session.get_one(LiveSession, live).folder = "captures"
        slide = {"name": "s.tif", "sha256": "ab" * 32, "width": 1, "height": 1, "mpp": 1.0}
        session.add(
            Slide(id="s", patient_id=signed.patient, countable_mm2=1.0, tile_mm2=1.0, tiles=1, **slide)
        )
        session.flush()
        session.get_one(Field, signed.fields[0]).slide_id = "s"
    make(service.database, service.settings, tmp_path / "backup.tar")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) if dies else nullcontext():
        if dies:
            patch.setattr(audit, "record", die)
        restore.restore(empty_place, tmp_path / "backup.tar")
    restored = create_app(empty_place, with_jobs=False)
    with TestClient(restored):
        client = logged_in(restored, "anna")
        (row,) = client.get(f"{API}/outbox").json()["items"]
        assert (row["status"], "a backup was restored" in row["message"]) == ("refused", True)
        database = restored.state.service.database
        assert not Sender(empty_place, database).send_one()
        with database.reading() as session:
            assert session.get_one(LiveSession, live).folder == ""
            assert session.get_one(Analysis, live).status == "live"
        old = TestClient(restored, cookies=dict(reviewer.cookies))
        assert old.get(f"{API}/patients").status_code == 401, "log-ins of the backup are over"
        kept = restored.state.service.blobs.derived("ab" * 32, OVERVIEW)
        assert kept.read_bytes() == b"overview"


def test_what_is_there_is_replaced_by_force_alone(
    made: Made, signed: Drawn, empty_place: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tar"
    restore.restore(empty_place, path)
    with pytest.raises(InputError, match="is not empty"):
        restore.restore(empty_place, path)
    done = restore.restore(empty_place, path, force=True)
    assert done.replaced is not None
    assert (done.replaced / "seals").is_dir()
    database = Database(empty_place.database_url, empty_place.seal_folder)
    with database.reading() as session:
        assert checking.verify(session).fault is None
    database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("with_jobs", [True])
def test_a_running_service_is_not_overwritten(
    app: FastAPI, made: Made, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="stop it first"):
        restore.restore(settings, tmp_path / "backup.tar", force=True)


def error_of(work: Callable[[], object]) -> OSError | None:
    try:
        work()
    except OSError as error:
        return error
    return None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_leaves_neither_half_a_backup_nor_half_an_installation(
    app: FastAPI, signed: Drawn, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    for at in count():
        with fault(folder, at) as full:
            error = error_of(lambda: make(app.state.service.database, settings, folder / "backup.tar"))
        if error is None:
            break
        assert (full.happened, error.errno) == (True, errno.ENOSPC)
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            archive.verify(path)  # it was in its place already, only the folder was not flushed
            path.unlink()
    assert at > 5
    place = Settings(data_folder=tmp_path / "other" / "restored")
    place.data_folder.mkdir(parents=True)
    for at in (0, 1, 5, 20):
        with fault(place.data_folder, at), pytest.raises(OSError, match="No space left"):
            restore.restore(place, folder / "backup.tar")
        assert list(place.data_folder.iterdir()) == []
    assert restore.restore(place, folder / "backup.tar").fault is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_image_that_is_gone_is_told(
    app: FastAPI, signed: Drawn, settings: Settings, tmp_path: Path
) -> None:
    service = app.state.service
    gone = next(service.blobs.originals())
    gone.unlink()
    made = make(service.database, settings, tmp_path / "backup.tar")
    assert made.missing == (gone.name,)
    done = restore.restore(Settings(data_folder=tmp_path / "restored"), tmp_path / "backup.tar")
    assert done.fault is not None
    assert "1 image missing" in done.fault
    assert archive.verify(tmp_path / "backup.tar") > 10
