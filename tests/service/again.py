"""Analysing a drawn patient again: the queue is served as a dispatcher would, without networks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from tests.service.drawn import Drawn

from marrowscope.domain.cells import Cells
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import ScaleBySize
from marrowscope.imaging.gallery import sheet_of
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.jobs import queue
from marrowscope.service.jobs.queue import FieldWork, ReadingResources, ScaleWork
from marrowscope.service.rest.dependencies import Service

API = "/api/v1"
OWNER = "test"


def ask_again(client: TestClient, drawn: Drawn, *, read_again: bool = True) -> str:
    """Ask for a new analysis, of which every field is read, and return its identifier."""
    wish = {"read_again": read_again}
    answer = client.post(f"{API}/patients/{drawn.patient}/analyses", json=wish)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def read_all(app: FastAPI, readings: Mapping[str, FieldReading], scales: ScaleBySize | None = None) -> None:
    """Read every field that waits; a field without a reading here cannot be read."""
    service: Service = app.state.service
    resources = ReadingResources(service.blobs, limits_of(service.settings), 1)
    while True:
        with service.database.writing() as session:
            work = queue.claim(session, OWNER, resources)
        if work is None:
            return
        with service.database.writing() as session:
            if isinstance(work, ScaleWork):
                queue.record_scales(session, OWNER, work, scales or {})
            else:
                reading = _reading(work, readings)
                sheet = _sheet(service.blobs, reading)
                queue.record_reading(session, OWNER, work, reading, (sheet, None), blobs=service.blobs)


def _reading(work: FieldWork, readings: Mapping[str, FieldReading]) -> FieldReading:
    name = work.task.source.name
    failed = FieldReading(name, FieldStatus.FAILED, message="the disk had an error", sha256=work.task.sha256)
    return readings.get(name, failed)


def _sheet(blobs: Blobs, reading: FieldReading) -> str | None:
    if not len(reading.cells):
        return None
    with Image.new("RGB", (reading.width, reading.height), "#e9d9e4") as image:
        return blobs.put(sheet_of(np.asarray(image), reading.cells.boxes))


def analyse_again(
    client: TestClient, app: FastAPI, drawn: Drawn, readings: Mapping[str, FieldReading]
) -> str:
    """Analyse the patient again with these readings of its fields; gives the analysis' identifier."""
    analysis = ask_again(client, drawn)
    read_all(app, readings)
    return analysis


def found_anew(drawn: Drawn, shift_px: float = 3.0) -> dict[str, FieldReading]:
    """The same cells as before, found a little beside their boxes and in another order."""
    return {reading.name: _anew(reading, shift_px) for reading in drawn.readings}


def _anew(reading: FieldReading, shift_px: float) -> FieldReading:
    order = np.arange(len(reading.cells))[::-1]
    cells = reading.cells.rows(order)
    return replace(reading, cells=replace(cells, boxes=cells.boxes + np.float32(shift_px)))


def without(reading: FieldReading, box: Any) -> FieldReading:
    """The reading without the cells that overlap a box."""
    x0, y0, x1, y1 = box
    boxes = reading.cells.boxes
    apart = (boxes[:, 0] >= x1) | (boxes[:, 2] <= x0) | (boxes[:, 1] >= y1) | (boxes[:, 3] <= y0)
    return replace(reading, cells=reading.cells.rows(np.flatnonzero(apart)))


def with_cell(reading: FieldReading, box: Any, cell_type: str = "lymphocyte") -> FieldReading:
    """The reading with one more cell."""
    one = np.ones(1, np.float32)
    more = Cells(
        boxes=np.asarray([box], np.float32),
        scores=one,
        cell_types=(cell_type,),
        probability=one,
        p_blast=one * 0,
        is_blast=np.zeros(1, bool),
        is_counted=np.ones(1, bool),
        flags=((),),
    )
    return replace(reading, cells=Cells.concatenate([reading.cells, more]))
