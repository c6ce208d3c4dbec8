"""Which servers are alive: each holds the lock of a file of its own, which the system frees at its death."""

import os
from pathlib import Path
from typing import IO

from marrowscope.service.clock import new_id

try:
    import fcntl
except ImportError:  # Windows: leases alone tell, which takes as long as one lasts
    fcntl = None  # type: ignore[assignment]


class Presence:
    """The sign of life of one server.

    Parameters
    ----------
    folder : where the signs of all servers of this data folder are
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.owner = new_id()
        self._folder = folder
        self._file: IO[bytes] = self._path(self.owner).open("wb")
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_alive(self, owner: str) -> bool:
        """Tell whether another server lives; where that cannot be told, it is taken to."""
        if owner == self.owner or fcntl is None:
            return True
        try:
            with self._path(owner).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def forget_dead(self, owner: str) -> None:
        """Remove the sign of a server that is dead."""
        self._path(owner).unlink(missing_ok=True)

    def leave(self) -> None:
        """Take this server's sign away."""
        self._file.close()
        self.forget_dead(self.owner)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{os.path.basename(owner)}.lock"  # noqa: PTH119 (owners come from the database)
