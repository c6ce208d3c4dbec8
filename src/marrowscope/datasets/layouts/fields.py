"""Readers for the layouts in which labelled fields of view are stored."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import (
    LabelledField,
    image_size,
    is_readable,
    labelled_field,
    list_images,
    read_json,
)
from marrowscope.datasets.layouts.csv_boxes import read_csv
from marrowscope.datasets.layouts.cvat import read_cvat
from marrowscope.datasets.layouts.label_studio import read_label_studio
from marrowscope.datasets.layouts.qupath import read_qupath
from marrowscope.datasets.layouts.recognise import coco_file, coco_images, csv_file, recognise_layout
from marrowscope.datasets.layouts.voc import corrections_for, folder_in, read_labelimg, read_voc
from marrowscope.datasets.names import LEUKOCYTE, normalise_label
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import natural_key

__all__ = [
    "LAYOUTS",
    "LabelledField",
    "labelled_field",
    "list_images",
    "own_images",
    "read_coco",
    "read_csv",
    "read_fields",
    "read_unlabelled",
    "read_voc",
    "read_yolo",
    "recognise_layout",
]


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
    images = folder_in(root / "images")
    names = [normalise_label(name) for name in class_names or _yolo_names(root)]
    table = corrections_for(root, corrections)
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
    content = _read_coco(annotations_json)
    folder = images or coco_images(annotations_json)
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
    return [
        labelled_field(path, (), f"{source}/{path.stem}", source) for path in list_images(folder_in(root))
    ]


_FILES: Mapping[str, Callable[..., list[LabelledField]]] = {
    "coco": read_coco,
    "qupath": read_qupath,
    "cvat": read_cvat,
    "labelstudio": read_label_studio,
}
_FOLDERS: Mapping[str, Callable[..., list[LabelledField]]] = {"yolo": read_yolo, "labelimg": read_labelimg}
_WITH_IMAGES = ("csv", *_FILES)
LAYOUTS = ("voc", *_FOLDERS, *_WITH_IMAGES, "unlabelled")


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
    root : the set's folder, or a file of labels
    layout : one of `LAYOUTS`, or `auto` to recognise it
    split : name of an official split, where the layout has such (VOC)
    images : where the images of a file of labels lie; beside it when not given
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
    if images is not None and layout not in _WITH_IMAGES:
        raise DatasetError(
            f"{root}: a {layout} set holds its own images: --images is for {', '.join(_WITH_IMAGES)}"
        )
    if layout in _WITH_IMAGES:
        labels = _label_file(root, layout)
        if layout == "csv":
            return read_csv(labels, images, keep_faulty=keep_faulty, keep_unreviewed=keep_unreviewed)
        return _FILES[layout](labels, images, keep_faulty=keep_faulty)
    if layout == "voc":
        return read_voc(root, split, keep_faulty=keep_faulty)
    if layout == "unlabelled":
        return read_unlabelled(root)
    if layout in _FOLDERS:
        return _FOLDERS[layout](root, keep_faulty=keep_faulty)
    raise DatasetError(f"unknown layout {layout!r}: one of {', '.join(('auto', *LAYOUTS))}")


def own_images(root: Path, layout: str = "auto") -> Path | None:
    """Return the folder in which a labelled set holds its images, None where it holds none itself.

    Parameters
    ----------
    root : the set's folder, or a file of labels
    layout : one of `LAYOUTS`, or `auto` to recognise it
    """
    layout = recognise_layout(root) if layout == "auto" else layout
    if layout == "coco":
        return coco_images(_label_file(root, layout))
    return {"yolo": root / "images", "voc": root / "JPEGImages", "labelimg": root}.get(layout)


def _label_file(root: Path, layout: str) -> Path:
    """Return the file of labels; the tools' readers find their own in a folder."""
    if root.is_file() or layout not in {"coco", "csv"}:
        return root
    labels = coco_file(root) if layout == "coco" else csv_file(root)
    if labels is None:
        raise DatasetError(f"{root}: holds no {layout.upper()} annotation file")
    return labels


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


def _read_coco(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= content.keys():
        raise DatasetError(f"{path}: not a COCO annotation file")
    return content
