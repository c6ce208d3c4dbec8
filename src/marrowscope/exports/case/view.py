"""The template's view of what a report says beside the count."""

from dataclasses import dataclass

from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.differential import (
    MyeloidErythroid,
    erythroblasts_per_100,
    myeloid_to_erythroid,
)
from marrowscope.domain.patient import PatientReading, Signature
from marrowscope.domain.taxonomy import ERYTHROID, taxonomy
from marrowscope.exports.case.comparison import Comparison, compare
from marrowscope.exports.case.facts import head, morphology_texts, signature_of, status_text, title_of


@dataclass(frozen=True)
class CaseView:
    """What the page shows of a case.

    Attributes
    ----------
    title, status : of the report
    facts : titles and texts of its head
    comparison : figures beside their reference ranges
    morphology : sections with their phrases
    signature : None while the report is preliminary
    is_blood, is_stated : of the specimen
    ratio : cells of the M:E ratio, None without erythroblasts and in blood
    erythroblasts, per_100 : in blood, those found, and per 100 leukocytes
    non_erythroid : counted cells that are no erythroblasts
    """

    title: str
    status: str
    facts: tuple[tuple[str, str], ...]
    comparison: Comparison
    morphology: tuple[tuple[str, str], ...]
    signature: Signature | None
    is_blood: bool
    is_stated: bool
    ratio: MyeloidErythroid | None
    erythroblasts: int
    per_100: float | None
    non_erythroid: int


def case_view(patient: PatientReading, laboratory: Laboratory) -> CaseView:
    """Return the view of a patient's case."""
    specimen = patient.details.specimen
    differential = patient.differential
    erythroid = {kind.id for kind in taxonomy() if kind.lineage == ERYTHROID}
    counted = sum(cells for name, cells in differential.counts.items() if name in erythroid)
    return CaseView(
        title=title_of(patient),
        status=status_text(patient),
        facts=head(patient),
        comparison=compare(patient, laboratory),
        morphology=morphology_texts(patient.details),
        signature=signature_of(patient),
        is_blood=specimen is Specimen.BLOOD,
        is_stated=specimen is not Specimen.NOT_STATED,
        ratio=myeloid_to_erythroid(differential),
        erythroblasts=sum(cells for name, cells in differential.excluded.items() if name in erythroid),
        per_100=erythroblasts_per_100(differential),
        non_erythroid=differential.counted - counted,
    )
