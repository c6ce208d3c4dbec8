"""What a laboratory states about a case. Nothing of it is needed to count cells."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import TypeVar

from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.case.specimen import Specimen, specimen_named

_Choice = TypeVar("_Choice", bound=StrEnum)
_OLDEST = 130.0  # years; a greater age is a slip of the pen


class Particles(StrEnum):
    """Whether the aspirate holds marrow particles; without any it is aspicular."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_STATED = "not stated"


class Sex(StrEnum):
    """Sex for which reference ranges are given."""

    FEMALE = "female"
    MALE = "male"
    NOT_STATED = "not stated"


@dataclass(frozen=True)
class CaseDetails:
    """Statements about one case, as a laboratory's report has them (ICSH 2008; RCPA). Empty: not stated.

    Attributes
    ----------
    specimen : marrow, blood, or not stated
    age_years, sex : of the patient, for the reference ranges
    site : where the marrow was aspirated
    particles : whether the aspirate holds particles
    collected, received : dates, ISO 8601 (``2026-03-14``)
    requester : who asked for the examination
    order_number : of the laboratory system
    stain : such as May-Grünwald-Giemsa
    slide_quality : as the reader judges it
    clinical_details : why the examination was asked for
    phrases : identifiers of `morphology`
    comment : on the morphology, in the reader's words
    conclusion : of the signer
    """

    specimen: Specimen = Specimen.NOT_STATED
    age_years: float | None = None
    sex: Sex = Sex.NOT_STATED
    site: str = ""
    particles: Particles = Particles.NOT_STATED
    collected: str = ""
    received: str = ""
    requester: str = ""
    order_number: str = ""
    stain: str = ""
    slide_quality: str = ""
    clinical_details: str = ""
    phrases: tuple[str, ...] = ()
    comment: str = ""
    conclusion: str = ""


NOTHING_STATED = CaseDetails()
DETAILS = tuple(field.name for field in fields(CaseDetails))
"""Names of all details: the columns of a manifest that state them."""


def check(details: CaseDetails) -> None:
    """Refuse details that cannot be so.

    Raises
    ------
    ValueError
        An age, a date or a phrase is not valid.
    """
    if details.age_years is not None and not 0 <= details.age_years <= _OLDEST:
        raise ValueError(f"age_years must be 0 to {_OLDEST:.0f}")
    collected, received = (_date(details, name) for name in ("collected", "received"))
    if collected and received and received < collected:
        raise ValueError("received must not be before collected")
    unknown = [phrase for phrase in details.phrases if phrase not in morphology()]
    if unknown:
        raise ValueError(f"no such phrase of morphology: {', '.join(unknown)}")


def read_details(words: Mapping[str, str]) -> CaseDetails:
    """Return the details in the columns of a table; other columns are passed over.

    Parameters
    ----------
    words : column → text; empty text states nothing, phrases are separated by semicolons

    Raises
    ------
    ValueError
        One of them cannot be understood; the message names the column.
    """
    given = {name: words[name].strip() for name in DETAILS if words.get(name, "").strip()}
    specimen = specimen_named(given.pop("specimen", ""))
    if specimen is None:
        raise ValueError(f"specimen must be marrow or blood, not {words['specimen'].strip()!r}")
    details = CaseDetails(
        specimen=specimen,
        age_years=_age(given.pop("age_years", "")),
        sex=_choice(Sex, "sex", given),
        particles=_choice(Particles, "particles", given),
        phrases=tuple(part.strip() for part in given.pop("phrases", "").split(";") if part.strip()),
        **given,
    )
    check(details)
    return details


def joined(first: CaseDetails, second: CaseDetails) -> tuple[CaseDetails, tuple[str, ...]]:
    """Return what two sources state together, and the names of details on which they contradict each other.

    Where both state something, the first holds.
    """
    new, contradicted = {}, []
    for name in DETAILS:
        ours, theirs = getattr(first, name), getattr(second, name)
        nothing = getattr(NOTHING_STATED, name)
        if ours == nothing:
            new[name] = theirs
        elif theirs not in (nothing, ours):
            contradicted.append(name)
    return replace(first, **new), tuple(contradicted)


def _date(details: CaseDetails, name: str) -> date | None:
    text: str = getattr(details, name)
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise ValueError(f"{name} must be a date such as 2026-03-14, not {text!r}")
    return found


def _age(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise ValueError(f"age_years must be a number of years, not {text!r}") from None


def _choice(kind: type[_Choice], name: str, given: dict[str, str]) -> _Choice:
    text = given.pop(name, "not stated").casefold()
    try:
        return kind(text)
    except ValueError:
        known = " or ".join(member.value for member in kind if member.value != "not stated")
        raise ValueError(f"{name} must be {known}, not {text!r}") from None
