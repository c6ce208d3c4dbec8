"""A backup taken while the service runs restores everything, on both databases, as the documentation says."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.conftest import logged_in
from tests.service.drawn import draw
from tests.service.postgres import Server

from marrowscope.service.actors import SYSTEM
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.trail import checking

API = "/api/v1"


def copy_of(settings: Settings, folder: Path, request: pytest.FixtureRequest) -> str:
    """Back the database up and restore it as another; gives the copy's URL."""
    assert settings.database is not None
    if settings.database.startswith("sqlite"):
        source = sqlite3.connect(settings.database.removeprefix("sqlite:///"))
        target = sqlite3.connect(folder / "restored.db")
        source.backup(target)
        target.close()
        source.close()
        return f"sqlite:///{folder / 'restored.db'}"
    server: Server = request.getfixturevalue("postgres")
    dump = folder / "marrowscope.dump"
    commands = server.bin
    subprocess.run(
        [commands / "pg_dump", "--format", "custom", "--file", dump, settings.database], check=True
    )
    restored = server.create(f"restored_{folder.parent.name[:20]}")
    load: list[str | Path] = [server.bin / "pg_restore", "--no-owner", "--dbname", restored, dump]
    subprocess.run(load, check=True)
    return restored


def seen(client: TestClient, analysis: str, cell: str) -> list[bytes]:
    paths = [f"analyses/{analysis}", f"analyses/{analysis}/cells", f"cells/{cell}/crop.jpg"]
    paths += [f"analyses/{analysis}/exports/cells.csv", "patients"]
    answers = [client.get(f"{API}/{path}") for path in paths]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.content for answer in answers]


def test_a_backup_restores_all(
    app: FastAPI, settings: Settings, reviewer: TestClient, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    service = app.state.service
    drawn = draw(service.database, service.blobs, cells=24, fields=2)
    cell = reviewer.get(f"{API}/analyses/{drawn.analysis}/cells").json()["items"][0]
    change = {"changes": [{"id": cell["id"], "revision": cell["revision"], "type": "monocyte"}]}
    assert reviewer.patch(f"{API}/analyses/{drawn.analysis}/cells", json=change).status_code == 200
    before = seen(reviewer, drawn.analysis, cell["id"])
    folder = tmp_path / "restored"
    folder.mkdir()
    url = copy_of(settings, folder, request)
    assert reviewer.post(f"{API}/patients", json={"name": "after the copy"}).status_code == 201
    for name in ("blobs", "seals"):
        shutil.copytree(settings.data_folder / name, folder / name)
    restored = create_app(Settings(database=url, data_folder=folder), with_jobs=False)
    database = restored.state.service.database
    with database.reading() as session:
        before_sealing = checking.verify(session)
    assert f"entries {before_sealing.entries + 1} to" in str(before_sealing.fault)
    assert str(before_sealing.fault).endswith(", which were sealed, are missing")
    with database.writing() as session:
        checking.seal_anew(session, SYSTEM, "backup restored")
    assert list((folder / "seals").glob("until-*/seals-*.jsonl"))
    with TestClient(restored):
        assert seen(logged_in(restored, "rita"), drawn.analysis, cell["id"]) == before
        with database.reading() as session:
            check = checking.verify(session)
        assert check.is_whole
        assert check.unsealed == before_sealing.entries
