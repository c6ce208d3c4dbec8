"""The worklist: patients with their latest analyses, filtered and paged."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from marrowscope.domain.case.specimen import Specimen
from marrowscope.imaging.names import comparable
from marrowscope.service.store.newest import newest_first
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.patients import Patient, PatientTag
from marrowscope.service.store.tables.reviews import OPEN, Request, Version


@dataclass(frozen=True)
class Sought:
    """Which patients are looked for; None is any.

    Attributes
    ----------
    search : part of the name, whatever its capitals and however its accents are composed
    status : of the patient
    specimen : as stated
    tag : one of the patient's
    asked : user name of who has been asked and has not answered
    decision : of the latest count
    with_controls : occasions of control slides, too; a search finds them anyway
    hidden : patients of whom tag, asked and decision are not to be told, so that none of the three finds them
    """

    search: str | None = None
    status: str | None = None
    specimen: str | None = None
    tag: str | None = None
    asked: str | None = None
    decision: str | None = None
    with_controls: bool = False
    hidden: Collection[str] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `Patient` and its latest `Analysis`."""
        found: list[ColumnElement[bool]] = []
        if self.search:
            found.append(Patient.search_name.contains(comparable(self.search), autoescape=True))
        elif not self.with_controls:
            found.append(Patient.control_id.is_(None))
        if self.status:
            found.append(Patient.status == self.status)
        if self.specimen:
            stated = func.coalesce(Patient.details["specimen"].as_string(), Specimen.NOT_STATED.value)
            found.append(stated == self.specimen)
        told = self._told()
        if told and self.hidden:
            told.append(Patient.id.not_in(self.hidden))
        return found + told

    def _told(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.tag:
            found.append(exists().where(PatientTag.patient_id == Patient.id, PatientTag.tag == self.tag))
        if self.asked:
            is_open = (Request.patient_id == Patient.id, Request.state == OPEN, Request.asked == self.asked)
            found.append(exists().where(*is_open))
        if self.decision:
            found.append(Analysis.result["decision"].as_string() == self.decision)
        return found


def page(
    session: Session, sought: Sought, limit: int, cursor: str | None
) -> tuple[list[tuple[Patient, Analysis | None]], str | None]:
    """Return patients with their latest analysis, the newest first, and the cursor of the next page.

    Raises
    ------
    InputError
        The cursor does not belong to this list.
    """
    query = (
        select(Patient, Analysis)
        .outerjoin(Analysis, Analysis.id == Patient.analysis_id)
        .where(*sought.conditions())
    )
    rows, more = newest_first(session, query, Patient, limit=limit, cursor=cursor)
    return [(patient, analysis) for patient, analysis in rows], more


def signed_analyses(session: Session, patient_ids: Sequence[str]) -> dict[str, Analysis]:
    """Return, by patient, the analysis that was signed last: its version is the one in force."""
    found = session.scalars(
        select(Analysis)
        .join(Version, Version.analysis_id == Analysis.id)
        .where(Analysis.patient_id.in_(patient_ids))
        .order_by(Version.signed_at, Version.version)
    )
    return {analysis.patient_id: analysis for analysis in found}
