"""QuPath's GeoJSON: a file for each image, named after it (`field.jpg.geojson`, or `field.geojson`).

Objects are annotations, detections or cells with a class; those without one, and those of a class that ends
with `*`, which QuPath itself takes no account of, are regions and no cells. Coordinates are in pixels as
stored, since QuPath turns no image upright. Members: https://qupath.readthedocs.io (Exporting annotations).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import (
    LabelledField,
    image_orientation,
    image_size,
    labelled_field,
    read_json,
)
from marrowscope.datasets.layouts.named_images import NamedImages, label_named
from marrowscope.domain.geometry import turned
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import natural_key, shown

SUFFIX = ".geojson"
_POLYGONS = frozenset({"Polygon", "MultiPolygon"})


def read_qupath(
    labels: Path, images: Path | None = None, *, source: str | None = None, keep_faulty: bool = False
) -> list[LabelledField]:
    """Read the objects that QuPath exported as cells.

    Parameters
    ----------
    labels : one file, or a folder of files
    images : folder of the images; that of the files where it is not given

    Raises
    ------
    DatasetError
        A file is not such an export, or its image is not there.
    """
    root = labels if labels.is_dir() else labels.parent
    files = sorted(root.rglob(f"*{SUFFIX}"), key=lambda p: natural_key(p.as_posix()))
    known = NamedImages(images or root)
    name = source or root.resolve().name
    fields = []
    for file in files if labels.is_dir() else [labels]:
        path = known.find(file.relative_to(root).with_suffix("").as_posix())
        group = f"{name}/{known.group(path)}"
        fields.append(labelled_field(path, _annotations(file, path), group, name, keep_faulty))
    if not fields:
        raise DatasetError(f"{shown(str(labels))}: holds no {SUFFIX} file")
    return fields


def is_qupath(document: object) -> bool:
    """Return whether a JSON document is what QuPath exports."""
    features = document.get("features") if isinstance(document, dict) else document
    return isinstance(features, list) and all(
        isinstance(each, dict) and each.get("type") == "Feature" for each in features
    )


def _annotations(file: Path, image: Path) -> list[Annotation]:
    rows = list(_objects(file))
    if not rows:
        return []
    orientation = image_orientation(image)
    width, height = image_size(image)
    stored = (height, width) if orientation > 4 else (width, height)
    boxes = np.array([box for _, box in rows], np.float32)
    upright = turned(boxes, *stored, orientation).tolist()
    return [(label, box, False) for (label, _), box in zip(rows, upright, strict=True)]


def _objects(file: Path) -> Iterator[tuple[str, Sequence[float]]]:
    document = read_json(file)
    if not is_qupath(document):
        raise DatasetError(f"{shown(str(file))}: not a GeoJSON export of QuPath")
    features = document["features"] if isinstance(document, dict) else document
    for feature in features:
        names = _class_names(feature.get("properties") or {})
        geometry = feature.get("geometry") or {}
        if names and not names[-1].endswith("*") and geometry.get("type") in _POLYGONS:
            yield label_named(names), _box(geometry, file)


def _class_names(properties: Mapping[str, Any]) -> list[str]:
    """Return the parts of an object's class: "Leukocyte: Blast" is a Blast among Leukocytes."""
    given = properties.get("classification") or {}
    if not isinstance(given, Mapping):
        return []
    names = given.get("names") or str(given.get("name") or "").split(": ")
    return [str(name).strip() for name in names if str(name).strip()]


def _box(geometry: Mapping[str, Any], file: Path) -> Sequence[float]:
    try:
        rings = geometry["coordinates"]
        polygons = [rings] if geometry["type"] == "Polygon" else rings
        points = np.array([point[:2] for polygon in polygons for point in polygon[0]], float)
        return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DatasetError(f"{shown(str(file))}: an object without an outline ({error!r})") from error
