"""Converting: what is written in one layout reads back the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.datasets.convert import cells_as_fields, convert, write_voc
from marrowscope.datasets.layouts.cells import read_folder_per_type
from marrowscope.datasets.layouts.fields import LabelledField, read_fields, read_voc
from marrowscope.errors import DatasetError


@pytest.fixture
def fields(tmp_path: Path) -> list[LabelledField]:
    made = []
    for i, folder in enumerate(("a", "b")):  # the same file name twice
        path = tmp_path / folder / "field 1.PNG"
        path.parent.mkdir()
        pixels = np.full((80, 100, 3), 220, np.uint8)
        pixels[20:40, 30:60] = (90, 40, 140 + i)
        Image.fromarray(pixels).save(path)
        boxes = np.array([[30, 20, 60, 40], [2.5, 3, 12, 13.5], [70, 50, 90, 75]], np.float32)
        labels = ("blast", "red_cell", "leukocyte")
        made.append(
            LabelledField(path, boxes, labels, np.array([False, False, True]), f"clinic/p{i}", "clinic")
        )
    return made


@pytest.mark.parametrize("layout", ["voc", "yolo", "coco", "csv"])
def test_boxes_and_labels_survive(fields: list[LabelledField], tmp_path: Path, layout: str) -> None:
    convert(fields, layout, tmp_path / "out")
    again = read_fields(tmp_path / "out")
    assert [field.path.stem for field in again] == ["field_1", "field_1_2"]
    for before, after in zip(fields, again, strict=True):
        keep = ~before.ignore if layout == "yolo" else np.ones(3, bool)
        np.testing.assert_allclose(after.boxes, before.boxes[keep], atol=1e-3)
        assert after.labels == tuple(name for name, k in zip(before.labels, keep, strict=True) if k)
        assert after.ignore.tolist() == before.ignore[keep].tolist()
        assert after.path.read_bytes() == before.path.read_bytes()
        if layout in {"coco", "csv"}:
            assert after.group == before.group.replace("clinic", "out")


def test_no_name_becomes_a_formula(fields: list[LabelledField], tmp_path: Path) -> None:
    hostile = replace(fields[0], labels=("=1+1", "@x", "-y"), group="clinic/+p")
    convert([hostile], "csv", tmp_path / "out")
    lines = (tmp_path / "out" / "annotations.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[5] for line in lines[1:]] == ["'=1+1", "'@x", "'-y"]
    (again,) = read_fields(tmp_path / "out")
    assert again.group == "out/+p"


def test_cut_cells_keep_their_scale(fields: list[LabelledField], tmp_path: Path) -> None:
    """A cell 30 pixels of 0.2 µm wide is 6 µm wide in its own file, whatever that file's size."""
    convert([replace(field, mpp=0.2) for field in fields], "cells", tmp_path / "out")
    blast = next(cell for cell in read_folder_per_type(tmp_path / "out") if cell.cell_type == "blast")
    pixels, um_per_px = blast.with_scale()
    dark = np.flatnonzero((pixels[..., 0] < 150).any(axis=0))
    assert um_per_px is not None
    assert np.ptp(dark) * um_per_px == pytest.approx(6.0, rel=0.03)


def test_cells_are_cut_into_a_folder_per_type(fields: list[LabelledField], tmp_path: Path) -> None:
    convert(fields, "cells", tmp_path / "out")
    cells = read_folder_per_type(tmp_path / "out")
    assert [cell.cell_type for cell in cells] == ["blast", "blast", "red_cell", "red_cell"]
    assert cells[0].pixels()[128, 128].tolist() == [90, 40, 140]


def test_voc_split_is_listed(fields: list[LabelledField], tmp_path: Path) -> None:
    write_voc(fields[:1], tmp_path / "out", split="test")
    assert len(read_voc(tmp_path / "out", "test")) == 1


def test_nothing_is_overwritten(fields: list[LabelledField], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not empty"):
        convert(fields, "coco", tmp_path / "a")
    with pytest.raises(DatasetError, match="unknown layout"):
        convert(fields, "tfrecord", tmp_path / "out")
    with pytest.raises(DatasetError, match="no labelled box"):
        convert([], "cells", tmp_path / "out")


def test_labels_cannot_leave_the_folder(fields: list[LabelledField], tmp_path: Path) -> None:
    bad = LabelledField(fields[0].path, fields[0].boxes[:1], ("../../up",), np.zeros(1, bool), "g", "s")
    convert([bad], "cells", tmp_path / "out")
    assert [p.relative_to(tmp_path / "out").parts[0] for p in (tmp_path / "out").rglob("*.png")] == ["_.._up"]


def test_single_cells_get_the_box_of_their_outline(tmp_path: Path) -> None:
    y, x = np.mgrid[:160, :160]
    pixels = np.full((160, 160, 3), (235, 225, 230), np.uint8)
    pixels[(x - 80) ** 2 + (y - 80) ** 2 < 40**2] = (190, 150, 215)
    pixels[(x - 80) ** 2 + (y - 80) ** 2 < 25**2] = (95, 45, 140)
    for name, picture in (
        ("a.png", pixels),
        ("b.png", np.full_like(pixels, 235)),
        ("c.png", pixels[:40, :40]),
    ):
        (tmp_path / "set" / "monocyte").mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "set" / "monocyte" / name)
    cell, empty, tiny = cells_as_fields(read_folder_per_type(tmp_path / "set"))
    np.testing.assert_allclose(cell.boxes, [[40, 40, 120, 120]], atol=6)
    assert (cell.labels, cell.ignore.tolist()) == (("monocyte",), [False])
    assert (empty.ignore.tolist(), empty.boxes.tolist()) == ([True], [[0, 0, 160, 160]])
    assert tiny.ignore.tolist() == [True]
