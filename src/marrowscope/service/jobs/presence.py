"""Which servers are alive: each holds a lock on its own file, which the system releases when it dies."""

import os
from pathlib import Path
from typing import IO

from marrowscope.service.clock import new_id

try:
    import fcntl
except ImportError:  # Windows: leases alone tell, once they expire
    fcntl = None  # type: ignore[assignment]  # a module, or None


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
        self._file: IO[bytes] = self._path(self.owner).open("wb")
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_alive(self, owner: str) -> bool:
        """Return whether another server is alive; True where that cannot be known."""
        if owner == self.owner or fcntl is None:
            return True
        return _is_held(self._path(owner))

    def forget_dead(self, owner: str) -> None:
        """Remove the lock file of a dead server."""
        self._path(owner).unlink(missing_ok=True)

    def leave(self) -> None:
        """Remove this server's lock file."""
        self._file.close()
        self.forget_dead(self.owner)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{os.path.basename(owner)}.lock"  # noqa: PTH119 (owners come from the database)


def is_served(folder: Path) -> bool:
    """Return whether any server is alive whose lock file is in a folder; False where that cannot be known."""
    return hasattr(fcntl, "flock") and any(_is_held(path) for path in folder.glob("*.lock"))


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
