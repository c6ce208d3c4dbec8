"""A real server process that watches a folder, is killed, and goes on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts import write_fields
from tests.service.served import API, Served

import marrowscope
from marrowscope.live.count import Until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_killed_server_goes_on_and_the_count_is_that_of_the_command_line(
    database_url: str, tmp_path: Path
) -> None:
    fields = write_fields(tmp_path / "P 1", 4, seed=30)
    captures = tmp_path / "captures"
    captures.mkdir()
    shutil.copy(fields[0], captures / "earlier.png")
    served = Served(tmp_path / "data", database_url, workers="1", live_folders=f'["{captures.as_posix()}"]')
    try:
        patient = served.patient("P 1", fields[:1])
        body = {"folder": "captures"}
        analysis = served.client.post(f"{API}/patients/{patient}/live", json=body).json()["id"]
        for number, path in enumerate(fields[1:], start=1):
            shutil.copy(path, captures)
            if number == 2:
                served.kill()
                served.start()
            served.wait_until(analysis, reads(number + 1))
        shown = served.client.get(f"{API}/analyses/{analysis}/live").json()
        served.client.post(f"{API}/analyses/{analysis}/close").raise_for_status()
        ended = served.wait_until(analysis, lambda found: found["status"] == "done")
    finally:
        served.stop()
    assert (ended["done"], ended["failed"]) == (4, 0)  # "earlier.png" was there before, and is left
    report = marrowscope.watch(tmp_path / "P 1", tmp_path / "out", until=Until(quiet_s=1))
    (patient_reading,) = report.patients
    assert shown["count"]["counted"] == patient_reading.differential.counted
    assert shown["count"]["blasts"] == patient_reading.differential.blasts


def reads(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda found: found["done"] >= number
