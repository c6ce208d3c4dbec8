"""Documents of the layouts COCO, YOLO and Pascal VOC, from boxes in pixels of the upright image."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An image's name and size, and the boxes in it.

    Attributes
    ----------
    name : path below the folder of the images, separated by ``/``
    width, height : of the upright image in pixels
    boxes : (n, 4) ``x0, y0, x1, y1`` in pixels
    labels : n names
    ignore : (n,) boxes that are neither to be found nor counted against a detector
    group : what a split must not tear apart
    facts : n mappings of further members of a COCO annotation, or none
    """

    name: str
    width: int
    height: int
    boxes: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    ignore: npt.NDArray[np.bool_]
    group: str
    facts: tuple[Mapping[str, Any], ...] = ()


def coco_document(images: Sequence[AnnotatedImage], categories: Sequence[Mapping[str, str]]) -> bytes:
    """Return a COCO file (https://cocodataset.org/#format-data).

    Parameters
    ----------
    images : numbered in their order
    categories : members beside the number, of which `name` is one; numbered in their order
    """
    numbers = {category["name"]: number for number, category in enumerate(categories, start=1)}
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=1):
        facts = image.facts or ({},) * len(image.labels)
        rows = zip(image.boxes.astype(float).tolist(), image.labels, image.ignore, facts, strict=True)
        for (x0, y0, x1, y1), label, ignore, fact in rows:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": numbers[label],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                    "ignore": int(ignore),
                    **fact,
                }
            )
    document = {
        "images": [
            {
                "id": number,
                "file_name": image.name,
                "width": image.width,
                "height": image.height,
                "group": image.group,
            }
            for number, image in enumerate(images, start=1)
        ],
        "annotations": annotations,
        "categories": [{"id": number, **each} for number, each in enumerate(categories, start=1)],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def yolo_labels(image: AnnotatedImage, names: Sequence[str]) -> bytes:
    """Return a YOLO text file: a line a box with the number of its name, centre and size as fractions.

    Boxes to be ignored are left out: the layout cannot say so of a box.
    """
    lines = []
    for box, label, ignore in zip(image.boxes.astype(float), image.labels, image.ignore, strict=True):
        x0, y0, x1, y1 = box / (image.width, image.height, image.width, image.height)
        if not ignore:
            values = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
            lines.append(" ".join([str(names.index(label)), *(f"{v:.6f}" for v in values)]) + "\n")
    return "".join(lines).encode()


def voc_document(image: AnnotatedImage) -> bytes:
    """Return a Pascal VOC file; a box to be ignored is `difficult`, which is VOC's word for it."""
    document = ET.Element("annotation")
    path = PurePosixPath(image.name)
    if path.parent.parts:
        ET.SubElement(document, "folder").text = path.parent.as_posix()
    ET.SubElement(document, "filename").text = path.name
    size = ET.SubElement(document, "size")
    for tag, value in (("width", image.width), ("height", image.height), ("depth", 3)):
        ET.SubElement(size, tag).text = str(value)
    for box, label, ignore in zip(image.boxes, image.labels, image.ignore, strict=True):
        entry = ET.SubElement(document, "object")
        ET.SubElement(entry, "name").text = label
        ET.SubElement(entry, "difficult").text = str(int(ignore))
        bounds = ET.SubElement(entry, "bndbox")
        for tag, side in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            ET.SubElement(bounds, tag).text = f"{float(side):g}"
    ET.indent(document)
    written: bytes = ET.tostring(document, encoding="utf-8")
    return written
