"""What a folder holds, and which of its files are written to the end."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from marrowscope.imaging.files.formats import may_be_image
from marrowscope.imaging.versions import Version, versions_below

QUIET_S = 0.1
"""A file that did not change for this long is read.

One that is still being written is then read in vain, and again once it has changed.
"""


class WatchedFolder:
    """A folder whose files come and grow; files that cannot be images do not matter.

    It is listed again and again instead of asking the system for news: of a network drive, to which
    microscopes write, the system has none.

    Parameters
    ----------
    path : the folder, absolute
    clock : seconds
    follows_links : whether links in it are followed
    """

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.monotonic, *, follows_links: bool = True
    ) -> None:
        self._path = path
        self._follows_links = follows_links
        self._clock = clock
        self._versions: dict[Path, Version] = {}
        self._changed_at: dict[Path, float] = {}
        self._last_change = clock()
        self._untold: set[Path] = set()

    @property
    def versions(self) -> Mapping[Path, Version]:
        """The files as they were listed last."""
        return self._versions

    @property
    def quiet_s(self) -> float:
        """Seconds since the last change was seen."""
        return self._clock() - self._last_change

    def quiet_since(self, path: Path) -> float:
        """Return the seconds since a file was seen to change."""
        return self._clock() - self._changed_at.get(path, self._clock())

    def changed(self) -> frozenset[Path]:
        """List the folder; return each file once after it changed or went, when it is quiet for `QUIET_S`.

        Raises
        ------
        OSError
            The folder cannot be listed.
        """
        now = self._clock()
        found = versions_below(self._path, follows_links=self._follows_links)
        versions = {path: each for path, each in found if may_be_image(path.name)}
        new = {path for path, version in versions.items() if self._versions.get(path) != version}
        gone = self._versions.keys() - versions.keys()
        if new or gone:
            self._last_change = now
        self._changed_at.update(dict.fromkeys(new | gone, now))
        self._untold |= new | gone
        self._versions = versions
        quiet = {path for path in self._untold if now - self._changed_at[path] >= QUIET_S}
        self._untold -= quiet
        return frozenset(quiet)
