"""The service's installation: settings, folder, disk, database, trail, engine, backup."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marrowscope.cli.doctor.findings import Finding, State, found, mebibytes
from marrowscope.cli.installation import settings_of
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError, MarrowscopeError

if TYPE_CHECKING:
    from marrowscope.service.settings import Settings
    from marrowscope.service.store.engine import Database

_NO_TABLES = "it has no tables yet; marrowscope serve makes them"
_OLD = timedelta(days=2)  # of daily backups, one may have failed


def findings(data: Path | None, database: str | None) -> Iterator[Finding]:
    """Yield what was found of the installation in a folder, one check after the other."""
    if find_spec("fastapi") is None or find_spec("sqlalchemy") is None:
        yield Finding("service", "note", "the service is not installed (extra serve)")
        return
    try:
        settings = settings_of(data_folder=data, database=database)
        settings.refuse_unsafe()
    except MarrowscopeError as error:
        yield Finding("settings", "wrong", str(error))
        return
    yield found("settings", lambda: _settings(settings))
    yield found("page", _page)
    yield found("engine", lambda: _engine(settings))
    if data is None and settings.database is None and not settings.data_folder.is_dir():
        yield Finding("installation", "note", "there is none here; name its data folder with --data")
        return
    checks = {
        "data folder": _folder,
        "database": _database,
        "networks taught here": _taught,
        "backup": _backup,
    }
    for check, look in checks.items():
        yield found(check, partial(look, settings))


def _settings(settings: "Settings") -> Finding:
    from marrowscope.service.settings import unknown_variables

    changed = sorted(f"MARROWSCOPE_{name.upper()}" for name in settings.model_fields_set)
    says = f"valid; not at their defaults: {', '.join(changed) or 'none'}"
    unknown = unknown_variables()
    if settings.laboratory is not None:
        from marrowscope.exports.case.laboratory import read_laboratory

        read_laboratory(settings.laboratory)
    if unknown:
        says = f"variables of the environment that are no settings: {', '.join(unknown)}"
    return Finding("settings", "note" if unknown else "ok", says, {"changed": changed, "unknown": unknown})


def _page() -> Finding:
    from marrowscope.service.rest import pages

    built = pages.is_built()
    return Finding("page", "ok" if built else "note", "built" if built else pages.NOT_BUILT, {"built": built})


def _engine(settings: "Settings") -> Finding:
    from marrowscope.engines.choose import LOCAL, open_pool
    from marrowscope.service.jobs import share_cores

    if settings.engine == LOCAL:
        workers, threads = share_cores(settings.workers)
        says = f"{quantity(workers, 'process', 'processes')} here, {quantity(threads, 'thread')} each"
        return Finding("engine", "ok", says, {"kind": LOCAL, "workers": workers})
    pool = open_pool(settings.engine, 1)
    try:
        workers = pool.workers
    finally:
        pool.close()
    state: State = "ok" if workers else "wrong"
    says = f"Dask cluster with {quantity(workers, 'place')} for work"
    return Finding("engine", state, says, {"kind": "dask", "workers": workers})


def _folder(settings: "Settings") -> Finding:
    folder = settings.data_folder
    if not folder.is_dir():
        return Finding("data folder", "wrong", "it does not exist")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding("data folder", "wrong", f"it cannot be written to ({error.strerror})")
    disk = shutil.disk_usage(folder)
    facts = {"free_bytes": disk.free, "total_bytes": disk.total, "needed_bytes": settings.free_bytes}
    says = f"{mebibytes(disk.free)} of {mebibytes(disk.total)} free"
    if disk.free < settings.free_bytes:
        needed = f"{says}: uploads are refused below {mebibytes(settings.free_bytes)}"
        return Finding("data folder", "wrong", needed, facts)
    return Finding("data folder", "ok", says, facts)


def _database(settings: "Settings") -> Finding:
    from sqlalchemy.exc import OperationalError

    from marrowscope.service.store.engine import Database

    file = Path(settings.database_url.split(":///", 1)[-1])
    if settings.database_url.startswith("sqlite") and not file.is_file():
        return Finding("database", "note", _NO_TABLES, {"kind": "sqlite", "tables": None})
    place = Database(settings.database_url)
    try:
        return _of_database(place)
    except OperationalError:
        raise InputError("it does not respond: check its address, name and password") from None
    finally:
        place.close()


def _of_database(place: "Database") -> Finding:
    from sqlalchemy import func, select

    from marrowscope.service.store.schema import is_known, is_up_to_date, revision_of
    from marrowscope.service.store.tables.analyses import Analysis
    from marrowscope.service.store.tables.audit import HEAD, AuditHead, protection_fault

    with place.reading() as session:
        connection = session.connection()
        kind, tables = connection.dialect.name, revision_of(connection)
        facts: dict[str, Any] = {"kind": kind, "tables": tables}
        if tables is None:
            return Finding("database", "note", _NO_TABLES, facts)
        if not is_known(tables):
            return Finding("database", "wrong", "its tables are of a later version of marrowscope", facts)
        if not is_up_to_date(connection):
            says = f"its tables are of an earlier version ({tables}); marrowscope serve updates them"
            return Finding("database", "note", says, facts)
        rows = session.execute(select(Analysis.status, func.count()).group_by(Analysis.status)).all()
        by_status: dict[str, int] = {row[0]: row[1] for row in rows}
        entries = session.get_one(AuditHead, HEAD).number
        fault = protection_fault(session)
    facts |= {"analyses": by_status, "audit_entries": entries}
    analyses = quantity(sum(by_status.values()), "analysis", "analyses")
    says = f"{kind}, tables {tables}, {analyses}, {quantity(entries, 'audit entry', 'audit entries')}"
    return Finding("database", "wrong" if fault else "ok", fault or says, facts)


def _taught(settings: "Settings") -> Finding:
    from marrowscope.models.bundle import SETTINGS, load_bundle

    titles = [load_bundle(path.parent).title for path in sorted(settings.bundle_folder.glob(f"*/{SETTINGS}"))]
    says = f"{', '.join(titles)}: all digests match" if titles else "none"
    return Finding("networks taught here", "ok", says, {"titles": titles})


def _backup(settings: "Settings") -> Finding:
    from marrowscope.service.backups.backup import last_made_at

    at = last_made_at(settings)
    if at is None:
        return Finding("backup", "note", "none was made with marrowscope backup", {"made_at": None})
    is_old = datetime.now(UTC) - datetime.fromisoformat(at) > _OLD
    return Finding("backup", "note" if is_old else "ok", f"the last one was made at {at}", {"made_at": at})
