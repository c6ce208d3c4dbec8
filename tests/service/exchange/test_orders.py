"""Orders from a folder: patient, order and specimen without typing; twice is once; what fails says why."""

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.service.drawn import Drawn
from tests.service.reports.test_signing import sign
from tests.service.review.test_answers import API, trail

from marrowscope.domain.case.details import CaseDetails, Sex
from marrowscope.domain.case.specimen import Specimen
from marrowscope.errors import InputError
from marrowscope.service.exchange import orders
from marrowscope.service.exchange.orders import read_orders
from marrowscope.service.images import patients
from marrowscope.service.jobs import orderly as orders_module
from marrowscope.service.jobs.orderly import Orderly
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.patients import Patient

OML = "\r".join(
    [
        r"MSH|^~\&|LIS|MAIN|MARROWSCOPE|HEM|20260302101500||OML^O21^OML_O21|4711|P|2.5.1|||||||UNICODE UTF-8",
        "PID|1||9^^^OTHER^PI~12345^^^MAIN^MR||Müller^Anna||19851120|F",
        "ORC|NW|A-17^LIS",
        r"OBR|1|A-17^LIS||48807-2^Bone marrow exam^LN|||20260301||||||low \T\ fever|20260302||77^Roth^Ana",
        "SPM|1|||BMA^Bone marrow aspirate^L||||^sternum|||||||||20260301|20260302",
        "ORC|CA|A-18^LIS",
        "OBR|2|A-18^LIS",
        "",
    ]
)
ORM = (
    "MSH|^~\\&|LIS||||20260302||ORM^O01|1|P|2.3\n"
    "PID|||007||X||20260101|M\nORC|NW|B-1\nOBR|1|||CBC||||||||||20260302|BLOOD\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "orders"
    found.mkdir()
    return found


@pytest.fixture
def orderly(folder: Path, database: Database) -> Orderly:
    return Orderly(folder, database, "MAIN")


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def stated(database: Database) -> dict[str, list[CaseDetails]]:
    with database.reading() as session:
        found: dict[str, list[CaseDetails]] = {}
        for patient in session.scalars(select(Patient).order_by(Patient.created_at, Patient.id)):
            found.setdefault(patient.name, []).append(patients.details_of(patient))
        return found


def test_a_message_states_the_case(folder: Path) -> None:
    (order,) = read_orders(put(folder, "a.hl7", OML), "MAIN")
    assert order.patient == "12345"
    assert order.details == CaseDetails(
        Specimen.MARROW,
        age_years=40.0,
        sex=Sex.FEMALE,
        site="sternum",
        collected="2026-03-01",
        received="2026-03-02",
        requester="Ana Roth",
        order_number="A-17",
        clinical_details="low & fever",
    )
    (other,) = read_orders(put(folder, "a.hl7", OML))
    assert other.patient == "9", "without an authority the first number counts"
    (short,) = read_orders(put(folder, "b.hl7", "\x0b" + ORM + "\x1c\r"))
    assert (short.patient, short.details.order_number) == ("007", "B-1")
    assert (short.details.specimen, short.details.age_years) == (Specimen.BLOOD, 0.2)


@pytest.mark.parametrize(("born", "years"), [("19660301", 60), ("19660302", 59), ("19660228", 60)])
def test_who_has_a_birthday_on_the_day_of_collection_is_a_year_older(
    folder: Path, born: str, years: int
) -> None:
    (order, *_) = read_orders(put(folder, "a.hl7", OML.replace("19851120", born)))
    assert order.details.age_years == years


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.hl7", "no message", "begins with MSH"),
        ("a.hl7", "MSH|^", "cut"),
        ("a.hl7", ORM.replace("ORM^O01", "ADT^A01"), "ADT is no order"),
        ("a.hl7", ORM.replace("007", ""), "names its patient"),
        ("a.hl7", ORM.replace("B-1", ""), "has a number"),
        ("a.hl7", ORM.replace("PID|", "PV1|"), "names no patient"),
        ("a.hl7", OML.replace("ORC|NW", "ORC|CA"), "no order in this file"),
        ("a.csv", "patient,order_number,specimen\nP1,A,urine\n", "line 2: specimen must be marrow or blood"),
        ("a.csv", "name,order_number\nP1,A\n", "patient"),
        ("a.csv", "patient,order_number\n" + "P1,A\n" * 10_001, "10,001 orders"),
        ("a.hl7", ORM + "X" * (64 << 20), "larger than 67,108,864 bytes"),
    ],
)
def test_what_cannot_be_taken_says_why(folder: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as told:
        read_orders(put(folder, name, text))
    assert "\n" not in str(told.value)


def test_files_are_taken_once_and_put_away(
    folder: Path, orderly: Orderly, database: Database, viewer: TestClient
) -> None:
    put(folder, "a.hl7", OML)
    put(
        folder,
        "b.csv",
        "patient;order_number;specimen;collected\nP 2;C-9;marrow;2026-03-01\nP 3;C-10;blood;\n",
    )
    put(folder, "c.csv", "patient,order_number,specimen\nP 4,D,marrow\nP 5,E,urine\n")
    put(folder, "notes.txt", "no order")
    assert orderly.take_all(settled_s=0) == 2
    assert sorted(stated(database)) == ["12345", "P 2", "P 3"], "a file is taken whole or not at all"
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["a.hl7", "b.csv"]
    assert "line 3" in (folder / "failed" / "c.csv.txt").read_text("utf-8")
    assert len(trail(database, "order.take")) == 3
    (folder / "done" / "a.hl7").replace(folder / "a.hl7")  # as if the server had died before it was moved
    assert orderly.take_all(settled_s=0) == 1
    assert len(stated(database)["12345"]) == 1
    assert len(trail(database, "order.take")) == 3
    listed = viewer.get(f"{API}/patients").json()["items"]
    assert {each["name"] for each in listed} == {"12345", "P 2", "P 3"}


def test_a_file_that_is_still_being_written_waits(folder: Path, orderly: Orderly, database: Database) -> None:
    put(folder, "a.hl7", OML)
    assert orderly.take_all(settled_s=60) == 0
    assert (folder / "a.hl7").is_file()


def test_an_order_joins_a_patient_who_has_none_and_a_second_order_is_a_second_case(
    folder: Path, orderly: Orderly, database: Database, drawn: Drawn
) -> None:
    put(folder, "a.csv", "patient,order_number,specimen\nP-017,A-1,marrow\n")
    assert orderly.take_all(settled_s=0) == 1
    (one,) = stated(database)["P-017"]
    assert (one.order_number, one.specimen) == ("A-1", Specimen.MARROW)
    put(folder, "b.csv", "patient,order_number,specimen\nP-017,A-2,blood\n")
    assert orderly.take_all(settled_s=0) == 1
    assert [each.order_number for each in stated(database)["P-017"]] == ["A-1", "A-2"]


def test_what_is_signed_stays_as_it_was_signed(
    folder: Path, orderly: Orderly, database: Database, drawn: Drawn, reviewer: TestClient
) -> None:
    assert sign(reviewer, drawn).status_code == 201
    put(folder, "a.csv", "patient,order_number,specimen\nP-017,A-1,marrow\n")
    assert orderly.take_all(settled_s=0) == 1
    (one,) = stated(database)["P-017"]
    assert one.order_number == ""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_messages_come_in_the_encodings_of_other_systems(folder: Path, encoding: str) -> None:
    path = folder / "a.hl7"
    path.write_bytes(OML.replace("low", "mäßig").encode(encoding))
    (order,) = read_orders(path, "MAIN")
    assert order.details.clinical_details == "mäßig & fever"


def test_one_hostile_file_keeps_no_other_waiting(
    folder: Path, orderly: Orderly, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "a.hl7", ORM.replace("B-1", "B\0-1"))  # PostgreSQL has no NUL
    put(folder, "a2.hl7", ORM.replace("B-1", "B\x1b-2"))
    put(folder, "b.hl7", ORM)
    (folder / "done" / "b.hl7").mkdir(parents=True)  # cannot be moved there
    put(folder, "c.csv", "patient,order_number\nbug,1\n")
    put(folder, "d.csv", "patient,order_number\n../../=P 4,1\n")

    def failing(path: Path, authority: str = "") -> Any:
        if path.name == "c.csv":
            raise ValueError("a bug")
        return read_orders(path, authority)

    monkeypatch.setattr(orders_module, "read_orders", failing)
    for _ in range(2):
        orderly.take_all(settled_s=0)
    assert sorted(stated(database)) == ["../../=P 4", "007"]
    assert [each.order_number for each in stated(database)["007"]] == ["B\ufffd-2", "B-1"]
    assert "unexpectedly (ValueError)" in (folder / "failed" / "c.csv.txt").read_text("utf-8")
    assert (folder / "b.hl7").is_file(), "what could not be moved is still there, and was taken once"


def test_two_servers_take_one_file_once(
    folder: Path, orderly: Orderly, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "a.hl7", ORM)
    other = threading.Thread(target=Orderly(folder, database, "").take_all, args=(0,))
    taken: list[str] = []

    def meanwhile(*given: Any) -> Any:
        found = orders.take(*given)
        taken.append(found.id)
        if len(taken) == 1:
            other.start()
            other.join(1)  # as far as it comes: it waits for this transaction
        return found

    monkeypatch.setattr(orders_module, "take", meanwhile)
    orderly.take_all(settled_s=0)
    other.join()
    assert len(stated(database)["007"]) == 1
