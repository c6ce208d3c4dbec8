"""Cut-outs: real cells as transmittance with a soft edge, ready to lie under any lamp at any scale."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from marrowscope.datasets.labelled import NOT_NUCLEATED
from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.outline import outline_in
from marrowscope.datasets.splits import labelled_part
from marrowscope.domain.geometry import box_of
from marrowscope.errors import DatasetError
from marrowscope.imaging.background import slide_colour
from marrowscope.models.detector import Detector
from marrowscope.models.single_cell import find_single_cell
from marrowscope.training.recipe import ImageSet

Pixels = NDArray[np.uint8]

# Scales kept of each cut-out, µm per pixel; the next finer one is resampled to what is wanted.
LEVELS_UM_PER_PX = (0.13, 0.20, 0.30)
# Stored value of a transmittance of 1; the rest of the byte is for pixels brighter than the background.
CLEAR = 230.0
UNSURE = frozenset({"smudge_cell", "artefact"})
"""Types that a detector may find or not: the classifier knows them as what they are."""

_FORMAT = "4"
_MARGIN_PX = 3


@dataclass(frozen=True, slots=True)
class CutOut:
    """One cell: RGBA pictures at `LEVELS_UM_PER_PX`; RGB is transmittance x `CLEAR`, alpha the soft mask."""

    levels: tuple[Image.Image, ...]
    cell_type: str
    source: str

    @property
    def is_cell(self) -> bool:
        """Whether a detector is to find it: a nucleated cell."""
        return self.cell_type not in NOT_NUCLEATED | UNSURE

    @property
    def is_unsure(self) -> bool:
        """Whether a detector may find it or not."""
        return self.cell_type in UNSURE

    def at_least(self, mpp: float) -> tuple[Image.Image, float]:
        """Give the coarsest level not coarser than `mpp`, and its own µm per pixel."""
        index = max((i for i, level in enumerate(LEVELS_UM_PER_PX) if level <= mpp * 1.05), default=0)
        return self.levels[index], LEVELS_UM_PER_PX[index]


def cut_out(pixels: Pixels, mask: NDArray[np.bool_], mpp: float, cell_type: str, source: str) -> CutOut:
    """Cut the cell of an (H, W, 3) crop out along its outline (H, W)."""
    left, top, right, bottom = (int(v) for v in box_of(mask))
    height, width = mask.shape
    window = (
        slice(max(0, top - _MARGIN_PX), min(height, bottom + _MARGIN_PX)),
        slice(max(0, left - _MARGIN_PX), min(width, right + _MARGIN_PX)),
    )
    light = slide_colour(pixels)
    transmittance = np.clip(pixels[window] / np.maximum(light, 1.0) * CLEAR, 1, 255)
    # Half a pixel inwards: the outline's own edge already carries background.
    soft = ndimage.gaussian_filter(mask[window].astype(np.float32), 1.2)
    alpha = np.clip((soft - 0.30) / 0.55, 0, 1) * 255
    rgba = np.dstack([transmittance, alpha]).round().astype(np.uint8)
    return with_levels(rgba, mpp, cell_type, source)


def with_levels(rgba: Pixels, mpp: float, cell_type: str, source: str) -> CutOut:
    """Resample one (h, w, 4) array of transmittance and alpha at `mpp` to all kept scales."""
    picture = Image.fromarray(rgba)
    levels = []
    for level in LEVELS_UM_PER_PX:
        width, height = (max(4, round(side * mpp / level)) for side in picture.size)
        # Antialiased where it shrinks: Pillow widens the kernel by the factor.
        levels.append(picture.resize((width, height), Image.Resampling.BICUBIC))
    return CutOut(tuple(levels), cell_type, source)


@dataclass(frozen=True, slots=True)
class ScaledCell:
    """A labelled image of a cell, and micrometres per pixel of it."""

    cell: LabelledCell
    mpp: float


def cells_of_part(sets: Sequence[ImageSet], part: str, limit: int | None = None) -> list[ScaledCell]:
    """Cells of one part of the sets, at most `limit`, spread evenly over source and type."""
    kinds: dict[str, list[ScaledCell]] = {}
    for one in sets:
        for cell in labelled_part(one.path, part):
            kinds.setdefault(f"{cell.source}/{cell.cell_type}", []).append(ScaledCell(cell, one.mpp))
    if limit is None or limit >= sum(map(len, kinds.values())):
        return [cell for kind in sorted(kinds) for cell in kinds[kind]]
    share = max(1, limit // len(kinds))
    picked: list[ScaledCell] = []
    for kind in sorted(kinds):
        members = kinds[kind]
        at = np.linspace(0, len(members) - 1, min(share, len(members))).round().astype(int)
        picked.extend(members[index] for index in at)
    return picked


def cut_outs_of(cells: Sequence[ScaledCell], detector: Detector, cache: Path | None = None) -> list[CutOut]:
    """Cut out all the cells whose outline and box by the detector agree.

    With `cache`, the result is kept in, and taken from, that .npz file.

    Raises
    ------
    DatasetError
        Not one usable cell.
    """
    key = _key(cells)
    found = _load(cache, key) if cache is not None and cache.is_file() else None
    if found is None:
        found = [cutout for cell in cells if (cutout := _cut(cell, detector)) is not None]
        if cache is not None:
            _save(cache, key, found)
    if not any(cutout.is_cell for cutout in found):
        raise DatasetError("no cell could be cut out of the crops given")
    return found


def _cut(scaled: ScaledCell, detector: Detector) -> CutOut | None:
    cell = scaled.cell
    shown = find_single_cell(detector, cell.pixels(), scaled.mpp)
    mask = outline_in(shown.pixels, shown.box) if shown.outline is None else shown.outline
    if mask is None:
        return None
    return cut_out(shown.pixels, mask, scaled.mpp, cell.taxonomy_type, cell.source)


def _key(cells: Sequence[ScaledCell]) -> str:
    """Return a digest of a list of cells and of this file's format."""
    named = (f"{one.cell.source}/{one.cell.cell_type}/{one.cell.path.name} {one.mpp}" for one in cells)
    text = "\n".join([_FORMAT, *named])
    return hashlib.sha256(text.encode()).hexdigest()


def _save(path: Path, key: str, cutouts: Sequence[CutOut]) -> None:
    finest = [np.asarray(cutout.levels[0]) for cutout in cutouts]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial.npz")
    np.savez(
        partial,
        key=np.array(key),
        shapes=np.array([array.shape for array in finest], dtype=np.int32).reshape(-1, 3),
        values=np.concatenate([array.ravel() for array in finest]) if finest else np.zeros(0, np.uint8),
        names=np.array([[cutout.cell_type, cutout.source] for cutout in cutouts]).reshape(-1, 2),
    )
    partial.replace(path)


def _load(path: Path, key: str) -> list[CutOut] | None:
    with np.load(path) as stored:
        if str(stored["key"]) != key:
            return None
        values, shapes, names = stored["values"], stored["shapes"], stored["names"]
    ends = np.cumsum(shapes.prod(axis=1))
    pieces = np.split(values, ends[:-1])
    return [
        with_levels(piece.reshape(shape), LEVELS_UM_PER_PX[0], str(name[0]), str(name[1]))
        for piece, shape, name in zip(pieces, shapes, names, strict=True)
    ]
