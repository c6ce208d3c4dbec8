"""Writes labelled fields in the layouts other programs read, and cuts their cells into a folder per type."""

import csv
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from marrowscope.datasets.labelled import LabelledField, image_size, labelled_field
from marrowscope.datasets.layouts.cells import GROUP_MARK, LabelledCell
from marrowscope.datasets.layouts.csv_boxes import BOX_COLUMNS
from marrowscope.datasets.layouts.written import AnnotatedImage, coco_document, voc_document, yolo_labels
from marrowscope.datasets.outline import LEAST_SIDE_PX, cell_outline
from marrowscope.domain.geometry import longer_sides
from marrowscope.errors import DatasetError
from marrowscope.imaging.crops import CONTEXT, crop_cells
from marrowscope.imaging.files.pixel_size import dots_per_inch
from marrowscope.imaging.files.spreadsheets import protected
from marrowscope.imaging.names import safe_name


def write_voc(fields: Sequence[LabelledField], root: Path, split: str | None = None) -> None:
    """Write Pascal VOC (`JPEGImages`, `Annotations`); with `split`, list the images as that split, too.

    Ignored boxes are written as `difficult`, which is VOC's word for them.
    """
    paths = _copy_images(fields, root / "JPEGImages")
    (root / "Annotations").mkdir(exist_ok=True)
    for image, path in _annotated(fields, paths):
        (root / "Annotations" / f"{path.stem}.xml").write_bytes(voc_document(image))
    if split is not None:
        listing = root / "ImageSets" / "Main" / f"{split}.txt"
        listing.parent.mkdir(parents=True, exist_ok=True)
        listing.write_text("".join(f"{path.stem}\n" for path in paths), encoding="utf-8")


def write_yolo(fields: Sequence[LabelledField], root: Path) -> None:
    """Write YOLO text labels (`images`, `labels`, `classes.txt`); ignored boxes are left out."""
    paths = _copy_images(fields, root / "images")
    names = _label_names(fields)
    (root / "labels").mkdir(exist_ok=True)
    (root / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    for image, path in _annotated(fields, paths):
        (root / "labels" / f"{path.stem}.txt").write_bytes(yolo_labels(image, names))


def write_coco(fields: Sequence[LabelledField], root: Path) -> Path:
    """Write COCO (`annotations.coco.json`, `images`), groups and ignored boxes kept; give the JSON's path."""
    paths = _copy_images(fields, root / "images")
    images = [image for image, _ in _annotated(fields, paths)]
    path = root / "annotations.coco.json"
    path.write_bytes(coco_document(images, [{"name": name} for name in _label_names(fields)]))
    return path


def write_csv(fields: Sequence[LabelledField], root: Path) -> Path:
    """Write a boxes CSV (`annotations.csv`, `images`), groups and ignored boxes kept; give the CSV's path.

    An image without boxes keeps a line of its own, its box and label empty.
    """
    paths = _copy_images(fields, root / "images")
    path = root / "annotations.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(BOX_COLUMNS)
        for field, image in zip(fields, paths, strict=True):
            name, group = protected(image.name), protected(_bare_group(field))
            for box, label, ignore in zip(field.boxes, field.labels, field.ignore, strict=True):
                table.writerow((name, *(f"{float(v):g}" for v in box), protected(label), group, int(ignore)))
            if not field.labels:
                table.writerow((name, "", "", "", "", "", group, ""))
    return path


def write_cell_folders(
    fields: Sequence[LabelledField],
    root: Path,
    size_px: int = 256,
    context: float = 2 * CONTEXT,
    on_field: Callable[[int, int], None] | None = None,
) -> int:
    """Cut every box not to be ignored into `root/<label>/<group>@<field>_<number>.png`; give how many.

    Where the scale is known, the file states it. The group (patient, slide or field) stays in the name, so
    that a later split keeps it together. With twice the classifier's context there is room round the cell
    for it to be outlined and turned.
    """
    stems = [
        f"{_mark_of(_bare_group(field))}{stem}"
        for field, stem in zip(fields, _unique_stems(fields), strict=True)
    ]
    written = 0
    for done, (field, stem) in enumerate(zip(fields, stems, strict=True), start=1):
        keep = np.flatnonzero(~field.ignore)
        if len(keep):
            crops = crop_cells(field.pixels(), field.boxes[keep], size_px, context)
            for crop, row in zip(crops, keep, strict=True):
                folder = root / _safe(field.labels[row])
                folder.mkdir(parents=True, exist_ok=True)
                side_px = float(longer_sides(field.boxes[row : row + 1])[0]) * context
                # So many of the field's pixels are one of the crop's.
                shrinking = side_px / size_px
                resolution = None if field.mpp is None else dots_per_inch(field.mpp * shrinking)
                Image.fromarray(crop).save(folder / f"{stem}_{row}.png", dpi=resolution)
            written += len(keep)
        if on_field is not None:
            on_field(done, len(fields))
    return written


WRITERS: dict[str, Callable[[Sequence[LabelledField], Path], object]] = {
    "voc": write_voc,
    "yolo": write_yolo,
    "coco": write_coco,
    "csv": write_csv,
    "cells": write_cell_folders,
}


def convert(fields: Sequence[LabelledField], layout: str, root: Path) -> None:
    """Write fields as one of `WRITERS` into a folder that is empty or not there yet.

    Raises
    ------
    DatasetError : unknown layout, the folder holds something, an image cannot be read, or cells are wanted
        of a set without boxes
    """
    if layout not in WRITERS:
        raise DatasetError(f"unknown layout {layout!r}: one of {', '.join(WRITERS)}")
    if layout == "cells" and all(field.ignore.all() for field in fields):
        raise DatasetError("there is no labelled box to cut a cell from")
    _prepare(root)
    WRITERS[layout](fields, root)


def sort_cells(cells: Sequence[LabelledCell], root: Path) -> None:
    """Copy images of single cells into `root/<type>/<group>@<name>`: a public set's codes become types.

    Raises
    ------
    DatasetError : the folder holds something, or an image cannot be copied
    """
    _prepare(root)
    taken: set[tuple[str, str]] = set()
    for cell in cells:
        folder = root / _safe(cell.cell_type)
        folder.mkdir(exist_ok=True)
        group = cell.group.removeprefix(f"{cell.source}/")
        own = cell.path.stem.rpartition(GROUP_MARK)[2]
        stem, number = f"{_mark_of(group)}{_safe(own)}", 2
        while (folder.name, stem.lower()) in taken:
            stem, number = f"{_mark_of(group)}{_safe(own)}_{number}", number + 1
        taken.add((folder.name, stem.lower()))
        _copy(cell.path, folder / (stem + cell.path.suffix.lower()))


def cells_as_fields(cells: Sequence[LabelledCell]) -> list[LabelledField]:
    """Give images of single cells as fields with one box each, for layouts that hold boxes.

    The box is that of the cell's outline (`outline.cell_outline`); where that is doubtful the whole image
    is a box to be ignored.
    """
    fields = []
    for cell in cells:
        pixels = cell.pixels()
        height, width = pixels.shape[:2]
        outline = cell_outline(pixels) if min(height, width) >= LEAST_SIDE_PX else None
        box = (0, 0, width, height) if outline is None else outline.box.tolist()
        rows = [(cell.cell_type, box, outline is None)]
        fields.append(labelled_field(cell.path, rows, cell.group, cell.source))
    return fields


def _prepare(root: Path) -> None:
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DatasetError(f"{root}: is not empty; choose a new folder")
    root.mkdir(parents=True, exist_ok=True)


def _mark_of(group: str) -> str:
    """Begin a crop's name with its group, so that reading finds it again."""
    return f"{safe_name(group.replace(GROUP_MARK, '_'))}{GROUP_MARK}"


def _copy_images(fields: Sequence[LabelledField], folder: Path) -> list[Path]:
    """Copy images byte by byte; where names repeat (train/1.jpg, test/1.jpg) a number is added."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [
        folder / (stem + f.path.suffix.lower()) for f, stem in zip(fields, _unique_stems(fields), strict=True)
    ]
    for field, path in zip(fields, paths, strict=True):
        _copy(field.path, path)
    return paths


def _copy(image: Path, to: Path) -> None:
    try:
        shutil.copyfile(image, to)
    except OSError as error:
        raise DatasetError(f"{image}: cannot be copied ({error})") from error


def _unique_stems(fields: Sequence[LabelledField]) -> list[str]:
    taken: set[str] = set()
    stems = []
    for field in fields:
        stem, number = _safe(field.path.stem), 2
        while stem.lower() in taken:  # some file systems ignore case
            stem, number = f"{_safe(field.path.stem)}_{number}", number + 1
        taken.add(stem.lower())
        stems.append(stem)
    return stems


def _bare_group(field: LabelledField) -> str:
    return field.group.removeprefix(f"{field.source}/")


def _safe(name: str) -> str:
    """Keep a label or name from leaving its folder."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "unnamed"


def _label_names(fields: Sequence[LabelledField]) -> list[str]:
    return sorted({label for field in fields for label in field.labels})


def _annotated(
    fields: Sequence[LabelledField], paths: Sequence[Path]
) -> Iterator[tuple[AnnotatedImage, Path]]:
    """Yield the fields as they are written, each with the copy of its image."""
    for field, path in zip(fields, paths, strict=True):
        width, height = image_size(path)
        group = _bare_group(field)
        yield (
            AnnotatedImage(path.name, width, height, field.boxes, field.labels, field.ignore, group),
            path,
        )
