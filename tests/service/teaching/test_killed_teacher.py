"""A server killed while it teaches: the next one goes on, and never is there half a bundle."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.service.served import API, Served
from tests.service.teaching.signed import as_in_another_stain, sign_cases

from marrowscope.models.bundle import load_bundle
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
_PATIENCE_S = 800


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    service = Served(tmp_path / "data", workers="1")
    yield service
    service.stop()


def test_the_next_server_goes_on(served: Served, tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "data")
    database = Database(settings.database_url)
    analyses = sign_cases(database, Blobs(settings.blob_folder), 4, as_in_another_stain)
    database.close()
    asked = served.client.post(f"{API}/teachings", json={"analyses": analyses}).json()
    folder = settings.teaching_folder / asked["id"]

    wait_until(served, asked["id"], lambda _: len(list(folder.glob("*.npz"))) >= 2)
    served.kill()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    served.start()
    wait_until(served, asked["id"], lambda shown: shown["stage"] == "learning" and shown["done"] > 0)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not computed again
    served.kill()
    assert not settings.bundle_folder.exists()
    served.start()
    ended = wait_until(served, asked["id"], lambda shown: shown["status"] not in {"queued", "running"})
    assert ended["status"] == "done", ended
    (made,) = settings.bundle_folder.iterdir()
    assert load_bundle(made).sha256 == ended["bundle_sha256"]
    bundles = served.client.get(f"{API}/bundles").json()["items"]
    assert {each["id"]: each["is_default"] for each in bundles} == {"marrowscope-1": True, made.name: False}

    decision = {"activate": False, "reason": "no better"}
    served.client.post(f"{API}/teachings/{asked['id']}/decision", json=decision).raise_for_status()
    wait_until(served, asked["id"], lambda _: not made.exists())


def wait_until(served: Served, teaching: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + _PATIENCE_S
    while True:
        shown: dict[str, Any] = served.client.get(f"{API}/teachings/{teaching}").json()
        if holds(shown):
            return shown
        assert time.monotonic() < end, shown
        time.sleep(0.1)
