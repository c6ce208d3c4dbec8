"""QuPath's GeoJSON: an annotation for every cell, a file for every image.

QuPath reads one image at a time (*File > Import objects from file*), and shows its pixels as they are stored,
whatever their EXIF orientation says; boxes are turned back accordingly. All tiles of a whole slide are in one
file, in full-resolution pixels. Members as of QuPath 0.4 and later (https://qupath.readthedocs.io).
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import ImageColor

from marrowscope.domain.patient import CohortReport
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.field.cells import ImageCells, cell_facts, images_of, turned_note
from marrowscope.imaging.names import safe_name, safe_path

SUFFIX = ".geojson"
"""Of a file, after the whole name of its image."""
_SPACE = uuid.UUID("b1d0a1f2-6f6c-5d0c-8f53-0a3a0f1c5e19")  # namespace of the objects' identifiers
_MEASURED = ("score", "probability", "p_blast")
_DECIMALS = 2


def write_geojson(report: CohortReport, folder: Path) -> None:
    """Write `PATIENT/IMAGE.geojson` for every image that was read.

    Raises
    ------
    InputError
        A field was turned by a version that did not keep how.
    OSError
        The folder cannot be written to.
    """
    for name, document in geojson_files(report):
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomic(folder / name, text.encode("utf-8", "replace") + b"\n")


def geojson_files(report: CohortReport) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path of each file and its FeatureCollection."""
    turned_note(report)
    by_path: dict[str, list[ImageCells]] = {}
    for image in images_of(report):
        slide = image.field.slide
        path = image.path if slide is None else f"{safe_name(image.patient)}/{safe_path(slide)}"
        by_path.setdefault(path, []).append(image)
    for path, images in by_path.items():
        features = [feature for image in images for feature in _features(image)]
        yield path + SUFFIX, {"type": "FeatureCollection", "features": features}


def _features(image: ImageCells) -> Iterator[dict[str, Any]]:
    boxes = image.field.boxes_as_stored[image.rows].astype(float)
    cells = image.cells
    for row, box, cell_type, facts in zip(
        image.rows.tolist(), boxes.tolist(), cells.cell_types, cell_facts(cells), strict=True
    ):
        kind = taxonomy()[cell_type]
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(_SPACE, "\0".join((image.patient, image.field.name, str(row + 1))))),
            "geometry": {"type": "Polygon", "coordinates": [_ring(box)]},
            "properties": {
                "objectType": "annotation",
                "name": f"{image.field.name} {row + 1}",
                "classification": {
                    "name": kind.name,
                    "color": list(ImageColor.getrgb(kind.colour)[:3]),
                },
                "isLocked": False,
                "measurements": {name: facts[name] for name in _MEASURED}
                | {"counted": int(facts["counted"])},
            },
        }


def _ring(box: Sequence[float]) -> list[list[float]]:
    """Return the closed outline of a box."""
    x0, y0, x1, y1 = (round(side, _DECIMALS) for side in box)
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
