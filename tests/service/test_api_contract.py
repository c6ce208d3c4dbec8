"""The whole interface against its own description: whatever is sent, no failure and no surprise.

Schemathesis makes requests, sound and unsound, from the OpenAPI description. Identifiers of things that exist
are mixed in, so that requests get beyond "not found".
"""

import random
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from sqlalchemy import select
from starlette.types import Receive, Scope, Send
from tests.service.conftest import logged_in
from tests.service.drawn import draw

from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.tables.accounts import User
from marrowscope.service.store.tables.analyses import Cell

API = "/api/v1"
load_all_checks()
# Who may do what is tested in test_security. What a schema allows can still be impossible and is refused:
# a cursor that no list gave, a name of unprintable characters, a change of nothing.
EXCLUDED: Any = CHECKS.get_by_names(["ignored_auth", "positive_data_acceptance"])
# A header nobody asked for makes no request unsound.
WITH_STRANGE_HEADERS: Any = [*EXCLUDED, *CHECKS.get_by_names(["negative_data_rejection"])]
EXAMPLES = 5
"""Requests made up for each operation, besides those that try the bounds of its parameters."""


class Running:
    """The application for a client that would start and stop it around every request."""

    app: FastAPI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})


SERVED = Running()
SCHEMA = schemathesis.openapi.from_dict(create_app(Settings(data_folder=Path("unused"))).openapi())
SCHEMA.app = SERVED
CHOSEN = random.Random(20261)  # noqa: S311 - which of the known things a request is about


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder: Path = tmp_path_factory.mktemp("contract")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "service.db")
        url = f"sqlite:///{folder / 'service.db'}"
    else:
        template = request.getfixturevalue("postgres_template")
        url = request.getfixturevalue("postgres").create(f"contract_{uuid.uuid4().hex}", template)
    settings = Settings(
        database=url,
        data_folder=folder / "data",
        requests_per_minute=1_000_000,
        login_attempts_per_minute=1_000_000,
        lockout_failures=1_000_000,
    )
    app = create_app(settings, with_jobs=False)
    with TestClient(app):
        SERVED.app = app
        yield app


@pytest.fixture(scope="module")
def known(running: FastAPI) -> dict[str, list[str]]:
    """Identifiers that exist, by the name of the path's parameter."""
    service = running.state.service
    drawn = [draw(service.database, service.blobs, name=f"P-{n}", cells=24, fields=2) for n in range(3)]
    with service.database.reading() as session:
        cells = session.scalars(select(Cell.id)).all()
        vera = session.scalars(select(User.id).where(User.username == "vera")).all()
    reviewer = logged_in(running, "rita")
    opened = [reviewer.post(f"{API}/analyses/{d.analysis}/readings", json={}).json().get("id") for d in drawn]
    return {
        "patient_id": [d.patient for d in drawn],
        "analysis_id": [d.analysis for d in drawn],
        "field_id": [field for d in drawn for field in d.fields],
        "cell_id": list(cells),
        "reading_id": [each for each in opened if each],
        "user_id": list(vera),
    }


@pytest.fixture(scope="module")
def token(running: FastAPI) -> str:
    """A token that may do everything."""
    asked = {"name": "contract", "scopes": ["read", "write", "admin"]}
    return str(logged_in(running, "anna").post(f"{API}/tokens", json=asked).json()["token"])


# The stream of all events never ends, so no answer of it can be taken whole; test_live listens to it.
@SCHEMA.exclude(path=f"{API}/events").parametrize()
@hypothesis_settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
def test_every_answer_is_as_described(case: "Case[Any]", known: dict[str, list[str]], token: str) -> None:
    for name, ids in known.items():
        if name in case.path_parameters and CHOSEN.random() < 0.7:
            case.path_parameters[name] = CHOSEN.choice(ids)
    authorization = {"Authorization": f"Bearer {token}"}
    declared = {parameter.name.lower() for parameter in case.operation.headers}
    strange = any(name.lower() not in declared for name in case.headers or {})
    excluded = WITH_STRANGE_HEADERS if strange else EXCLUDED
    answer = case.call_and_validate(headers=authorization, excluded_checks=excluded)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"]
        assert answer.json()["status"] == answer.status_code
