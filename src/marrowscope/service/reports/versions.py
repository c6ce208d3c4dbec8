"""Signed versions: of an analysis, and of a patient over all analyses."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, undefer

from marrowscope.service.errors import NotFoundError
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.store.tables.reviews import Amendment, Version


@dataclass(frozen=True)
class PatientVersion:
    """A signed version among all of its patient's.

    Attributes
    ----------
    analysis : the one that was signed
    version : what was signed
    amended : why that version was opened again, None where it was not
    superseded : whether a later version of the patient is signed, of this analysis or of another
    """

    analysis: Analysis
    version: Version
    amended: str | None
    superseded: bool


def of_analysis(session: Session, analysis: Analysis) -> Sequence[Version]:
    """Return all signed versions of an analysis, the first one first."""
    query = select(Version).where(Version.analysis_id == analysis.id).order_by(Version.version)
    return session.scalars(query).all()


def of_patient(session: Session, patient: Patient) -> list[PatientVersion]:
    """Return all signed versions of a patient, the latest first."""
    rows = session.execute(
        select(Version, Analysis, Amendment.reason)
        .join(Analysis, Analysis.id == Version.analysis_id)
        .outerjoin(
            Amendment,
            and_(Amendment.analysis_id == Version.analysis_id, Amendment.version == Version.version),
        )
        .where(Analysis.patient_id == patient.id)
        .order_by(Version.signed_at.desc(), Version.version.desc())
    )
    return [
        PatientVersion(analysis, version, amended, superseded=place > 0)
        for place, (version, analysis, amended) in enumerate(rows)
    ]


def in_force(session: Session, analysis: Analysis, number: int | None) -> Version | None:
    """Return a version with its document: the one with this number, or for None the latest while in force.

    Raises
    ------
    NotFoundError
        There is no such version.
    """
    if number is None and not analysis.locked:
        return None
    wanted = analysis.version if number is None else number
    found = session.scalar(
        select(Version)
        .where(Version.analysis_id == analysis.id, Version.version == wanted)
        .options(undefer(Version.document))
    )
    if found is None:
        raise NotFoundError("this analysis has no such version")
    return found
