"""Boxes: areas, overlaps, suppression of repeated detections, and contact with edges.

A box is ``x0, y0, x1, y1`` in pixels with the origin at the top left; ``x1`` and ``y1`` are exclusive.
"""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]
Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""

OF_ONE_CELL = 0.5  # intersection over union of two boxes of one cell, from which they are taken for it
BORDER_UM = 0.15  # a box closer than this to the image's edge is taken as cut
_TINY = 1e-9  # avoids division by zero for degenerate boxes


def areas(boxes: Boxes) -> npt.NDArray[np.float32]:
    """Return the area of each box, (n,) in square pixels; 0 for degenerate boxes."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def box_of(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the box (4,) round the pixels of a mask (H, W)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def longer_sides(boxes: Boxes) -> npt.NDArray[np.float32]:
    """Return the longer side of each box, (n,) in pixels."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0), dtype=np.float32)


def intersections(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Return the shared area of every pair, (len(a), len(b))."""
    corner0 = np.maximum(a[:, None, :2], b[None, :, :2])
    corner1 = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(corner1 - corner0, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], dtype=np.float32)


def overlaps(a: Boxes, b: Boxes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return intersection over union and intersection over the smaller box, both (len(a), len(b))."""
    shared = intersections(a, b)
    area_a, area_b = areas(a)[:, None], areas(b)[None, :]
    union = np.maximum(area_a + area_b - shared, _TINY)
    smaller = np.maximum(np.minimum(area_a, area_b), _TINY)
    return np.asarray(shared / union, np.float32), np.asarray(shared / smaller, np.float32)


def pair_by_overlap(a: Boxes, b: Boxes, least: float) -> list[tuple[int, int]]:
    """Pair boxes of two sets one to one, the best overlap first.

    Parameters
    ----------
    least : intersection over union that a pair must have

    Returns
    -------
    Row in `a` and row in `b` of every pair
    """
    shared, _ = overlaps(a, b)
    order = np.argsort(-shared, axis=None, kind="stable")
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for one, other in zip(*np.unravel_index(order, shared.shape), strict=True):
        if shared[one, other] < least:
            break
        if one not in pairs and other not in taken:
            pairs[int(one)] = int(other)
            taken.add(int(other))
    return list(pairs.items())


def suppress(boxes: Boxes, scores: Scores, iou: float, ios: float = 1.01) -> npt.NDArray[np.intp]:
    """Keep the best of overlapping boxes (greedy non-maximum suppression).

    A box is dropped if its overlap with a better one exceeds `iou` of their union or `ios` of the smaller
    box. The second test removes a partial box of a cell that also has a full one.

    Returns
    -------
    Indices of the boxes kept, best score first.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    alive = np.ones(len(boxes), dtype=bool)
    for index in order:
        if not alive[index]:
            continue
        kept.append(int(index))
        shared_union, shared_smaller = overlaps(boxes[index : index + 1], boxes)
        alive &= (shared_union[0] <= iou) & (shared_smaller[0] <= ios)
        alive[index] = False
    return np.asarray(kept, dtype=np.intp)


def border_margin(mpp: float | None) -> float:
    """Return the distance from the image's edge, in pixels, below which a box counts as cut.

    `mpp` is in micrometres per pixel, None if not known.
    """
    return max(BORDER_UM / mpp, 1.0) if mpp else 1.0


def touching_border(boxes: Boxes, picture: Rectangle, margin: float) -> npt.NDArray[np.bool_]:
    """Return which boxes reach within `margin` pixels of the edges of a picture, or over them, (n,)."""
    left, top, right, bottom = picture
    return np.asarray(
        (boxes[:, 0] <= left + margin)
        | (boxes[:, 1] <= top + margin)
        | (boxes[:, 2] >= right - margin)
        | (boxes[:, 3] >= bottom - margin)
    )


def cut_by_tile(
    boxes: Boxes, tile: tuple[float, float, float, float], image: tuple[float, float], margin: float
) -> npt.NDArray[np.bool_]:
    """Return which boxes touch an inner edge of a tile, that is, one that is not an image edge, (n,).

    Parameters
    ----------
    boxes : (n, 4) in pixels of the image
    tile : ``x0, y0, x1, y1`` of the tile in the image
    image : width and height of the image
    margin : pixels within which a box counts as touching
    """
    x0, y0, x1, y1 = tile
    width, height = image
    cut = np.zeros(len(boxes), dtype=bool)
    if x0 > 0:
        cut |= boxes[:, 0] <= x0 + margin
    if y0 > 0:
        cut |= boxes[:, 1] <= y0 + margin
    if x1 < width:
        cut |= boxes[:, 2] >= x1 - margin
    if y1 < height:
        cut |= boxes[:, 3] >= y1 - margin
    return cut


_FLIPPED_X, _FLIPPED_Y, _ON_ITS_SIDE = {2, 3, 7, 8}, {3, 4, 6, 7}, {5, 6, 7, 8}
_OPPOSITE = {6: 8, 8: 6}  # every other one undoes itself


def turned(boxes: Boxes, width: float, height: float, orientation: int) -> Boxes:
    """Turn boxes with their image, as its EXIF orientation says (CIPA DC-008).

    Parameters
    ----------
    boxes : (n, 4) in pixels of the image as it is stored
    width, height : of the image as it is stored
    orientation : 1 to 8; 1 changes nothing

    Returns
    -------
    (n, 4) in pixels of the upright image
    """
    x0, y0, x1, y1 = boxes.T
    if orientation in _FLIPPED_X:
        x0, x1 = width - x1, width - x0
    if orientation in _FLIPPED_Y:
        y0, y1 = height - y1, height - y0
    sides = (y0, x0, y1, x1) if orientation in _ON_ITS_SIDE else (x0, y0, x1, y1)
    return np.stack(sides, axis=1).astype(np.float32)


def turned_back(boxes: Boxes, width: float, height: float, orientation: int) -> Boxes:
    """Turn boxes of the upright image, whose size is given, back into pixels as they are stored."""
    return turned(boxes, width, height, _OPPOSITE.get(orientation, orientation))
