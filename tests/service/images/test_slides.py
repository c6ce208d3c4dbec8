"""Whole slides in the service: taken apart on upload, shown from their file, gone with their tiles."""

import io
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from tests.service.uploaded import API, listed, new_patient, rows, send
from tests.slides import write_dicom, write_svs

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import check_blobs
from marrowscope.service.store.engine import Database
from marrowscope.synth.slide import Area, SyntheticSlide, draw_slide

MPP = 0.25


@pytest.fixture(scope="module")
def slide() -> SyntheticSlide:
    areas = np.full((36, 54), Area.MONOLAYER, np.uint8)
    areas[:, :18] = Area.THICK
    areas[:2] = areas[-2:] = areas[:, -2:] = Area.GLASS
    return draw_slide(7, mpp=MPP, areas=areas)


@pytest.fixture(scope="module")
def content(slide: SyntheticSlide, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_svs(tmp_path_factory.mktemp("slide") / "smear.svs", slide.pixels, MPP).read_bytes()


def test_a_slide_is_taken_apart_into_tiles_of_its_monolayer(
    reviewer: TestClient, slide: SyntheticSlide, content: bytes
) -> None:
    patient = new_patient(reviewer)
    stored = rows(send(reviewer, patient, ("smear.svs", content)))
    assert len(stored) >= 2
    assert {status for _, status in stored} == {"stored"}
    for field in listed(reviewer, patient):
        x, y = (int(side) for side in field["name"].removeprefix("smear.svs@").split(","))
        assert field["mpp"] == pytest.approx(MPP, rel=0.01)
        kinds = slide.areas[y // 64 : (y + 1024) // 64, x // 64 : (x + 1024) // 64]
        assert (kinds == Area.MONOLAYER).mean() >= 0.9
        assert reviewer.get(field["thumbnail"]).status_code == 200
    (shown,) = reviewer.get(f"{API}/patients/{patient}/slides").json()["items"]
    assert (shown["width"], shown["height"]) == (slide.pixels.shape[1], slide.pixels.shape[0])
    assert shown["tiles"] == len(stored)
    assert shown["taken_mm2"] == pytest.approx(len(stored) * 0.256**2, abs=0.001)
    assert shown["taken_mm2"] < shown["countable_mm2"]
    with Image.open(io.BytesIO(reviewer.get(shown["overview"]).content)) as overview:
        assert overview.width >= 900


def test_deep_zoom_comes_straight_from_the_slide(
    reviewer: TestClient, slide: SyntheticSlide, content: bytes
) -> None:
    patient = new_patient(reviewer)
    send(reviewer, patient, ("smear.svs", content))
    (shown,) = reviewer.get(f"{API}/patients/{patient}/slides").json()["items"]
    size = f'<Size Width="{shown["width"]}" Height="{shown["height"]}"/>'
    assert size in reviewer.get(shown["dzi"]).text
    tiles = shown["dzi"].removesuffix(".dzi") + "_files"
    highest = (max(shown["width"], shown["height"]) - 1).bit_length()
    with Image.open(io.BytesIO(reviewer.get(f"{tiles}/{highest}/5_3.jpg").content)) as tile:
        part = slide.pixels[3 * 256 - 1 : 4 * 256 + 1, 5 * 256 - 1 : 6 * 256 + 1]
        assert tile.size == (258, 258)
        assert np.abs(np.asarray(tile).astype(int) - part).mean() < 8
    with Image.open(io.BytesIO(reviewer.get(f"{tiles}/{highest - 4}/0_0.jpg").content)) as small:
        assert small.width == -(-shown["width"] // 16)
        whole = np.asarray(Image.fromarray(slide.pixels).reduce(16))
        shape = min(small.height, whole.shape[0]), min(small.width, whole.shape[1])
        seen = np.asarray(small).astype(int)[: shape[0], : shape[1]]
        assert np.abs(seen - whole[: shape[0], : shape[1]]).mean() < 12
    for missing in (f"{highest + 1}/0_0", f"{highest}/99_0"):
        assert reviewer.get(f"{tiles}/{missing}.jpg").status_code == 404
    assert reviewer.get(f"{tiles}/0/0_0.jpg").status_code == 200


def test_a_slide_goes_with_its_last_tile(
    reviewer: TestClient, content: bytes, database: Database, blobs: Blobs
) -> None:
    patient = new_patient(reviewer)
    send(reviewer, patient, ("smear.svs", content))
    assert check_blobs(database, blobs).faults == ()
    kept = {path.name for path in blobs.originals()}
    for field in listed(reviewer, patient):
        assert reviewer.get(f"{API}/patients/{patient}/slides").json()["items"]
        assert reviewer.delete(f"{API}/fields/{field['id']}").status_code == 204
    assert reviewer.get(f"{API}/patients/{patient}/slides").json()["items"] == []
    assert kept
    assert not list(blobs.originals())


def test_a_slide_goes_with_its_patient(
    admin: TestClient, content: bytes, database: Database, blobs: Blobs
) -> None:
    patient = new_patient(admin)
    send(admin, patient, ("smear.svs", content))
    (shown,) = admin.get(f"{API}/patients/{patient}/slides").json()["items"]
    answer = admin.request("DELETE", f"{API}/patients/{patient}", json={"reason": "asked for"})
    assert answer.status_code == 204
    assert admin.get(shown["dzi"]).status_code == 404
    assert not list(blobs.originals())
    assert check_blobs(database, blobs).faults == ()


def test_the_same_slide_again_changes_nothing(reviewer: TestClient, content: bytes) -> None:
    patient = new_patient(reviewer)
    first = rows(send(reviewer, patient, ("smear.svs", content)))
    again = rows(send(reviewer, patient, ("smear.svs", content)))
    assert [name for name, _ in again] == [name for name, _ in first]
    assert {status for _, status in again} == {"duplicate"}
    assert len(reviewer.get(f"{API}/patients/{patient}/slides").json()["items"]) == 1


def test_slides_that_cannot_be_taken_get_one_line(
    reviewer: TestClient, content: bytes, tmp_path: Path
) -> None:
    folder = write_dicom(tmp_path / "series", np.full((300, 300, 3), 230, np.uint8), MPP, levels=())
    patient = new_patient(reviewer)
    answer = send(
        reviewer,
        patient,
        ("cut.svs", content[: len(content) // 3]),
        ("level.dcm", (folder / "0.dcm").read_bytes()),
        ("smear.mrxs", b"\xff\xd8\xff\xe0" + bytes(200)),
    )
    said = {item["name"]: item for item in answer.json()["items"]}
    assert {item["status"] for item in said.values()} == {"refused"}
    assert "slide" in said["cut.svs"]["message"]
    several = "slides of several files cannot be uploaded: read them with `marrowscope analyse`"
    assert said["level.dcm"]["message"] == said["smear.mrxs"]["message"] == several
