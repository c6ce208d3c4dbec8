"""Parts of FHIR resources (R4) about the case: specimen, order, reference ranges, morphology.

Specimens and sites are words: no code of theirs is known here for certain.
"""

from collections.abc import Iterator
from typing import Any

from marrowscope.domain.case.details import CaseDetails, Particles
from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.case.ranges import Flag
from marrowscope.domain.case.specimen import Specimen
from marrowscope.exports.case.comparison import Compared
from marrowscope.imaging.names import shown

Resource = dict[str, Any]

MORPHOLOGY = "urn:marrowscope:morphology"
"""System of the codes of `domain.case.morphology`."""
UNITS = "http://unitsofmeasure.org"
PERCENT = {"unit": "%", "system": UNITS, "code": "%"}
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_FLAGS = {Flag.LOW: ("L", "Low"), Flag.HIGH: ("H", "High")}
SPECIMENS = {Specimen.MARROW: "Bone marrow aspirate", Specimen.BLOOD: "Blood"}
"""Words for the specimens that are stated."""


def specimen_content(details: CaseDetails) -> Resource | None:
    """Return a Specimen without identifier and subject, None where the specimen is not stated."""
    if details.specimen is Specimen.NOT_STATED:
        return None
    taken: Resource = {"collectedDateTime": details.collected} if details.collected else {}
    if details.site:
        taken["bodySite"] = {"text": shown(details.site)}
    particles = "" if details.particles is Particles.NOT_STATED else details.particles.value
    said = (("Stain", details.stain), ("Particles", particles), ("Slide quality", details.slide_quality))
    notes = [{"text": f"{title}: {shown(text)}"} for title, text in said if text]
    return {
        "resourceType": "Specimen",
        "type": {"text": SPECIMENS[details.specimen]},
        **({"receivedTime": details.received} if details.received else {}),
        **({"collection": taken} if taken else {}),
        **({"note": notes} if notes else {}),
    }


def order_of(details: CaseDetails, system: str) -> Resource:
    """Return the order that a report answers, by its number alone: the order itself is somebody else's.

    Parameters
    ----------
    system : of the laboratory's order numbers
    """
    if not details.order_number and not details.requester:
        return {}
    order: Resource = {"type": "ServiceRequest"}
    if details.order_number:
        order["identifier"] = {"system": system, "value": shown(details.order_number)}
    if details.requester:
        order["display"] = f"requested by {shown(details.requester)}"
    return {"basedOn": [order]}


def reference_of(compared: Compared | None) -> Resource:
    """Return the reference range of a value, and whether it lies outside."""
    if compared is None:
        return {}
    unit = PERCENT if compared.range.types else {}
    bounds = {end: {"value": getattr(compared.range, end), **unit} for end in ("low", "high")}
    found: Resource = {"referenceRange": [{**bounds, "text": compared.range.source}]}
    if compared.flag in _FLAGS:
        code, display = _FLAGS[compared.flag]
        coding = {"system": _INTERPRETATION, "code": code, "display": display}
        found["interpretation"] = [{"coding": [coding]}]
    return found


def morphology_contents(details: CaseDetails) -> Iterator[Resource]:
    """Yield what an Observation of each described section says."""
    for section, phrases in morphology().described(details.phrases):
        codings = [{"system": MORPHOLOGY, "code": each.id, "display": each.text} for each in phrases]
        yield {
            "code": {"text": f"{section.title}, morphology"},
            "valueCodeableConcept": {
                "coding": codings,
                "text": "; ".join(each.text for each in phrases),
            },
        }
