"""The application: routers, refusals, life from start to stop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI

from marrowscope.service.limits import RateLimit
from marrowscope.service.rest import problems
from marrowscope.service.rest.dependencies import Service
from marrowscope.service.rest.guard import Guard
from marrowscope.service.rest.shapes import Problem
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date
from marrowscope.version import __version__

API = "/api/v1"
_ROUTERS = (
    "accounts", "sessions", "tokens", "patients", "files", "fields", "analyses", "events", "cells", "reviews",
    "catalogue", "readings", "differential", "signature", "exports", "auditing",
)  # fmt: skip
_PROBLEM: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "content": {problems.MEDIA_TYPE: _PROBLEM}},
}


def create_app(settings: Settings, database: Database | None = None, with_jobs: bool = True) -> FastAPI:
    """Build the application; it connects, migrates and starts work only when its life begins.

    Parameters
    ----------
    settings
        The installation's settings.
    database
        An open database instead of the one the settings name.
    with_jobs
        Whether analyses are run by this process; without, they only wait.

    Raises
    ------
    InputError
        The settings are unsafe or name no usable database.
    """
    settings.refuse_unsafe()
    service = Service(
        settings,
        database or Database(settings.database_url),
        RateLimit(settings.login_attempts_per_minute),
    )

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        settings.data_folder.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(service.database)
        jobs = _start_jobs(app) if with_jobs else None
        yield
        if jobs is not None:
            jobs.stop()
        service.database.close()

    app = FastAPI(
        title="marrowscope",
        version=__version__,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        responses=_REFUSALS,
    )
    app.state.service = service
    app.add_middleware(Guard, service=service)
    problems.install(app)
    for name in _ROUTERS:
        _include(app, name, API)
    _include(app, "health", "")
    _include(app, "pages", "")
    return app


def _include(app: FastAPI, name: str, prefix: str) -> None:
    module = f"marrowscope.service.rest.{name}"
    if find_spec(module) is not None:
        app.include_router(import_module(module).router, prefix=prefix)


def _start_jobs(app: FastAPI):  # type: ignore[no-untyped-def]  # noqa: ANN202
    if find_spec("marrowscope.service.jobs") is None:
        return None
    return import_module("marrowscope.service.jobs").start(app.state.service)
