"""Check that every file the database refers to is on the disk, unaltered."""

from dataclasses import dataclass

import structlog

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import required_digests

_log = structlog.get_logger("marrowscope.integrity")
_SHOWN = 20  # faults listed one by one in the log


@dataclass(frozen=True)
class BlobFault:
    """A blob that is missing or altered.

    Attributes
    ----------
    digest : SHA-256 that the database knows it by
    column : ``table.column`` that refers to it
    problem : ``missing`` or ``altered``
    """

    digest: str
    column: str
    problem: str


@dataclass(frozen=True)
class Integrity:
    """The result of a check of all blobs: how many were checked, and the faults found."""

    checked: int
    faults: tuple[BlobFault, ...]


def check_blobs(database: Database, blobs: Blobs) -> Integrity:
    """Compare every blob that the database refers to with its digest."""
    with database.reading() as session:
        required = required_digests(session)
    faults = []
    for digest, column in sorted(required.items()):
        problem = blobs.problem(digest)
        if problem is not None and is_required_still(database, digest):
            faults.append(BlobFault(digest, column, problem))
    return Integrity(len(required), tuple(faults))


def log_integrity(database: Database, blobs: Blobs) -> None:
    """Check the blobs and log the faults."""
    found = check_blobs(database, blobs)
    if not found.faults:
        _log.info("all files match their digests", files=found.checked)
        return
    _log.error("files are missing or altered", faults=len(found.faults), files=found.checked)
    for fault in found.faults[:_SHOWN]:
        _log.error("file " + fault.problem, sha256=fault.digest, column=fault.column)


def is_required_still(database: Database, digest: str) -> bool:
    """Return whether a faulty blob is still required: its row may have been removed during the check."""
    with database.reading() as session:
        return digest in required_digests(session)
