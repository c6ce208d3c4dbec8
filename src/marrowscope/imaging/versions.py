"""Which files a folder holds, in which versions, without opening any."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from marrowscope.imaging.files.sources import is_result

Version = tuple[int, int]
"""Bytes of a file, and the nanoseconds of its last change."""


def versions_below(
    folder: Path, *, follows_links: bool = True, _entered: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[Path, Version]]:
    """Yield all files below a folder but hidden ones, results, and what is no file, as a pipe or device.

    Parameters
    ----------
    folder : where to begin
    follows_links : whether links to files and folders are followed; none leads back to a folder above it

    Raises
    ------
    OSError
        A folder cannot be listed.
    """
    status = folder.stat()
    identity = status.st_dev, status.st_ino
    if identity in _entered:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            try:
                if entry.name.startswith(".") or (entry.is_symlink() and not follows_links):
                    continue
                if entry.is_dir():
                    if not is_result(path):
                        yield from versions_below(
                            path, follows_links=follows_links, _entered=_entered | {identity}
                        )
                    continue
                status = entry.stat()
            except FileNotFoundError:  # renamed when it was finished, as capture programs do, or deleted
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, (status.st_size, status.st_mtime_ns)
