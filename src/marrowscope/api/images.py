"""Reading one image."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.api.given import networks_of
from marrowscope.domain.cells import Cells, Detections
from marrowscope.domain.differential import Differential
from marrowscope.domain.differential import count as count_cells
from marrowscope.domain.scale import checked_mpp
from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import FieldImage, decode
from marrowscope.imaging.files.formats import is_slide_name
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import FieldReader, ReadingSettings

Image = str | Path | npt.NDArray[np.uint8]


def detect(
    image: Image,
    *,
    bundle: Bundle | str | Path | None = None,
    mpp: float | None = None,
    score_threshold: float | None = None,
) -> Detections:
    """Find the leukocytes of one image.

    Parameters
    ----------
    image : a file, or (H, W, 3) uint8 RGB pixels
    bundle : networks, by default the built-in ones
    mpp : micrometres per pixel, by default read from the file or measured on the cells
    score_threshold : least confidence of a box, by default that of the bundle

    Returns
    -------
    Detections with boxes in pixels of the image, most confident first

    Raises
    ------
    InputError
        The scale is out of range.
    ImageError
        The image cannot be read.
    BundleError
        The bundle cannot be used.
    """
    field = _field(image)
    settings = ReadingSettings(mpp=checked_mpp(mpp), score_threshold=score_threshold)
    reader = FieldReader(networks_of(bundle), settings)
    return reader.detect(field.pixels, reader.scale_of(field).mpp)


def classify(
    image: Image,
    detections: Detections | None = None,
    *,
    bundle: Bundle | str | Path | None = None,
    mpp: float | None = None,
) -> Cells:
    """Name the cells of one image.

    Parameters
    ----------
    image : a file, or (H, W, 3) uint8 RGB pixels
    detections : the cells to name; by default found in the image
    bundle, mpp : as for `detect`

    Raises
    ------
    InputError
        The scale is out of range.
    ImageError
        The image cannot be read.
    BundleError
        The bundle cannot be used.
    """
    field = _field(image)
    reader = FieldReader(networks_of(bundle), ReadingSettings(mpp=checked_mpp(mpp)))
    scale = reader.scale_of(field)
    found = reader.detect(field.pixels, scale.mpp) if detections is None else detections
    return reader.name(field.pixels, found, scale)


def count(cells: Cells) -> Differential:
    """Return the differential of named cells."""
    return count_cells(cells)


def _field(image: Image) -> FieldImage:
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ImageError(f"pixels are {image.dtype} of shape {image.shape}, expected uint8 (H, W, 3)")
        return FieldImage(image, None)
    if is_slide_name(str(image)):
        raise ImageError(f"{image} is a whole slide, not one field: use analyse")
    try:
        return decode(Path(image).read_bytes())
    except OSError as error:
        raise ImageError(f"cannot read {image}: {error.strerror}") from error
