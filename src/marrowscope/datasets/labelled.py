"""The labelled field of view: an image on disk, its boxes and its group."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from marrowscope.datasets.corrections import Annotation
from marrowscope.errors import DatasetError, ImageError
from marrowscope.imaging.files.decode import DecodeLimits, decode
from marrowscope.imaging.files.formats import IMAGE_SUFFIXES
from marrowscope.imaging.names import natural_key, shown

_ORIENTATION_TAG, _ON_ITS_SIDE = 274, range(5, 9)  # EXIF (CIPA DC-008); Pillow turns a TIFF by itself
NOT_NUCLEATED = frozenset({"red_cell", "platelet", "artefact"})


@dataclass(frozen=True, eq=False)
class LabelledField:
    """One field of view with its boxes; pixels stay on disk until they are needed.

    `boxes` (n, 4) float32 ``x0, y0, x1, y1`` in pixels, `labels` n normalised names, `ignore` (n,) bool:
    neither to be found nor counted against a detector. `group` names what must not be torn apart by a
    split (patient, slide, cell group), `source` the data set, `mpp` micrometres per pixel where known.
    """

    path: Path
    boxes: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    ignore: npt.NDArray[np.bool_]
    group: str
    source: str
    mpp: float | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.boxes.shape != (n, 4) or self.ignore.shape != (n,):
            raise DatasetError(
                f"{self.path.name}: {n} labels, but boxes {self.boxes.shape} and ignore {self.ignore.shape}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, read from the file's header."""
        return image_size(self.path)

    @property
    def is_nucleated(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: which boxes hold a nucleated cell, the detector's one class."""
        return np.array([label not in NOT_NUCLEATED for label in self.labels], dtype=bool)

    def leukocytes(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Boxes (m, 4) of the nucleated cells and which of them (m,) are to be ignored."""
        keep = self.is_nucleated
        return self.boxes[keep], self.ignore[keep]

    def pixels(self) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright: as an analysis sees the image."""
        return read_pixels(self.path)


def read_pixels(path: Path) -> npt.NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an image of any size, decoded as for an analysis: upright, depth scaled."""
    return read_with_scale(path)[0]


def read_with_scale(path: Path) -> tuple[npt.NDArray[np.uint8], float | None]:
    """Pixels as `read_pixels` gives them, and micrometres per pixel where the file states it."""
    try:
        image = decode(path.read_bytes(), limits=DecodeLimits(min_side_px=1))
        return np.array(image.pixels), image.mpp
    except (OSError, ImageError) as error:
        raise DatasetError(f"{path}: cannot be read as an image ({error})") from error


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image in pixels once upright, from its header alone."""
    try:
        with Image.open(path) as image:
            lies = image.format != "TIFF" and image.getexif().get(_ORIENTATION_TAG, 1) in _ON_ITS_SIDE
            return (image.height, image.width) if lies else image.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path}: cannot be read as an image ({error})") from error


def image_orientation(path: Path) -> int:
    """EXIF orientation of an image, 1 to 8; 1 where none is stated."""
    try:
        with Image.open(path) as image:
            stated = image.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path}: cannot be read as an image ({error})") from error
    return stated if isinstance(stated, int) and 1 <= stated <= 8 else 1


def read_json(path: Path) -> Any:
    """Return the document in a JSON file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{shown(str(path))}: cannot be read as JSON ({error})") from error


def is_readable(path: Path) -> bool:
    """Return whether a file begins like an image."""
    try:
        image_size(path)
    except DatasetError:
        return False
    return True


def list_images(root: Path) -> list[Path]:
    """All images under a folder, by natural order of their names."""
    found = (p for p in root.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    return sorted(found, key=lambda p: natural_key(p.relative_to(root).as_posix()))


def labelled_field(
    path: Path,
    annotations: Iterable[Annotation],
    group: str,
    source: str,
    keep_faulty: bool = False,
    *,
    mpp: float | None = None,
) -> LabelledField:
    """Build a field; unless `keep_faulty`, boxes are clipped to the image and empty ones dropped."""
    rows = list(annotations)
    boxes = np.array([box for _, box, _ in rows], dtype=np.float32).reshape(-1, 4)
    ignore = np.array([flag for _, _, flag in rows], dtype=bool)
    labels = tuple(label for label, _, _ in rows)
    if rows and not keep_faulty:
        width, height = image_size(path)
        boxes = np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float32))
        keep = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        boxes, ignore = boxes[keep], ignore[keep]
        labels = tuple(label for label, kept in zip(labels, keep, strict=True) if kept)
    return LabelledField(path, boxes, labels, ignore, group, source, mpp)
