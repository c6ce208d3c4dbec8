"""What signed cases give to learn from: the cells that readers named.

Occasions of a control slide give nothing, as the same smear would be learned from again and again, and be
kept out beside. Patients that share an image are one in the lot, for the same reason.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from marrowscope.datasets.labelled import NOT_NUCLEATED
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.models.bundle import Bundle
from marrowscope.service.store.tables.analyses import DONE, Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import Answer, Version
from marrowscope.service.store.tables.teaching import Teaching
from marrowscope.service.teaching.work import NamedCells


@dataclass(frozen=True)
class SignedCase:
    """A signed case whose cells were named by readers.

    Attributes
    ----------
    types : cells of each type, of those that can be learned
    unusable : cells of types that the present networks do not have, or that are no nucleated cells
    is_learned : whether the present networks have learned from this patient
    """

    analysis_id: str
    patient_id: str
    patient: str
    signed_at: datetime
    types: dict[str, int]
    unusable: int
    is_learned: bool

    @property
    def cells(self) -> int:
        """Cells that can be learned from."""
        return sum(self.types.values())

    @property
    def blasts(self) -> int:
        """Blasts among them."""
        return sum(n for name, n in self.types.items() if taxonomy()[name].is_blast)


def can_learn(bundle: Bundle, cell_type: str) -> bool:
    """Return whether a bundle's heads can learn a type: a blast, or one of theirs that is a nucleated cell.

    Types that it does not have are for the command line, where whoever adds one sees what came of it.
    """
    if cell_type not in taxonomy() or cell_type in NOT_NUCLEATED:
        return False
    return taxonomy()[cell_type].is_blast or cell_type in bundle.classifier.types


def signed_cases(session: Session, present: Bundle) -> list[SignedCase]:
    """Return the signed cases with named cells whose images are still kept, the latest first."""
    rows = session.execute(
        _named(select(Analysis.id, Patient.id, Patient.name, Answer.type, func.count()))
        .group_by(Analysis.id, Patient.id, Patient.name, Answer.type)
    )  # fmt: skip
    signed = dict(
        session.execute(
            select(Version.analysis_id, func.max(Version.signed_at)).group_by(Version.analysis_id)
        ).all()
    )
    learned = learned_by(session, present.sha256)
    found: dict[str, tuple[str, str, Counter[str]]] = {}
    for analysis_id, patient_id, name, cell_type, number in rows:
        found.setdefault(analysis_id, (patient_id, name, Counter()))[2][cell_type] += number
    cases = []
    for analysis_id, (patient_id, name, counts) in found.items():
        types = {kind: n for kind, n in sorted(counts.items()) if can_learn(present, kind)}
        cases.append(
            SignedCase(
                analysis_id, patient_id, name, signed[analysis_id], types,
                counts.total() - sum(types.values()), patient_id in learned,
            )
        )  # fmt: skip
    return sorted(cases, key=lambda case: case.signed_at, reverse=True)


def named_cells(session: Session, present: Bundle, analyses: Iterable[str]) -> list[NamedCells]:
    """Return the cells of signed analyses that a bundle can learn, image by image.

    Patients that share an image go by the identifier of one of them, so that all are learned from or none.
    """
    rows = session.execute(
        _named(select(Patient.id, Field.sha256, AnalysisField.mpp, Cell, Answer.type))
        .where(Analysis.id.in_(list(analyses)))
        .order_by(Patient.id, Analysis.id, Cell.place, Cell.number)
    )
    images: dict[tuple[str, str, float | None], list[tuple[Cell, str]]] = {}
    for patient, image, mpp, cell, cell_type in rows:
        if can_learn(present, cell_type):
            images.setdefault((patient, image, mpp), []).append((cell, cell_type))
    shared = _sharing_images(session)
    return [
        NamedCells(
            min(shared.get(patient, {patient})), image, mpp,
            tuple(cell.box for cell, _ in found), tuple(name for _, name in found),
        )
        for (patient, image, mpp), found in images.items()
    ]  # fmt: skip


def learned_by(session: Session, bundle_sha256: str) -> set[str]:
    """Return the patients that a bundle, or one that it was taught from, has learned from here.

    With them those that share an image with one of them.
    """
    patients: set[str] = set()
    digest, seen = bundle_sha256, set[str]()
    while digest not in seen:
        seen.add(digest)
        taught = session.scalar(select(Teaching).where(Teaching.bundle_sha256 == digest))
        if taught is None:
            break
        patients.update(taught.learned_from)
        digest = taught.from_sha256
    shared = _sharing_images(session)
    return patients.union(*(shared.get(patient, ()) for patient in patients))


def counted(cells: Sequence[NamedCells]) -> Counter[str]:
    """Return how many cells there are of each type."""
    return Counter(name for image in cells for name in image.types)


def _sharing_images(session: Session) -> dict[str, set[str]]:
    """Return, for each patient of whom an image that was read is another's, too, all whom images connect."""
    read = (
        select(Field.sha256, Field.patient_id)
        .join(AnalysisField, AnalysisField.field_id == Field.id)
        .where(AnalysisField.status == DONE)
        .distinct()
        .subquery()
    )
    several = select(read.c.sha256).group_by(read.c.sha256).having(func.count() > 1)
    rows = session.execute(select(read).where(read.c.sha256.in_(several)).order_by(read.c.sha256))
    found: dict[str, set[str]] = {}
    for _, owners in groupby(rows, key=lambda row: row.sha256):
        patients = {owner for _, owner in owners}
        joined = patients.union(*(found.get(patient, ()) for patient in patients))
        found.update(dict.fromkeys(joined, joined))
    return found


def _named(query: Any) -> Any:
    """Restrict a query to cells that the first reading of a patient's signed, current analysis names."""
    return (
        query.select_from(Cell)
        .join(Analysis, Analysis.id == Cell.analysis_id)
        .join(Patient, and_(Patient.id == Analysis.patient_id, Patient.analysis_id == Analysis.id))
        .join(Answer, and_(Answer.cell_id == Cell.id, Answer.reading_id == Analysis.id))
        .join(Field, Field.id == Cell.field_id)
        .join(
            AnalysisField, and_(AnalysisField.field_id == Field.id, AnalysisField.analysis_id == Analysis.id)
        )
        .where(
            Analysis.locked.is_(True),
            Patient.control_id.is_(None),
            Answer.type.is_not(None),
            Answer.deleted.is_(False),
            Field.sha256.is_not(None),
            Field.expired_at.is_(None),
        )
    )
