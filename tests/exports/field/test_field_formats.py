"""Cells in the formats of other tools: read back by libraries and readers that did not write them."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import geojson
import numpy as np
import pytest
import tifffile
from PIL import Image
from pycocotools.coco import COCO
from tests.exports.fake_report import field_reading, patient, report
from tests.rates import VALIDATED

from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.review import read_reviewed
from marrowscope.analysis.reviewed import Answer
from marrowscope.datasets.layouts.fields import read_coco, read_voc, read_yolo
from marrowscope.domain.geometry import turned
from marrowscope.domain.patient import TURNED_UPRIGHT, CohortReport, FieldReading
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.exports.field.boxes import write_coco, write_voc, write_yolo
from marrowscope.exports.field.cells import turned_note
from marrowscope.exports.field.geojson import geojson_files, write_geojson
from marrowscope.exports.field.images import copy_images
from marrowscope.exports.formats import EXPORTS
from marrowscope.imaging.files.decode import decode, fields_of

SIZE = (1600, 1200)
RNG = np.random.default_rng(5)


def a_field(name: str, **other: object) -> FieldReading:
    return replace(field_reading(name, RNG, 9, 0.3), **other)  # type: ignore[arg-type]  # any member


def of(*fields: FieldReading) -> CohortReport:
    return report([patient("P01", fields=0, cells=0, extra=fields)])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Write the images that the report is of, below a folder of patients."""
    root = tmp_path / "patients"
    for name in ("a.png", "slide 1/b.png"):
        path = root / "P01" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE, "white").save(path)
    return root


WHOLE = of(a_field("a.png", sha256=""), a_field("slide 1/b.png", sha256=""))


def test_coco_is_read_by_its_own_library(tmp_path: Path) -> None:
    write_coco(WHOLE, tmp_path / "coco.json")
    coco = COCO(str(tmp_path / "coco.json"))
    assert [image["file_name"] for image in coco.imgs.values()] == ["P01/a.png", "P01/slide 1/b.png"]
    assert [each["name"] for each in coco.cats.values()] == [kind.id for kind in taxonomy()]
    for number, field in enumerate(WHOLE.patients[0].fields, start=1):
        found = coco.loadAnns(coco.getAnnIds(imgIds=[number]))
        boxes = np.array([each["bbox"] for each in found])
        boxes[:, 2:] += boxes[:, :2]
        np.testing.assert_allclose(boxes, field.cells.boxes, atol=1e-3)
        assert [coco.cats[each["category_id"]]["name"] for each in found] == list(field.cells.cell_types)
        assert [each["counted"] for each in found] == field.cells.is_counted.tolist()


@pytest.mark.parametrize("layout", ["coco", "yolo", "voc"])
def test_what_is_written_is_a_labelled_set(images: Path, tmp_path: Path, layout: str) -> None:
    out = tmp_path / "out"
    if layout == "coco":
        write_coco(WHOLE, out / "coco.json")
        assert copy_images(WHOLE, images, out / "images") == 2
        found = read_coco(out / "coco.json")
    elif layout == "yolo":
        write_yolo(WHOLE, out)
        copy_images(WHOLE, images, out / "images")
        found = read_yolo(out)
    else:
        write_voc(WHOLE, out)
        copy_images(WHOLE, images, out / "JPEGImages")
        found = read_voc(out)
    for labelled, field in zip(found, WHOLE.patients[0].fields, strict=True):
        np.testing.assert_allclose(labelled.boxes, field.cells.boxes, atol=0.01)
        assert labelled.labels == field.cells.cell_types
        assert labelled.path.name == field.name.rpartition("/")[2]


def test_an_image_that_was_changed_is_not_copied(images: Path, tmp_path: Path) -> None:
    changed = of(a_field("a.png"), a_field("gone.png"))
    with pytest.raises(InputError, match=r"a\.png of P01 is another image than was analysed"):
        copy_images(changed, images, tmp_path / "out")
    with pytest.raises(InputError, match=r"no image gone\.png of P01"):
        copy_images(of(a_field("gone.png")), images, tmp_path / "out")


def test_single_cells_sorted_by_type_are_of_one_patient(tmp_path: Path) -> None:
    folder = tmp_path / "P01"
    names = ("blast/a.png", "lymphocyte/b.png")
    for name in names:
        (folder / name).parent.mkdir(parents=True)
        Image.new("RGB", SIZE, "white").save(folder / name)
    analysed = of(*(a_field(name, sha256="", is_single_cell=True) for name in names))
    assert copy_images(analysed, folder, tmp_path / "out") == 2
    assert (tmp_path / "out" / "P01" / "blast" / "a.png").read_bytes() == (folder / names[0]).read_bytes()


@pytest.mark.parametrize("layout", ["yolo", "voc"])
def test_fields_of_one_file_become_files_of_their_own(tmp_path: Path, layout: str) -> None:
    shades = [RNG.integers(dark, dark + 60, (60, 80, 3), np.uint8) for dark in (20, 180)]
    file = tmp_path / "patients" / "P01" / "two: all.tif"
    file.parent.mkdir(parents=True)
    tifffile.imwrite(file, np.stack(shades), photometric="rgb")
    parts = list(fields_of(file.read_bytes()))
    digests = [hashlib.sha256(part).hexdigest() for part in parts]
    two = of(*(a_field(f"{file.name}#{n}", sha256=each) for n, each in enumerate(digests, start=1)))
    out, export = tmp_path / "out", EXPORTS[layout]
    export.write(two, out)
    assert copy_images(two, tmp_path / "patients", out / str(export.images)) == 2
    found = {"yolo": read_yolo, "voc": read_voc}[layout](out, keep_faulty=True)
    assert [len(each.labels) for each in found] == [len(field.cells) for field in two.patients[0].fields]
    for each, shade in zip(found, shades, strict=True):
        np.testing.assert_array_equal(decode(each.path.read_bytes()).pixels, shade)


def test_names_that_differ_at_their_end_only_are_refused_where_files_would_be_shared(tmp_path: Path) -> None:
    both = of(a_field("a.png"), a_field("a.jpg"))
    with pytest.raises(InputError, match="use coco"):
        write_yolo(both, tmp_path / "yolo")
    write_coco(both, tmp_path / "coco.json")


def test_geojson_is_valid_and_has_what_qupath_reads(tmp_path: Path) -> None:
    write_geojson(WHOLE, tmp_path)
    path = tmp_path / "P01" / "slide 1" / "b.png.geojson"
    read = geojson.loads(path.read_text("utf-8"))
    assert read.is_valid, read.errors()
    field = WHOLE.patients[0].fields[1]
    assert len(read.features) == len(field.cells)
    for feature, box, name in zip(read.features, field.cells.boxes, field.cells.cell_types, strict=True):
        ring = np.array(feature.geometry.coordinates[0])
        np.testing.assert_allclose([*ring.min(axis=0), *ring.max(axis=0)], box, atol=0.01)
        assert feature.properties["objectType"] == "annotation"
        kind = taxonomy().named(feature.properties["classification"]["name"])
        assert kind is not None
        assert kind.id == name
        assert all(isinstance(value, float | int) for value in feature.properties["measurements"].values())
    identifiers = [feature["id"] for _, each in geojson_files(WHOLE) for feature in each["features"]]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_of_an_image_that_was_turned_are_in_pixels_as_stored(orientation: int) -> None:
    notes = (TURNED_UPRIGHT,) if orientation != 1 else ()
    field = a_field("a.jpg", orientation=orientation, notes=notes)
    ((_, document),) = geojson_files(of(field))
    rings = np.array([f["geometry"]["coordinates"][0] for f in document["features"]], np.float32)
    stored = np.hstack([rings.min(axis=1), rings.max(axis=1)])
    width, height = SIZE[::-1] if orientation > 4 else SIZE
    np.testing.assert_allclose(turned(stored, width, height, orientation), field.cells.boxes, atol=0.02)
    assert bool(turned_note(of(field))) == (orientation != 1)


def test_how_a_field_was_turned_is_never_guessed() -> None:
    with pytest.raises(InputError, match="not recorded"):
        list(geojson_files(of(a_field("a.jpg", notes=(TURNED_UPRIGHT,)))))


def test_tiles_of_a_slide_share_a_file_in_the_slides_pixels(tmp_path: Path) -> None:
    tiles = [a_field(f"s.svs@{x},512", slide_xy=(x, 512)) for x in (0, 2048)]
    ((name, document),) = geojson_files(of(*tiles))
    assert name == "P01/s.svs.geojson"
    corners = [feature["geometry"]["coordinates"][0][0] for feature in document["features"]]
    wanted = np.vstack([tile.boxes_in_image[:, :2] for tile in tiles])
    np.testing.assert_allclose(corners, wanted, atol=0.01)
    with pytest.raises(InputError, match=r"COCO .* s\.svs is a whole slide: geojson"):
        write_coco(of(*tiles), tmp_path / "coco.json")
    with pytest.raises(InputError, match=r"DICOM .* s\.svs is a whole slide: fhir and hl7"):
        EXPORTS["dicom"].write(of(*tiles), tmp_path / "dicom")


def test_a_readers_names_hold_and_deleted_cells_are_gone() -> None:
    one = WHOLE.patients[0]
    answers = {"a.png": {0: Answer("basophil"), 1: Answer(None, is_deleted=True)}}
    reviewed = report([read_reviewed(one, answers, {}, CountingSettings(), VALIDATED)])
    documents = dict(geojson_files(reviewed))
    names = [f["properties"]["classification"]["name"] for f in documents["P01/a.png.geojson"]["features"]]
    assert len(names) == len(one.fields[0].cells) - 1
    assert names[0] == "Basophil"
    assert json.dumps(documents)
