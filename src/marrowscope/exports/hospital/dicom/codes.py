"""Codes and identifiers of the DICOM objects."""

import uuid
from collections.abc import Mapping

from highdicom import UID, AlgorithmIdentificationSequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from marrowscope.domain.patient import CohortReport
from marrowscope.domain.taxonomy import CellType
from marrowscope.exports.case.codes import CELL
from marrowscope.exports.hospital.hl7 import LOCAL_NAME
from marrowscope.exports.hospital.observed import LOINC_NAME, SNOMED_NAME, Observed, Part, Unit, identify
from marrowscope.imaging.names import shown

MANUFACTURER = "marrowscope"
_LONGEST_MEANING = 64  # of VR LO (PS3.5, 6.2)
_LONGEST_LOCAL = 16  # of VR SH
_UNITS: Mapping[Unit, Code] = {
    Unit.PERCENT: codes.UCUM.Percent,
    Unit.CELLS: Code("{cells}", "UCUM", "cells"),
    Unit.RATIO: codes.UCUM.NoUnits,
    Unit.PER_MM2: Code("/mm2", "UCUM", "/mm2"),
    Unit.MM2: Code("mm2", "UCUM", "mm2"),
}
CELLS = Code(CELL, SNOMED_NAME, "Cell")


def uid_of(*parts: str) -> UID:
    """Return the UID of what these texts name (PS3.5, B.2): the same for the same texts."""
    return UID(f"2.25.{uuid.UUID(identify('dicom', *parts)).int}")


def code_of(each: Observed | Part) -> Code:
    """Return the code of a figure: LOINC's, else SNOMED CT's, else an own one."""
    meaning = each.text[:_LONGEST_MEANING]
    if isinstance(each, Observed) and each.loinc:
        return Code(each.loinc, LOINC_NAME, meaning)
    if isinstance(each, Observed) and each.snomed:
        return Code(each.snomed, SNOMED_NAME, meaning)
    return local(each.key, meaning)


def code_of_type(kind: CellType) -> Code:
    """Return the code of a cell type: SNOMED CT's, else an own one."""
    return Code(kind.snomed, SNOMED_NAME, kind.name) if kind.snomed else local(kind.id, kind.name)


def local(key: str, meaning: str) -> Code:
    """Return an own code. Longer keys end in digits of their digest, so that two never become one."""
    if len(key) > _LONGEST_LOCAL:
        key = f"{key[:11]}-{identify(key)[:4]}"
    return Code(key, LOCAL_NAME, meaning[:_LONGEST_MEANING])


def unit_of(unit: Unit) -> Code:
    """Return the code of a unit."""
    return _UNITS[unit]


def person_name(name: str) -> str:
    """Return a name as DICOM writes it (VR PN), where its parts are not known."""
    return f"{shown(name).replace('^', ' ').replace('=', ' ')[: _LONGEST_MEANING - 1]}^" if name else ""


def algorithm(report: CohortReport) -> AlgorithmIdentificationSequence:
    """Return what names the networks."""
    return AlgorithmIdentificationSequence(
        name=MANUFACTURER,
        family=codes.cid7162.ArtificialIntelligence,
        version=report.provenance.version,
        source=MANUFACTURER,
        parameters={"networks": report.provenance.bundle, "sha256": report.provenance.bundle_sha256},
    )
