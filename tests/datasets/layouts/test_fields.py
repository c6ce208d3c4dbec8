"""Readers of labelled fields: every layout on a small look-alike tree, the real sets where they are."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.datasets.corrections import load_corrections
from marrowscope.datasets.layouts.fields import (
    LabelledField,
    read_coco,
    read_fields,
    read_unlabelled,
    read_voc,
    read_yolo,
)
from marrowscope.datasets.names import normalise_label
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import natural_key

VOC_OBJECT = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
    "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"
)


def save_image(path: Path, size: tuple[int, int] = (100, 80)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (220, 200, 210)).save(path)
    return path


def make_voc(root: Path, objects: dict[str, list[tuple[str, int, int, int, int]]]) -> Path:
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for stem, rows in objects.items():
        save_image(root / "JPEGImages" / f"{stem}.jpg")
        body = "".join(VOC_OBJECT.format(*row) for row in rows)
        (root / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{body}</annotation>")
    return root


def test_voc_is_read_in_natural_order_with_normalised_labels(tmp_path: Path) -> None:
    root = make_voc(
        tmp_path / "set",
        {"f10": [("WBC", 10, 20, 30, 50)], "f2": [("RBC", 1, 2, 9, 9), ("Platelets", 5, 5, 8, 8)]},
    )
    fields = read_voc(root)
    assert [field.path.stem for field in fields] == ["f2", "f10"]
    assert fields[0].labels == ("red_cell", "platelet")
    assert fields[1].boxes.tolist() == [[10, 20, 30, 50]]
    assert fields[1].group == "set/f10"
    assert fields[1].source == "set"
    assert fields[1].size == (100, 80)
    assert fields[0].leukocytes()[0].shape == (0, 4)


def test_a_table_names_the_type_of_leukocytes_that_are_alone_in_their_field(tmp_path: Path) -> None:
    one, other = ("WBC", 10, 20, 30, 50), ("WBC", 50, 20, 70, 50)
    root = make_voc(tmp_path / "set", {"a": [one, ("RBC", 1, 2, 9, 9)], "b": [one, other], "c": [one]})
    (root / "types.csv").write_text("image,type\na,Eosinophils\nb,monocyte\n")
    assert [field.labels for field in read_voc(root)] == [
        ("eosinophil", "red_cell"), ("leukocyte", "leukocyte"), ("leukocyte",),
    ]  # fmt: skip


def test_voc_split_takes_the_listed_images_only(tmp_path: Path) -> None:
    root = make_voc(tmp_path / "set", {"a": [], "b": []})
    (root / "ImageSets" / "Main" / "test.txt").write_text("b\n")
    assert [field.path.stem for field in read_voc(root, "test")] == ["b"]
    with pytest.raises(DatasetError, match="no split named"):
        read_voc(root, "validation")


def test_faulty_boxes_are_dropped_or_clipped_unless_asked_for(tmp_path: Path) -> None:
    root = make_voc(tmp_path / "set", {"a": [("WBC", 10, 10, 10, 40), ("WBC", 90, 70, 130, 90)]})
    assert read_voc(root)[0].boxes.tolist() == [[90, 70, 100, 80]]
    assert len(read_voc(root, keep_faulty=True)[0].boxes) == 2


def test_yolo_fractions_become_pixels(tmp_path: Path) -> None:
    save_image(tmp_path / "images" / "a.png")
    save_image(tmp_path / "images" / "empty.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.25\n")
    field, empty = read_yolo(tmp_path)
    np.testing.assert_allclose(field.boxes, [[40, 30, 60, 50]])
    assert field.labels == ("leukocyte",)
    assert len(empty.boxes) == 0
    (tmp_path / "classes.txt").write_text("RBC\nWBC\n")
    assert read_yolo(tmp_path)[0].labels == ("red_cell",)
    (tmp_path / "labels" / "a.txt").write_text("7 0.5 0.5 0.2 0.25\n")
    with pytest.raises(DatasetError, match="not a YOLO label"):
        read_yolo(tmp_path)


def test_coco_keeps_groups_and_ignored_boxes(tmp_path: Path) -> None:
    save_image(tmp_path / "images" / "a.png")
    content = {
        "images": [{"id": 4, "file_name": "a.png", "cell_group": 7}],
        "categories": [{"id": 1, "name": "blast"}, {"id": 2, "name": "WBC"}],
        "annotations": [
            {"id": 1, "image_id": 4, "category_id": 1, "bbox": [1, 2, 30, 40]},
            {"id": 2, "image_id": 4, "category_id": 2, "bbox": [80, 2, 20, 40], "cut_by_border": True},
        ],
    }
    path = tmp_path / "annotations.coco.json"
    path.write_text(json.dumps(content))
    (field,) = read_coco(path, source="clinic")
    assert field.boxes.tolist() == [[1, 2, 31, 42], [80, 2, 100, 42]]
    assert field.labels == ("blast", "leukocyte")
    assert field.ignore.tolist() == [False, True]
    assert field.group == "clinic/7"
    path.write_text('{"images": []}')
    with pytest.raises(DatasetError, match="not a COCO"):
        read_coco(path)


def test_layout_is_recognised(tmp_path: Path) -> None:
    make_voc(tmp_path / "voc", {"a": [("WBC", 1, 1, 20, 20)]})
    save_image(tmp_path / "plain" / "deep" / "x.jpg")
    assert read_fields(tmp_path / "voc")[0].labels == ("leukocyte",)
    assert len(read_fields(tmp_path / "plain")) == 1
    with pytest.raises(DatasetError, match="unknown layout"):
        read_fields(tmp_path / "plain", layout="tfrecord")
    with pytest.raises(DatasetError, match="no such folder"):
        read_unlabelled(tmp_path / "missing")


def test_columns_of_different_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 labels"):
        LabelledField(tmp_path, np.zeros((2, 4), np.float32), ("blast",), np.zeros(1, bool), "g", "s")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("WBC", "leukocyte"), (" Red blood cells", "red_cell"), ("leukocyte_not_blast", "leukocyte_not_blast")],
)
def test_labels_have_one_spelling(name: str, expected: str) -> None:
    assert normalise_label(name) == expected


def test_numbers_in_names_sort_as_numbers() -> None:
    assert sorted(["a10", "a9", "a1b2", "a1b10"], key=natural_key) == ["a1b2", "a1b10", "a9", "a10"]


def test_bccd_is_corrected_of_itself(shared_data: Path) -> None:
    def found(field: LabelledField) -> Counter[str]:  # its own table of types names some leukocytes
        labels = zip(field.labels, field.is_nucleated, strict=True)
        return Counter("leukocyte" if nucleated else label for label, nucleated in labels)

    root = shared_data / "fields" / "bccd"
    raw = {field.path.stem: field for field in read_voc(root, corrections=None)}
    fixed = {field.path.stem: field for field in read_fields(root)}
    for fault in load_corrections("bccd").boxes:
        before, after = found(raw[fault.image]), found(fixed[fault.image])
        assert after[fault.label] == before[fault.label] + 1, fault
    leukocytes = [sum(field.is_nucleated.sum() for field in fields.values()) for fields in (raw, fixed)]
    assert leukocytes == [372, 372 + 13 + 2 - 1]


def test_the_raabin_tiles_are_corrected_of_themselves(shared_data: Path) -> None:
    root = shared_data / "fields" / "txl_raabin"
    raw = {field.path.stem: Counter(field.labels) for field in read_yolo(root, corrections=None)}
    fixed = {field.path.stem: Counter(field.labels) for field in read_yolo(root)}
    faults = load_corrections("txl_raabin").boxes
    changed = {name for name in raw if raw[name] != fixed[name]}
    assert changed == {fault.image for fault in faults}
    assert all(fixed[name]["leukocyte"] for name in fixed)  # every tile was cut round one


def test_corrections_once_applied_stay() -> None:
    for table in (load_corrections("bccd"), load_corrections("txl_raabin")):
        for image in {fault.image for fault in table.boxes}:
            wrong = [
                ("leukocyte" if fault.label != "leukocyte" else "red_cell", fault.box, False)
                for fault in table.boxes
                if fault.image == image and fault.action in {"relabel", "drop"}
            ]
            once = table.apply(image, wrong)
            assert table.apply(image, once) == once


def test_labels_of_another_version_are_not_corrected_blindly() -> None:
    table = load_corrections("bccd")
    with pytest.raises(DatasetError, match="another version"):
        table.apply("BloodImage_00133", [("platelet", (5, 5, 9, 9), False)])


def test_bccd_keeps_one_scene_in_one_split(shared_data: Path) -> None:
    parts = {name: read_voc(shared_data / "fields" / "bccd", name) for name in ("train", "val", "test")}
    groups = {name: {field.group for field in fields} for name, fields in parts.items()}
    assert [len(fields) for fields in parts.values()] == [206, 86, 72]
    assert not groups["train"] & groups["val"]
    assert not (groups["train"] | groups["val"]) & groups["test"]


@pytest.mark.parametrize(
    ("name", "fields", "leukocytes"),
    [
        ("txl_raabin", 500, 517 - 15 + 8),
        ("pig", 226, 422),
        ("deepbionet", 398, 428),
        ("allidb_validation", 33, 286),
    ],
)
def test_real_sets_read_whole(shared_data: Path, name: str, fields: int, leukocytes: int) -> None:
    found = read_fields(shared_data / "fields" / name)
    assert len(found) == fields
    assert sum(len(field.leukocytes()[0]) for field in found) == leukocytes
