"""Checking a set: every planted fault is found, a clean set stays clean."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.datasets.check import CheckReport, check_dataset
from marrowscope.errors import DatasetError


def picture(seed: int, size: tuple[int, int] = (120, 96)) -> Image.Image:
    """A field with a few discs, different for each seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.full((size[1], size[0], 3), 225, np.uint8)
    for _ in range(9):
        cx, cy, radius = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(5, 16)
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = rng.integers(40, 200, 3)
    return Image.fromarray(pixels)


def yolo_set(root: Path, n: int = 4) -> Path:
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("WBC\nRBC\n")
    for i in range(n):
        picture(i).save(root / "images" / f"f{i}.png")
        (root / "labels" / f"f{i}.txt").write_text("0 0.5 0.5 0.2 0.2\n1 0.2 0.2 0.1 0.1\n")
    return root


def kinds(report: CheckReport) -> list[str]:
    return [problem.kind for problem in report.problems]


def test_a_clean_set_is_clean(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sheet = tmp_path / "out" / "sheet.png"
    report = check_dataset(
        yolo_set(tmp_path / "set"), contact_sheet=sheet, on_image=lambda *a: told.append(a)
    )
    assert report.is_clean
    assert report.problems == ()
    assert (report.layout, report.n_images, report.n_boxes) == ("yolo", 4, 8)
    assert report.class_counts == {"leukocyte": 4, "red_cell": 4}
    assert report.sizes == {"120x96": 4}
    assert told[-1] == (4, 4)
    with Image.open(sheet) as image:
        assert image.width == 1200
    json.dumps(report.to_json(), allow_nan=False)


def test_planted_faults_are_found(tmp_path: Path) -> None:
    root = yolo_set(tmp_path / "set")
    (root / "images" / "broken.png").write_bytes((root / "images" / "f0.png").read_bytes()[:200])
    (root / "images" / "text.jpg").write_text("not an image")
    (root / "labels" / "broken.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (root / "labels" / "stray.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (root / "labels" / "f1.txt").write_text("0 0.5 0.5 0 0.2\n0 0.95 0.5 0.3 0.2\n")
    (root / "labels" / "f2.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n")
    (root / "classes.txt").write_text("Sickle cell\nRBC\n")
    found = kinds(check_dataset(root))
    for kind in (
        "broken image",
        "empty box",
        "box out of bounds",
        "repeated box",
        "unknown label",
        "label without image",
        "image without label file",
    ):
        assert kind in found
    assert found.count("broken image") == 2


@pytest.mark.parametrize("change", ["turned", "mirrored", "compressed", "smaller"])
def test_near_duplicates_are_found_however_changed(tmp_path: Path, change: str) -> None:
    root = yolo_set(tmp_path / "set", 6)
    image = picture(3)
    if change == "turned":
        image = image.transpose(Image.Transpose.ROTATE_90)
    elif change == "mirrored":
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    elif change == "smaller":
        image = image.resize((60, 48))
    image.save(root / "images" / "g.jpg", quality=70)
    problems = [p for p in check_dataset(root).problems if p.kind == "near duplicate"]
    assert [(p.where, p.detail[:24]) for p in problems] == [("images/f3.png", "looks like images/g.jpg ")]


def test_duplicates_and_groups_across_splits_are_errors(tmp_path: Path) -> None:
    for part, seeds in (("train", (0, 1)), ("valid", (0, 2))):
        (tmp_path / "images" / part).mkdir(parents=True)
        (tmp_path / "labels" / part).mkdir(parents=True)
        for seed in seeds:
            picture(seed).save(tmp_path / "images" / part / f"f{seed}.png")
            (tmp_path / "labels" / part / f"f{seed}.txt").write_text("")
    picture(1).save(tmp_path / "images" / "valid" / "again.jpg", quality=80)
    report = check_dataset(tmp_path)
    assert not report.is_clean
    assert report.split_counts == {"train": 2, "val": 3}
    assert {"duplicate across splits", "near duplicate across splits", "group across splits"} <= set(
        kinds(report)
    )


def test_unreadable_labels_do_not_end_the_check(tmp_path: Path) -> None:
    root = yolo_set(tmp_path / "set")
    (root / "labels" / "f1.txt").write_text("one two three\n")
    report = check_dataset(root)
    assert "unreadable labels" in kinds(report)
    assert report.n_images == 4


def test_folders_of_cells_are_counted_by_type(tmp_path: Path) -> None:
    for seed, folder in enumerate(("monocyte", "monocyte", "myeloblast")):
        (tmp_path / folder).mkdir(exist_ok=True)
        picture(seed).save(tmp_path / folder / f"c{seed}.png")
    report = check_dataset(tmp_path)
    assert report.layout == "cells"
    assert report.class_counts == {"monocyte": 2, "myeloblast": 1}
    assert report.n_boxes == 0


def test_nothing_to_check_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no image"):
        check_dataset(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        check_dataset(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DatasetError, match="neither a folder nor"):
        check_dataset(tmp_path / "notes.txt")
    with pytest.raises(DatasetError, match="unknown layout"):
        check_dataset(tmp_path, "tfrecord")


def test_bccd_holds_the_known_faults(shared_data: Path) -> None:
    report = check_dataset(shared_data / "fields" / "bccd")
    assert kinds(report).count("empty box") == 2
    (near,) = [p for p in report.problems if p.kind.startswith("near duplicate")]
    assert "BloodImage_00037" in near.where
    assert "BloodImage_00038" in near.detail
    assert not near.is_error  # both are in one split, by the correction table
