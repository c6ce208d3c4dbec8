"""Which blobs the rows refer to: for sweeping, removal, retention and the integrity check.

A column that holds a blob's digest has the type `BlobDigest`. Columns are found by it, so that a new one is
never overlooked.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, select
from sqlalchemy.orm import Session

from marrowscope.service.store.base import Base, BlobDigest
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.patients import FIELD_FAILED, Field, Slide


def blob_columns() -> Iterator[Column[Any]]:
    """Return every column that holds the digest of a blob."""
    for table in Base.metadata.sorted_tables:
        yield from (column for column in table.columns if isinstance(column.type, BlobDigest))


def referenced_digests(session: Session, patient_id: str | None = None) -> set[str]:
    """Return the digests of all blobs that rows refer to.

    Parameters
    ----------
    patient_id : only those that this patient's rows refer to
    """
    found: set[str] = set()
    for column in blob_columns():
        query = select(column).where(column.is_not(None))
        if patient_id is not None:
            query = query.where(_is_of(column.table, patient_id))
        found.update(session.scalars(query))
    return found


def expiring_digests(session: Session, patient_id: str) -> set[str]:
    """Return the digests of a patient's blobs that may be removed when the retention time is over.

    A blob that another patient refers to stays, and so does one that must be kept for good.
    """
    return {
        digest
        for digest in referenced_digests(session, patient_id)
        if not any(session.scalar(query.limit(1)) for query in _keeping(digest, patient_id))
    }


def is_referenced(session: Session, digest: str) -> bool:
    """Return whether any row refers to the blob with this digest."""
    queries = (select(column).where(column == digest).limit(1) for column in blob_columns())
    return any(session.scalar(query) is not None for query in queries)


def _keeping(digest: str, patient_id: str) -> Iterator[Any]:
    for column in blob_columns():
        query = select(column).where(column == digest)
        kept_for_good = isinstance(column.type, BlobDigest) and column.type.outlives_retention
        yield query if kept_for_good else query.where(~_is_of(column.table, patient_id))


def _is_of(table: FromClause, patient_id: str) -> ColumnElement[bool]:
    """Return the condition that a row belongs to a patient, itself or through its analysis."""
    condition: ColumnElement[bool]
    if "patient_id" in table.columns:
        condition = table.columns["patient_id"] == patient_id
    else:
        own = select(Analysis.id).where(Analysis.patient_id == patient_id)
        condition = table.columns["analysis_id"].in_(own)
    return condition


def required_digests(session: Session) -> dict[str, str]:
    """Return every digest whose blob must be there, with the column that needs it.

    Left out are images that could not be read, which were never stored, and those removed because the
    retention time was over.
    """
    found: dict[str, str] = {}
    for column in blob_columns():
        query = select(column).where(column.is_not(None), *_still_kept(column))
        found |= dict.fromkeys(session.scalars(query), str(column))
    return found


def _still_kept(column: Column[Any]) -> Iterator[ColumnElement[bool]]:
    if isinstance(column.type, BlobDigest) and column.type.outlives_retention:
        return
    kept = select(Field.id).where(Field.status != FIELD_FAILED, Field.expired_at.is_(None))
    if column.table is Slide.__table__:
        yield column.table.columns["id"].in_(select(Field.slide_id).where(Field.id.in_(kept)))
        return
    own = "id" if column.table is Field.__table__ else "field_id"
    yield column.table.columns[own].in_(kept)
