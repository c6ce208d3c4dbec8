"""Networks taught signed cases: honest, activated for new analyses alone, and given back."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.service.teaching.signed import as_in_another_stain, sign_cases
from tests.service.uploaded import API

from marrowscope.models.bundle import load_bundle
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.audit import AuditEntry
from marrowscope.service.store.tables.teaching import Teaching

pytestmark = pytest.mark.slow
_PATIENCE_S = 280


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.2)


def ended(client: TestClient, teaching: str) -> dict[str, Any]:
    def shown() -> dict[str, Any]:
        found: dict[str, Any] = client.get(f"{API}/teachings/{teaching}").json()
        return found

    until(lambda: shown()["status"] not in {"queued", "running"})
    return shown()


def default(client: TestClient) -> list[str]:
    return [each["id"] for each in client.get(f"{API}/bundles").json()["items"] if each["is_default"]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("with_jobs", [True])
def test_taught_networks_are_compared_activated_and_given_back(
    admin: TestClient, database: Database, blobs: Blobs, settings: Settings
) -> None:
    analyses = sign_cases(database, blobs, 8, as_in_another_stain)
    asked = admin.post(f"{API}/teachings", json={"analyses": analyses}).json()
    shown = ended(admin, asked["id"])
    assert shown["status"] == "done", shown
    result = shown["result"]
    assert result["is_better"]
    figures = {each["name"]: each for each in result["figures"]}
    # Two of four kinds go by other names here: the present networks cannot know that.
    assert figures["type_accuracy"]["after"]["value"] > figures["type_accuracy"]["before"]["value"]
    assert (result["learned"], result["asked"]) == (48, 16)
    assert figures["auc"]["n"] == 16
    assert {kept["name"]: kept["share"]["value"] > 0.5 for kept in result["replay"]} == {
        "blasts": True, "others": True, "types": True,
    }  # fmt: skip
    present, new = load_bundle(), load_bundle(settings.bundle_folder / shown["bundle"])
    assert new.sha256 == shown["bundle_sha256"]
    assert new.title == f"{present.title}+taught.1"
    # Its error rates are of the patients drawn by lot, those of other laboratories are of other networks.
    assert new.error_rates is not None
    assert new.error_rates.blasts_seen + new.error_rates.others_seen == 16
    assert new.laboratories == ()
    until(lambda: not list(settings.teaching_folder.glob("*")))

    before = default(admin)
    decision = {"activate": True, "reason": "names our stain better"}
    decided = admin.post(f"{API}/teachings/{asked['id']}/decision", json=decision).json()
    assert decided["decision"] == "activated"
    assert default(admin) == [shown["bundle"]]
    with database.reading() as session:
        titles = set(session.scalars(select(Analysis.bundle_title)))
    assert titles == {"marrowscope-1 2.0"}
    active = admin.get(f"{API}/networks/active").json()
    assert (active["title"], active["previous"]) == (new.title, before[0])

    back = {"bundle": active["previous"], "reason": "unlike our microscope"}
    assert admin.post(f"{API}/networks/choices", json=back).status_code == 201
    assert admin.post(f"{API}/networks/choices", json=back).status_code == 409
    assert default(admin) == before
    with database.reading() as session:
        entries = session.scalars(select(AuditEntry.action).order_by(AuditEntry.number)).all()
        assert session.scalar(select(Teaching.images)) == []
    told = [each for each in entries if each.startswith(("teaching.", "bundle."))]
    assert told == ["teaching.ask", "teaching.done", "bundle.activate", "bundle.activate"]
