"""CVAT's own XML ("CVAT for images 1.1"): boxes, polygons, ellipses and masks of images, shown upright.

What CVAT exports as COCO, YOLO or Pascal VOC is read as those.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import LabelledField, labelled_field
from marrowscope.datasets.layouts.named_images import NamedImages, check_size, label_named
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import shown

FILE = "annotations.xml"
Box = Sequence[float]


def read_cvat(
    labels: Path, images: Path | None = None, *, source: str | None = None, keep_faulty: bool = False
) -> list[LabelledField]:
    """Read the labelled images of a task or a project.

    Parameters
    ----------
    labels : ``annotations.xml``, or the folder that holds it
    images : folder of the images; that of the file where it is not given

    Raises
    ------
    DatasetError
        The file is not such an export, or an image is not there or of another size.
    """
    file = labels / FILE if labels.is_dir() else labels
    try:
        tree = ET.parse(file).getroot()  # noqa: S314 - expat >= 2.4.1, which CPython bundles, bounds entity expansion
    except (OSError, ET.ParseError) as error:
        raise DatasetError(f"{shown(str(file))}: cannot be read as XML ({error})") from error
    if tree.tag != "annotations" or tree.find("track") is not None:
        raise DatasetError(f"{shown(str(file))}: not an export of CVAT for images")
    known = NamedImages(images or file.parent)
    name = source or file.parent.resolve().name
    fields = []
    for image in tree.iter("image"):
        path = known.find(image.get("name") or "")
        _check_size(image, path)
        try:
            rows = [row for shape in image for row in _annotation(shape)]
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{shown(str(file))}: {shown(path.name)}: a shape is faulty ({error})"
            ) from error
        fields.append(labelled_field(path, rows, f"{name}/{known.group(path)}", name, keep_faulty))
    return fields


def _check_size(image: ET.Element, path: Path) -> None:
    stated = image.get("width"), image.get("height")
    if all(stated):
        check_size(path, (int(stated[0] or 0), int(stated[1] or 0)))


def _annotation(shape: ET.Element) -> list[Annotation]:
    read = _SHAPES.get(shape.tag)
    if read is None:  # tags of the image, points, lines
        return []
    return [(label_named([shape.attrib["label"]]), read(shape.attrib), False)]


def _box(given: Mapping[str, str]) -> Box:
    x0, y0, x1, y1 = (float(given[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
    angle = math.radians(float(given.get("rotation", 0)))
    if not angle:
        return x0, y0, x1, y1
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    width, height = (x1 - x0) * cos + (y1 - y0) * sin, (x1 - x0) * sin + (y1 - y0) * cos
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _polygon(given: Mapping[str, str]) -> Box:
    points = [tuple(map(float, point.split(","))) for point in given["points"].split(";")]
    columns, rows = zip(*points, strict=True)
    return min(columns), min(rows), max(columns), max(rows)


def _ellipse(given: Mapping[str, str]) -> Box:
    x, y, rx, ry = (float(given[key]) for key in ("cx", "cy", "rx", "ry"))
    angle = math.radians(float(given.get("rotation", 0)))
    half_width = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    half_height = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return x - half_width, y - half_height, x + half_width, y + half_height


def _mask(given: Mapping[str, str]) -> Box:
    x, y, width, height = (float(given[key]) for key in ("left", "top", "width", "height"))
    return x, y, x + width, y + height


_SHAPES: Mapping[str, Callable[[Mapping[str, str]], Box]] = {
    "box": _box,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "mask": _mask,
}
