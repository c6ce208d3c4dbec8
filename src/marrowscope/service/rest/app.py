"""The application: routers, error handlers, start and stop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from marrowscope.service.exchange.targets import target_of
from marrowscope.service.images.workers import end_image_workers
from marrowscope.service.jobs import start as start_jobs
from marrowscope.service.limits import RateLimit
from marrowscope.service.rest import (
    auditing,
    catalogue,
    health,
    pages,
    problems,
)
from marrowscope.service.rest.accounts import sessions, tokens, users
from marrowscope.service.rest.analyses import analyses, differential, events, live
from marrowscope.service.rest.dependencies import Service
from marrowscope.service.rest.exchange import outbox
from marrowscope.service.rest.guard import Guard
from marrowscope.service.rest.images import (
    fields,
    files,
    patients,
    removal,
    slides,
)
from marrowscope.service.rest.openapi import REFUSALS, describe
from marrowscope.service.rest.quality import controls, proficiency
from marrowscope.service.rest.reports import exports, signing
from marrowscope.service.rest.review import (
    atlas,
    carried,
    cells,
    details,
    megakaryocytes,
    readings,
    requests,
    tags,
)
from marrowscope.service.rest.shapes import API
from marrowscope.service.rest.teaching import active, teachings
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date
from marrowscope.version import __version__

_UNDER_API = (
    users, sessions, tokens, catalogue, patients, removal, files, fields, slides, analyses, live, events,
    cells, megakaryocytes, readings, carried, requests, tags, atlas, details, differential, signing, exports,
    auditing, teachings, active, controls, proficiency, outbox,
)  # fmt: skip


def create_app(
    settings: Settings,
    database: Database | None = None,
    with_jobs: bool = True,
    setup_code: str | None = None,
) -> FastAPI:
    """Build the application; it connects, migrates and starts work only when it is started.

    Parameters
    ----------
    settings
        The installation's settings.
    database
        An open database instead of the one the settings name.
    with_jobs
        Whether this process runs analyses and what else is done beside requests; otherwise it waits.
    setup_code
        With which the first administrator may be created on the page.

    Raises
    ------
    InputError
        The settings are unsafe, or name no usable database, laboratory, bundle or outbox.
    """
    settings.refuse_unsafe()
    service = Service(
        settings,
        database or Database(settings.database_url, settings.seal_folder),
        RateLimit(settings.login_attempts_per_minute),
        setup_code=setup_code,
    )
    _ = service.laboratory  # a faulty file is told now, not under the first report
    if service.bundles.fixed is not None:
        service.bundles.get(service.bundles.fixed)
    if settings.outbox is not None:  # and so is a faulty target
        target_of(
            settings.outbox,
            file_format=settings.outbox_format,
            token=None,
            seconds=settings.outbox_seconds,
        )

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        settings.data_folder.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(service.database)
        jobs = None
        if with_jobs:
            jobs = start_jobs(
                service.settings,
                service.database,
                service.blobs,
                service.events,
                service.metrics,
                authority=service.laboratory.systems.authority,
            )
        yield
        if jobs is not None:
            jobs.stop()
            end_image_workers()
        service.database.close()

    app = FastAPI(
        title="marrowscope",
        version=__version__,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    app.state.service = service
    app.add_middleware(Guard, service=service)
    if settings.trusted_proxies:  # around the guard, which goes by the address and the scheme
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)
    problems.install(app)
    for area in _UNDER_API:
        app.include_router(area.router, prefix=API)
    app.include_router(health.router)
    app.mount("/docs", pages.Manual())
    app.include_router(pages.router)  # last: it handles every other address
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app
