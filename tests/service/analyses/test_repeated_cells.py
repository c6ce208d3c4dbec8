"""Cells that several fields of a patient show are counted once, also when pictures are no longer kept."""

import io
from dataclasses import replace

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from tests.service.again import OWNER, ask_again
from tests.service.drawn import Drawn
from tests.service.review.answered import cells_of

from marrowscope.domain.cells import FLAG_REPEATED
from marrowscope.imaging.gallery import COLUMNS, SQUARE_PX
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.jobs import queue
from marrowscope.service.jobs.queue import ReadingResources, ScaleWork
from marrowscope.service.rest.dependencies import Service

pytestmark = pytest.mark.drawn(cells=12, fields=2, seed=5)


def sheet(cells: int) -> bytes:
    """A sheet of cells, each of a pattern of its own."""
    picture = np.full((SQUARE_PX, COLUMNS * SQUARE_PX, 3), 200, np.uint8)
    for place in range(cells):
        coarse = np.random.default_rng(place).integers(0, 255, (12, 12, 3)).astype(np.uint8)
        square = Image.fromarray(coarse).resize((SQUARE_PX, SQUARE_PX), Image.Resampling.BILINEAR)
        picture[:, place * SQUARE_PX : (place + 1) * SQUARE_PX] = np.asarray(square)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def analysed(client: TestClient, app: FastAPI, drawn: Drawn, *, read_again: bool) -> str:
    """Analyse; both fields show the same cells."""
    service: Service = app.state.service
    analysis = ask_again(client, drawn, read_again=read_again)
    resources = ReadingResources(service.blobs, limits_of(service.settings), 1)
    cells = drawn.readings[0].cells
    pictured = service.blobs.put(sheet(len(cells)))
    while True:
        with service.database.writing() as session:
            work = queue.claim(session, OWNER, resources)
        if work is None:
            return analysis
        with service.database.writing() as session:
            if isinstance(work, ScaleWork):
                queue.record_scales(session, OWNER, work, {})
                continue
            source = work.task.source
            reading = replace(drawn.readings[0], name=source.name, sha256=work.task.sha256, cells=cells)
            queue.record_reading(session, OWNER, work, reading, (pictured, None), blobs=service.blobs)


def repeated(client: TestClient, analysis: str) -> list[bool]:
    cells = cells_of(client, analysis)
    assert all(not cell["counted"] for cell in cells if FLAG_REPEATED in cell["flags"])
    return [FLAG_REPEATED in cell["flags"] for cell in cells]


def test_what_was_found_holds_when_the_pictures_are_gone(
    reviewer: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    cells = drawn.readings[0].cells
    once = [False] * len(cells) + cells.is_counted.tolist()
    first = analysed(reviewer, app, drawn, read_again=True)
    assert repeated(reviewer, first) == once
    app.state.service.blobs.remove(app.state.service.blobs.put(sheet(len(cells))))
    taken_over = ask_again(reviewer, drawn, read_again=False)
    service: Service = app.state.service
    with service.database.writing() as session:
        resources = ReadingResources(service.blobs, limits_of(service.settings), 1)
        assert queue.claim(session, OWNER, resources) is None
    assert repeated(reviewer, taken_over) == once
