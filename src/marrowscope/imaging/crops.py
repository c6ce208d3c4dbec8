"""Square crops of cells, cut the same way in training and inference."""

import numpy as np
import numpy.typing as npt
from PIL import Image

CONTEXT = 1.2  # side of the crop divided by the longer side of the cell's box: leaves a thin rim


def crop_cells(
    pixels: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.float32],
    size_px: int,
    context: float = CONTEXT,
    beyond: int | None = None,
) -> npt.NDArray[np.uint8]:
    """Cut a square around each box and resize it.

    The square is centred on the box and has side ``context * max(width, height)``. Beyond the image its
    border is repeated, as the networks learned it, or all is of one grey, for people. Resampling is
    antialiased, so a cell looks the same at any magnification.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 RGB
    boxes : (n, 4) float32, ``x0, y0, x1, y1`` in pixels of `pixels`
    size_px : side of the crops in pixels
    context : side of the square divided by the longer side of the box
    beyond : grey value beyond the image; None repeats the border

    Returns
    -------
    (n, size_px, size_px, 3) uint8 RGB
    """
    crops = np.empty((len(boxes), size_px, size_px, 3), dtype=np.uint8)
    for i, (x0, y0, x1, y1) in enumerate(boxes.astype(float)):
        half = max(context * max(x1 - x0, y1 - y0) / 2, 1.0)
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        crops[i] = _resized_square(pixels, (cx - half, cy - half, 2 * half), size_px, beyond)
    return crops


def _resized_square(
    pixels: npt.NDArray[np.uint8], square: tuple[float, float, float], size_px: int, beyond: int | None
) -> npt.NDArray[np.uint8]:
    """Resample a square (left, top, side), copying only the part of the image it covers."""
    left, top, side = square
    height, width = pixels.shape[:2]
    x0, x1 = int(np.floor(left)) - 1, int(np.ceil(left + side)) + 2
    y0, y1 = int(np.floor(top)) - 1, int(np.ceil(top + side)) + 2
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        patch = pixels[y0:y1, x0:x1]
    else:
        columns, rows = np.arange(x0, x1), np.arange(y0, y1)
        patch = pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None, :]]
        if beyond is not None:
            patch[(rows < 0) | (rows >= height), :] = beyond
            patch[:, (columns < 0) | (columns >= width)] = beyond
    dx, dy = left - (np.floor(left) - 1), top - (np.floor(top) - 1)
    image = Image.fromarray(np.ascontiguousarray(patch)).resize(
        (size_px, size_px), Image.Resampling.BILINEAR, box=(dx, dy, dx + side, dy + side)
    )
    return np.asarray(image)
