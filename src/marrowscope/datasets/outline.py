"""The outline of the one centred cell of a crop: whole cell, nucleus and box, by colour alone.

Steps, all at about 128 px a side: optical density against the crop's own background; nucleus by Otsu's
threshold (1979) on the red and green densities; a Fisher direction (1936) between the ring round the
nucleus and the red cells of the same crop; a closed, smoothed region of cell-coloured pixels round the
nucleus.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marrowscope.domain.geometry import box_of, overlaps
from marrowscope.errors import InputError
from marrowscope.imaging.background import otsu_bin, slide_colour

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

WORKING_SIDE_PX = 128
LEAST_SIDE_PX = 64
_HAEMOGLOBIN_BLUE_SHARE = 0.46
_SAME_CELL = 0.6  # overlap of two boxes of one cell
_CROSS = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the cell lies in its crop: masks of the crop's size, box xyxy in its pixels."""

    mask: Mask
    nucleus: Mask
    box: NDArray[np.float32]


def cell_outline(pixels: NDArray[np.uint8]) -> Outline | None:
    """Outline the centred leukocyte or platelet of an RGB crop.

    Parameters
    ----------
    pixels
        (H, W, 3) RGB, at least 64 px a side, the cell near the centre and wholly inside.

    Returns
    -------
    The outline, or None where it is doubtful (no nucleus in the centre, cells that cannot be separated,
    a shape no cell has).

    Raises
    ------
    InputError
        Not an RGB picture of at least 64 px a side.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or min(pixels.shape[:2]) < LEAST_SIDE_PX:
        raise InputError(
            f"a crop to outline is (H, W, 3), {LEAST_SIDE_PX} px or more a side, not {pixels.shape}"
        )
    step = max(1, round(max(pixels.shape[:2]) / WORKING_SIDE_PX))
    small = _shrink(pixels, step)
    density = _optical_density(small)
    nuclei = _nuclear_pixels(density)
    nucleus, others = _central_nucleus(nuclei)
    if not nucleus.any() or _blue_share(np.median(density[nucleus], axis=0)) > _HAEMOGLOBIN_BLUE_SHARE:
        return None
    mask = _whole_cell(density, nucleus, others)
    if not _is_plausible(mask, nucleus) or _cut_short(mask, nucleus, others) > 0.25:
        return None
    full = _enlarge(mask, step, pixels.shape[:2])
    return Outline(full, _enlarge(nucleus, step, pixels.shape[:2]) & full, box_of(full))


def outline_in(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> Mask | None:
    """Outline the centred cell of a crop as `cell_outline` does, what hangs on cut off.

    Parameters
    ----------
    pixels : (H, W, 3) RGB
    box : (4,) of the cell, found in another way

    Returns
    -------
    (H, W) bool, or None where outline and box are not of the same thing: of a pale cell the outline may be
    that of its nucleus, of two that touch that of both.
    """
    outline = cell_outline(pixels)
    if outline is None:
        return None
    mask = trimmed(outline.mask, outline.nucleus)
    return mask if overlaps(box_of(mask)[None], box[None])[0][0, 0] >= _SAME_CELL else None


def trimmed(mask: Mask, nucleus: Mask) -> Mask:
    """Cut from an outline what hangs on by a neck or lies far from the nucleus: red cells that touch."""
    radius = np.sqrt(max(int(nucleus.sum()), 1) / np.pi)
    distance = ndimage.distance_transform_edt(~nucleus)
    near = mask & (distance < 0.8 * radius + 2)
    depth = ndimage.distance_transform_edt(near)
    neck = 0.3 * radius
    opened = ndimage.distance_transform_edt(depth <= neck) < neck + 0.5
    core = near & (opened | (distance <= 2))
    labels, count = ndimage.label(core)
    if count == 0:
        return mask
    held = np.bincount(labels[nucleus & core], minlength=count + 1)
    held[0] = 0
    kept: Mask = ndimage.binary_fill_holes(labels == held.argmax())
    return kept


def _shrink(pixels: NDArray[np.uint8], step: int) -> Floats:
    """Mean over step x step blocks, lightly smoothed, float32."""
    height, width = (side // step * step for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // step, step, width // step, step, 3)
    mean = blocks.mean(axis=(1, 3), dtype=np.float32)
    smooth: Floats = ndimage.gaussian_filter(mean, (0.6, 0.6, 0.0))
    return smooth


def _enlarge(mask: Mask, step: int, shape: tuple[int, ...]) -> Mask:
    """Bring a working-size mask to the crop's size with a smooth edge."""
    padded = np.pad(mask.astype(np.float32), ((0, 1), (0, 1)), mode="edge")
    # Block centres of the small mask sit at (i + 0.5) * step - 0.5 of the large one.
    rows = (np.arange(shape[0]) + 0.5) / step - 0.5
    columns = (np.arange(shape[1]) + 0.5) / step - 0.5
    smooth = ndimage.gaussian_filter(padded, 0.8)
    large = _lerp(_lerp(smooth, rows, 0), columns, 1)
    result: Mask = large > 0.5
    return result


def _lerp(values: Floats, at: NDArray[np.float64], axis: int) -> Floats:
    """Linear interpolation along one axis, edges held."""
    at = np.clip(at, 0, values.shape[axis] - 1.001)
    low = at.astype(np.intp)
    share = (at - low).astype(np.float32)
    share = share[:, None] if axis == 0 else share[None, :]
    below, above = np.take(values, low, axis), np.take(values, low + 1, axis)
    return np.asarray(below + (above - below) * share, dtype=np.float32)


def _optical_density(small: Floats) -> Floats:
    """(h, w, 3) -log10 of the light against the background's."""
    background = slide_colour(small)
    return np.asarray(-np.log10((small + 4.0) / (background + 4.0)), dtype=np.float32)


def _nuclear_pixels(density: Floats) -> Mask:
    """Pixels stained as chromatin: dense in red light, where haemoglobin and eosin let it pass."""
    stain = density[..., 0] + 0.4 * density[..., 1]
    stain = ndimage.gaussian_filter(stain, 0.7)
    strong = stain > 0.12
    if not strong.any():
        return np.zeros(stain.shape, dtype=bool)
    # Otsu twice: background and red cells against the stained, then pale against dark within the stained.
    threshold = max(
        0.6 * float(np.mean(otsu_bin(stain[strong]))) + 0.4 * float(np.mean(otsu_bin(stain))), 0.16
    )
    nuclei: Mask = ndimage.binary_opening(stain > threshold, _CROSS)
    filled: Mask = ndimage.binary_fill_holes(nuclei)
    return filled


def _central_nucleus(nuclei: Mask) -> tuple[Mask, Mask]:
    """Split chromatin into the centred cell's nucleus, its lobes gathered, and all other nuclei."""
    labels, count = ndimage.label(nuclei)
    nothing = np.zeros_like(nuclei)
    if count == 0:
        return nothing, nothing
    height, width = nuclei.shape
    areas = ndimage.sum_labels(nuclei, labels, np.arange(1, count + 1))
    rows, columns = np.indices(nuclei.shape, dtype=np.float32)
    from_centre = np.hypot(rows - height / 2, columns - width / 2)
    nearest = np.asarray(ndimage.minimum(from_centre, labels, np.arange(1, count + 1)))
    # A large component some way off beats a speck in the very centre.
    score = np.where(areas >= 12, nearest - 0.25 * np.sqrt(areas), np.inf)
    first = int(score.argmin())
    if not np.isfinite(score[first]) or nearest[first] > 0.14 * width:
        return nothing, nothing
    nucleus = labels == first + 1
    # Twice round: a far lobe may hang on by one that joins later.
    for index in [*np.argsort(nearest), *np.argsort(nearest)]:
        lobe = labels == index + 1
        if areas[index] < 6 or nucleus[lobe].all():
            continue
        if _is_lobe_of(lobe, nucleus, float(areas[index])):
            nucleus |= lobe
    return nucleus, nuclei & ~nucleus & (np.append(0, areas)[labels] >= 12)


def _is_lobe_of(lobe: Mask, nucleus: Mask, area: float) -> bool:
    """Whether a separate piece of chromatin belongs to the same nucleus: near, and small together."""
    side = nucleus.shape[1]
    gap = float(ndimage.distance_transform_edt(~nucleus)[lobe].min())
    if gap > 0.06 * side or area > 0.05 * lobe.size:
        return False
    rows, columns = np.nonzero(lobe | nucleus)
    centre = np.hypot(rows.mean() - side / 2, columns.mean() - side / 2)
    return bool(max(np.ptp(rows), np.ptp(columns)) < 0.42 * side and centre < 0.17 * side)


def _whole_cell(density: Floats, nucleus: Mask, others: Mask) -> Mask:
    """Nucleus and the cell-coloured pixels that hang together round it."""
    total = ndimage.gaussian_filter(density, (0.8, 0.8, 0.0))
    away = ndimage.distance_transform_edt(~nucleus)
    stained = _stained_pixels(total, away)
    likeness = ndimage.gaussian_filter(_likeness(total, stained, others, away), 0.7)
    reach = _reach(stained, nucleus, away)
    # The farther from the nucleus, the surer the colour has to be.
    region = stained & (likeness > np.clip(away / reach - 1.0, -0.6, 1.5))
    region |= away <= 1.5
    if others.any():
        region &= away <= ndimage.distance_transform_edt(~others)
    region = ndimage.binary_fill_holes(region | nucleus)
    # Bridges to red cells and their rims are narrower than the cell's own cytoplasm.
    radius = int(np.clip(round(0.22 * np.sqrt(region.sum() / np.pi)), 2, 5))
    region = ndimage.binary_opening(region, _disc(radius)) | (away <= 1.5)
    region = _component_of(region, nucleus)
    region = ndimage.binary_closing(np.pad(region, 4), _disc(3))[4:-4, 4:-4]
    region = ndimage.binary_fill_holes(region)
    region = _without_blur(region, density)
    smooth: Mask = ndimage.gaussian_filter(region.astype(np.float32), 1.2) > 0.5
    return _component_of(smooth, nucleus)


def _without_blur(region: Mask, density: Floats) -> Mask:
    """Take off the rim where a dark cell's edge fades into the empty slide: below a share of its height."""
    amount = np.sqrt((density**2).sum(axis=2))
    rim = region & ~ndimage.binary_erosion(region, _disc(2))
    return np.asarray(region & ~(rim & (amount < 0.33 * ndimage.maximum_filter(amount, 5))))


def _stained_pixels(density: Floats, away: Floats) -> Mask:
    """Pixels that differ from the background by more than its own noise."""
    amount = np.sqrt((density**2).sum(axis=2))
    quiet = amount[(away > 4) & (amount < 0.05)]
    level = 3.0 * float(np.median(quiet)) if quiet.size else 0.04
    return np.asarray(amount > np.clip(level, 0.025, 0.06))


def _reach(stained: Mask, nucleus: Mask, away: Floats) -> float:
    """How far from the nucleus cytoplasm is expected, px: little where the nucleus lies almost bare."""
    shell = (away > 3) & (away <= 6)
    bare = 1.0 - float(stained[shell].mean())
    wide = 0.5 * float(np.sqrt(nucleus.sum() / np.pi)) + 0.09 * nucleus.shape[1]
    reach: float = wide * min(max(1.6 - 1.4 * bare, 0.3), 1.0)
    return reach


def _likeness(density: Floats, stained: Mask, others: Mask, away: Floats) -> Floats:
    """Colour score: about +1 as the ring round the nucleus, about -1 as the crop's red cells."""
    # Haemoglobin takes blue light where stained cytoplasm lets it pass: the blue share of the density
    # is 0.46 in red cells, 0.14-0.31 in cytoplasm (medians of the two centres' crops).
    prior = np.clip((0.39 - _blue_share(density)) / 0.09, -1.0, 1.0)
    ring = stained & (away > 1.5) & (away <= 5)
    far = stained & (away > 0.16 * stained.shape[1])
    if others.any():
        far &= ndimage.distance_transform_edt(~others) > 6
    if ring.sum() < 20 or far.sum() < 60:
        return np.asarray(prior, dtype=np.float32)
    inside, outside = density[ring], density[far]
    spread = np.cov(inside.T) + np.cov(outside.T) + 4e-4 * np.eye(3)
    middle_in, middle_out = np.median(inside, axis=0), np.median(outside, axis=0)
    direction = np.linalg.solve(spread, middle_in - middle_out)
    length = float(direction @ (middle_in - middle_out))
    score = (density - (middle_in + middle_out) / 2) @ (2 * direction / max(length, 1e-6))
    # If the two colours do not differ in this crop, the prior decides.
    weight = 0.8 * min(1.0, length / 2.5)
    return np.asarray(weight * np.clip(score, -1.5, 1.5) + (1 - weight) * prior, dtype=np.float32)


def _blue_share(density: Floats) -> Floats:
    """Blue part of densities (..., 3) of unit length."""
    length = np.maximum(np.sqrt((density**2).sum(axis=-1)), 0.02)
    return np.asarray(density[..., 2] / length, dtype=np.float32)


def _component_of(region: Mask, nucleus: Mask) -> Mask:
    """Keep the connected part of a region that holds most of the nucleus."""
    labels, count = ndimage.label(region)
    if count == 0:
        return region
    held = np.bincount(labels[nucleus], minlength=count + 1)
    held[0] = 0
    result: Mask = labels == int(held.argmax())
    return result if held.any() else np.zeros_like(region)


def _disc(radius: int) -> Mask:
    """Draw a round structuring element."""
    offsets = np.arange(-radius, radius + 1)
    return np.asarray(offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius * radius + 1)


def _is_plausible(mask: Mask, nucleus: Mask) -> bool:
    """Whether a mask can be one whole centred cell."""
    area = int(mask.sum())
    if not 0.006 * mask.size < area < 0.45 * mask.size or (nucleus & ~mask).sum() > 0.1 * nucleus.sum():
        return False
    edge = mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum()
    rows, columns = np.nonzero(mask)
    off_centre = np.hypot(rows.mean() - mask.shape[0] / 2, columns.mean() - mask.shape[1] / 2)
    if edge > 0 or off_centre > 0.17 * mask.shape[1]:
        return False
    return _roundness(rows, columns) > 0.8


def _cut_short(mask: Mask, nucleus: Mask, others: Mask) -> float:
    """Share of the outline that is only the line halfway to another nucleus: two cells, or lobes missed."""
    if not others.any():
        return 0.0
    away = ndimage.distance_transform_edt(~nucleus)
    edge = mask & ~ndimage.binary_erosion(mask, _CROSS)
    halfway = np.abs(away - ndimage.distance_transform_edt(~others)) < 3
    return float((edge & halfway).sum() / max(1, edge.sum()))


def _roundness(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> float:
    """Area over the area of the ellipse of the same second moments: 1 for an ellipse, less for two cells."""
    spread = np.cov(np.stack([rows, columns]).astype(float)) + np.eye(2) / 12
    ellipse = 4 * np.pi * np.sqrt(max(float(np.linalg.det(spread)), 1e-9))
    return float(rows.size / ellipse)
