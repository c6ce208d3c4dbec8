"""Label Studio's JSON and JSON-MIN: rectangles, ellipses and polygons as percentages of the upright image.

Of several people's labels of an image those marked as ground truth count, else those changed last; what was
cancelled and what a model predicted do not. (https://labelstud.io/guide/export)
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import LabelledField, image_size, labelled_field, read_json
from marrowscope.datasets.layouts.named_images import NamedImages, check_size, label_named
from marrowscope.errors import DatasetError
from marrowscope.imaging.files.formats import IMAGE_SUFFIXES
from marrowscope.imaging.names import shown

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")  # before the name of a file that was uploaded
Box = tuple[float, float, float, float]


def read_label_studio(
    labels: Path, images: Path | None = None, *, source: str | None = None, keep_faulty: bool = False
) -> list[LabelledField]:
    """Read the labelled tasks of a project; tasks that nobody has labelled are left out.

    Parameters
    ----------
    labels : the exported file
    images : folder of the images; that of the file where it is not given

    Raises
    ------
    DatasetError
        The file is not such an export, or an image is not there or of another size.
    """
    tasks = read_json(labels)
    if not is_label_studio(tasks):
        raise DatasetError(f"{shown(str(labels))}: not an export of Label Studio (JSON or JSON-MIN)")
    known = NamedImages(images or labels.parent)
    name = source or labels.stem
    fields = []
    for task in tasks:
        results = _results(task)
        if results is None:
            continue
        path = known.find(*_names(task))
        try:
            rows = [row for result in results for row in _annotation(result, path)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{shown(labels.name)}: {shown(path.name)}: a label is faulty ({error!r})"
            ) from error
        fields.append(labelled_field(path, rows, f"{name}/{known.group(path)}", name, keep_faulty))
    if not fields:
        raise DatasetError(f"{shown(labels.name)}: no task has labels")
    return fields


def is_label_studio(document: object) -> bool:
    """Return whether a JSON document is what Label Studio exports."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(
            isinstance(task, dict) and task.get("type") != "Feature" and (_is_whole(task) or _image_in(task))
            for task in document
        )
    )


def _is_whole(task: Mapping[str, Any]) -> bool:
    return isinstance(task.get("data"), dict) and isinstance(task.get("annotations"), list)


def _image_in(task: Mapping[str, Any]) -> str | None:
    """Return the address of a task's image: the first text that looks like one."""
    values = task["data"].values() if isinstance(task.get("data"), dict) else task.values()
    texts = [text for text in values if isinstance(text, str)]
    return next((text for text in texts if Path(_path_of(text)).suffix.lower() in IMAGE_SUFFIXES), None)


def _path_of(address: str) -> str:
    parts = urlsplit(address)
    inside = parse_qs(parts.query).get("d")  # of local storage
    return inside[0] if inside else unquote(parts.path)


def _names(task: Mapping[str, Any]) -> list[str]:
    path = _path_of(_image_in(task) or "").lstrip("/")
    folder, _, name = path.rpartition("/")
    plain = _UPLOADED.sub("", name)
    return [path] if plain == name else [f"{folder}/{plain}", path]


def _results(task: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the labels of a task that count, None where nobody labelled it."""
    if not _is_whole(task):
        values = [value for value in task.values() if isinstance(value, list)]
        return [each for value in values for each in value] if values else None
    done = [each for each in task["annotations"] if not each.get("was_cancelled")]
    if not done:
        return None
    best = max(done, key=lambda each: (bool(each.get("ground_truth")), str(each.get("updated_at") or "")))
    return list(best.get("result") or [])


def _annotation(result: Mapping[str, Any], image: Path) -> list[Annotation]:
    value = result.get("value", result)
    for kind, read in _SHAPES.items():
        if value.get(kind):
            size = image_size(image)
            check_size(image, (result.get("original_width", size[0]), result.get("original_height", size[1])))
            scale = (size[0] / 100, size[1] / 100)
            return [(label_named(value[kind]), read(value, scale), False)]
    return []


def _rectangle(value: Mapping[str, Any], scale: tuple[float, float]) -> Box:
    """Return the box round a rectangle, which is turned about its left upper corner."""
    x, y = value["x"] * scale[0], value["y"] * scale[1]
    width, height = value["width"] * scale[0], value["height"] * scale[1]
    angle = math.radians(value.get("rotation") or 0)
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(x + a * cos - b * sin, y + a * sin + b * cos) for a in (0, width) for b in (0, height)]
    return _round(corners)


def _ellipse(value: Mapping[str, Any], scale: tuple[float, float]) -> Box:
    x, y = value["x"] * scale[0], value["y"] * scale[1]
    rx, ry = value["radiusX"] * scale[0], value["radiusY"] * scale[1]
    angle = math.radians(value.get("rotation") or 0)
    half_width = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    half_height = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return x - half_width, y - half_height, x + half_width, y + half_height


def _polygon(value: Mapping[str, Any], scale: tuple[float, float]) -> Box:
    return _round([(x * scale[0], y * scale[1]) for x, y in value["points"]])


def _round(points: Sequence[tuple[float, float]]) -> Box:
    columns, rows = zip(*points, strict=True)
    return min(columns), min(rows), max(columns), max(rows)


_SHAPES: Mapping[str, Callable[[Mapping[str, Any], tuple[float, float]], Box]] = {
    "rectanglelabels": _rectangle,
    "ellipselabels": _ellipse,
    "polygonlabels": _polygon,
}
