"""Backups of released versions, kept as files, are restored by this one: nothing that was in them is lost.

`python -m tests.service.store.test_upgrades FOLDER` writes the backup of a release, once, before it is
released; it is never changed afterwards.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.service.conftest import PASSWORDS, log_in
from tests.service.drawn import draw
from tests.service.postgres import Server

from marrowscope.service.accounts.users import add_user
from marrowscope.service.actors import SYSTEM
from marrowscope.service.backups import restore
from marrowscope.service.backups.backup import make
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import check_blobs
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date
from marrowscope.service.trail import checking
from marrowscope.version import __version__

API = "/api/v1"
RELEASED = sorted((Path(__file__).parent / "released").glob("*.tar"))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield Settings(data_folder=tmp_path / "restored")
        return
    server: Server = request.getfixturevalue("postgres")
    name = f"upgraded_{uuid.uuid4().hex}"
    yield Settings(data_folder=tmp_path / "restored", database=server.create(name))
    server.drop(name)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_backup_of_a_released_version_is_restored(path: Path, place: Settings) -> None:
    done = restore.restore(place, path)
    assert done.fault is None
    app = create_app(place, with_jobs=False)
    with TestClient(app) as client:
        log_in(client, "rita", PASSWORDS["rita"])
        (patient,) = client.get(f"{API}/patients").json()["items"]
        assert (patient["name"], patient["status"]) == ("P-017", "signed")
        analysis = f"{API}/analyses/{patient['analysis']['id']}"
        cells = client.get(f"{analysis}/cells").json()["items"]
        assert len(cells) == done.about.rows["cells"]
        named = {cell["number"]: cell["reviewed_type"] for cell in cells if cell["reviewed_type"]}
        assert set(named.values()) == {"myeloblast"}
        assert len(named) == done.about.rows["answers"]
        for name in ("report.html", "cells.csv", "fhir.json"):
            assert client.get(f"{analysis}/exports/{name}").status_code == 200
        database = app.state.service.database
        with database.reading() as session:
            known = (done.about.entries, done.about.head)
            assert checking.verify(session, known).fault is None
        assert check_blobs(database, Blobs(place.blob_folder)).faults == ()


def test_there_is_a_backup_of_this_version() -> None:
    assert __version__ in [path.stem for path in RELEASED], "write it, as is said above"
    for path in RELEASED:
        assert restore.read_about(path).version == path.stem


def write(folder: Path, path: Path) -> None:
    """Make an installation with a signed patient, and its backup."""
    from tests.service.reports.test_signing import name_blasts, sign  # noqa: PLC0415 (the tests that read it need none of this)

    settings = Settings(data_folder=folder)
    database = Database(settings.database_url, settings.seal_folder)
    bring_up_to_date(database)
    with database.writing() as session:
        add_user(session, SYSTEM, "rita", "Rita", role="reviewer", password=PASSWORDS["rita"])
    app = create_app(settings, database, with_jobs=False)
    with TestClient(app) as client:
        log_in(client, "rita", PASSWORDS["rita"])
        drawn = draw(database, app.state.service.blobs, cells=12, fields=1)
        name_blasts(client, drawn, 2)
        assert sign(client, drawn).status_code == 201
        make(database, settings, path)


if __name__ == "__main__":
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        write(Path(made), Path(sys.argv[1]) / f"{__version__}.tar")
