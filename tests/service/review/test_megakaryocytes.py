"""Megakaryocytes of a slide are confirmed one by one; they are counted beside the differential."""

import io
import json
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from scipy.stats import poisson
from sqlalchemy import select
from tests.service.drawn import Drawn
from tests.service.reports.test_details import state
from tests.service.reports.test_signing import export, sign
from tests.service.review.test_answers import differential, refused, trail
from tests.service.uploaded import API, listed, new_patient, send
from tests.slides import write_svs

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.patients import Field, Megakaryocyte, Slide
from marrowscope.synth.slide import Area, SyntheticSlide, draw_slide

MPP = 0.25


@pytest.fixture(scope="module")
def slide() -> SyntheticSlide:
    areas = np.full((36, 54), Area.MONOLAYER, np.uint8)
    areas[:2] = areas[-2:] = areas[:, -2:] = Area.GLASS
    return draw_slide(7, mpp=MPP, areas=areas, megakaryocytes=3)


@pytest.fixture(scope="module")
def content(slide: SyntheticSlide, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_svs(tmp_path_factory.mktemp("slide") / "smear.svs", slide.pixels, MPP).read_bytes()


@pytest.fixture
def patient(reviewer: TestClient, content: bytes) -> str:
    patient = new_patient(reviewer)
    send(reviewer, patient, ("smear.svs", content))
    return patient


def candidates(client: TestClient, patient: str) -> dict[str, Any]:
    answer = client.get(f"{API}/patients/{patient}/megakaryocytes")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def open_points(client: TestClient, drawn: Drawn) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = client.get(f"{API}/analyses/{drawn.analysis}/checklist").json()["items"]
    return points


def say(client: TestClient, candidate: dict[str, Any], confirmed: bool | None) -> Any:
    return client.put(f"{API}/megakaryocytes/{candidate['id']}/answer", json={"confirmed": confirmed})


def test_candidates_of_a_slide_are_listed_with_pictures(
    reviewer: TestClient, viewer: TestClient, patient: str, slide: SyntheticSlide
) -> None:
    shown = candidates(viewer, patient)
    assert (shown["confirmed"], shown["rejected"], shown["unanswered"]) == (0, 0, len(shown["items"]))
    assert shown["per_mm2"] is None
    assert 0.4 < shown["examined_mm2"] < 0.56
    assert len(shown["items"]) >= 2
    for one in shown["items"]:
        middle = (one["x0"] + one["x1"]) / 2, (one["y0"] + one["y1"]) / 2
        boxes = slide.megakaryocytes
        assert ((boxes[:, :2] <= middle) & (boxes[:, 2:] >= middle)).all(axis=1).any()
        answer = viewer.get(one["picture"])
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (160, 160)
        known = {"If-None-Match": answer.headers["etag"]}
        assert viewer.get(one["picture"], headers=known).status_code == 304
    refused(say(viewer, shown["items"][0], True), 403, "forbidden")


def pixels(jpeg: bytes) -> Any:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture).astype(float)


def test_another_list_of_candidates_has_other_pictures(
    reviewer: TestClient, patient: str, content: bytes, database: Database, blobs: Blobs
) -> None:
    """As another version may find them on a slide that is there already."""
    shown = [reviewer.get(one["picture"]) for one in candidates(reviewer, patient)["items"]]
    other = new_patient(reviewer, "P 2")
    send(reviewer, other, ("smear.svs", content))
    with database.writing() as session:
        slide = session.scalars(select(Slide).where(Slide.patient_id == other)).one()
        sha256 = slide.sha256
        query = select(Megakaryocyte).where(Megakaryocyte.slide_id == slide.id)
        first, *rest = session.scalars(query.order_by(Megakaryocyte.place)).all()
        session.delete(first)
        session.flush()
        for place, row in enumerate(rest):
            row.place = place
            session.flush()
    blobs.put_derived(sha256, "megakaryocytes.jpg", b"as an earlier version kept them for all")
    fewer = [reviewer.get(one["picture"]) for one in candidates(reviewer, other)["items"]]
    assert len(fewer) == len(shown) - 1
    for own, same in zip(fewer, shown[1:], strict=True):
        np.testing.assert_allclose(pixels(own.content), pixels(same.content), atol=12)  # of another sheet
    again = [reviewer.get(one["picture"]) for one in candidates(reviewer, patient)["items"]]
    assert [each.content for each in again] == [each.content for each in shown]
    tags = {each.headers["etag"] for each in (*shown, *fewer)}
    assert len(tags) == len(shown) + len(fewer)


def test_pictures_that_are_gone_are_made_again_from_the_slide(
    reviewer: TestClient, patient: str, database: Database, blobs: Blobs
) -> None:
    """As after a restore: a backup holds the slide, not its pictures."""
    (one, *_) = candidates(reviewer, patient)["items"]
    before = reviewer.get(one["picture"]).content
    with database.reading() as session:
        sha256 = session.scalars(select(Slide.sha256)).one()
    (sheet,) = blobs.derived(sha256, "").glob("megakaryocytes*")
    sheet.unlink()
    assert reviewer.get(one["picture"]).content == before
    blobs.remove(sha256)
    refused(reviewer.get(one["picture"]), 404, "not-found")


def test_each_is_confirmed_or_rejected_and_taken_back(
    reviewer: TestClient, patient: str, database: Database
) -> None:
    first, second, *_ = candidates(reviewer, patient)["items"]
    assert say(reviewer, first, True).status_code == 200
    shown = say(reviewer, second, False).json()
    assert (shown["confirmed"], shown["rejected"]) == (1, 1)
    assert [one["answered_by"] for one in shown["items"][:2]] == ["Rita", "Rita"]
    # Of one confirmed: the means of which one or more, and one or fewer, are counted in one of 40 cases.
    area = shown["examined_mm2"]
    assert shown["per_mm2"] == pytest.approx(1 / area, rel=1e-3)
    assert poisson.sf(0, shown["low"] * area) == pytest.approx(0.025, rel=0.01)
    assert poisson.cdf(1, shown["high"] * area) == pytest.approx(0.025, rel=0.01)
    assert say(reviewer, first, True).json() == shown  # again changes nothing
    shown = say(reviewer, first, None).json()
    assert (shown["confirmed"], shown["rejected"], shown["items"][0]["answered_by"]) == (0, 1, None)
    assert (shown["per_mm2"], shown["low"]) == (0, 0)
    assert [(entry["before"], entry["after"]) for entry in trail(database, "megakaryocyte.answer")] == [
        ({"confirmed": None}, {"confirmed": True}),
        ({"confirmed": None}, {"confirmed": False}),
        ({"confirmed": True}, {"confirmed": None}),
    ]
    refused(say(reviewer, {"id": "0" * 32}, True), 404, "not-found")


def test_they_go_with_their_slide(reviewer: TestClient, patient: str, database: Database) -> None:
    for field in listed(reviewer, patient):
        assert reviewer.delete(f"{API}/fields/{field['id']}").status_code == 204
    assert candidates(reviewer, patient)["examined_mm2"] is None
    with database.reading() as session:
        assert session.scalars(select(Megakaryocyte)).all() == []


@pytest.fixture
def found(drawn: Drawn, database: Database) -> list[str]:
    """Candidates on a slide whose tiles are the fields of a drawn analysis."""
    with database.writing() as session:
        analysis = session.get_one(Analysis, drawn.analysis)
        slide = Slide(
            patient_id=analysis.patient_id, name="smear.svs", sha256="ab" * 32, width=9000, height=8000,
            mpp=0.25, countable_mm2=3.5, tile_mm2=0.07, tiles=50, examined_mm2=4.0,
        )  # fmt: skip
        session.add(slide)
        session.flush()
        for field in session.scalars(select(Field).where(Field.patient_id == analysis.patient_id)):
            field.slide_id = slide.id
        rows = [
            Megakaryocyte(
                slide_id=slide.id, place=place, x0=100, y0=100, x1=300, y1=320, area_um2=2000.0,
                nucleus_um2=700.0, score=0.9,
            )
            for place in range(3)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def test_the_signed_report_counts_the_confirmed_ones_beside_the_differential(
    reviewer: TestClient, drawn: Drawn, found: list[str]
) -> None:
    before = differential(reviewer, drawn)
    cells = export(reviewer, drawn, "cells.csv")
    assert "Megakaryocytes per mm²" not in export(reviewer, drawn, "report.html").decode()
    stale = reviewer.get(f"{API}/analyses/{drawn.analysis}").json()["revision"]
    assert say(reviewer, {"id": found[0]}, True).status_code == 200
    assert say(reviewer, {"id": found[1]}, True).status_code == 200
    refused(sign(reviewer, drawn, revision=stale), 409, "conflict")
    after = differential(reviewer, drawn)
    assert {**after, "revision": 0} == {**before, "revision": 0}
    assert export(reviewer, drawn, "cells.csv") == cells
    (advice,) = [point for point in open_points(reviewer, drawn) if point["is_advice"]]
    assert (advice["id"], advice["count"]) == ("megakaryocytes", 1)
    needed = {point["id"]: "seen" for point in open_points(reviewer, drawn) if not point["is_advice"]}
    assert sign(reviewer, drawn, waived=needed).status_code == 201
    page = export(reviewer, drawn, "report.html").decode()
    assert "<b>0.50</b> 0.06–1.81" in page
    assert "2 confirmed by a reader on 4.00 mm² examined; 1 candidate unanswered" in page
    assert advice["text"] not in page
    entries = json.loads(export(reviewer, drawn, "fhir.json"))["entry"]
    (told,) = [each["resource"] for each in entries if "confirmed by a reader per mm²" in str(each)]
    assert (told["status"], told["valueQuantity"]["value"]) == ("final", 0.5)
    assert candidates(reviewer, drawn.patient)["locked"]
    refused(say(reviewer, {"id": found[2]}, True), 409, "locked")


def test_an_amended_report_says_that_their_number_changed(
    reviewer: TestClient, drawn: Drawn, found: list[str]
) -> None:
    assert sign(reviewer, drawn).status_code == 201
    url = f"{API}/analyses/{drawn.analysis}"
    assert reviewer.post(f"{url}/amendments", json={"reason": "seen again"}).status_code == 201
    assert say(reviewer, {"id": found[0]}, True).status_code == 200
    assert sign(reviewer, drawn).status_code == 201
    page = export(reviewer, drawn, "report.html").decode()
    assert "Megakaryocytes per mm²" in page
    assert "none confirmed" in page
    assert "0.25 (1 confirmed)" in page


def test_in_blood_none_are_looked_for(reviewer: TestClient, drawn: Drawn, found: list[str]) -> None:
    assert state(reviewer, drawn, specimen="blood").status_code == 200
    shown = candidates(reviewer, drawn.patient)
    assert (shown["examined_mm2"], shown["items"]) == (None, [])
    refused(say(reviewer, {"id": found[0]}, True), 409, "conflict")
    assert not [point for point in open_points(reviewer, drawn) if point["is_advice"]]
    assert "<h3>Megakaryocytes" not in export(reviewer, drawn, "report.html").decode()


def test_who_reads_blind_sees_none(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, found: list[str]
) -> None:
    assert say(reviewer, {"id": found[0]}, True).status_code == 200
    assert admin.post(f"{API}/analyses/{drawn.analysis}/readings", json={}).status_code == 201
    refused(admin.get(f"{API}/patients/{drawn.patient}/megakaryocytes"), 403, "forbidden")
    refused(say(admin, {"id": found[1]}, True), 403, "forbidden")
    refused(admin.get(f"{API}/megakaryocytes/{found[1]}/picture.jpg"), 403, "forbidden")
