"""A service for tests: on SQLite and on a real PostgreSQL, with a user in each role."""

import logging
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update
from tests.service.browser import Running, browsing, serving
from tests.service.browser import add_user as make_user
from tests.service.drawn import Drawn, draw
from tests.service.postgres import Server

from marrowscope.service import logs
from marrowscope.service.accounts import passwords
from marrowscope.service.accounts.users import add_user
from marrowscope.service.actors import SYSTEM, Role
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.rest import pages
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date
from marrowscope.service.store.tables.audit import AuditHead

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PASSWORDS = {"anna": "correct horse battery", "rita": "stain and scanner", "vera": "only looks at cells"}

ROLES: dict[str, Role] = {"anna": "admin", "rita": "reviewer", "vera": "viewer"}


def _furnish(url: str) -> None:
    """Make all tables, and the users anna (admin), rita (reviewer), vera (viewer)."""
    database = Database(Settings(database=url).database_url)
    bring_up_to_date(database)
    with database.writing() as session:
        for username, role in ROLES.items():
            add_user(session, SYSTEM, username, username.title(), role=role, password=PASSWORDS[username])
    with database.writing() as session:
        # These entries are older than the seals, whose folder is each test's own.
        session.execute(update(AuditHead).values(unsealed=AuditHead.number))
    database.close()


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> Iterator[None]:
    """Log as the server does, but warnings alone, to where pytest shows it for a failed test."""
    renderer = structlog.processors.JSONRenderer()
    level = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(processors=[*logs.SHARED, renderer], wrapper_class=level)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords as weakly as argon2 allows: the tests log in hundreds of times."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", quick)
        patch.setattr(passwords, "_NOBODY", quick.hash("nobody has this password"))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server, for the whole run; tests that need it skip where the machine has no PostgreSQL."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres: Server, quick_passwords: None) -> str:
    """A furnished database that others are copied from."""
    _furnish(postgres.create("furnished"))
    return "furnished"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, quick_passwords: None) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("sqlite") / "furnished.db"
    _furnish(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A furnished database of the test's own."""
    if request.param == "sqlite":
        path = tmp_path / "service.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("postgres_template")
    server: Server = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    yield server.create(name, template)
    server.drop(name)


@pytest.fixture
def settings_more() -> dict[str, Any]:
    """More settings; a test overrides it by parametrising."""
    return {}


@pytest.fixture
def settings(database_url: str, tmp_path: Path, settings_more: dict[str, Any]) -> Settings:
    """Settings of the service under test."""
    return Settings(database=database_url, data_folder=tmp_path / "data", workers=1, **settings_more)


@pytest.fixture
def with_jobs() -> bool:
    """Whether the service runs analyses; a test overrides it by parametrising."""
    return False


@pytest.fixture
def app(settings: Settings, with_jobs: bool) -> Iterator[FastAPI]:
    """The running application."""
    application = create_app(settings, with_jobs=with_jobs)
    with TestClient(application):
        yield application


@pytest.fixture
def database(app: FastAPI) -> Database:
    """The database of the running application."""
    found = app.state.service.database
    assert isinstance(found, Database)
    return found


@pytest.fixture
def blobs(app: FastAPI) -> Blobs:
    """The blobs of the running application."""
    found = app.state.service.blobs
    assert isinstance(found, Blobs)
    return found


@pytest.fixture
def drawn(request: pytest.FixtureRequest, database: Database, blobs: Blobs) -> Drawn:
    """A patient whose analysis is done; a test says by the mark `drawn` how it is drawn."""
    mark = request.node.get_closest_marker("drawn")
    return draw(database, blobs, **({} if mark is None else mark.kwargs))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """Somebody who is not logged in."""
    return TestClient(app, raise_server_exceptions=False)


def logged_in(app: FastAPI, username: str) -> TestClient:
    """A client of its own in which `username` is logged in and unsafe requests carry the CSRF token."""
    client = TestClient(app, raise_server_exceptions=False)
    log_in(client, username, PASSWORDS[username])
    return client


def log_in(client: TestClient, username: str, password: str) -> None:
    """Log a client in."""
    token = client.get("/api/v1/session").json()["csrf_token"]
    credentials = {"username": username, "password": password}
    answer = client.post("/api/v1/session", json=credentials, headers={"X-CSRF-Token": token})
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]


def own_password(client: TestClient) -> str:
    """The password of whoever is logged in: a signature asks for it again."""
    return PASSWORDS[client.get("/api/v1/session").json()["user"]["username"]]


def reasons(client: TestClient, analysis: str) -> dict[str, str]:
    """Say of every open point why it may stay open."""
    points = client.get(f"/api/v1/analyses/{analysis}/checklist").json()["items"]
    return {point["id"]: "seen at the microscope" for point in points}


@pytest.fixture
def admin(app: FastAPI) -> TestClient:
    """anna, an administrator."""
    return logged_in(app, "anna")


@pytest.fixture
def reviewer(app: FastAPI) -> TestClient:
    """rita, a reviewer."""
    return logged_in(app, "rita")


@pytest.fixture
def viewer(app: FastAPI) -> TestClient:
    """vera, a viewer."""
    return logged_in(app, "vera")


@pytest.fixture
def page_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of its own process with its page and its first administrator, made by the command line."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    folder = tmp_path_factory.mktemp("service")
    make_user(folder / "data", "vera", "Dr. Vera Lind", "--admin")
    with serving(folder / "data", folder / "serve.log") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """The machine's Chromium."""
    with browsing() as started:
        yield started
