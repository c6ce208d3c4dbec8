"""Which servers are alive: each holds a lock on its own file, which the system releases when it dies."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from marrowscope.service.clock import new_id

_LOOKED_AT_S = 10.0  # whoever looks whether a server is alive holds its lock for a moment


class Presence:
    """The lock file of one server.

    Parameters
    ----------
    folder : holds the lock files of all servers of this data folder
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.owner = new_id()
        self._folder = folder
        self._lock = _lock(self._path(self.owner))
        self._lock.acquire(timeout=_LOOKED_AT_S)

    def is_alive(self, owner: str) -> bool:
        """Return whether another server is alive; True where that cannot be known."""
        return owner == self.owner or _is_held(self._path(owner))

    def forget_dead(self, owner: str) -> None:
        """Remove the lock file of a dead server."""
        self._path(owner).unlink(missing_ok=True)

    def leave(self) -> None:
        """Remove this server's lock file."""
        self._lock.release()
        self.forget_dead(self.owner)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{os.path.basename(owner)}.lock"  # noqa: PTH119 (owners come from the database)


def is_served(folder: Path) -> bool:
    """Return whether any server is alive whose lock file is in a folder; True where that cannot be known."""
    return any(_is_held(path) for path in folder.glob("*.lock"))


def _lock(path: Path) -> FileLock:
    """Return a lock that is tried once, and may be released by another thread."""
    return FileLock(path, timeout=0, thread_local=False)


def _is_held(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with _lock(path):
            return False
    except (Timeout, OSError):
        return True
