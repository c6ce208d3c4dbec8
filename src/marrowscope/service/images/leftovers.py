"""What a killed server leaves on the disk: half-written files, unreferenced images, uploads."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import referenced_digests

_AGE_S = 86_400.0  # younger ones may belong to an upload or a reading in progress


def remove_leftovers(database: Database, blobs: Blobs, scratch: Path, age_s: float = _AGE_S) -> int:
    """Remove unreferenced files older than `age_s` seconds; return how many there were.

    Raises
    ------
    OSError
        A file cannot be removed.
    """
    before = time.time() - age_s
    removed = 0
    for path in _older(scratch.glob("*"), before):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    for path in _older(blobs.unfinished(), before):
        path.unlink(missing_ok=True)
        removed += 1
    old = {path.name for path in _older(blobs.originals(), before)}
    if old:
        with database.reading() as session:
            old -= referenced_digests(session)
        for digest in old:
            blobs.remove(digest)
            removed += 1
    return removed


def _older(paths: Iterator[Path], before: float) -> Iterator[Path]:
    for path in paths:
        try:
            if path.stat().st_mtime < before:
                yield path
        except OSError:  # removed in the meantime
            continue
