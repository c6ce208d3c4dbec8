"""Megakaryocytes of wide fields: answers stay with the image, whatever is analysed again."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import openpyxl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import func, select, update
from tests.service.again import ask_again, read_all
from tests.service.drawn import Drawn, draw
from tests.service.reports.test_details import state
from tests.service.reports.test_signing import export, sign
from tests.service.review.test_answers import differential, refused, trail
from tests.service.review.test_megakaryocytes import candidates, open_points, pixels, say
from tests.service.uploaded import API, new_patient, send

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.domain.patient import FieldReading
from marrowscope.service.clock import now
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.retention import sweep
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import AnalysisField
from marrowscope.service.store.tables.patients import Field, Megakaryocyte, Patient, Slide

pytestmark = pytest.mark.drawn(cells=12, fields=2, seed=5)

FIRST, SECOND = "field 1.png", "field 2.png"
LEFT, RIGHT, BELOW = (100, 100, 400, 420), (900, 200, 1150, 500), (500, 700, 800, 1000)
Box = tuple[int, int, int, int]


def candidate(box: Box, score: float = 0.9) -> MegakaryocyteCandidate:
    return MegakaryocyteCandidate(box, area_um2=2000.0, nucleus_um2=700.0, score=score)


def beside(box: Box, shift: int) -> Box:
    x0, y0, x1, y1 = box
    return x0 + shift, y0 + shift, x1 + shift, y1 + shift


def readings(drawn: Drawn, **boxes: Sequence[Box]) -> dict[str, FieldReading]:
    """The drawn readings with candidates in the first and the second field, the likeliest first."""
    found = {FIRST: boxes.get("first", (LEFT, RIGHT)), SECOND: boxes.get("second", (BELOW,))}
    return {
        reading.name: replace(
            reading,
            megakaryocytes=MegakaryocyteSearch(
                1.0, tuple(candidate(box, 0.9 - 0.1 * n) for n, box in enumerate(found[reading.name]))
            ),
        )
        for reading in drawn.readings
    }


def analysed(client: TestClient, app: FastAPI, drawn: Drawn, **boxes: Sequence[Box]) -> Drawn:
    """The patient as analysed anew, every field with these candidates."""
    analysis = ask_again(client, drawn)
    read_all(app, readings(drawn, **boxes))
    return replace(drawn, analysis=analysis)


@pytest.fixture
def found(reviewer: TestClient, app: FastAPI, drawn: Drawn) -> Drawn:
    return analysed(reviewer, app, drawn)


def boxes(client: TestClient, patient: str) -> list[tuple[str, Box, bool | None]]:
    """Field, box and answer of each candidate."""
    return [
        (one["field"], (one["x0"], one["y0"], one["x1"], one["y1"]), one["confirmed"])
        for one in candidates(client, patient)["items"]
    ]


def answered(client: TestClient, patient: str, answers: dict[Box, bool | None]) -> None:
    for one in candidates(client, patient)["items"]:
        box = one["x0"], one["y0"], one["x1"], one["y1"]
        if box in answers:
            assert say(client, one, answers[box]).status_code == 200


def test_candidates_of_fields_are_listed_with_pictures(
    reviewer: TestClient, viewer: TestClient, found: Drawn
) -> None:
    assert boxes(viewer, found.patient) == [(FIRST, LEFT, None), (FIRST, RIGHT, None), (SECOND, BELOW, None)]
    shown = candidates(viewer, found.patient)
    assert (shown["examined_mm2"], shown["unanswered"], shown["per_mm2"]) == (2.0, 3, None)
    for one in shown["items"]:
        assert (one["slide_id"], one["slide"], one["field_id"] in found.fields) == (None, None, True)
        answer = viewer.get(one["picture"])
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (160, 160)
        known = {"If-None-Match": answer.headers["etag"]}
        assert viewer.get(one["picture"], headers=known).status_code == 304
    refused(say(viewer, shown["items"][0], True), 403, "forbidden")


def test_they_are_counted_together_with_those_of_slides(
    reviewer: TestClient, database: Database, found: Drawn
) -> None:
    with database.writing() as session:
        slide = Slide(
            patient_id=found.patient, name="smear.svs", sha256="ab" * 32, width=9000, height=8000, mpp=0.25,
            countable_mm2=3.5, tile_mm2=0.07, tiles=50, examined_mm2=2.0,
        )  # fmt: skip
        session.add(slide)
        session.flush()
        session.add(Megakaryocyte.of(candidate(LEFT), 0, slide_id=slide.id))
        session.get_one(Field, found.fields[1]).slide_id = slide.id
    shown = candidates(reviewer, found.patient)
    assert [(one["field"], one["slide"]) for one in shown["items"]] == [
        (FIRST, None), (FIRST, None), (SECOND, None), (None, "smear.svs"),
    ]  # fmt: skip
    assert say(reviewer, shown["items"][0], True).status_code == 200
    told = say(reviewer, shown["items"][3], True).json()
    assert (told["examined_mm2"], told["confirmed"], told["per_mm2"]) == (4.0, 2, 0.5)
    page = export(reviewer, found, "report.html").decode()
    assert "2 confirmed by a reader on 4.00 mm² examined; 2 candidates unanswered" in page


def test_the_signed_report_and_every_export_have_the_confirmed_ones(
    reviewer: TestClient, database: Database, found: Drawn
) -> None:
    before, cells = differential(reviewer, found), export(reviewer, found, "cells.csv")
    stale = reviewer.get(f"{API}/analyses/{found.analysis}").json()["revision"]
    answered(reviewer, found.patient, {LEFT: True, RIGHT: False})
    refused(sign(reviewer, found, revision=stale), 409, "conflict")
    assert {**differential(reviewer, found), "revision": 0} == {**before, "revision": 0}
    assert export(reviewer, found, "cells.csv") == cells
    (advice,) = [point for point in open_points(reviewer, found) if point["is_advice"]]
    assert (advice["id"], advice["count"]) == ("megakaryocytes", 1)
    needed = {point["id"]: "seen" for point in open_points(reviewer, found) if not point["is_advice"]}
    assert sign(reviewer, found, waived=needed).status_code == 201
    page = export(reviewer, found, "report.html").decode()
    assert "1 confirmed by a reader on 2.00 mm² examined; 1 candidate unanswered" in page
    assert page.count(f'title="{FIRST}') >= 2
    entries = json.loads(export(reviewer, found, "fhir.json"))["entry"]
    (told,) = [each["resource"] for each in entries if "confirmed by a reader per mm²" in str(each)]
    assert (told["status"], told["valueQuantity"]["value"]) == ("final", 0.5)
    (line,) = [
        each for each in export(reviewer, found, "report.hl7").split(b"\r") if b"megakaryocytes-mm2" in each
    ]
    assert b"|0.5|" in line
    book = openpyxl.load_workbook(io.BytesIO(export(reviewer, found, "patients.xlsx")), read_only=True)
    rows = [row for sheet in book for row in sheet.iter_rows(values_only=True)]
    (titles,) = [n for n, row in enumerate(rows) if "Megakaryocytes, not in the differential" in row]
    assert rows[titles + 1][1:3] == (1, 0.5)
    with zipfile.ZipFile(io.BytesIO(export(reviewer, found, "dicom.zip"))) as objects:
        assert any(b"Megakaryocytes confirmed" in objects.read(name) for name in objects.namelist())
    (first, *_) = candidates(reviewer, found.patient)["items"]
    refused(say(reviewer, first, None), 409, "locked")
    assert [(entry["before"], entry["after"]) for entry in trail(database, "megakaryocyte.answer")] == [
        ({"confirmed": None}, {"confirmed": True, "field": found.fields[0]}),
        ({"confirmed": None}, {"confirmed": False, "field": found.fields[0]}),
    ]
    shown = reviewer.get(f"{API}/patients/{found.patient}/audit?action=megakaryocyte.").json()["items"]
    assert [entry["files"] for entry in shown] == [[FIRST], [FIRST]]


def test_answers_survive_a_new_analysis(
    reviewer: TestClient, app: FastAPI, database: Database, found: Drawn
) -> None:
    answered(reviewer, found.patient, {LEFT: True, BELOW: False})
    before = candidates(reviewer, found.patient)
    again = analysed(reviewer, app, found)
    assert candidates(reviewer, found.patient) == before
    # What is taken over, and not read, has them, too.
    taken = ask_again(reviewer, found, read_again=False)
    read_all(app, {})
    assert taken != again.analysis
    assert candidates(reviewer, found.patient) == before
    assert trail(database, "megakaryocyte.carry") == []
    page = export(reviewer, replace(found, analysis=taken), "report.html").decode()
    assert "1 confirmed by a reader on 2.00 mm² examined; 1 candidate unanswered" in page


def test_another_scale_moves_no_answer_to_another_cell(
    reviewer: TestClient, app: FastAPI, database: Database, found: Drawn
) -> None:
    answered(reviewer, found.patient, {LEFT: True, RIGHT: True, BELOW: False})
    old = {one["x0"]: one for one in candidates(reviewer, found.patient)["items"]}
    near, far = beside(LEFT, 12), beside(RIGHT, 120)
    analysed(reviewer, app, found, first=(far, near))
    assert boxes(reviewer, found.patient) == [
        (FIRST, far, None), (FIRST, near, True), (SECOND, BELOW, False),
    ]  # fmt: skip
    (carried,) = [one for one in candidates(reviewer, found.patient)["items"] if one["x0"] == near[0]]
    assert (carried["answered_by"], carried["answered_at"]) == ("Rita", old[LEFT[0]]["answered_at"])
    where = {"field": found.fields[0], "confirmed": True}
    assert [
        (entry["subject_id"], entry["before"], entry["after"])
        for entry in trail(database, "megakaryocyte.carry")
    ] == [
        (carried["id"], {**where, "megakaryocyte": old[LEFT[0]]["id"]}, {"confirmed": True}),
        (old[RIGHT[0]]["id"], {**where, "megakaryocyte": old[RIGHT[0]]["id"]}, None),
    ]
    assert reviewer.get(carried["picture"]).status_code == 200
    refused(say(reviewer, old[RIGHT[0]], False), 409, "conflict")
    # The last word on a cell holds for it, and what was left behind comes back with its cell, however found.
    answered(reviewer, found.patient, {near: None})
    again = beside(RIGHT, -9)
    analysed(reviewer, app, found, first=(again,))
    assert boxes(reviewer, found.patient)[0] == (FIRST, again, True)
    answered(reviewer, found.patient, {again: False})
    analysed(reviewer, app, found)
    assert boxes(reviewer, found.patient) == [
        (FIRST, LEFT, None), (FIRST, RIGHT, False), (SECOND, BELOW, False),
    ]  # fmt: skip


def test_a_field_that_fails_once_keeps_its_answers(
    reviewer: TestClient, app: FastAPI, database: Database, found: Drawn
) -> None:
    answered(reviewer, found.patient, {LEFT: True, BELOW: True})
    analysis = ask_again(reviewer, found)
    read_all(app, {FIRST: readings(found)[FIRST]})
    assert boxes(reviewer, found.patient) == [(FIRST, LEFT, True), (FIRST, RIGHT, None)]
    assert reviewer.post(f"{API}/analyses/{analysis}/retry").status_code == 200
    near = beside(BELOW, 9)
    read_all(app, readings(found, second=(near,)))
    assert boxes(reviewer, found.patient)[2] == (SECOND, near, True)
    assert len(trail(database, "megakaryocyte.carry")) == 1


def test_copies_are_counted_once(
    reviewer: TestClient, app: FastAPI, database: Database, blobs: Blobs, found: Drawn
) -> None:
    with database.reading() as session:
        digest = session.get_one(Field, found.fields[0]).sha256 or ""
    send(reviewer, found.patient, ("copy.png", blobs.path(digest).read_bytes()))
    before = candidates(reviewer, found.patient)
    analysed(reviewer, app, found)
    assert candidates(reviewer, found.patient) == before


def test_one_image_of_two_patients_has_answers_of_each(
    reviewer: TestClient, app: FastAPI, database: Database, blobs: Blobs, found: Drawn
) -> None:
    twin = draw(database, blobs, name="P-018", cells=12, fields=2, seed=5)
    twin = analysed(reviewer, app, twin, first=(RIGHT, LEFT))
    answered(reviewer, found.patient, {LEFT: True})
    assert boxes(reviewer, twin.patient)[1] == (FIRST, LEFT, None)
    own, same = (candidates(reviewer, each.patient)["items"] for each in (found, twin))
    pictures = [[pixels(reviewer.get(one["picture"]).content) for one in each[:2]] for each in (own, same)]
    assert np.abs(np.subtract(pictures[0], pictures[1][::-1])).mean() < 3  # of two sheets
    assert np.abs(np.subtract(pictures[0], pictures[1])).mean() > 30


def test_readings_from_before_they_could_be_answered_have_none_until_a_new_analysis(
    reviewer: TestClient, app: FastAPI, database: Database, found: Drawn
) -> None:
    """As the migration leaves them: a count that people have looked at does not change."""
    with database.writing() as session:
        session.execute(update(AnalysisField).values(examined_mm2=None, megakaryocytes=[]))
    assert state(reviewer, found, specimen="marrow").status_code == 200
    assert candidates(reviewer, found.patient)["examined_mm2"] is None
    assert not [point for point in open_points(reviewer, found) if point["is_advice"]]
    assert "<h3>Megakaryocytes" not in export(reviewer, found, "report.html").decode()
    ask_again(reviewer, found, read_again=False)
    read_all(app, {})  # nothing is read: a field that was would fail
    assert len(boxes(reviewer, found.patient)) == 3


def test_of_a_live_count_they_come_with_its_fields(
    reviewer: TestClient, app: FastAPI, database: Database, blobs: Blobs, drawn: Drawn
) -> None:
    with database.reading() as session:
        digests = [session.get_one(Field, each).sha256 or "" for each in drawn.fields]
    patient = new_patient(reviewer, "live")
    answer = reviewer.post(f"{API}/patients/{patient}/live", json={})
    assert answer.status_code == 201, answer.text
    for name, digest in zip((FIRST, SECOND), digests, strict=True):
        send(reviewer, patient, (name, blobs.path(digest).read_bytes()))
        read_all(app, readings(drawn))
        answered(reviewer, patient, {LEFT: True})
    assert boxes(reviewer, patient) == [(FIRST, LEFT, True), (FIRST, RIGHT, None), (SECOND, BELOW, None)]


def test_in_blood_none_are_looked_for(reviewer: TestClient, found: Drawn) -> None:
    (first, *_) = candidates(reviewer, found.patient)["items"]
    assert state(reviewer, found, specimen="blood").status_code == 200
    shown = candidates(reviewer, found.patient)
    assert (shown["examined_mm2"], shown["items"]) == (None, [])
    refused(say(reviewer, first, True), 409, "conflict")
    assert "<h3>Megakaryocytes" not in export(reviewer, found, "report.html").decode()


def test_who_reads_blind_sees_none(reviewer: TestClient, admin: TestClient, found: Drawn) -> None:
    (first, *_) = candidates(reviewer, found.patient)["items"]
    assert admin.post(f"{API}/analyses/{found.analysis}/readings", json={}).status_code == 201
    refused(admin.get(f"{API}/patients/{found.patient}/megakaryocytes"), 403, "forbidden")
    refused(say(admin, first, True), 403, "forbidden")
    refused(admin.get(f"{API}/megakaryocytes/{first['id']}/picture.jpg"), 403, "forbidden")


def test_pictures_go_when_the_retention_time_is_over_and_answers_stay(
    reviewer: TestClient, database: Database, blobs: Blobs, found: Drawn
) -> None:
    answered(reviewer, found.patient, {LEFT: True})
    (first, *_) = candidates(reviewer, found.patient)["items"]
    assert reviewer.get(first["picture"]).status_code == 200
    with database.writing() as session:
        session.execute(update(Patient).values(changed_at=now() - timedelta(days=31)))
    assert sweep(database, blobs, days=30) == 1
    refused(reviewer.get(first["picture"]), 404, "not-found")
    assert candidates(reviewer, found.patient)["confirmed"] == 1
    assert "1 confirmed by a reader on 2.00 mm²" in export(reviewer, found, "report.html").decode()


def test_they_go_with_their_patient(
    admin: TestClient, database: Database, blobs: Blobs, found: Drawn
) -> None:
    assert admin.get(candidates(admin, found.patient)["items"][0]["picture"]).status_code == 200
    body = {"reason": "asked for by the patient"}
    assert admin.request("DELETE", f"{API}/patients/{found.patient}", json=body).status_code == 204
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Megakaryocyte)) == 0
    assert [path for path in blobs.path("00").parent.parent.rglob("*") if path.is_file()] == []
