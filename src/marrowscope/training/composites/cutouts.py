"""Cut-outs: real cells as transmittance with a soft edge, ready to lie under any lamp at any scale."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.outline import cell_outline
from marrowscope.datasets.splits import labelled_part
from marrowscope.errors import DatasetError
from marrowscope.imaging.background import slide_colour

Pixels = NDArray[np.uint8]

# Scales kept of each cut-out, µm per pixel; the next finer one is resampled to what is wanted.
LEVELS_UM_PER_PX = (0.13, 0.20, 0.30)
# Stored value of a transmittance of 1; the rest of the byte is for pixels brighter than the background.
CLEAR = 230.0
NOT_CELLS = frozenset({"platelet"})
# µm per pixel of the public sets' crops as commonly stored, from red cells of 7 µm.
MPP_OF_SOURCE: Mapping[str, float] = {"pbc": 0.13, "lmu": 0.096}
_FORMAT = "2"
_MARGIN_PX = 3


@dataclass(frozen=True, slots=True)
class CutOut:
    """One cell: RGBA pictures at `LEVELS_UM_PER_PX`; RGB is transmittance x `CLEAR`, alpha the soft mask."""

    levels: tuple[Image.Image, ...]
    cell_type: str
    source: str

    @property
    def is_cell(self) -> bool:
        """Whether it counts as a cell; platelets do not."""
        return self.cell_type not in NOT_CELLS

    def at_least(self, mpp: float) -> tuple[Image.Image, float]:
        """Give the coarsest level not coarser than `mpp`, and its own µm per pixel."""
        index = max((i for i, level in enumerate(LEVELS_UM_PER_PX) if level <= mpp * 1.05), default=0)
        return self.levels[index], LEVELS_UM_PER_PX[index]


def cut_out(pixels: Pixels, mpp: float, cell_type: str, source: str) -> CutOut | None:
    """Cut the centred cell of an (H, W, 3) crop out along its outline; None where that is doubtful."""
    outline = cell_outline(pixels)
    if outline is None:
        return None
    left, top, right, bottom = (int(v) for v in outline.box)
    height, width = outline.mask.shape
    window = (
        slice(max(0, top - _MARGIN_PX), min(height, bottom + _MARGIN_PX)),
        slice(max(0, left - _MARGIN_PX), min(width, right + _MARGIN_PX)),
    )
    light = slide_colour(pixels)
    transmittance = np.clip(pixels[window] / np.maximum(light, 1.0) * CLEAR, 1, 255)
    # Half a pixel inwards: the outline's own edge already carries background.
    soft = ndimage.gaussian_filter(outline.mask[window].astype(np.float32), 1.2)
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


def training_cells(roots: Sequence[Path], limit: int | None = None) -> list[LabelledCell]:
    """Cells of the sets' training parts only, at most `limit`, spread evenly over source and type."""
    kinds: dict[str, list[LabelledCell]] = {}
    for root in roots:
        for cell in labelled_part(root, "train"):
            kinds.setdefault(f"{cell.source}/{cell.cell_type}", []).append(cell)
    if limit is None or limit >= sum(map(len, kinds.values())):
        return [cell for kind in sorted(kinds) for cell in kinds[kind]]
    share = max(1, limit // len(kinds))
    picked: list[LabelledCell] = []
    for kind in sorted(kinds):
        members = kinds[kind]
        at = np.linspace(0, len(members) - 1, min(share, len(members))).round().astype(int)
        picked.extend(members[index] for index in at)
    return picked


def cut_outs_of(cells: Sequence[LabelledCell], cache: Path | None = None) -> list[CutOut]:
    """Cut out all the cells that can be; with `cache`, keep the result in (and take it from) that .npz file.

    Raises
    ------
    DatasetError
        A cell of a source whose scale is not known, or not one usable cell.
    """
    key = _key(cells)
    found = _load(cache, key) if cache is not None and cache.is_file() else None
    if found is None:
        found = [cutout for cell in cells if (cutout := _cut(cell)) is not None]
        if cache is not None:
            _save(cache, key, found)
    if not any(cutout.is_cell for cutout in found):
        raise DatasetError("no cell could be cut out of the crops given")
    return found


def _cut(cell: LabelledCell) -> CutOut | None:
    mpp = MPP_OF_SOURCE.get(cell.source)
    if mpp is None:
        raise DatasetError(f"{cell.path}: scale of the source '{cell.source}' is not known")
    return cut_out(cell.pixels(), mpp, cell.taxonomy_type, cell.source)


def _key(cells: Sequence[LabelledCell]) -> str:
    """Return a digest of a list of cells and of this file's format."""
    text = "\n".join([_FORMAT, *(f"{cell.source}/{cell.cell_type}/{cell.path.name}" for cell in cells)])
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
