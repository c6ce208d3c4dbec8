"""Labels of QuPath, CVAT, Label Studio and labelImg, in the form in which these programs export them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.cohorts import table

from marrowscope.datasets.labelled import image_size
from marrowscope.datasets.layouts.fields import read_fields, recognise_layout
from marrowscope.datasets.reviews import write_reviewed
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import safe_name, safe_path

WIDTH, HEIGHT = 320, 240
BLAST, BAND = (30.0, 20.0, 90.0, 80.0), (200.0, 100.0, 260.0, 170.0)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "patients"
    for name in ("P01/a.png", "P01/slide 2/b.jpg", "P02/a.png"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT), "white").save(path)
    return root


def ring(box: tuple[float, ...]) -> list[list[float]]:
    x0, y0, x1, y1 = box
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]


def feature(box: tuple[float, ...], name: str | None, **properties: Any) -> dict[str, Any]:
    """Give an object as QuPath 0.5 exports it."""
    classification = {} if name is None else {"classification": {"name": name, "color": [200, 0, 0]}}
    return {
        "type": "Feature",
        "id": "5a9dd4f6-3f3c-4f5a-9f62-0d0a6d5b5f10",
        "geometry": {"type": "Polygon", "coordinates": [ring(box)]},
        "properties": {"objectType": "annotation", **classification, **properties},
    }


def qupath(path: Path, *features: dict[str, Any], as_list: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = list(features) if as_list else {"type": "FeatureCollection", "features": list(features)}
    path.write_text(json.dumps(document), "utf-8")
    return path


def test_qupaths_objects_with_a_class_are_cells(images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "qupath"
    qupath(
        folder / "P01" / "a.png.geojson",
        feature(BLAST, "Blast"),
        feature(BAND, "Leukocyte: Band neutrophil", measurements={"p": 0.9}),
        feature((0, 0, 320, 240), None),
        feature((0, 0, 300, 200), "Ignore*"),
    )
    older = feature(BLAST, "Lymphocyte")
    older["properties"]["classification"] = {"name": "Lymphocyte", "colorRGB": -16777216}
    newer = feature(BAND, None, classification={"names": ["Leukocyte", "Monocyte"]})
    qupath(folder / "b.geojson", older, newer, as_list=True)  # named without the image's end, no folder
    assert recognise_layout(folder) == "qupath"
    second, first = read_fields(folder, images=images)
    assert first.labels == ("blast", "band_neutrophil")
    np.testing.assert_allclose(first.boxes, [BLAST, BAND])
    assert (first.path, first.group) == (images / "P01" / "a.png", "qupath/P01")
    assert second.labels == ("lymphocyte", "monocyte")
    assert second.path.name == "b.jpg"


def test_a_name_that_two_patients_have_needs_its_folder(images: Path, tmp_path: Path) -> None:
    file = qupath(tmp_path / "a.png.geojson", feature(BLAST, "Blast"))
    with pytest.raises(DatasetError, match="may be 2 images"):
        read_fields(file, images=images)
    with pytest.raises(DatasetError, match=r"no image z\.png"):
        read_fields(qupath(tmp_path / "z.png.geojson", feature(BLAST, "Blast")), images=images)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_qupaths_pixels_as_stored_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    """A dark square, found in the upright pixels where the label says."""
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    pixels[20:80, 30:90] = 0
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    qupath(tmp_path / "a.png.geojson", feature(BLAST, "Blast"))
    (field,) = read_fields(tmp_path)
    x0, y0, x1, y1 = field.boxes[0].astype(int)
    upright = field.pixels()
    assert upright.shape[1::-1] == image_size(tmp_path / "a.png")
    assert (upright[y0:y1, x0:x1] == 0).all()
    assert (upright == 0).sum() == 3 * (x1 - x0) * (y1 - y0)


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta/>
<image id="0" name="P01/a.png" width="320" height="240">
 <box label="Blast" source="manual" occluded="0" xtl="30.00" ytl="20.00" xbr="90.00" ybr="80.00" z_order="0"/>
 <polygon label="band" points="200,100;260,130;230,170" occluded="0"/>
 <ellipse label="monocyte" cx="100" cy="100" rx="20" ry="10" rotation="90"/>
 <box label="lymphocyte" xtl="0" ytl="10" xbr="40" ybr="30" rotation="90"/>
 <points label="nucleus" points="1,2"/>
 <mask label="platelet" rle="1, 2" left="5" top="6" width="7" height="8"/>
</image>
<image id="1" name="slide 2/b.jpg" width="320" height="240"/>
</annotations>"""


def test_cvats_shapes_are_boxes(images: Path, tmp_path: Path) -> None:
    (tmp_path / "annotations.xml").write_text(CVAT, "utf-8")
    assert recognise_layout(tmp_path / "annotations.xml") == "cvat"
    first, second = read_fields(tmp_path / "annotations.xml", images=images)
    assert first.labels == ("blast", "band_neutrophil", "monocyte", "lymphocyte", "platelet")
    wanted = [BLAST, (200, 100, 260, 170), (90, 80, 110, 120), (10, 0, 30, 40), (5, 6, 12, 14)]
    np.testing.assert_allclose(first.boxes, wanted, atol=1e-3)
    assert second.labels == ()
    (tmp_path / "annotations.xml").write_text(CVAT.replace('width="320"', 'width="640"'), "utf-8")
    with pytest.raises(DatasetError, match="640 x 240 pixels, and has 320 x 240"):
        read_fields(tmp_path / "annotations.xml", images=images)


def test_cvats_coco_lies_beside_its_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / "a.png")
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [30, 20, 60, 60], "iscrowd": 0}],
        "categories": [{"id": 1, "name": "Blast"}],
    }
    file = tmp_path / "annotations" / "instances_default.json"
    file.write_text(json.dumps(document), "utf-8")
    for given in (tmp_path, file):
        (field,) = read_fields(given)
        assert (field.labels, field.boxes.tolist()) == (("blast",), [list(BLAST)])


def task(image: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations), "predictions": []}


def rectangle(box: tuple[float, ...], label: str) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    value = {
        "x": 100 * x0 / WIDTH,
        "y": 100 * y0 / HEIGHT,
        "width": 100 * (x1 - x0) / WIDTH,
        "height": 100 * (y1 - y0) / HEIGHT,
        "rotation": 0,
        "rectanglelabels": [label],
    }
    return {"type": "rectanglelabels", "original_width": WIDTH, "original_height": HEIGHT, "value": value}


def test_label_studios_tasks_are_read(images: Path, tmp_path: Path) -> None:
    polygon = {"points": [[50, 50], [75, 50], [75, 75]], "polygonlabels": ["Lymphocyte"]}
    ellipse = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 10, "ellipselabels": ["Monocyte"]}
    done = {
        "updated_at": "2026-02-02",
        "result": [
            rectangle(BLAST, "Blast"),
            {"value": polygon},
            {"value": ellipse},
            {"value": {"choices": ["x"]}},
        ],
    }
    tasks = [
        task("/data/local-files/?d=P01/a.png", {"updated_at": "2026-01-01", "result": []}, done),
        task("/data/upload/3/0a1b2c3d-b.jpg", {"was_cancelled": True, "result": []}),
    ]
    file = tmp_path / "project.json"
    file.write_text(json.dumps(tasks), "utf-8")
    assert recognise_layout(file) == "labelstudio"
    (field,) = read_fields(file, images=images)
    assert field.labels == ("blast", "lymphocyte", "monocyte")
    np.testing.assert_allclose(field.boxes, [BLAST, (160, 120, 240, 180), (128, 96, 192, 144)], atol=1e-3)


def test_label_studios_short_form_is_read(images: Path, tmp_path: Path) -> None:
    whole = rectangle(BLAST, "Blast")
    short = {**whole["value"], "original_width": WIDTH, "original_height": HEIGHT}
    file = tmp_path / "min.json"
    file.write_text(
        json.dumps([{"image": "/data/upload/3/0a1b2c3d-b.jpg", "label": [short], "id": 3}]), "utf-8"
    )
    (field,) = read_fields(file, images=images)
    assert (field.path.name, field.labels) == ("b.jpg", ("blast",))
    short["original_width"] = 999
    file.write_text(json.dumps([{"image": "b.jpg", "label": [short]}]), "utf-8")
    with pytest.raises(DatasetError, match="999 x 240"):
        read_fields(file, images=images)


def test_labelimgs_files_lie_beside_the_images(images: Path) -> None:
    voc = (
        "<annotation><folder>P01</folder><filename>a.png</filename><object><name>Blast</name><difficult>0</difficult>"
        "<bndbox><xmin>30</xmin><ymin>20</ymin><xmax>90</xmax><ymax>80</ymax></bndbox></object></annotation>"
    )
    (images / "P01" / "a.xml").write_text(voc, "utf-8")
    assert recognise_layout(images) == "labelimg"
    (field,) = read_fields(images)
    assert (field.labels, field.boxes.tolist(), field.group) == (("blast",), [list(BLAST)], "patients/P01")


@pytest.mark.parametrize("text", ["{}", "[]", "[1]", "no json", '{"type": "FeatureCollection"}'])
def test_what_is_no_label_file_is_told_in_one_line(images: Path, tmp_path: Path, text: str) -> None:
    for layout, name in (("qupath", "a.png.geojson"), ("labelstudio", "x.json"), ("cvat", "annotations.xml")):
        file = tmp_path / name
        file.write_text(text, "utf-8")
        if (layout, text) == ("qupath", "[]"):  # an image in which nothing was marked
            continue
        with pytest.raises(DatasetError) as told:
            read_fields(file, layout, images=images / "P01")
        assert "\n" not in str(told.value)


CELLS = """patient,field,cell,x0,y0,x1,y1,cell_type
P01,a.png,1,31.0,22.0,88.0,79.0,lymphocyte
P01,a.png,2,150.0,10.0,190.0,60.0,monocyte
P01,slide 2/b.jpg,1,201.0,99.0,262.0,168.0,monocyte
P02,a.png,1,30.0,20.0,90.0,80.0,lymphocyte
"""


def test_labels_become_reviews_of_the_cells_they_overlap(images: Path, tmp_path: Path) -> None:
    cells = tmp_path / "cells.csv"
    cells.write_text(CELLS, "utf-8")
    folder = tmp_path / "qupath"
    qupath(
        folder / "P01" / "a.png.geojson",
        feature(BLAST, "Blast"),
        feature((0, 200, 30, 230), "Blast"),
        feature((150, 10, 190, 60), "A dirty spot"),
    )
    qupath(folder / "P01" / "slide 2" / "b.jpg.geojson", feature(BAND, "Band neutrophil"))
    done = write_reviewed(cells, read_fields(folder, images=images), images, tmp_path / "reviewed.csv")
    assert (done.cells, done.reviewed, done.without_cell, done.no_type) == (4, 2, 1, 1)
    rows = table(tmp_path / "reviewed.csv")
    assert [row["reviewed_type"] for row in rows] == ["blast", "", "band_neutrophil", ""]
    assert [row["cell_type"] for row in rows] == ["lymphocyte", "monocyte", "monocyte", "lymphocyte"]
    trained = read_fields(tmp_path / "reviewed.csv", images=images)
    labels = [label for f in trained for label, ignore in zip(f.labels, f.ignore, strict=True) if not ignore]
    assert labels == ["blast", "band_neutrophil"]
    with pytest.raises(DatasetError, match="exists"):
        write_reviewed(cells, [], images, tmp_path / "reviewed.csv")
    with pytest.raises(DatasetError, match="no label overlaps"):
        write_reviewed(cells, [], images, tmp_path / "other.csv")


def test_copies_are_known_by_the_names_that_every_system_can_have(images: Path, tmp_path: Path) -> None:
    cells = tmp_path / "cells.csv"
    head, first, *_ = CELLS.splitlines()
    cells.write_text(f"{head}\n{first.replace('P01,a.png', 'A/B: 1,a?.png')}\n", "utf-8")
    copy = tmp_path / "exported" / safe_name("A/B: 1") / safe_path("a?.png")
    copy.parent.mkdir(parents=True)
    copy.write_bytes((images / "P01" / "a.png").read_bytes())
    qupath(copy.with_name(f"{copy.name}.geojson"), feature(BLAST, "Blast"))
    exported = tmp_path / "exported"
    done = write_reviewed(cells, read_fields(exported, images=exported), exported, tmp_path / "reviewed.csv")
    assert (done.cells, done.reviewed) == (1, 1)
