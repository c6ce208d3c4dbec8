"""Orders of the hospital's system: patients with their order and specimen, so that nobody types them.

Read from files: tables with the columns of a manifest but `path`, and HL7 v2 messages ORM^O01 and OML^O21.
What a message does not say, or says in words that are not known, is left unstated.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.details import CaseDetails, check, joined, read_details
from marrowscope.domain.case.specimen import Specimen, specimen_named
from marrowscope.errors import InputError
from marrowscope.imaging.files.spreadsheets import read_table, read_text
from marrowscope.imaging.names import composed, shown, shown_lines
from marrowscope.service.actors import SYSTEM
from marrowscope.service.errors import LockedError
from marrowscope.service.images import patients
from marrowscope.service.review import details
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.trail import audit

SUFFIXES = (".csv", ".hl7")
_KINDS = frozenset({"ORM", "OML"})
_CANCELLED = frozenset({"CA", "OC", "DC", "OD"})  # ORC-1, table 0119
_SEXES = {"F": "female", "M": "male"}
_ESCAPED = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}
_DAYS_A_YEAR = 365.25
_YOUNG = 2  # years, under which tenths matter
_LONGEST_NAME = 200
_MOST_ORDERS = 10_000  # of a file


@dataclass(frozen=True)
class Order:
    """Whose smears are asked for, and what is stated of the case."""

    patient: str
    details: CaseDetails


def read_orders(path: Path, authority: str = "") -> tuple[Order, ...]:
    """Read the orders in a file.

    Parameters
    ----------
    path : a ``.csv`` table or ``.hl7`` messages
    authority : whose patient numbers count where a message has several; the first one otherwise

    Raises
    ------
    InputError
        It cannot be read or is too large, or an order in it names no patient or states what cannot be.
    """
    found = _in_table(path) if path.suffix.lower() == ".csv" else _in_messages(path, authority)
    if not found:
        raise InputError("there is no order in this file")
    if len(found) > _MOST_ORDERS:
        raise InputError(f"this file has {len(found):,} orders, more than the limit of {_MOST_ORDERS:,}")
    return tuple(found)


def take(session: Session, order: Order) -> Patient:
    """Enter an order: its patient, or what is stated of the case where the patient is there without an order.

    An order that is there already changes nothing, so that a file may come twice. What people stated holds.
    """
    known = session.scalars(
        select(Patient)
        .where(Patient.name == composed(order.patient), Patient.control_id.is_(None))
        .order_by(Patient.created_at)
    ).all()
    for patient in known:
        stated = patients.details_of(patient)
        if stated.order_number == order.details.order_number:
            return patient
    open_ones = [each for each in known if not patients.details_of(each).order_number]
    patient = open_ones[-1] if open_ones else patients.add(session, SYSTEM, order.patient)
    both, _ = joined(patients.details_of(patient), order.details)
    try:
        details.state(session, SYSTEM, patient.id, both, patient.details_revision)
    except LockedError:  # signed without the order: it stays as it was signed
        return patient
    audit.record(
        session, SYSTEM, "order.take", "patient", patient.id, patient_id=patient.id,
        after={"specimen": both.specimen.value},
    )  # fmt: skip
    return patient


def _in_table(path: Path) -> list[Order]:
    table = read_table(path)
    table.require(["patient"])
    orders = []
    for row in table.rows:
        try:
            stated = read_details({name: shown_lines(text) for name, text in row.values.items()})
            orders.append(_order(row.values["patient"], stated))
        except ValueError as error:
            raise InputError(f"line {row.line}: {error}") from error
    return orders


def _in_messages(path: Path, authority: str) -> list[Order]:
    lines = [line.strip("\x0b\x1c") for line in re.split(r"[\r\n]+", read_text(path))]
    segments = [line for line in lines if line.strip()]
    if not segments or not segments[0].startswith("MSH"):
        raise InputError("an HL7 v2 message begins with MSH")
    starts = [number for number, line in enumerate(segments) if line.startswith("MSH")]
    orders: list[Order] = []
    for start, end in zip(starts, [*starts[1:], len(segments)], strict=True):
        orders += _Message(segments[start:end]).orders(authority)
    return orders


class _Message:
    """One message: its segments, and the signs that separate their parts."""

    def __init__(self, lines: Sequence[str]) -> None:
        head = lines[0]
        if len(head) < 9:
            raise InputError("the MSH segment of an HL7 v2 message is cut")
        self._field, self._part, self._again, self._escape, self._below = tuple(head[3:8])
        # MSH-1 is the sign itself, so that the other fields of MSH stand one place further.
        split = [line.split(self._field) for line in lines]
        self._segments = [[parts[0], "", *parts[1:]] if parts[0] == "MSH" else parts for parts in split]

    def orders(self, authority: str) -> Iterator[Order]:
        """Yield the orders: each OBR, with the ORC before it and the SPM after it."""
        header = self._segments[0]
        if self._text(header, 9, 1) not in _KINDS:
            raise InputError(f"a message {self._text(header, 9, 1) or 'of no kind'} is no order (ORM, OML)")
        person = next((each for each in self._segments if each[0] == "PID"), None)
        if person is None:
            raise InputError("a message names no patient (PID)")
        common: list[str] = []
        groups: list[dict[str, list[str]]] = []
        for each in self._segments:
            if each[0] == "ORC":
                common = each
            elif each[0] == "OBR":
                groups.append({"ORC": common, "OBR": each})
            elif each[0] == "SPM" and groups:
                groups[-1].setdefault("SPM", each)
        for group in groups:
            if self._text(group["ORC"], 1, 1) not in _CANCELLED:
                yield self._order(header, person, group, authority)

    def _order(
        self, header: list[str], person: list[str], group: Mapping[str, list[str]], authority: str
    ) -> Order:
        common, asked, specimen = group["ORC"], group["OBR"], group.get("SPM", [])
        collected = _day(self._text(asked, 7, 1) or self._text(specimen, 17, 1))
        words = {
            "specimen": self._specimen(asked, specimen).value,
            "sex": _SEXES.get(self._text(person, 8, 1), ""),
            "age_years": _age(_day(self._text(person, 7, 1)), collected or _day(self._text(header, 7, 1))),
            "site": self._text(specimen, 8, 2),
            "collected": collected,
            "received": _day(self._text(asked, 14, 1) or self._text(specimen, 18, 1)),
            "requester": self._name(asked, 16) or self._name(common, 12),
            "order_number": self._text(asked, 2, 1) or self._text(common, 2, 1),
            "clinical_details": self._text(asked, 13, 1),
        }
        try:
            return _order(self._patient(person, authority), read_details(words))
        except ValueError as error:
            raise InputError(str(error)) from error

    def _patient(self, person: list[str], authority: str) -> str:
        numbers = (person[3] if len(person) > 3 else "").split(self._again)
        of_authority = [each for each in numbers if authority and self._plain(each, 4, 1) == authority]
        return self._plain((of_authority or numbers)[0], 1, 1)

    def _specimen(self, asked: list[str], specimen: list[str]) -> Specimen:
        """Return the specimen by the words for it that are known; codes of local tables are not."""
        given = [
            self._text(segment, at, part) for segment, at in ((specimen, 4), (asked, 15)) for part in (1, 2)
        ]
        found = (specimen_named(text) for text in given if text)
        return next((each for each in found if each is not None), Specimen.NOT_STATED)

    def _name(self, segment: list[str], at: int) -> str:
        """Return a person's name, the given one first."""
        parts = [self._text(segment, at, part) for part in (3, 2)]
        return " ".join(part for part in parts if part)

    def _text(self, segment: list[str], at: int, part: int) -> str:
        whole = segment[at] if len(segment) > at else ""
        return self._plain(whole.split(self._again)[0], part, 1)

    def _plain(self, field: str, part: int, below: int) -> str:
        """Return a component's part of a field, without escapes."""
        parts = field.split(self._part)
        inner = (parts[part - 1] if len(parts) >= part else "").split(self._below)
        text = inner[below - 1] if len(inner) >= below else ""
        mark = re.escape(self._escape)
        plain = re.sub(f"{mark}([FSTRE]){mark}", lambda found: _ESCAPED[found[1]], text)
        return shown(" ".join(plain.split()))


def _order(patient: str, stated: CaseDetails) -> Order:
    name = shown(patient.strip())
    if not name or len(name) > _LONGEST_NAME:
        raise ValueError("an order names its patient, in at most 200 signs")
    if not stated.order_number:
        raise ValueError("an order has a number (order_number, OBR-2)")
    check(stated)
    return Order(name, stated)


def _day(text: str) -> str:
    """Return the date of an HL7 v2 timestamp, empty where it has no day."""
    digits = text[:8]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdigit() else ""


def _age(born: str, at: str) -> str:
    """Return the age in years on a day, empty where it cannot be told."""
    try:
        first, then = date.fromisoformat(born), date.fromisoformat(at)
    except ValueError:
        return ""
    years = then.year - first.year - ((then.month, then.day) < (first.month, first.day))
    if years < 0:
        return ""
    return str(years) if years >= _YOUNG else str(round((then - first).days / _DAYS_A_YEAR, 1))
