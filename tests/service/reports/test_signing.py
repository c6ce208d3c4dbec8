"""What is signed is locked and kept as it was; an amendment makes a new version and leaves the old one."""

import hashlib
import io
import json
import zipfile
from typing import Any

import openpyxl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select, update
from tests.service.accounts.test_accounts import try_to_log_in
from tests.service.conftest import PASSWORDS, own_password, reasons
from tests.service.drawn import Drawn
from tests.service.review.answered import cells_of
from tests.service.review.test_answers import API, change, differential, other, refused, trail

from marrowscope.service.reports import documents
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.reviews import Version


def sign(client: TestClient, drawn: Drawn, meaning: str = "Reviewed and found right", **more: Any) -> Any:
    revision = client.get(f"{API}/analyses/{drawn.analysis}").json()["revision"]
    password, waived = own_password(client), reasons(client, drawn.analysis)
    body = {"meaning": meaning, "revision": revision, "password": password, "waived": waived, **more}
    return client.post(f"{API}/analyses/{drawn.analysis}/signature", json=body)


def export(client: TestClient, drawn: Drawn, name: str, **query: Any) -> bytes:
    answer = client.get(f"{API}/analyses/{drawn.analysis}/exports/{name}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.content


def name_blasts(client: TestClient, drawn: Drawn, number: int, name: str = "myeloblast") -> None:
    cells = cells_of(client, drawn.analysis)
    open_ones = [c for c in cells if c["counted"] and c["reviewed_type"] is None][:number]
    body = [{"id": c["id"], "revision": c["revision"], "type": name} for c in open_ones]
    assert change(client, drawn, *body).status_code == 200


def test_a_signature_locks_and_says_who_when_and_what(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 5)
    answer = sign(reviewer, drawn)
    assert answer.status_code == 201, answer.text
    version = answer.json()
    assert version["version"] == 1
    assert version["signed_by"] == "Rita"
    assert version["reason"] is None
    assert version["blast_percent"] == differential(reviewer, drawn)["reviewed"]["blast_percent"]
    patient = reviewer.get(f"{API}/patients/{drawn.patient}").json()
    assert patient["status"] == "signed"
    assert patient["signed"]["by"] == "Rita"
    assert patient["analysis"]["locked"]
    cell = cells_of(reviewer, drawn.analysis)[0]
    refused(change(reviewer, drawn, other(cell)), 409, "locked")
    single = reviewer.patch(f"{API}/cells/{cell['id']}", json={"type": "blast"}, headers={"If-Match": "1"})
    refused(single, 409, "locked")
    body = {"field_id": drawn.fields[0], "box": [100, 100, 190, 190], "type": "blast"}
    refused(reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body), 409, "locked")
    refused(sign(reviewer, drawn), 409, "locked")
    (entry,) = trail(database, "analysis.sign")
    assert entry["after"]["sha256"] == version["sha256"]
    assert entry["after"]["bundle_sha256"] == "4c1d" * 16


def test_a_signature_asks_for_the_signer_s_password(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    for password in ("wrong", PASSWORDS["anna"], None):
        refused(sign(reviewer, drawn, password=password), 403, "unconfirmed")
    assert trail(database, "analysis.sign") == []
    assert not reviewer.get(f"{API}/analyses/{drawn.analysis}").json()["locked"]
    refusals = trail(database, "session.refuse")
    assert [entry["after"]["locked"] for entry in refusals] == [False, False]
    assert sign(reviewer, drawn).status_code == 201


def test_wrong_passwords_at_signing_lock_the_name(
    reviewer: TestClient, client: TestClient, settings: Settings, drawn: Drawn
) -> None:
    for _ in range(settings.lockout_failures):
        refused(sign(reviewer, drawn, password="wrong"), 403, "unconfirmed")
    refused(sign(reviewer, drawn), 429, "busy")
    assert try_to_log_in(client, "rita", PASSWORDS["rita"]) == 429


def test_a_token_signs_with_its_owner_s_password_alone(
    app: FastAPI, reviewer: TestClient, drawn: Drawn
) -> None:
    made = reviewer.post(f"{API}/tokens", json={"name": "t", "scopes": ["read", "write"]}).json()
    program = TestClient(app, headers={"Authorization": f"Bearer {made['token']}"})
    refused(sign(program, drawn, password=None), 403, "unconfirmed")
    assert sign(program, drawn).status_code == 201


def test_nobody_signs_what_they_have_not_seen(
    reviewer: TestClient, admin: TestClient, viewer: TestClient, drawn: Drawn
) -> None:
    seen = reviewer.get(f"{API}/analyses/{drawn.analysis}").json()["revision"]
    name_blasts(admin, drawn, 1)
    assert refused(sign(reviewer, drawn, revision=seen), 409, "conflict")["revision"] == seen + 1
    refused(sign(viewer, drawn), 403, "forbidden")
    refused(sign(reviewer, drawn, meaning="  "), 422, "invalid")
    amendment = viewer.post(f"{API}/analyses/{drawn.analysis}/amendments", json={"reason": "x"})
    refused(amendment, 403, "forbidden")


def test_an_amendment_is_a_new_version_and_the_old_one_stays(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 5)
    first = sign(reviewer, drawn).json()
    names = ("report.html", "cells.csv", "patients.csv", "fhir.json")
    before = {name: export(reviewer, drawn, name) for name in names}
    amendments = f"{API}/analyses/{drawn.analysis}/amendments"
    assert reviewer.post(amendments, json={"reason": "a smudge was counted"}).status_code == 201
    refused(reviewer.post(amendments, json={"reason": "again"}), 409, "conflict")
    patient = reviewer.get(f"{API}/patients/{drawn.patient}").json()
    assert (patient["status"], patient["analysis"]["locked"]) == ("done", False)
    name_blasts(reviewer, drawn, 200)
    assert json.loads(export(reviewer, drawn, "fhir.json"))["entry"][1]["resource"]["status"] == "preliminary"
    second = sign(reviewer, drawn).json()
    assert (second["version"], second["reason"]) == (2, "a smudge was counted")
    assert second["blast_percent"] > first["blast_percent"]
    # Cells picked from the gallery are no lot: the count has them, what decides does not rest on them.
    assert second["decision"] == first["decision"]
    listed = reviewer.get(f"{API}/analyses/{drawn.analysis}/versions").json()["items"]
    assert listed == [first, second]
    for name in names:
        assert export(reviewer, drawn, name, version=1) == before[name]
        assert export(reviewer, drawn, name) == export(reviewer, drawn, name, version=2) != before[name]
    assert json.loads(export(reviewer, drawn, "fhir.json"))["entry"][1]["resource"]["status"] == "amended"
    answer = reviewer.get(f"{API}/analyses/{drawn.analysis}/exports/cells.csv", params={"version": 3})
    refused(answer, 404, "not-found")
    assert trail(database, "analysis.amend")[0]["after"]["reason"] == "a smudge was counted"


def test_nothing_that_changes_later_changes_a_signed_report(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 5)
    version = sign(reviewer, drawn).json()
    before = {name: export(reviewer, drawn, name) for name in ("report.html", "patients.csv", "fhir.json")}
    with database.writing() as session:
        facts = {
            "settings": {"version": "9", "rule": "icc-2022"},
        }
        session.execute(update(Analysis).values(facts=facts, rule="icc-2022", bundle_sha256="0" * 64))
    for name, content in before.items():
        assert export(reviewer, drawn, name) == content
    with database.reading() as session:
        kept = session.scalars(select(Version)).one()
        assert hashlib.sha256(kept.document.encode()).hexdigest() == version["sha256"]
        report = documents.read(kept.document)
        assert documents.written(report) == (kept.document, version["sha256"])
        assert report.patients[0].review is not None
        assert report.patients[0].review.named == 5


def test_every_file_of_a_report_is_given(reviewer: TestClient, viewer: TestClient, drawn: Drawn) -> None:
    name_blasts(reviewer, drawn, 5)
    page = export(viewer, drawn, "report.html").decode()
    assert "Preliminary, not signed" in page
    assert "Networks alone" in page
    assert page.count("data:image/jpeg") > 20
    sign(reviewer, drawn, meaning="<i>seen</i>")
    answer = viewer.get(f"{API}/analyses/{drawn.analysis}/exports/report.html")
    assert "Signed by Rita" in answer.text
    assert "&lt;i&gt;seen&lt;/i&gt;" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    rows = export(viewer, drawn, "cells.csv").decode().splitlines()
    assert len(rows) == 1 + len(cells_of(viewer, drawn.analysis))
    assert sum(row.endswith(",myeloblast") for row in rows) == 5
    assert export(viewer, drawn, "patients.csv").startswith(b"patient,fields,")
    assert export(viewer, drawn, "patients.xlsx").startswith(b"PK")
    bundle = json.loads(export(viewer, drawn, "fhir.json"))
    assert bundle["entry"][1]["resource"]["status"] == "final"
    refused(viewer.get(f"{API}/analyses/{drawn.analysis}/exports/secrets.txt"), 422, "invalid")


def workbook(content: bytes) -> dict[str, list[tuple[Any, ...]]]:
    """Every sheet of a workbook, row by row."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_a_signed_workbook_is_the_unsigned_one_and_its_signature(reviewer: TestClient, drawn: Drawn) -> None:
    name_blasts(reviewer, drawn, 5)
    before = workbook(export(reviewer, drawn, "patients.xlsx"))
    assert sign(reviewer, drawn).status_code == 201
    after = workbook(export(reviewer, drawn, "patients.xlsx"))
    assert after.keys() == before.keys()
    differing = {
        row[0]
        for name in before
        for row in {*before[name]} ^ {*after[name]}
    }  # fmt: skip
    assert differing == {"Report", "Signature: P-017"}
    assert any(row[0] == "Blasts, resampled fields" and row[2] is not None for row in after["P-017"])


def test_a_report_prints(reviewer: TestClient, drawn: Drawn) -> None:
    pytest.importorskip("weasyprint", reason="the extra 'pdf' is not installed")
    name_blasts(reviewer, drawn, 2)
    sign(reviewer, drawn)
    assert export(reviewer, drawn, "report.pdf").startswith(b"%PDF-")


def test_reviewed_cells_become_a_folder_per_type(reviewer: TestClient, drawn: Drawn) -> None:
    url = f"{API}/analyses/{drawn.analysis}/exports/training.zip"
    refused(reviewer.get(url), 409, "conflict")
    name_blasts(reviewer, drawn, 3)
    name_blasts(reviewer, drawn, 2, "monocyte")
    gone = next(c for c in cells_of(reviewer, drawn.analysis) if c["reviewed_type"] == "monocyte")
    change(reviewer, drawn, {"id": gone["id"], "revision": gone["revision"], "deleted": True})
    body = {"field_id": drawn.fields[0], "box": [100, 100, 190, 190], "type": "plasma_cell"}
    reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body)
    with zipfile.ZipFile(io.BytesIO(export(reviewer, drawn, "training.zip"))) as packed:
        names = packed.namelist()
        pixels = Image.open(io.BytesIO(packed.read(names[0])))
        assert pixels.info["dpi"][0] > 10_000  # micrometres, not an office printer's inches
    folders = sorted(name.split("/")[0] for name in names)
    assert folders == ["monocyte", "myeloblast", "myeloblast", "myeloblast", "plasma_cell"]
    assert all(drawn.patient in name for name in names)
    assert not any("P-017" in name for name in names)


def test_formats_of_other_programs_hold_the_readers_names(reviewer: TestClient, drawn: Drawn) -> None:
    name_blasts(reviewer, drawn, 5)
    named = [c for c in cells_of(reviewer, drawn.analysis) if c["reviewed_type"] == "myeloblast"]
    assert len(named) == 5
    coco = json.loads(export(reviewer, drawn, "coco.json"))
    types = {each["id"]: each["name"] for each in coco["categories"]}
    assert [types[each["category_id"]] for each in coco["annotations"]].count("myeloblast") == 5
    for name, ending in (
        ("geojson.zip", ".geojson"),
        ("yolo.zip", ".txt"),
        ("voc.zip", ".xml"),
        ("dicom.zip", ".dcm"),
    ):
        with zipfile.ZipFile(io.BytesIO(export(reviewer, drawn, name))) as packed:
            assert any(member.endswith(ending) for member in packed.namelist())
    message = export(reviewer, drawn, "report.hl7").decode()
    assert message.startswith("MSH|")
    assert message.split("\r")[3].endswith("|P")
    assert sign(reviewer, drawn).status_code == 201
    assert "|F|" in export(reviewer, drawn, "report.hl7").decode()
