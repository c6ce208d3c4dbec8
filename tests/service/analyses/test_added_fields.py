"""Fields are added to a patient who has been analysed: they alone are read, and all else stays as it was."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import undefer
from tests.exports.fake_report import HEIGHT, WIDTH
from tests.service.again import OWNER, analyse_again, ask_again, found_anew, read_all, with_cell
from tests.service.analyses.test_analyses import ask, ended
from tests.service.browser import draw_smear
from tests.service.conftest import own_password, reasons
from tests.service.drawn import Drawn
from tests.service.review.answered import FREE, carried, cells_of, comment, draw_cell, give, said
from tests.service.uploaded import API, new_patient, png, send

from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.jobs import queue
from marrowscope.service.jobs.queue import FieldWork, ReadingResources, ScaleWork
from marrowscope.service.rest.dependencies import Service
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis, AnalysisField

pytestmark = pytest.mark.drawn(cells=12, fields=3, seed=5)

KNOWN = {(WIDTH, HEIGHT): Scale(0.123, ScaleSource.RED_CELLS)}
ADDED = "field 9.png"


@pytest.fixture
def first(reviewer: TestClient, app: FastAPI, drawn: Drawn) -> str:
    """An analysis by this version's networks; the drawn one names none that exist."""
    analysis = ask_again(reviewer, drawn)
    read_all(app, found_anew(drawn, shift_px=0), KNOWN)
    return analysis


def add_field(client: TestClient, drawn: Drawn, name: str = ADDED, seed: int = 9, **size: int) -> None:
    answer = send(client, drawn.patient, (name, png(seed, **{"width": WIDTH, "height": HEIGHT, **size})))
    assert [row["status"] for row in answer.json()["items"]] == ["stored"]


def continued(client: TestClient, app: FastAPI, drawn: Drawn, **readings: FieldReading) -> str:
    """Analyse the patient; the fields read before would be read otherwise now, if they were read."""
    analysis = ask_again(client, drawn, read_again=False)
    read_all(app, {**found_anew(drawn, shift_px=40), ADDED: added_reading(drawn), **readings})
    return analysis


def added_reading(drawn: Drawn) -> FieldReading:
    return with_cell(FieldReading(ADDED, FieldStatus.READ, width=WIDTH, height=HEIGHT), FREE)


def rows(database: Database, analysis: str) -> dict[str, AnalysisField]:
    with database.reading() as session:
        query = select(AnalysisField).where(AnalysisField.analysis_id == analysis)
        found = session.scalars(query.options(undefer(AnalysisField.reading))).all()
        return {row.field.name: row for row in found}


def patient_of(client: TestClient, drawn: Drawn) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{API}/patients/{drawn.patient}").json()
    return found


def test_new_fields_alone_are_read_and_the_others_keep_their_readings_to_the_byte(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn, first: str
) -> None:
    add_field(reviewer, drawn)
    assert patient_of(reviewer, drawn)["added"] == 1
    analysis = continued(reviewer, app, drawn)
    before, after = rows(database, first), rows(database, analysis)
    assert {name: row.taken_from for name, row in after.items()} == {
        **dict.fromkeys(before, first),
        ADDED: None,
    }
    for name, row in before.items():
        own = after[name]
        assert (own.reading, own.gallery, own.status) == (row.reading, row.gallery, row.status)
    assert patient_of(reviewer, drawn)["added"] == 0
    told = reviewer.get(f"{API}/analyses/{analysis}/carried").json()
    assert (told["fields_taken"], told["fields_read"]) == (3, 1)
    shown = reviewer.get(f"{API}/analyses/{analysis}").json()
    assert (shown["status"], shown["done"], shown["total"], shown["cells"]) == ("done", 4, 4, 13)
    left_out = ("id", "analysis_id", "crop")
    cells = [
        [{name: cell[name] for name in cell if name not in left_out} for cell in cells_of(reviewer, each)]
        for each in (first, analysis)
    ]
    assert cells[1][:-1] == cells[0]
    (entry,) = [
        each
        for each in reviewer.get(f"{API}/patients/{drawn.patient}/audit?action=analysis.start").json()[
            "items"
        ]
        if each["subject"]["id"] == analysis
    ]
    assert entry["after"] == {"status": "running", "taken_over": 3}
    # What was taken over is taken over again, and says who read it.
    third = continued(reviewer, app, drawn)
    assert {row.taken_from for row in rows(database, third).values()} == {first, analysis}
    assert [cell["box"] for cell in cells_of(reviewer, third)] == [
        cell["box"] for cell in cells_of(reviewer, analysis)
    ]


def test_a_review_is_carried_over_whole_and_a_signature_stays(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, first: str
) -> None:
    cells = cells_of(reviewer, first)
    named = give(reviewer, first, cells[0], type="plasma_cell")
    comment(reviewer, named, "Auer rod")
    give(reviewer, first, cells[1], deleted=True)
    draw_cell(reviewer, first, drawn.fields[0])
    details = reviewer.get(f"{API}/patients/{drawn.patient}/details").json()
    details |= {"conclusion": "No leukemia", "comment": "Left shift"}
    stated = reviewer.put(f"{API}/patients/{drawn.patient}/details", json=details).json()
    reviewer.post(f"{API}/patients/{drawn.patient}/tags", json={"tag": "trial"}).raise_for_status()
    revision = reviewer.get(f"{API}/analyses/{first}").json()["revision"]
    body = {"meaning": "seen", "revision": revision, "password": own_password(reviewer)}
    signed = reviewer.post(
        f"{API}/analyses/{first}/signature", json={**body, "waived": reasons(reviewer, first)}
    )
    assert signed.status_code == 201, signed.text
    assert reviewer.put(f"{API}/cells/{named['id']}/pin").status_code == 200
    before = reviewer.get(f"{API}/analyses/{first}/exports/cells.csv?version=1").content

    assert patient_of(reviewer, drawn)["signed"]["added"] == 0
    add_field(reviewer, drawn)
    told = patient_of(reviewer, drawn)
    assert (told["status"], told["signed"]["state"], told["signed"]["added"]) == ("signed", "current", 1)

    analysis = continued(reviewer, app, drawn)
    now = [said(cell) for cell in cells_of(reviewer, analysis)]
    assert [said(cell) for cell in cells_of(reviewer, first)] == now[:-1]
    assert carried(reviewer, analysis) == {"carried": 3, "lost": []}
    told = patient_of(reviewer, drawn)
    assert (told["signed"]["analysis_id"], told["signed"]["state"]) == (first, "superseded")
    assert (told["signed"]["added"], told["added"], told["tags"]) == (1, 0, ["trial"])
    assert reviewer.get(f"{API}/patients/{drawn.patient}/details").json() == stated
    assert reviewer.get(f"{API}/analyses/{first}/exports/cells.csv?version=1").content == before
    pinned = reviewer.get(f"{API}/atlas/plasma_cell").json()["items"]
    assert [each["cell_id"] for each in pinned if each["kind"] == "pinned"] == [named["id"]]


def test_without_new_fields_a_new_analysis_is_done_at_once(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, first: str
) -> None:
    give(reviewer, first, cells_of(reviewer, first)[0], type="plasma_cell")
    answer = reviewer.post(f"{API}/patients/{drawn.patient}/analyses", json={"rule": "who-2022"})
    analysis = str(answer.json()["id"])
    read_all(app, {})  # nothing is read: a field that was would fail
    shown = reviewer.get(f"{API}/analyses/{analysis}").json()
    assert (shown["status"], shown["failed"], shown["rule"]) == ("done", 0, "who-2022")
    assert carried(reviewer, analysis) == {"carried": 1, "lost": []}


@pytest.mark.parametrize("wish", [{"mpp": 0.2}, {"read_again": True}])
def test_with_other_settings_or_on_demand_every_field_is_read(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, first: str, wish: dict[str, Any]
) -> None:
    answer = reviewer.post(f"{API}/patients/{drawn.patient}/analyses", json=wish)
    read_all(app, found_anew(drawn))
    found = rows(app.state.service.database, str(answer.json()["id"]))
    assert {row.taken_from for row in found.values()} == {None}
    assert found != {}


def test_a_field_that_failed_or_was_replaced_is_read(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn
) -> None:
    readings = found_anew(drawn, shift_px=0)
    one, two, three = (reading.name for reading in drawn.readings)
    first = analyse_again(reviewer, app, drawn, {one: readings[one], two: readings[two]})
    send(reviewer, drawn.patient, (two, png(7)), same_name="replace").raise_for_status()
    analysis = continued(reviewer, app, drawn)
    found = rows(database, analysis)
    assert {name: row.taken_from for name, row in found.items()} == {one: first, two: None, three: None}


def test_cancelled_before_it_begins_it_takes_nothing_and_the_next_one_does(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn, first: str
) -> None:
    add_field(reviewer, drawn)
    cancelled = ask_again(reviewer, drawn, read_again=False)
    assert reviewer.post(f"{API}/analyses/{cancelled}/cancel").status_code == 200
    assert {row.status for row in rows(database, cancelled).values()} == {"cancelled"}
    analysis = continued(reviewer, app, drawn)
    assert [row.taken_from for row in rows(database, analysis).values()].count(first) == 3


def test_added_fields_are_read_at_the_scale_of_their_size(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn, first: str
) -> None:
    add_field(reviewer, drawn)
    same = ask_again(reviewer, drawn, read_again=False)
    work = claim(app)
    assert isinstance(work, FieldWork)  # nothing is measured anew
    assert work.task.scales == KNOWN
    reviewer.post(f"{API}/analyses/{same}/cancel").raise_for_status()

    add_field(reviewer, drawn, "other.png", seed=11, width=320, height=240)
    other = ask_again(reviewer, drawn, read_again=False)
    work = claim(app)
    assert isinstance(work, ScaleWork)
    measured = {
        (WIDTH, HEIGHT): Scale(0.5, ScaleSource.LEUKOCYTES),
        (320, 240): Scale(0.3, ScaleSource.PATIENT),
    }
    with database.writing() as session:
        assert queue.record_scales(session, OWNER, work, measured)
    work = claim(app)
    assert isinstance(work, FieldWork)
    assert work.task.scales == {**measured, **KNOWN}
    with database.reading() as session:
        assert session.get_one(Analysis, other).is_scaled


def claim(app: FastAPI) -> Any:
    service: Service = app.state.service
    with service.database.writing() as session:
        return queue.claim(session, OWNER, ReadingResources(service.blobs, limits_of(service.settings), 1))


@pytest.mark.slow
@pytest.mark.parametrize("with_jobs", [True])
def test_what_is_taken_over_is_what_the_networks_would_read_again(
    reviewer: TestClient, database: Database, tmp_path: Path
) -> None:
    paths = draw_smear(tmp_path / "smear", seed=4, blast_share=0.3, cells=24, fields=3)
    files = [(path.name, path.read_bytes()) for path in paths]
    patient = new_patient(reviewer)
    send(reviewer, patient, *files[:2]).raise_for_status()
    assert ended(reviewer, ask(reviewer, patient)["id"])["status"] == "done"
    send(reviewer, patient, files[2]).raise_for_status()
    analyses = [ask(reviewer, patient)["id"]]
    assert ended(reviewer, analyses[0])["status"] == "done"
    analyses.append(ask(reviewer, patient, read_again=True)["id"])
    assert ended(reviewer, analyses[1])["status"] == "done"
    continued_rows, read = (rows(database, each) for each in analyses)
    assert [row.taken_from is not None for row in continued_rows.values()].count(True) == 2
    assert not any(row.taken_from for row in read.values())
    for name, row in read.items():
        assert continued_rows[name].reading == row.reading
        assert (continued_rows[name].gallery, continued_rows[name].annotated) == (row.gallery, row.annotated)
    assert cells_of(reviewer, analyses[0]) != []
