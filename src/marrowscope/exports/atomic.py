"""Files that are whole or not there: written beside their place, then moved into it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a path to write to; move it to `path` when the block ends well, remove it when it does not.

    The temporary file lies in the same folder, so that the move is one step of the file system; its content
    is on the disk before the move. Missing folders are made. The name does not repeat that of `path`, which
    may already be as long as file systems allow.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        yield beside
        # Opened for writing: some systems refuse to flush a file opened for reading.
        with beside.open("r+b") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a run killed half way, never meets a part of it.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    with atomic_path(path) as beside:
        beside.write_bytes(content)
