"""Atomic writing: a file is written under a temporary name, then moved to its place."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

DISK_FAULTS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})
"""What the system says where nothing is wrong but the disk: it is full, or fails."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; move it to `path` if the block succeeds, else remove it.

    The temporary file is in the same folder, so that the move is atomic, and its content is flushed to disk
    before the move. Missing folders are created. Its name does not contain that of `path`, which may already
    be as long as the file system allows.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        yield beside
        # Opened for writing, as some systems refuse to flush a file opened for reading.
        with beside.open("r+b") as written:
            os.fsync(written.fileno())
        beside.replace(path)
        _flush_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder, without which a power cut may undo the move."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that neither a reader nor an interrupted run ever leaves or sees part of it.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    with atomic_path(path) as beside:
        beside.write_bytes(content)
