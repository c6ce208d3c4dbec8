"""What is stated about a case, as titles and texts that every format prints."""

from collections.abc import Iterator, Sequence

from marrowscope.domain.case.details import DETAILS, NOTHING_STATED, CaseDetails, Particles
from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.patient import FieldStatus, PatientReading, Signature
from marrowscope.imaging.names import safe_name

TITLES = {
    Specimen.MARROW: "Bone marrow aspirate report",
    Specimen.BLOOD: "Blood film report",
    Specimen.NOT_STATED: "Smear report",
}
NOT_STATED = "not stated"
_SPECIMENS = {
    Specimen.MARROW: "Bone marrow aspirate",
    Specimen.BLOOD: "Peripheral blood",
    Specimen.NOT_STATED: NOT_STATED,
}
_PARTICLES = {
    Particles.PRESENT: "present",
    Particles.ABSENT: "none (aspicular)",
    Particles.NOT_STATED: NOT_STATED,
}
_LABELS = {
    "specimen": "Specimen",
    "age_years": "Age",
    "sex": "Sex",
    "site": "Site",
    "particles": "Particles",
    "collected": "Collected",
    "received": "Received",
    "requester": "Requested by",
    "order_number": "Order number",
    "stain": "Stain",
    "slide_quality": "Slide quality",
    "clinical_details": "Clinical details",
    "comment": "Comment",
    "conclusion": "Conclusion",
}
_HEAD = tuple(name for name in DETAILS if name not in {"phrases", "comment", "conclusion"})
_ALWAYS = (
    "specimen",
    "age_years",
    "sex",
    "collected",
    "received",
    "requester",
    "order_number",
    "stain",
    "slide_quality",
)
_OF_MARROW = ("site", "particles")


def title_of(patient: PatientReading) -> str:
    """Return the title of a patient's report."""
    return TITLES[patient.details.specimen]


def signature_of(patient: PatientReading) -> Signature | None:
    """Return the signature under a patient's report, None while it is preliminary."""
    return None if patient.review is None else patient.review.signature


def status_text(patient: PatientReading) -> str:
    """Return whether a report is preliminary, final or amended, with its version."""
    signature = signature_of(patient)
    if signature is None:
        return "Preliminary, not signed"
    return f"{'Amended' if signature.version > 1 else 'Final'}, version {signature.version}"


def file_title(patient: PatientReading, name: str) -> str:
    """Return the name of a patient's file, such as ``P01_v2_report.pdf``: no version passes for another."""
    signature = signature_of(patient)
    version = "preliminary" if signature is None else f"v{signature.version}"
    return f"{safe_name(patient.patient)}_{version}_{name}"


def head(patient: PatientReading) -> tuple[tuple[str, str], ...]:
    """Return titles and texts for the head of a report.

    What every laboratory states is there even where it is not stated; of the rest, what is stated.
    """
    details = patient.details
    wanted = _ALWAYS + (_OF_MARROW if details.specimen is Specimen.MARROW else ())
    facts = [
        (_LABELS[name], text)
        for name in _HEAD
        if (text := detail_text(details, name)) != NOT_STATED or name in wanted
    ]
    read = sum(field.status is FieldStatus.READ for field in patient.fields)
    unit = "Images" if any(field.is_single_cell for field in patient.fields) else "Fields"
    return (*facts, (f"{unit} read", f"{read} of {len(patient.fields)}"))


def morphology_texts(details: CaseDetails) -> tuple[tuple[str, str], ...]:
    """Return the sections of morphology that are described, each with its phrases."""
    return tuple(
        (section.title, "; ".join(phrase.text for phrase in found))
        for section, found in morphology().described(details.phrases)
    )


def detail_text(details: CaseDetails, name: str) -> str:
    """Return what is stated as one detail, in words."""
    value = getattr(details, name)
    if value == getattr(NOTHING_STATED, name):
        return NOT_STATED
    if name == "specimen":
        return _SPECIMENS[value]
    if name == "particles":
        return _PARTICLES[value]
    if name == "age_years":
        return f"{value:g} {'year' if value == 1 else 'years'}"
    return " ".join(str(value).splitlines())


def changed_details(before: CaseDetails, after: CaseDetails) -> Iterator[tuple[str, str, str]]:
    """Yield the details that differ: their title, the text before and the text after."""
    for name in DETAILS:
        if name == "phrases":
            yield from _changed_morphology(before, after)
            continue
        texts = detail_text(before, name), detail_text(after, name)
        if texts[0] != texts[1]:
            yield _LABELS[name], *texts


def _changed_morphology(before: CaseDetails, after: CaseDetails) -> Iterator[tuple[str, str, str]]:
    texts = dict(morphology_texts(before)), dict(morphology_texts(after))
    for section in morphology().sections:
        was, now = (each.get(section.title, "nothing stated") for each in texts)
        if was != now:
            yield f"{section.title}, morphology", was, now


def details_document(details: CaseDetails) -> dict[str, str | float | Sequence[str] | None]:
    """Return all details for `run.json`, null where nothing is stated."""
    document: dict[str, str | float | Sequence[str] | None] = {}
    for name in DETAILS:
        value = getattr(details, name)
        is_stated = value != getattr(NOTHING_STATED, name)
        document[name] = (list(value) if isinstance(value, tuple) else value) if is_stated else None
    return document
