"""The same cells are never on both sides of a teaching's lot."""

from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.service.teaching.signed import sign_cases
from tests.service.uploaded import API

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.controls import Control
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.store.tables.teaching import ACTIVATED, Teaching
from marrowscope.service.teaching.cells import learned_by


def test_occasions_of_a_control_slide_are_not_learned_from(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    analyses = sign_cases(database, blobs)
    with database.writing() as session:
        control = Control(name="Marrow A", first=10)
        session.add(control)
        session.flush()
        for analysis in analyses[:2]:
            session.get_one(Analysis, analysis).patient.control_id = control.id
    cases = admin.get(f"{API}/teaching/cases").json()["items"]
    assert {case["analysis_id"] for case in cases} == set(analyses[2:])
    told = admin.post(f"{API}/teaching/outlook", json={"analyses": analyses}).json()
    assert told["patients"] == 2


def test_patients_that_share_an_image_are_one_in_the_lot(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    """Of six, three share an image."""
    analyses = sign_cases(database, blobs, 6)
    with database.writing() as session:
        owners = [session.get_one(Analysis, analysis).patient_id for analysis in analyses]
        first, second, third = (
            session.scalars(select(Field).where(Field.patient_id == owner)).one() for owner in owners[:3]
        )
        second.sha256 = third.sha256 = first.sha256
    asked = admin.post(f"{API}/teachings", json={"analyses": analyses}).json()
    assert asked["kept_out"] + asked["learned_from"] == 4
    with database.writing() as session:
        teaching = session.get_one(Teaching, asked["id"])
        drawn = {*teaching.kept_out, *teaching.learned_from}
        assert drawn == {min(owners[:3]), *owners[3:]}
        teaching.learned_from = [owners[1]]
        teaching.bundle_sha256, teaching.decision = "beef" * 16, ACTIVATED
        session.flush()
        assert learned_by(session, "beef" * 16) == set(owners[:3])
