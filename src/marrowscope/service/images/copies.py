"""Which of a patient's images show a field that another one shows, too: each field is read once."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.repeats import FirstCopies, same_field
from marrowscope.imaging.repeats.fields import NO_SKETCH, Sketch, same_fields, sketch
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.workers import SKETCH, THUMBNAILS_PX, keep_sketch, thumbnail_name
from marrowscope.service.store.tables.patients import (
    FIELD_DUPLICATE,
    FIELD_FAILED,
    FIELD_REPLACED,
    FIELD_STORED,
    Field,
)


def settle_copies(session: Session, blobs: Blobs, patient_id: str) -> None:
    """Mark the images of a patient that repeat another one, and no others; expired ones stay as they are.

    Of images with equal bytes the first given stands for all. Of images that show one field in other bytes
    (another format, a thumbnail, a brightened copy) the largest does.
    """
    session.flush()
    query = (
        select(Field)
        .where(Field.patient_id == patient_id, Field.status.not_in((FIELD_FAILED, FIELD_REPLACED)))
        .order_by(Field.created_at, Field.id)
    )
    copies = FirstCopies()
    different = []
    for field in session.scalars(query):
        repeats = copies.message(field.sha256 or field.id, field.name)
        if field.expired_at is not None:  # what it was compared by is gone with it
            continue
        _mark(field, repeats)
        if repeats is None:
            different.append(field)
    _settle_other_bytes(blobs, different)


def _settle_other_bytes(blobs: Blobs, fields: Sequence[Field]) -> None:
    for group in same_fields([_sketch_of(blobs, field) for field in fields]):
        best = fields[max(group, key=lambda number: fields[number].width * fields[number].height)]
        for number in group:
            if fields[number] is not best:
                _mark(fields[number], same_field(best.name))


def _mark(field: Field, repeats: str | None) -> None:
    field.status = FIELD_STORED if repeats is None else FIELD_DUPLICATE
    field.message = repeats or ""


def _sketch_of(blobs: Blobs, field: Field) -> Sketch:
    """Return the sketch of an image; one that is not kept resembles none."""
    digest = field.sha256 or ""
    try:
        stored = blobs.derived(digest, SKETCH).read_bytes()
    except OSError:
        return _sketch_of_thumbnail(blobs, digest)
    return np.asarray(np.load(io.BytesIO(stored), allow_pickle=False), np.float32)


def _sketch_of_thumbnail(blobs: Blobs, digest: str) -> Sketch:
    """Make and keep the sketch of an image stored by an earlier version, which kept thumbnails alone."""
    try:
        with Image.open(blobs.derived(digest, thumbnail_name(THUMBNAILS_PX[0]))) as thumbnail:
            own = sketch(np.asarray(thumbnail.convert("RGB")))
    except OSError:
        return NO_SKETCH
    keep_sketch(blobs, digest, own)
    return own
