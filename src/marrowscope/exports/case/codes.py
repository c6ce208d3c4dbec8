"""LOINC's codes of a report and its figures, by specimen.

LOINC names the specimen in every code. Where the specimen is not stated, there is therefore none.
"""

from dataclasses import dataclass

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.taxonomy import BLAST, UNCLASSIFIED, CellType, taxonomy


@dataclass(frozen=True)
class SpecimenCodes:
    """Codes of what a report says beside its cell types, None where no code is known."""

    report: str | None = None
    cells_counted: str | None = None
    myeloid_erythroid: str | None = None
    erythroblasts_per_100: str | None = None


OF_REPORTS = {
    Specimen.MARROW: SpecimenCodes("48807-2", "38257-2", "11138-5"),
    Specimen.BLOOD: SpecimenCodes(erythroblasts_per_100="19048-8"),
    Specimen.NOT_STATED: SpecimenCodes(),
}
CELL = "4421005"
"""SNOMED CT's code of a cell of any type."""
# Types of marrow with a code that does not say "by manual count" and so also applies to unsigned counts.
_ANY_METHOD = {BLAST: "11150-0", "eosinophil": "11152-6", UNCLASSIFIED: "43415-9"}


def loinc_of(cell_type: CellType, specimen: Specimen, *, is_signed: bool) -> str | None:
    """Return the code of a type's share; codes "by manual count" are for counts that somebody signed."""
    if specimen is Specimen.MARROW:
        return _ANY_METHOD.get(cell_type.id) or (cell_type.loinc if is_signed else None)
    if specimen is Specimen.BLOOD:
        return (cell_type.loinc_blood_manual if is_signed else None) or cell_type.loinc_blood
    return None


def all_loinc() -> set[str]:
    """Return every LOINC code that a report can hold."""
    of_reports = {code for codes in OF_REPORTS.values() for code in vars(codes).values()}
    of_types = {
        code for kind in taxonomy() for code in (kind.loinc, kind.loinc_blood, kind.loinc_blood_manual)
    }
    return {code for code in of_reports | of_types | {*_ANY_METHOD.values()} if code}
