"""Copies of the analysed images, beside what is written about them."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from marrowscope.datasets.names import tells_types
from marrowscope.domain.patient import CohortReport
from marrowscope.errors import ImageError, InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.field.cells import ImageCells, images_of
from marrowscope.imaging.files.decode import DEFAULT_LIMITS
from marrowscope.imaging.files.sources import FieldSource, discover


def copy_images(report: CohortReport, analysed: Path, folder: Path) -> int:
    """Copy the report's images byte by byte to `PATIENT/FIELD` below a folder; return how many there are.

    Parameters
    ----------
    report : its images
    analysed : what was analysed: a folder with a sub-folder per patient, or one patient's
    folder : where they go

    Raises
    ------
    InputError
        An image is not there, or is another one than was analysed.
    OSError
        The folder cannot be written to.
    """
    copied = 0
    for image, content in contents(report, analysed):
        write_atomic(folder / image.path, content)
        copied += 1
    return copied


def contents(report: CohortReport, analysed: Path) -> Iterator[tuple[ImageCells, bytes]]:
    """Yield the report's images with their bytes; tiles of slides have none of their own.

    Raises
    ------
    InputError
        An image is not there, or is another one than was analysed.
    """
    images = list(images_of(report))
    single_cells = any(image.field.is_single_cell for image in images)
    found = discover([analysed], names_type=tells_types(single_cells=single_cells))
    sources = {(patient.patient, field.name): field for patient in found for field in patient.fields}
    for image in images:
        if image.field.slide is None:
            yield image, _content(image, sources, analysed)


def _content(image: ImageCells, sources: Mapping[tuple[str, str], FieldSource], analysed: Path) -> bytes:
    source = sources.get((image.patient, image.field.name))
    if source is None:
        raise InputError(f"there is no image {image.field.name} of {image.patient} in {analysed}")
    try:
        content = source.read(DEFAULT_LIMITS)
    except ImageError as error:
        raise InputError(f"{image.field.name} of {image.patient}: {error}") from error
    if image.field.sha256 and hashlib.sha256(content).hexdigest() != image.field.sha256:
        raise InputError(f"{image.field.name} of {image.patient} is another image than was analysed")
    return content
