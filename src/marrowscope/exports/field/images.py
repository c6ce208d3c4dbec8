"""Copies of the analysed images, beside what is written about them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from marrowscope.datasets.names import tells_types
from marrowscope.domain.patient import CohortReport
from marrowscope.errors import ImageError, InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.field.cells import ImageCells, images_of
from marrowscope.imaging.files.decode import DEFAULT_LIMITS, fields_of
from marrowscope.imaging.files.sources import FieldSource, discover


def copy_images(report: CohortReport, analysed: Path, folder: Path) -> int:
    """Copy the report's images byte by byte to `PATIENT/FIELD` below a folder; return how many there are.

    A field of a file that holds several becomes a file of its own.

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
    sources = _Analysed(analysed, single_cells=any(image.field.is_single_cell for image in images))
    for image in images:
        if image.field.slide is None:
            yield image, sources.content(image)


class _Analysed:
    """The images that were analysed, found by patient and field."""

    def __init__(self, analysed: Path, *, single_cells: bool) -> None:
        self._analysed = analysed
        self._sources = {
            (patient.patient, field.name): field
            for patient in discover([analysed], names_type=tells_types(single_cells=single_cells))
            for field in patient.fields
        }
        self._apart: tuple[FieldSource, tuple[bytes, ...]] | None = None

    def content(self, image: ImageCells) -> bytes:
        """Return an image's bytes.

        Raises
        ------
        InputError
            It is not there, or is another one than was analysed.
        """
        name, patient = image.field.name, image.patient
        try:
            content = self._read(patient, name)
        except ImageError as error:
            raise InputError(f"{name} of {patient}: {error}") from error
        if content is None:
            raise InputError(f"there is no image {name} of {patient} in {self._analysed}")
        if image.field.sha256 and hashlib.sha256(content).hexdigest() != image.field.sha256:
            raise InputError(f"{name} of {patient} is another image than was analysed")
        return content

    def _read(self, patient: str, name: str) -> bytes | None:
        if (source := self._sources.get((patient, name))) is not None:
            return source.read(DEFAULT_LIMITS)
        file, _, number = name.rpartition("#")
        several = self._sources.get((patient, file)) if number.isdecimal() else None
        if several is None:
            return None
        if self._apart is None or self._apart[0] != several:  # kept for the next field of the file
            self._apart = several, tuple(fields_of(several.read(DEFAULT_LIMITS)))
        parts = self._apart[1]
        return parts[int(number) - 1] if 0 < int(number) <= len(parts) else None
