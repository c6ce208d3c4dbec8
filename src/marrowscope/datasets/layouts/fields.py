"""Readers for the layouts in which labelled fields of view are stored."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marrowscope.datasets.corrections import Annotation, Corrections, load_corrections
from marrowscope.datasets.labelled import (
    LabelledField,
    image_size,
    is_readable,
    labelled_field,
    list_images,
)
from marrowscope.datasets.layouts.csv_boxes import read_csv
from marrowscope.datasets.layouts.recognise import (
    coco_file,
    csv_file,
    recognise_layout,
    recognise_set,
)
from marrowscope.datasets.names import LEUKOCYTE, normalise_label
from marrowscope.errors import DatasetError, InputError
from marrowscope.imaging.files.spreadsheets import read_table
from marrowscope.imaging.names import natural_key

__all__ = [
    "LAYOUTS",
    "LabelledField",
    "labelled_field",
    "list_images",
    "read_coco",
    "read_csv",
    "read_fields",
    "read_unlabelled",
    "read_voc",
    "read_yolo",
    "recognise_layout",
]

LAYOUTS = ("voc", "yolo", "coco", "csv", "unlabelled")


def read_voc(
    root: Path,
    split: str | None = None,
    *,
    source: str | None = None,
    corrections: str | None = "auto",
    keep_faulty: bool = False,
) -> list[LabelledField]:
    """Read Pascal VOC: `Annotations/*.xml`, `JPEGImages/*`, splits in `ImageSets/Main/<split>.txt`.

    Coordinates are taken as written (the sets at hand do not follow VOC's one-based rule). `corrections`
    names a table of known label faults to apply; `auto` applies the one of the set that the tree shows. A
    table `types.csv` (``image``, ``type``) names the type of the leukocyte of fields that hold just one.
    """
    source = source or root.name
    types = _types_of_single_leukocytes(root)
    images = {path.stem: path for path in list_images(_folder(root / "JPEGImages"))}
    _folder(root / "Annotations")
    table = _corrections_for(root, corrections)
    stems = sorted(images if split is None else _voc_split(root, split, table), key=natural_key)
    fields = []
    for stem in stems:
        if stem not in images:
            raise DatasetError(f"{root}: the {split} list names {stem}, which has no image")
        annotations = _voc_annotations(root / "Annotations" / f"{stem}.xml")
        if table is not None:
            annotations = table.apply(stem, annotations)
        annotations = _with_type(annotations, types.get(stem))
        group = f"{source}/{table.group(stem) if table else stem}"
        fields.append(labelled_field(images[stem], annotations, group, source, keep_faulty))
    return fields


def _types_of_single_leukocytes(root: Path) -> dict[str, str]:
    """Read image → type; nothing where there is no table."""
    path = root / "types.csv"
    if not path.is_file():
        return {}
    try:
        rows = read_table(path).rows
    except InputError as error:
        raise DatasetError(str(error)) from error
    return {row.values.get("image", ""): normalise_label(row.values.get("type", "")) for row in rows}


def _with_type(annotations: list[Annotation], name: str | None) -> list[Annotation]:
    """Name the type of the one leukocyte of a field; of several, none is known to be it."""
    leukocytes = [index for index, (label, _, _) in enumerate(annotations) if label == LEUKOCYTE]
    if name is None or len(leukocytes) != 1:
        return annotations
    (only,) = leukocytes
    _, box, ignored = annotations[only]
    return [*annotations[:only], (name, box, ignored), *annotations[only + 1 :]]


def read_yolo(
    root: Path,
    class_names: Sequence[str] | None = None,
    *,
    source: str | None = None,
    corrections: str | None = "auto",
    keep_faulty: bool = False,
) -> list[LabelledField]:
    """Read YOLO text labels: `images/**`, `labels/**.txt` (class, centre and size as fractions).

    Names come from `class_names`, else from `classes.txt`; a set without either holds leukocytes only.
    With `keep_faulty` an unreadable image is a field without boxes. `corrections` as for `read_voc`.
    """
    source = source or root.name
    images = _folder(root / "images")
    names = [normalise_label(name) for name in class_names or _yolo_names(root)]
    table = _corrections_for(root, corrections)
    fields = []
    for path in list_images(images):
        labels = (root / "labels" / path.relative_to(images)).with_suffix(".txt")
        annotations = []
        if labels.is_file() and not (keep_faulty and not is_readable(path)):
            annotations = _yolo_annotations(labels, names, image_size(path))
            annotations = table.apply(path.stem, annotations) if table else annotations
        fields.append(labelled_field(path, annotations, f"{source}/{path.stem}", source, keep_faulty))
    return fields


def read_coco(
    annotations_json: Path,
    images: Path | None = None,
    *,
    source: str | None = None,
    keep_faulty: bool = False,
) -> list[LabelledField]:
    """Read a COCO annotation file; images lie in `images/` beside it, or beside it directly.

    An image's `group`, `patient`, `slide` or `cell_group` becomes the field's group. Annotations with
    `iscrowd`, `ignore` or `cut_by_border` are marked to be ignored.
    """
    root = annotations_json.parent
    source = source or root.name
    content = _read_json(annotations_json)
    folder = images or (root / "images" if (root / "images").is_dir() else root)
    try:
        names = {entry["id"]: normalise_label(entry["name"]) for entry in content["categories"]}
        per_image: dict[int, list[Annotation]] = {entry["id"]: [] for entry in content["images"]}
        for entry in content["annotations"]:
            per_image[entry["image_id"]].append(_coco_annotation(entry, names))
        entries = sorted(content["images"], key=lambda entry: natural_key(entry["file_name"]))
        return [
            labelled_field(
                folder / entry["file_name"],
                per_image[entry["id"]],
                f"{source}/{_coco_group(entry)}",
                source,
                keep_faulty,
            )
            for entry in entries
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{annotations_json}: not a COCO annotation file ({error!r})") from error


def read_unlabelled(root: Path, *, source: str | None = None) -> list[LabelledField]:
    """Read every image under a folder as a field without boxes."""
    source = source or root.name
    return [labelled_field(path, (), f"{source}/{path.stem}", source) for path in list_images(_folder(root))]


def read_fields(
    root: Path,
    layout: str = "auto",
    split: str | None = None,
    *,
    images: Path | None = None,
    keep_unreviewed: bool = False,
    keep_faulty: bool = False,
) -> list[LabelledField]:
    """Read a folder of fields whatever its layout.

    Parameters
    ----------
    root : the set's folder, or a COCO or CSV file
    layout : one of `LAYOUTS`, or `auto` to recognise it
    split : name of an official split, where the layout has such (VOC)
    images : where the images of a CSV file lie; beside it when not given
    keep_faulty : keep boxes that are empty or leave the image, for a check
    keep_unreviewed : of a reviewed cells.csv, take the cells without a review too

    Raises
    ------
    DatasetError : unknown layout, or the folder is not what the layout promises
    """
    if layout == "auto":
        layout = recognise_layout(root)
        layout = "unlabelled" if layout == "cells" else layout
    if split is not None and layout != "voc":
        raise DatasetError(f"{root}: the {layout} layout names no splits")
    if images is not None and layout not in {"coco", "csv"}:
        raise DatasetError(
            f"{root}: a {layout} set holds its images itself; images are named for CSV and COCO only"
        )
    if layout == "voc":
        return read_voc(root, split, keep_faulty=keep_faulty)
    if layout == "yolo":
        return read_yolo(root, keep_faulty=keep_faulty)
    if layout == "unlabelled":
        return read_unlabelled(root)
    if layout in {"coco", "csv"}:
        labels = root if root.is_file() else coco_file(root) if layout == "coco" else csv_file(root)
        if labels is None:
            raise DatasetError(f"{root}: holds no {layout.upper()} annotation file")
        if layout == "csv":
            return read_csv(labels, images, keep_faulty=keep_faulty, keep_unreviewed=keep_unreviewed)
        return read_coco(labels, images, keep_faulty=keep_faulty)
    raise DatasetError(f"unknown layout {layout!r}: one of {', '.join(('auto', *LAYOUTS))}")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder")
    return path


def _corrections_for(root: Path, name: str | None) -> Corrections | None:
    if name == "auto":
        known = recognise_set(root)
        name = known.corrections if known else None
    return load_corrections(name) if name else None


def _voc_split(root: Path, split: str, corrections: Corrections | None) -> list[str]:
    listing = root / "ImageSets" / "Main" / f"{split}.txt"
    if not listing.is_file():
        raise DatasetError(f"{root}: has no split named {split!r}")
    stems = listing.read_text(encoding="utf-8").split()
    return corrections.split(split, stems) if corrections else stems


def _voc_annotations(path: Path) -> list[Annotation]:
    if not path.is_file():
        return []
    try:
        tree = ET.parse(path)  # noqa: S314 - expat >= 2.4.1, which CPython bundles, bounds entity expansion
        return [_voc_annotation(entry) for entry in tree.iter("object")]
    except (ET.ParseError, ValueError, TypeError) as error:
        raise DatasetError(f"{path}: not a Pascal VOC annotation ({error})") from error


def _voc_annotation(entry: ET.Element) -> Annotation:
    box = [float(entry.findtext(f"bndbox/{key}") or "nan") for key in ("xmin", "ymin", "xmax", "ymax")]
    if np.isnan(box).any():
        raise ValueError("an object without a complete bndbox")
    # "difficult" is VOC's word for what counts neither way.
    return normalise_label(entry.findtext("name") or ""), box, entry.findtext("difficult") == "1"


def _yolo_names(root: Path) -> list[str]:
    listing = root / "classes.txt"
    return listing.read_text(encoding="utf-8").split("\n") if listing.is_file() else [LEUKOCYTE]


def _yolo_annotations(path: Path, names: Sequence[str], size: tuple[int, int]) -> list[Annotation]:
    width, height = size
    rows: list[Annotation] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        try:
            index, cx, cy, w, h = (float(value) for value in line.split()[:5])
            name = names[int(index)]
        except (ValueError, IndexError) as error:
            raise DatasetError(f"{path}: not a YOLO label: {line!r}") from error
        box = ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height)
        rows.append((name, box, False))
    return rows


def _coco_annotation(entry: Mapping[str, Any], names: Mapping[int, str]) -> Annotation:
    x, y, w, h = (float(value) for value in entry["bbox"])
    ignore = any(bool(entry.get(key)) for key in ("iscrowd", "ignore", "cut_by_border"))
    return names[entry["category_id"]], (x, y, x + w, y + h), ignore


def _coco_group(entry: Mapping[str, Any]) -> str:
    for key in ("group", "patient", "slide", "cell_group"):
        if key in entry:
            return str(entry[key])
    return Path(entry["file_name"]).stem


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= content.keys():
        raise DatasetError(f"{path}: not a COCO annotation file")
    return content
