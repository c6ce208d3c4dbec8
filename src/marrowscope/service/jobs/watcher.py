"""The watcher: a thread that takes images from the server's folders into live sessions.

Killed at any time, it loses nothing: the next server goes through the folder again, and what a patient has is
known by its bytes.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DataError, DBAPIError

from marrowscope.imaging.names import composed, safe_name, shortened
from marrowscope.live.folder import WatchedFolder
from marrowscope.service.actors import SYSTEM
from marrowscope.service.errors import ConflictError, NotFoundError, ServiceError, UnavailableError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.register import ExaminedFile
from marrowscope.service.images.uploads import Examiner, UploadedFile, clean_name
from marrowscope.service.jobs.presence import Presence
from marrowscope.service.jobs.rounds import Rounds
from marrowscope.service.live.folders import folders_of, open_file
from marrowscope.service.live.intake import take_in
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import LIVE, Analysis, LiveSession
from marrowscope.service.store.tables.patients import Field

_log = structlog.get_logger("marrowscope.jobs")
_ROUND_S = 0.1
_IDLE_S = 1.0
_AGAIN_S = 5.0


@dataclass
class _Watched:
    """A session's folder, and its files that wait to be taken."""

    patient_id: str
    path: Path
    earlier: dict[str, list[int]]
    folder: WatchedFolder
    waiting: dict[Path, None] = field(default_factory=dict)


class FolderWatcher(Rounds):
    """Takes images from folders into the sessions that are open.

    Parameters
    ----------
    settings : of the installation
    database : holds the sessions
    blobs : where images are kept
    presence : this server's lock file
    """

    def __init__(self, settings: Settings, database: Database, blobs: Blobs, presence: Presence) -> None:
        super().__init__("watcher", "watching folders", _IDLE_S, _AGAIN_S)
        self._settings = settings
        self._database = database
        self._blobs = blobs
        self._presence = presence
        self._watched: dict[str, _Watched] = {}

    def start(self) -> None:
        """Begin, if the settings name folders."""
        if self._settings.live_folders:
            self._settings.scratch_folder.mkdir(parents=True, exist_ok=True)
            super().start()

    def _round(self) -> None:
        try:
            self._follow_sessions()
            for watched in list(self._watched.values()):
                self._take_from(watched)
        except ServiceError as error:
            _log.warning("images of a folder wait", reason=str(error))
            self._pause_s = _AGAIN_S  # the disk is full
        else:
            self._pause_s = _ROUND_S if self._watched else _IDLE_S

    def _take_from(self, watched: _Watched) -> None:
        self._look(watched)
        while watched.waiting and not self._stops.is_set():
            path = next(iter(watched.waiting))
            self._try(watched, path)
            del watched.waiting[path]

    def _try(self, watched: _Watched, path: Path) -> None:
        """Take an image; one that cannot be taken is left, so that it keeps no other waiting.

        Raises
        ------
        DBAPIError, ServiceError
            No image can be taken now.
        """
        try:
            self._take(watched, path)
        except DataError:
            _log.warning("the database cannot hold what is known of an image")
        except (DBAPIError, ServiceError):
            raise
        except Exception as error:  # noqa: BLE001 (the next image may do better)
            _log.error("taking an image failed unexpectedly", exc_info=error)

    def _follow_sessions(self) -> None:
        """Watch the folders of open sessions, but those that another server watches."""
        with self._database.reading() as session:
            found = session.execute(
                select(LiveSession, Analysis.patient_id)
                .join(Analysis, Analysis.id == LiveSession.analysis_id)
                .where(Analysis.status == LIVE, LiveSession.folder != "")
            ).all()
        own = {live.analysis_id for live, _ in found if live.owner == self._presence.owner}
        self._watched = {number: each for number, each in self._watched.items() if number in own}
        for live, patient_id in found:
            if live.analysis_id not in self._watched and self._claims(live):
                path = folders_of(self._settings).get(live.folder)
                if path is not None:
                    folder = WatchedFolder(path, follows_links=False)
                    self._watched[live.analysis_id] = _Watched(patient_id, path, live.earlier, folder)

    def _claims(self, live: LiveSession) -> bool:
        if live.owner == self._presence.owner:
            return True
        if live.owner is not None and self._presence.is_alive(live.owner):
            return False
        with self._database.writing() as session:
            row = session.get(LiveSession, live.analysis_id, with_for_update=True)
            if row is None or row.owner != live.owner:
                return False
            row.owner = self._presence.owner
        return True

    def _look(self, watched: _Watched) -> None:
        """Note the files that are new or have changed; a folder that is away is looked at again."""
        try:
            changed = watched.folder.changed()
        except OSError:
            return
        versions = watched.folder.versions
        new = [
            path
            for path in changed
            if path in versions and watched.earlier.get(_name(watched, path)) != list(versions[path])
        ]
        watched.waiting |= dict.fromkeys(sorted(new, key=lambda path: (versions[path][1], path)))

    def _take(self, watched: _Watched, path: Path) -> None:
        try:
            file = open_file(watched.path, path)
        except OSError:  # gone again, or not to be read now: a change is seen
            return
        with file:
            self._take_open(watched, clean_name(_name(watched, path)), file)

    def _take_open(self, watched: _Watched, name: str, file: BufferedReader) -> None:
        size = os.fstat(file.fileno()).st_size
        if size > self._settings.request_bytes:  # it would take long to find out by reading it
            reason = f"it has {size:,} bytes, more than the limit of {self._settings.request_bytes:,}"
            self._enter(watched, [ExaminedFile(reason, name=shortened(name))])
            return
        try:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:  # as when it cannot be opened
            return
        if self._has(watched, name, digest):
            return
        # Examined by its path in another process, it is copied: at its own path another file may lie by then.
        scratch = self._settings.scratch_folder
        with TemporaryDirectory(prefix="live-", dir=scratch, ignore_cleanup_errors=True) as folder:
            copy = Path(folder) / safe_name(name.rsplit("/", 1)[-1])
            _copy(file, copy)
            examiner = Examiner(self._settings, self._blobs, self._stops.is_set)
            self._enter(watched, examiner.examine([UploadedFile(name, copy)]))

    def _has(self, watched: _Watched, name: str, digest: str) -> bool:
        """Return whether the patient has this very file under this name."""
        known = select(Field.id).where(
            Field.patient_id == watched.patient_id, Field.name == composed(name), Field.sha256 == digest
        )
        with self._database.reading() as session:
            return session.scalar(known.limit(1)) is not None

    def _enter(self, watched: _Watched, examined: Iterable[ExaminedFile]) -> None:
        try:
            take_in(
                self._settings, self._database, self._blobs, SYSTEM, watched.patient_id,
                examined=examined, same_name="replace",
            )  # fmt: skip
        except (ConflictError, NotFoundError) as error:  # closed or deleted meanwhile
            _log.info("an image came too late", reason=str(error))


def _copy(file: BufferedReader, copy: Path) -> None:
    file.seek(0)
    try:
        with copy.open("wb") as out:
            shutil.copyfileobj(file, out)
    except OSError as error:
        raise UnavailableError(f"an image cannot be copied: {error.strerror or error}") from error


def _name(watched: _Watched, path: Path) -> str:
    return path.relative_to(watched.path).as_posix()
