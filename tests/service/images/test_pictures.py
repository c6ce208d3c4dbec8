"""Pictures of stored images: tiles and thumbnails, of pixels alone."""

import io

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image
from tests.service.uploaded import API, new_patient, png, send

from marrowscope.imaging.files.decode import decode


def test_tiles_put_together_are_the_image(viewer: TestClient, reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    data = png(5, width=600, height=300)
    field = send(reviewer, patient, ("a.png", data)).json()["items"][0]["field_id"]
    base = f"{API}/fields/{field}"
    assert 'Width="600" Height="300"' in viewer.get(f"{base}/image.dzi").text
    canvas = Image.new("RGB", (600, 300))
    for row in range(2):
        for column in range(3):
            answer = viewer.get(f"{base}/image_files/10/{column}_{row}.jpg")
            assert answer.status_code == 200, answer.text
            x, y = max(column * 256 - 1, 0), max(row * 256 - 1, 0)
            canvas.paste(Image.open(io.BytesIO(answer.content)), (x, y))
    difference = np.asarray(canvas, float) - decode(data).pixels
    assert np.abs(difference).mean() < 2
    assert viewer.get(f"{base}/image_files/0/0_0.jpg").status_code == 200
    assert viewer.get(f"{base}/image_files/10/3_0.jpg").status_code == 404
    assert viewer.get(f"{base}/image_files/11/0_0.jpg").status_code == 404


def test_pictures_hold_no_metadata_and_are_kept_by_browsers(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    image, stream = Image.new("RGB", (300, 200), (200, 180, 190)), io.BytesIO()
    exif = image.getexif()
    exif[0x010E] = "Doe, Jane 1970-01-01"
    image.save(stream, "JPEG", exif=exif, comment=b"Doe, Jane")
    field = send(reviewer, patient, ("a.jpg", stream.getvalue())).json()["items"][0]["field_id"]
    for address in ("thumbnail.jpg?size=64", "thumbnail.jpg?size=512", "image_files/9/0_0.jpg"):
        answer = reviewer.get(f"{API}/fields/{field}/{address}")
        assert answer.status_code == 200
        assert b"Doe" not in answer.content
        assert "immutable" in answer.headers["cache-control"]
        known = {"If-None-Match": answer.headers["etag"]}
        assert reviewer.get(f"{API}/fields/{field}/{address}", headers=known).status_code == 304
    small = Image.open(io.BytesIO(reviewer.get(f"{API}/fields/{field}/thumbnail.jpg?size=64").content))
    assert max(small.size) == 64
