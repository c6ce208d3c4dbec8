"""Tags: short words by which people find patients again. They are no part of any report."""

from collections.abc import Collection

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from marrowscope.errors import InputError
from marrowscope.imaging.names import composed
from marrowscope.service.actors import Actor
from marrowscope.service.clock import now
from marrowscope.service.images import patients
from marrowscope.service.review import readings
from marrowscope.service.store.tables.patients import PatientTag
from marrowscope.service.trail import audit

LONGEST_TAG = 40
MOST_TAGS = 20
_SUGGESTED = 100


def normal(text: str) -> str:
    """Return a tag as it is stored: small letters, composed, single spaces.

    Raises
    ------
    InputError
        It is empty, too long, or not printable.
    """
    tag = composed(" ".join(text.split()).lower())
    if not tag or len(tag) > LONGEST_TAG or not tag.isprintable():
        raise InputError(f"a tag has 1 to {LONGEST_TAG} printable characters")
    return tag


def add(session: Session, actor: Actor, patient_id: str, text: str) -> list[str]:
    """Put a tag on a patient, harmless if it is there; return all of them.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ForbiddenError
        The actor is reading the patient blind.
    InputError
        It cannot be a tag, or the patient has too many.
    """
    tag = normal(text)
    patient = patients.get(session, patient_id, is_held=True)
    readings.refuse_blind_of(session, actor, patient_id)
    known = of(session, [patient_id]).get(patient_id, [])
    if tag in known:
        return known
    if len(known) >= MOST_TAGS:
        raise InputError(f"a patient has at most {MOST_TAGS} tags")
    session.add(PatientTag(patient_id=patient_id, tag=tag))
    patient.changed_at = now()
    audit.record(
        session, actor, "patient.tag", "patient", patient_id, patient_id=patient_id, after={"tag": tag}
    )
    return sorted([*known, tag])


def remove(session: Session, actor: Actor, patient_id: str, text: str) -> list[str]:
    """Take a tag off a patient, harmless if it is not there; return those that are left.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ForbiddenError
        The actor is reading the patient blind.
    InputError
        It cannot be a tag.
    """
    tag = normal(text)
    patient = patients.get(session, patient_id, is_held=True)
    readings.refuse_blind_of(session, actor, patient_id)
    known = of(session, [patient_id]).get(patient_id, [])
    if tag not in known:
        return known
    session.execute(delete(PatientTag).where(PatientTag.patient_id == patient_id, PatientTag.tag == tag))
    patient.changed_at = now()
    audit.record(
        session, actor, "patient.untag", "patient", patient_id, patient_id=patient_id, before={"tag": tag}
    )
    return [each for each in known if each != tag]


def of(session: Session, patient_ids: Collection[str]) -> dict[str, list[str]]:
    """Return the tags of patients, sorted."""
    rows = session.execute(
        select(PatientTag.patient_id, PatientTag.tag).where(PatientTag.patient_id.in_(patient_ids))
    )
    found: dict[str, list[str]] = {}
    for patient_id, tag in rows:
        found.setdefault(patient_id, []).append(tag)
    return {patient_id: sorted(tags) for patient_id, tags in found.items()}


def in_use(session: Session, actor: Actor) -> dict[str, int]:
    """Return the tags that patients have, the most frequent first, with the number of patients.

    Patients whom the actor reads blind are left out.
    """
    number = func.count()
    rows = session.execute(
        select(PatientTag.tag, number)
        .where(PatientTag.patient_id.not_in(readings.blind_to(session, actor)))
        .group_by(PatientTag.tag)
        .order_by(number.desc(), PatientTag.tag)
        .limit(_SUGGESTED)
    )
    return dict(rows.all())
