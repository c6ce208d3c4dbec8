"""Which files a folder holds, in which versions, without opening any."""

import os
from collections.abc import Iterator
from pathlib import Path

from marrowscope.imaging.files.sources import is_result

Version = tuple[int, int]
"""Bytes of a file, and the nanoseconds of its last change."""


def versions_below(folder: Path) -> Iterator[tuple[Path, Version]]:
    """Yield all files below a folder but hidden ones and results.

    Raises
    ------
    OSError
        A folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            try:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if not is_result(path):
                        yield from versions_below(path)
                    continue
                status = entry.stat()
            except FileNotFoundError:  # renamed when it was finished, as capture programs do, or deleted
                continue
            yield path, (status.st_size, status.st_mtime_ns)
