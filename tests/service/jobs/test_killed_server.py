"""A server killed in the middle: the next one goes on, every figure as if nothing had happened."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cohorts import write_fields
from tests.service.served import Served

import marrowscope
from marrowscope.exports.tables import patient_row
from marrowscope.service.analyses import analyses, count
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

pytestmark = pytest.mark.slow


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[Served]:
    service = Served(tmp_path / "data", database_url, workers="1")
    yield service
    service.stop()


def test_a_killed_server_loses_nothing_and_counts_nothing_twice(
    served: Served, database_url: str, tmp_path: Path
) -> None:
    fields = write_fields(tmp_path / "P 1", 5, seed=30)
    (undisturbed,) = marrowscope.analyse(tmp_path / "P 1", tmp_path / "out").patients
    analysis = served.ask(served.patient("P 1", fields))
    for number in (1, 3):
        served.wait_until(analysis, lambda shown, n=number: shown["done"] >= n)  # type: ignore[misc]  # mypy cannot type a lambda's default
        served.kill()
        served.start()
    ended = served.wait_until(analysis, lambda shown: shown["status"] in {"done", "failed"})
    assert (ended["status"], ended["done"], ended["failed"]) == ("done", 5, 0)
    assert ended["cells"] == len(undisturbed.cells)
    cells = served.client.get(f"/api/v1/analyses/{analysis}/cells").json()["items"]
    assert len({(cell["field_id"], cell["number"]) for cell in cells}) == len(cells) == len(undisturbed.cells)
    database = Database(Settings(database=database_url).database_url)
    with database.reading() as session:
        reading = count.network_reading(session, analyses.get(session, analysis))
    database.close()
    assert patient_row(reading) == patient_row(undisturbed)
