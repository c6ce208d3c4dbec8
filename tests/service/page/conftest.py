"""What several tests of the page start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.service.browser import Running, serving
from tests.service.drawn import draw

from marrowscope.service.rest import pages
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

PATIENT = "BM-26-0700"


@pytest.fixture
def drawn_patient(tmp_path: Path) -> Iterator[Running]:
    """A running service with a patient of 240 cells."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    app = create_app(Settings(data_folder=tmp_path / "data", authentication="off"), with_jobs=False)
    with TestClient(app, base_url="http://127.0.0.1:8000"):
        draw(app.state.service.database, app.state.service.blobs, name=PATIENT)
    with serving(tmp_path / "data", tmp_path / "log", MARROWSCOPE_AUTHENTICATION="off") as running:
        yield running
