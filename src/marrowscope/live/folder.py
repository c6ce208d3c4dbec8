"""What a folder holds, and when all that is in it is written to the end."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from marrowscope.imaging.versions import Version, versions_below

QUIET_S = 0.1
"""A folder that did not change for this long is read.

A file that is still being written is then read in vain, and again once it has changed.
"""


class WatchedFolder:
    """A folder whose files come and grow.

    It is listed again and again instead of asking the system for news: of a network drive, to which
    microscopes write, the system has none.

    Parameters
    ----------
    path : the folder
    clock : seconds
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._versions: dict[Path, Version] = {}
        self._changed_at = clock()
        self._is_told = True

    @property
    def versions(self) -> Mapping[Path, Version]:
        """The files as they were listed last."""
        return self._versions

    @property
    def quiet_s(self) -> float:
        """Seconds since the last change was seen."""
        return self._clock() - self._changed_at

    def changed(self) -> bool:
        """List the folder; return true once after each change, when it has been quiet for `QUIET_S`.

        Raises
        ------
        OSError
            The folder cannot be listed.
        """
        versions = dict(versions_below(self._path))
        if versions != self._versions:
            self._versions, self._changed_at, self._is_told = versions, self._clock(), False
        if self._is_told or self.quiet_s < QUIET_S:
            return False
        self._is_told = True
        return True
