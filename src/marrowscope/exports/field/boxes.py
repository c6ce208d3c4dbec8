"""COCO, YOLO and Pascal VOC: boxes in pixels of the upright image, labels by the taxonomy's identifiers.

Types are numbered as the taxonomy lists them, whether found or not, so that the files of two runs agree.
Images are named `PATIENT/FIELD`, as an analysis finds them below the folder of its patients.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from marrowscope.datasets.layouts.written import AnnotatedImage, coco_document, voc_document, yolo_labels
from marrowscope.domain.patient import CohortReport
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.field.cells import ImageCells, cell_facts, images_of, refuse_slides, type_names


def write_coco(report: CohortReport, path: Path) -> None:
    """Write a COCO file, with the columns of `cells.csv` as further members of each annotation.

    Raises
    ------
    InputError
        A field is a tile of a whole slide.
    OSError
        The file cannot be written.
    """
    categories = [{"name": kind.id, "supercategory": kind.lineage} for kind in taxonomy()]
    write_atomic(path, coco_document(_annotated(report, "COCO"), categories))


def write_yolo(report: CohortReport, folder: Path) -> None:
    """Write `labels/PATIENT/FIELD.txt` and `classes.txt`; the images belong into `images/PATIENT/`.

    Raises
    ------
    InputError
        A field is a tile of a whole slide, or two images have the same name but for its end.
    OSError
        The folder cannot be written to.
    """
    names = type_names()
    for path, image in _by_path(report, "YOLO", "labels", ".txt").items():
        write_atomic(folder / path, yolo_labels(image, names))
    write_atomic(folder / "classes.txt", "".join(f"{name}\n" for name in names).encode())


def write_voc(report: CohortReport, folder: Path) -> None:
    """Write `Annotations/PATIENT/FIELD.xml`; the images belong into `JPEGImages/PATIENT/`.

    Raises
    ------
    InputError
        A field is a tile of a whole slide, or two images have the same name but for its end.
    OSError
        The folder cannot be written to.
    """
    for path, image in _by_path(report, "Pascal VOC", "Annotations", ".xml").items():
        write_atomic(folder / path, voc_document(image))


def _by_path(report: CohortReport, what: str, root: str, suffix: str) -> dict[PurePosixPath, AnnotatedImage]:
    """Return the images by the path of their file, which is named without the image's own suffix."""
    found: dict[PurePosixPath, AnnotatedImage] = {}
    for image in _annotated(report, what):
        path = PurePosixPath(root, image.name).with_suffix(suffix)
        other = found.setdefault(path, image)
        if other is not image:
            raise InputError(f"{other.name} and {image.name} would share a file in {what}: use coco")
    return found


def _annotated(report: CohortReport, what: str) -> Sequence[AnnotatedImage]:
    refuse_slides(report, what, "geojson has the cells of a slide in its own pixels, for QuPath")
    return [_image(image) for image in images_of(report)]


def _image(image: ImageCells) -> AnnotatedImage:
    cells = image.cells
    return AnnotatedImage(
        name=image.path,
        width=image.field.width,
        height=image.field.height,
        boxes=cells.boxes,
        labels=cells.cell_types,
        ignore=np.zeros(len(cells), bool),
        group=image.patient,
        facts=tuple(cell_facts(cells)),
    )
